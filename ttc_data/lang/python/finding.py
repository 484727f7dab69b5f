"""Code as text and as a concrete syntax tree, for operators that change one place of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import libcst as cst
from libcst.metadata import CodeSpan

from ttc_data.records import Span

LOGGERS = ("logger", "logging", "log")
LOG_METHODS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
LITERAL_TEXT = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


@dataclass(frozen=True, slots=True)
class Edit:
    """Text that takes the place of other text."""

    operator: str
    """The kind of change."""
    span: Span
    """What goes: bytes of the text's UTF-8 form, end exclusive."""
    new: str


class Finder:
    """A walk over a tree, from the outside in, that asks operators for their edits of each node."""

    def __init__(self, source: bytes, spans: Mapping[cst.CSTNode, CodeSpan]) -> None:
        self.source = source
        self.spans = spans
        self.passed_over: set[Span] = set()
        self.wordings: set[Span] = set()
        self.targets: set[cst.CSTNode] = set()

    def found(self, tables: Sequence[Readers]) -> Iterator[Edit]:
        """Every edit; of one node, those of the first table come first."""
        for node in reversed(list(self.spans)):  # written from the leaves up: backwards, parents come first
            readers = [table[type(node)] for table in tables if type(node) in table]
            if not readers or self.is_in(self.passed_over, node):
                continue
            if isinstance(node, LITERAL_TEXT) and self.is_in(self.wordings, node):
                self.pass_over(node)
                continue
            for read in readers:
                yield from read(self, node)

    def pass_over(self, node: cst.CSTNode) -> None:
        """Leave a node alone, with all that is in it."""
        self.passed_over.add(self.span(node))

    def is_in(self, places: set[Span], node: cst.CSTNode) -> bool:
        """Whether a node lies in one of some places."""
        start, end = self.span(node)
        return any(first <= start and end <= last for first, last in places)

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands, without parentheses around it."""
        place = self.spans[node]
        return place.start, place.start + place.length

    def outer(self, node: cst.BaseExpression) -> Span:
        """Where an expression stands, with its parentheses."""
        start, end = self.span(node)
        return (self.span(node.lpar[0])[0], self.span(node.rpar[-1])[1]) if node.lpar else (start, end)

    def text(self, span: Span) -> str:
        """What stands there."""
        return self.source[slice(*span)].decode()

    def edit(self, operator: str, span: Span, new: str) -> Edit:
        """An edit whose words do not grow together with those beside it: `return(a)`, `1if a`."""
        start, end = span
        if new and _joins(self.source[start - 1 : start] + new[0].encode()):
            new = f" {new}"
        if new and _joins(new[-1].encode() + self.source[end : end + 1]):
            new += " "
        return Edit(operator, span, new)


def _joins(seam: bytes) -> bool:
    return len(seam) > 1 and all(byte >= 0x80 or bytes([byte]).isalnum() or byte == ord("_") for byte in seam)


def is_idle(node: cst.Expr) -> bool:
    """A text that stands as a statement, a log call."""
    match node:
        case cst.Expr(value=cst.SimpleString() | cst.FormattedString() | cst.ConcatenatedString()):
            return True
        case cst.Expr(value=cst.Call(func=cst.Attribute(value=logger, attr=cst.Name(value=name)))):
            return name in LOG_METHODS and last_word(logger).lower().lstrip("_").endswith(LOGGERS)
        case _:
            return False


def last_word(node: cst.CSTNode | None) -> str:
    """The last word of a dotted name, of a call to one."""
    match node:
        case cst.Call(func=function):
            return last_word(function)
        case cst.Attribute(attr=cst.Name(value=name)) | cst.Name(value=name):
            return name
        case _:
            return ""


Reader: TypeAlias = Callable[[Finder, Any], Iterator[Edit]]
Readers: TypeAlias = Mapping[type[cst.CSTNode], Reader]
"""What an operator finds at a node, by the node's type."""
