"""Calls that show whether a target reads more of its argument than it has to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ttc_data.lang.python.generated.arguments import CallParameter, parameters
from ttc_data.lang.python.generated.beside import asking_iterables
from ttc_data.lang.python.generated.case import Case, copied, expression
from ttc_data.lang.python.generated.corners import target_call, with_values
from ttc_data.lang.python.generated.module import Module, is_kind

LENGTH, READ = 1000, 3
YES = ("True)", "True")
"""How the result of such a call ends where most of its argument is left, and where it is an iterator."""
# Words that ask for it: an iterator that is given back may hold what was read already.
_LAZY = re.compile(
    r"\b(laz(y|ily)|infinite|endless|without end|one at a time|(return|giv|yield|produc)\w* an? (\w+ )?(generator|iterator))\b",
    re.IGNORECASE,
)
_GIVES_ITERATOR = re.compile(r"\b(return|giv|yield|produc)\w* an? (\w+ )?(generator|iterator)\b", re.IGNORECASE)
IS_ITERATOR = "hasattr({}, '__next__')"


def unread(cases: Sequence[Case], module: Module, iterated: frozenset[str], most: int) -> list[Case]:
    """Calls of a target that promises to be lazy, with a long iterator in place of a list, read for three elements.

    Each gives these elements, and whether the argument has more. What reads ahead a little does no wrong.

    Args:
        cases: calls that somebody meant.
        module: the target's.
        iterated: parameters that are known to take iterators, whatever they are called.
        most: how many to give at most.
    """
    if isinstance(module.node, ast.ClassDef) or not _LAZY.search(module.target.docstring):
        return []
    bound = module.owner is not None and not is_kind(module.node, "staticmethod")
    known = parameters(module.node, bound=bound, examples={})
    asked = asking_iterables(module) | iterated
    found: dict[str, Case] = {}
    asked_of = [cases[0], max(cases, key=_given)] if cases and _GIVES_ITERATOR.search(module.target.docstring) else []
    for case in asked_of:  # the second one, because with its default the first may draw
        plain = with_values(case)
        if call := target_call(plain, module.name):
            text = IS_ITERATOR.format(ast.unparse(call))
            found[text] = replace(plain, call=text, observe=(), origin="corner")
    for case in cases:
        plain = with_values(case)
        call = target_call(plain, module.name)
        for other, held in _long(call, known, asked) if call else ():
            setup = (*plain.setup, "from itertools import chain, cycle, islice", f"given = {held}")
            text = f"(list(islice({other}, {READ})), next(given, 'end') != 'end')"
            found.setdefault(text + held, replace(plain, setup=setup, call=text, observe=(), origin="corner"))
    return list(found.values())[:most]


def _given(case: Case) -> int:
    """How many arguments its expression gives."""
    calls = [one for one in ast.walk(expression(case.call) or ast.Constant(0)) if isinstance(one, ast.Call)]
    return sum(len(one.args) + len(one.keywords) for one in calls)


def _long(call: ast.Call, known: Sequence[CallParameter], asked: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The call with `given` for one of its lists, and the long iterator that this is."""
    for number, arg in enumerate(call.args):
        if not known or known[min(number, len(known) - 1)].name not in asked:
            continue
        match arg:
            case ast.List(elts=[_, *_] as parts) | ast.Tuple(elts=[_, *_] as parts):
                numbers = all(isinstance(part, ast.Constant) and type(part.value) is int for part in parts)
            case ast.Constant(value=str() as text) if len(text) > 1:
                numbers = False
            case _:
                continue
        other = copied(call)
        other.args[number] = ast.Name("given", ast.Load())
        held = (
            f"chain({ast.unparse(arg)}, range({LENGTH}))" if numbers else f"islice(cycle({ast.unparse(arg)}), {LENGTH})"
        )
        yield ast.unparse(other), held
