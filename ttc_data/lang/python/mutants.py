"""Mutants: copies of a file with one small fault each, put where a test should notice.

A file is read once with `ast`; only the functions that hold the asked bytes are read with libcst and compiled, each on
its own, so the size of the file hardly matters.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from types import CodeType

from ttc_data.lang.python.facts import Function, definition_nodes
from ttc_data.lang.python.finding import Edit
from ttc_data.lang.python.operators import edits
from ttc_data.lang.python.syntax import compiled, line_starts, parse, parse_shared
from ttc_data.records import Span

_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file with one small fault."""

    operator: str
    """The kind of fault, for instance `off_by_one`."""
    line: int
    """Where the change starts in the original file, counted from 1."""
    old: str
    """What was changed, as written."""
    new: str
    """What stands there now; `""` where the text was only removed."""
    text: str
    """The whole file with this one change."""


def mutants(text: str, spans: Sequence[Span], most: int, random: Random) -> list[Mutant]:
    """Put one fault at a time into code.

    Every mutant compiles, and no two of them, nor the original, have the same bytecode when line numbers are ignored.
    When there are more than `most`, lines far from each other and kinds of fault not yet used come first.

    Args:
        text: the whole file, line ends as they are.
        spans: where faults may be, in bytes of the UTF-8 text: `Target.bodies`.
        most: how many to return.
        random: decides which; the same state gives the same mutants.

    Returns:
        Mutants in the order of the text.

    Raises:
        SyntaxError: when the file does not parse, or libcst cannot read a function of it.
    """
    source = text.encode()
    starts = line_starts(source)
    seen: dict[tuple[Span, str], tuple[_Unit, Edit]] = {}
    for unit in _units(source, starts, spans):
        for edit in unit.edits():
            if any(start <= edit.span[0] and edit.span[1] <= end for start, end in spans):
                seen.setdefault((edit.span, edit.new), (unit, edit))
    by_line: dict[int, list[tuple[_Unit, Edit]]] = {}
    for _, found in sorted(seen.items(), key=lambda item: item[0]):
        by_line.setdefault(bisect_right(starts, found[1].span[0]), []).append(found)
    chosen: list[tuple[Span, str, Mutant]] = []
    for line, unit, edit in _spread(by_line, random):
        if len(chosen) >= most:
            break
        if unit.is_new(edit):
            start, end = edit.span
            old, mutated = source[start:end].decode(), source[:start] + edit.new.encode() + source[end:]
            chosen.append((edit.span, edit.new, Mutant(edit.operator, line, old, edit.new, mutated.decode())))
    return [mutant for _, _, mutant in sorted(chosen, key=lambda item: item[:2])]


def _spread(by_line: dict[int, list[tuple[_Unit, Edit]]], random: Random) -> Iterator[tuple[int, _Unit, Edit]]:
    """Go round the lines, one edit each, the operator used least so far first.

    Multiples of the golden ratio put the lines in an order of which any beginning covers the whole evenly.
    """
    shift, used = random.random(), Counter[str]()
    waiting = {line: random.sample(found, len(found)) for line, found in by_line.items()}
    turns = {line: (turn * _GOLDEN + shift) % 1 for turn, line in enumerate(sorted(by_line))}
    while waiting:
        for line in sorted(waiting, key=turns.__getitem__):
            found = waiting[line]
            index = min(range(len(found)), key=lambda at: used[found[at][1].operator])
            unit, edit = found.pop(index)
            used[edit.operator] += 1
            yield line, unit, edit
            if not found:
                del waiting[line]


class _Unit:
    """Code that is read and compiled on its own: an outermost function, or a whole file."""

    def __init__(self, source: bytes, span: Span, opening: bytes) -> None:
        self.opening = opening
        """A line that makes the code's indent right."""
        self.start = span[0]
        self.code = opening + source[slice(*span)] + b"\n"
        self.compiled: set[object] = set()

    def edits(self) -> Iterator[Edit]:
        offset = self.start - len(self.opening)
        for edit in edits(self.code.decode()):
            start, end = edit.span
            yield Edit(edit.operator, (start + offset, end + offset), edit.new)

    def is_new(self, edit: Edit) -> bool:
        """Whether the edited code compiles, to something that no other edit and not the original compiled to."""
        if not self.compiled:
            self.compiled.add(_bytecode(self.code))
        start, end = (offset - self.start + len(self.opening) for offset in edit.span)
        try:
            form = _bytecode(self.code[:start] + edit.new.encode() + self.code[end:])
        except SyntaxError:
            return False
        is_new = form not in self.compiled
        self.compiled.add(form)
        return is_new


def _units(source: bytes, starts: Sequence[int], spans: Sequence[Span]) -> list[_Unit]:
    functions = []
    for node in _outermost_functions(parse_shared(source).body):
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        functions.append((starts[node.lineno - 1], node.col_offset, end))
    units: dict[Span, _Unit] = {}
    for first, last in spans:
        around = [found for found in functions if found[0] <= first <= found[2]]
        if not around:
            unit = (starts[0], len(source))
            units.setdefault(unit, _Unit(source, unit, b"\n"))
            continue
        line, column, end = around[0]
        unit = (line if column else line + column, max(end, last))
        units.setdefault(unit, _Unit(source, unit, b"class C:\n" if column else b"\n"))
    return list(units.values())


def _outermost_functions(block: Sequence[ast.stmt]) -> Iterator[Function]:
    for node in definition_nodes(block):
        if isinstance(node, ast.ClassDef):
            yield from _outermost_functions(node.body)
        else:
            yield node


def _bytecode(code: bytes) -> object:
    """What code compiles to, line numbers left out; with all of it on one line, no NOP stands for a line.

    Raises:
        SyntaxError: when it does not compile.
    """
    tree = parse(code)
    for node in ast.walk(tree):
        if "lineno" in vars(node):
            vars(node).update(lineno=1, end_lineno=1, col_offset=0, end_col_offset=0)
    return _form(compiled(tree))


def _form(value: object) -> object:
    if isinstance(value, CodeType):
        counts = (value.co_flags, value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount)
        names = (value.co_name, value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars)
        return counts, names, value.co_code, value.co_exceptiontable, tuple(map(_form, value.co_consts))
    if isinstance(value, tuple):
        return tuple(map(_form, value))
    if isinstance(value, frozenset):
        return frozenset(map(_form, value))
    return type(value), repr(value)  # 1, 1.0 and True are equal, 0.0 and -0.0 too
