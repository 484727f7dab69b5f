"""Calls beside those that somebody meant, where hurried code goes wrong: None as a value, an iterator, texts in texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from random import Random

from ttc_data.lang.python.facts import last_name
from ttc_data.lang.python.generated import beside
from ttc_data.lang.python.generated.again import again, promised
from ttc_data.lang.python.generated.arguments import CallParameter, parameters
from ttc_data.lang.python.generated.case import Case, block, block_shared, bound_literal, expression, expression_shared
from ttc_data.lang.python.generated.module import Module, is_kind
from ttc_data.lang.python.generated.sites import Names
from ttc_data.lang.python.generated.telling import GIVEN, TOLD, counting, telling


@dataclass(frozen=True, slots=True)
class Corner:
    """One call, and the one beside it."""

    case: Case
    beside: Case
    needs: Case | None = None
    """Another corner, without which this one says nothing."""
    comes_out: str = ""
    """A literal that has to be in the result, or the target does not take it: the call gives it where the other one does not."""
    same: bool = False
    """Whether it says something only where it gives what the one beside it does."""

    @property
    def says_if(self) -> bool:
        """Whether its result decides that it says something."""
        return self.same or bool(self.comes_out)


def corners(
    cases: Sequence[Case], module: Module, random: Random, most: int, iterated: frozenset[str] = frozenset()
) -> list[Corner]:
    """Change calls that somebody meant, by turns in each way.

    Args:
        cases: of a function or method; a class has none.
        module: the target's.
        random: chooses where several places are alike.
        most: how many to give at most.
        iterated: parameters that are known to take iterators, whatever they are called.

    Returns:
        Different calls, none of them among `cases`.
    """
    if isinstance(module.node, ast.ClassDef):
        return []
    bound = module.owner is not None and not is_kind(module.node, "staticmethod")
    known = parameters(module.node, bound=bound, examples={})
    letters = "".join(dict.fromkeys("".join(word for case in cases for word in beside.words(case))))
    asked = beside.asking_iterables(module) | iterated
    queues: list[list[Iterator[Corner]]] = []
    second = ([Corner(one, case, same=True) for one in again(with_values(case), module.name, known)] for case in cases)
    looks = (
        [Corner(one, case, comes_out=told) for one, told in promised(case, module.name, module.target.docstring)]
        for case in cases
    )
    for case in cases:
        found = list(_ways(case, known, module, asked, letters, random))
        queues += [[] for _ in found[len(queues) :]]
        for queue, more in zip(queues, found, strict=False):
            queue.append(more)
    queues += [[iter([one])] for found in (second, looks) for one in next(filter(None, found), [])]
    taken = {_apart(case) for case in cases}
    kept: list[Corner] = []
    for one in chain.from_iterable(zip_longest(*map(chain.from_iterable, queues))):
        if len(kept) == most:
            break
        if one and _apart(one.case) not in taken:
            taken.add(_apart(one.case))
            kept.append(one)
    return kept


def _apart(case: Case) -> tuple[tuple[str, ...], str]:
    """What tells cases apart: `list(call)` says no more than `call`."""
    wrapped = re.fullmatch(r"list\((.*)\)", case.call, re.DOTALL)
    inner = expression_shared(wrapped.group(1)) if wrapped else None
    return case.setup, ast.unparse(inner) if isinstance(inner, ast.Call) else case.call


def _ways(
    case: Case, known: Sequence[CallParameter], module: Module, asked: frozenset[str], letters: str, random: Random
) -> Iterator[Iterator[Corner]]:
    """The corners of each way, in one order; none where the case has not one call of the target.

    What is drawn is drawn by then; the rest is made as it is asked for: of 800 calls in the mean, 40 are.
    """
    plain = with_values(case)
    call = target_call(plain, module.name)
    if call is None:
        return

    def text(call: ast.Call) -> Case:
        return _with_call(plain, module.name, call)

    def of(calls: Iterable[ast.Call], comes_out: str = "") -> Iterator[Corner]:
        return (Corner(text(one), case, comes_out=comes_out) for one in calls)

    nothing = chain(beside.nothing_inside(call), beside.nothing_by_default(call, known, module))
    yield of(nothing, beside.NOTHING)
    both = ((one, other) for one, other in beside.nothing_in_two_places(call) if other)
    # A sort of ["b", None, "b"] by how often each is there compares None with nothing; another right one does.
    yield (Corner(text(middle), case, needs=text(first), comes_out=beside.NOTHING) for first, middle in both)
    yield of(beside.iterators(call, known, asked))
    yield of(list(beside.other_letters(call, letters, random)))
    yield of(beside.texts_within(call))
    yield of(beside.repeated(call))
    yield of(beside.alike(call, module))
    yield (Corner(one, case, comes_out=repr(TOLD)) for one in telling(plain, module))
    yield (Corner(one, case, comes_out=repr(GIVEN)) for one in counting(plain, module))
    yield chain(of(beside.longer_numbers(call)), _longer_in_setup(case))
    yield of(beside.as_bytes(call) if beside.SPEAKS_OF_BYTES.search(module.target.docstring) else ())
    yield of(beside.nothing_beside_another(call, known, module), beside.NOTHING)
    yield of((full for full, _ in beside.emptied(call, known, module)), repr(beside.GIVEN))
    pairs = beside.emptied(call, known, module)
    yield (Corner(text(empty), text(full), comes_out=beside.NOTHING) for full, empty in pairs)


def target_call(case: Case, name: str) -> ast.Call | None:
    """The one call of the target in a case's expression; everybody's: who has it must not change it."""
    node = expression_shared(case.call)
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call) and last_name(one.func) == name] if node else []
    return calls[0] if len(calls) == 1 else None


def _with_call(case: Case, name: str, call: ast.Call) -> Case:
    """The case with another call in place of its own one of the target."""
    node = expression(case.call)
    assert node is not None  # `target_call` found one in it
    own = next(one for one in ast.walk(node) if isinstance(one, ast.Call) and last_name(one.func) == name)
    own.args, own.keywords = call.args, call.keywords
    return replace(case, call=ast.unparse(node), origin="corner")


def _longer_in_setup(case: Case) -> Iterator[Corner]:
    """A longer number in a text that the setup makes an object of: `instance = Version.parse("1.2.10")`."""
    for number, text in enumerate(case.setup):
        match block(text):
            case [ast.Assign(value=ast.Call() as value) as statement]:
                changed = next(beside.longer_numbers(value), None)
                if changed:
                    other = ast.unparse(ast.Assign(statement.targets, changed, lineno=0))
                    setup = (*case.setup[:number], other, *case.setup[number + 1 :])
                    yield Corner(replace(case, setup=setup, origin="corner"), case)
            case _:
                continue


def with_values(case: Case) -> Case:
    """The same case with literals in its call in place of names that its setup gives them to, and that it uses once."""
    node = expression(case.call)
    known = dict(pair for text in case.setup if (pair := bound_literal(text)))
    used = [one for text in case.setup for one in _names(text)]
    free = {name: value for name, value in known.items() if used.count(name) == 1 and name not in case.observe}
    names = [one.id for one in ast.walk(node) if isinstance(one, ast.Name)] if node else []
    free = {name: value for name, value in free.items() if names.count(name) == 1}
    if not free or node is None:
        return case
    setup = tuple(text for text in case.setup if not ((pair := bound_literal(text)) and pair[0] in free))
    return replace(case, setup=setup, call=ast.unparse(Names(free).visit(node)))


def _names(text: str) -> Iterator[str]:
    for statement in block_shared(text) or ():
        yield from (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))


def went_through(found: Mapping[Case, str], corner: Corner) -> bool:
    """Whether a corner says something: what has to come out is in its result, and not in that of the call beside it.

    Args:
        found: of the calls that gave the same every time, the result as a literal.
        corner: one of them, or not.
    """
    if corner.case not in found or (corner.same and found.get(corner.beside) != found[corner.case]):
        return False
    if not corner.comes_out:
        return True
    if corner.needs and not holds(found.get(corner.needs, ""), corner.comes_out):
        return False
    if not holds(found[corner.case], corner.comes_out):
        return False
    is_given = corner.comes_out != beside.NOTHING  # nothing else gives this
    return is_given or (corner.beside in found and not holds(found[corner.beside], corner.comes_out))


def holds(value: str, literal: str) -> bool:
    """Whether a result, or what it holds, is a literal."""
    node = expression(value) if value else None
    parts = (one for one in ast.walk(node) if isinstance(one, ast.Constant)) if node else ()
    return any(repr(part.value) == literal for part in parts)
