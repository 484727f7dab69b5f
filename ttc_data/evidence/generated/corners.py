"""Calls beside those that somebody meant, where hurried code goes wrong: None as a value, an iterator, texts in texts."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from ttc_data.evidence.generated.arguments import Parameter, parameters
from ttc_data.evidence.generated.case import Case, expression
from ttc_data.evidence.generated.module import Module, is_kind
from ttc_data.lang.facts import last_name

_ITERABLES = frozenset(("iterable", "iterables", "iterator", "iterators", "it"))


@dataclass(frozen=True, slots=True)
class Corner:
    """One call, and the one beside it."""

    case: Case
    beside: Case
    is_nothing: bool = False
    """It gives None where the other gives a value. Whether the target takes that, its result says: None goes through it."""


def corners(cases: Sequence[Case], module: Module, random: Random, most: int) -> list[Corner]:
    """Change calls that somebody meant, by turns in each way.

    Args:
        cases: of a function or method; a class has none.
        module: the target's.
        random: chooses where several places are alike.
        most: how many to give at most.

    Returns:
        Different calls, none of them among `cases`.
    """
    if isinstance(module.node, ast.ClassDef):
        return []
    bound = module.owner is not None and not is_kind(module.node, "staticmethod")
    known = parameters(module.node, bound=bound, examples={})
    letters = "".join(dict.fromkeys("".join(word for case in cases for word in _words(case))))
    waiting: list[list[Corner]] = [[], [], [], []]
    for case in cases:
        call = _target_call(case, module.name)
        for queue, found in zip(waiting, _ways(call, known, module, letters, random), strict=True) if call else ():
            is_nothing = queue is waiting[0]
            texts = _texts(case, module.name, found)
            queue += [Corner(replace(case, call=text, origin="corner"), case, is_nothing) for text in texts]
    taken = {_apart(case) for case in cases}
    kept: list[Corner] = []
    while any(waiting):
        for queue in waiting:
            one = queue.pop(0) if queue else None
            if one and _apart(one.case) not in taken:
                taken.add(_apart(one.case))
                kept.append(one)
    return kept[:most]


def _apart(case: Case) -> tuple[tuple[str, ...], str]:
    """What tells cases apart: `list(call)` says no more than `call`."""
    wrapped = re.fullmatch(r"list\((.*)\)", case.call, re.DOTALL)
    inner = expression(wrapped.group(1)) if wrapped else None
    return case.setup, ast.unparse(inner) if isinstance(inner, ast.Call) else case.call


def _ways(
    call: ast.Call, known: Sequence[Parameter], module: Module, letters: str, random: Random
) -> tuple[list[ast.Call], ...]:
    return (
        [*_nothing_inside(call), *_nothing_by_default(call, known, module)],
        list(_iterators(call, known, module)),
        list(_other_letters(call, letters, random)),
        list(_texts_within(call)),
    )


def _target_call(case: Case, name: str) -> ast.Call | None:
    node = expression(case.call)
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call) and last_name(one.func) == name] if node else []
    return calls[0] if len(calls) == 1 else None


def _texts(case: Case, name: str, calls: Sequence[ast.Call]) -> Iterator[str]:
    """The case's expression with each of some calls in place of its own."""
    for call in calls:
        node = copy.deepcopy(expression(case.call))
        for one in ast.walk(node) if node else ():
            if isinstance(one, ast.Call) and last_name(one.func) == name:
                one.args, one.keywords = call.args, call.keywords
                break
        if node:
            yield ast.unparse(node)


def _words(case: Case) -> Iterator[str]:
    node = expression(case.call)
    for one in ast.walk(node) if node else ():
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def _copies(call: ast.Call, places: Sequence[ast.AST]) -> Iterator[tuple[ast.Call, ast.AST]]:
    """A copy of a call for each of its nodes, with that node in the copy."""
    every = list(ast.walk(call))
    for place in places:
        other = copy.deepcopy(call)
        yield other, list(ast.walk(other))[every.index(place)]


