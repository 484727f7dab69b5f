"""Other results for the examples of a docstring, in the test files that `ttc_data.lang.python.doctests` writes."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from random import Random
from typing import TypeAlias

from ttc_data.lang.python import syntax
from ttc_data.lang.python.assertions.alterations import literal
from ttc_data.lang.python.assertions.places import replaced
from ttc_data.lang.python.assertions.siblings import Siblings
from ttc_data.records import Tripwire, TripwireKind

UNRELATED = 10


def example_edits(source: bytes, path: str, name: str) -> list[tuple[int, Tripwire]]:
    """The edits of a file's examples, those first that use the target, with their ranks.

    Args:
        source: of the file.
        path: its path.
        name: the target's own.

    Raises:
        SyntaxError: the file does not parse.
    """
    found: list[tuple[int, Tripwire]] = []
    for statement in syntax.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="DOCSTRING")], value=ast.Constant(value=str() as docstring) as value):
                found += _edits(source, path, name, docstring, value.lineno + 1)
    return sorted(found, key=lambda one: one[0])


def _edits(source: bytes, path: str, name: str, docstring: str, first: int) -> Iterator[tuple[int, Tripwire]]:
    """Edits of the literal's text: its lines are those of the docstring, but for what is escaped in them."""
    lines = [line.decode("utf-8", "surrogatepass") for line in source.splitlines()]
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return
    for example in examples:
        if not example.want or example.options.get(doctest.SKIP):
            continue
        start = example.lineno + example.source.count("\n")
        wanted = example.want.split("\n")[:-1]
        shown = lines[first - 1 + start : first - 1 + start + len(wanted)]
        margin = " " * example.indent
        as_written = shown == [margin + line if line else line for line in wanted]
        if example.exc_msg is not None:
            place = _class(wanted, example.exc_msg)
        else:
            place = (as_written and _literal(wanted)) or _line(wanted)
        if place is None:
            continue
        number, column, old = place
        before = (margin + wanted[number]).encode("utf-8", "surrogatepass")[: example.indent + column]
        if shown[number].encode("utf-8", "surrogatepass").startswith(before + old.encode("utf-8", "surrogatepass")):
            rank = UNRELATED * (re.search(rf"\b{re.escape(name)}\b", example.source) is None)
            kind: TripwireKind = "value" if example.exc_msg is None else "exception"
            edit = Tripwire(path, first + start + number, len(before), old, "", kind, (), ())
            if (found := replaced(edit, Siblings.of(source), Random(f"{path}:{edit.line}:{old}"))) is not None:
                yield rank, found


Place: TypeAlias = tuple[int, int, str]
"""Line and column in the wanted text, both from 0, the column in bytes; the text there."""


def _class(wanted: list[str], message: str) -> Place | None:
    """Only the class of an exception is compared: IGNORE_EXCEPTION_DETAIL."""
    match = re.match(r"[A-Za-z_][\w.]*", message)
    lines = [number for number, line in enumerate(wanted) if number and match and message.startswith(line) and line]
    return (lines[0], 0, match[0]) if lines and match else None


def _literal(wanted: list[str]) -> Place | None:
    """A constant, or an empty container, in a result that reads as an expression; none where an ellipsis may stand for it."""
    node = None if any("..." in line for line in wanted) else literal("\n".join(wanted))
    for part in ast.walk(node) if node else ():
        if isinstance(part, ast.expr) and part.lineno == part.end_lineno:
            number = part.lineno - 2  # `literal` puts a line in front
            line = wanted[number].encode("utf-8", "surrogatepass")
            text = line[part.col_offset : part.end_col_offset].decode("utf-8", "surrogatepass")
            match part:
                case ast.Constant(value=None | bool() | int() | float() | complex()):
                    return number, part.col_offset, text
                case ast.Constant(value=str() | bytes()) if re.search(r"[^\W_]", text):
                    return number, part.col_offset, text
                case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
                    return number, part.col_offset, text
    return None


def _line(wanted: list[str]) -> Place | None:
    """The first line with a word in it, up to an ellipsis: what stands before that must be there as it is."""
    for number, line in enumerate(wanted):
        part = re.split(r"\.\.\.|\\", line)[0]  # a backslash is another text in the file
        if re.search(r"[^\W_]", part) and line != "<BLANKLINE>":
            return number, 0, part
        if "..." in line:
            return None
    return None