def _nothing_inside(call: ast.Call) -> Iterator[ast.Call]:
    """None in place of an element of a list or tuple, or of a value of a dict."""
    held = [
        one for given in _given(call) for one in ast.walk(given) if isinstance(one, (ast.List, ast.Tuple, ast.Dict))
    ]
    for other, node in _copies(call, held):
        parts = (
            node.values if isinstance(node, ast.Dict) else node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
        )
        if parts and all(isinstance(part, ast.Constant) and part.value is not None for part in parts):
            parts[0] = ast.Constant(None)
            yield other


def _nothing_by_default(call: ast.Call, known: Sequence[Parameter], module: Module) -> Iterator[ast.Call]:
    """None for a parameter that has another default."""
    given = {keyword.arg for keyword in call.keywords}
    others = _defaults(module)
    for number, parameter in enumerate(known):
        is_open = number >= len(call.args) and parameter.name not in given and parameter.place in ("either", "keyword")
        if is_open and parameter.name in others:
            other = copy.deepcopy(call)
            other.keywords.append(ast.keyword(parameter.name, ast.Constant(None)))
            yield other


def _defaults(module: Module) -> frozenset[str]:
    """Parameters whose default is a name, as of an object that stands for nothing given."""
    assert not isinstance(module.node, ast.ClassDef)
    given = module.node.args
    both = [*given.posonlyargs, *given.args]
    pairs = [*zip(both[len(both) - len(given.defaults) :], given.defaults, strict=True)]
    pairs += [(arg, value) for arg, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value]
    return frozenset(arg.arg for arg, value in pairs if isinstance(value, (ast.Name, ast.Attribute)))


def _iterators(call: ast.Call, known: Sequence[Parameter], module: Module) -> Iterator[ast.Call]:
    """An iterator over a list, where any iterable is asked for."""
    asked = _asking_iterables(module)
    for number in range(len(call.args)):
        parameter = known[min(number, len(known) - 1)] if known else None
        if parameter and parameter.name in asked and isinstance(call.args[number], (ast.List, ast.Tuple)):
            other = copy.deepcopy(call)
            other.args[number] = ast.Call(ast.Name("iter", ast.Load()), [other.args[number]], [])
            yield other


def _asking_iterables(module: Module) -> frozenset[str]:
    assert not isinstance(module.node, ast.ClassDef)
    given = module.node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *([given.vararg] if given.vararg else [])]
    return frozenset(
        arg.arg
        for arg in every
        if arg.arg in _ITERABLES or (arg.annotation and last_name(_outer(arg.annotation)) in ("Iterable", "Iterator"))
    )


def _outer(hint: ast.expr) -> ast.expr:
    return hint.value if isinstance(hint, ast.Subscript) else hint


def _other_letters(call: ast.Call, letters: str, random: Random) -> Iterator[ast.Call]:
    """A letter of a text changed to another one of its kind, of those that stand in such texts."""
    words = [
        one
        for one in _given(call)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and len(one.value) > 1
    ]
    for other, node in _copies(call, words):
        text = node.value if isinstance(node, ast.Constant) else ""
        places = [at for at, letter in enumerate(str(text)) if letter.isalnum()]
        if not isinstance(node, ast.Constant) or not isinstance(text, str) or not places:
            continue
        at = random.choice(places)
        alike = [one for one in letters if one.isalnum() and one != text[at]]
        if alike:
            node.value = f"{text[:at]}{random.choice(alike)}{text[at + 1 :]}"
            yield other


def _texts_within(call: ast.Call) -> Iterator[ast.Call]:
    """One text in the middle of another: what asks for its beginning or its end does not ask for this."""
    words = [one for one in _given(call) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    inner = [str(one.value) for one in words if one.value]
    for other, node in _copies(call, words):
        text = node.value if isinstance(node, ast.Constant) else ""
        found = next((word for word in inner if word != text), None)
        if isinstance(node, ast.Constant) and isinstance(text, str) and len(text) > 1 and found:
            at = len(text) // 2
            node.value = f"{text[:at]}{found}{text[at:]}"
            yield other


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def went_through(found: Mapping[Case, bool], corner: Corner) -> bool:
    """Whether a corner says something: None is in its result, and not in that of the call beside it.

    Args:
        found: of the calls that gave the same every time, whether None is in the result.
        corner: one of them, or not.
    """
    if corner.case not in found:
        return False
    return not corner.is_nothing or (found[corner.case] and not found.get(corner.beside, True))
