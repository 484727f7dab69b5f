"""A target that does all that it did and gives something else: who notices it looks at what is returned."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ttc_data.lang.python.facts import Function, own_nodes
from ttc_data.lang.python.syntax import line_starts, parse_shared
from ttc_data.records import Span, Target

# Numbers and texts differ at every call: a test that holds two of them against each other looks at them too.
_NEW = "int.from_bytes(__import__('os').urandom(6), 'big')"
_OTHER = (
    "(lambda given: given if given is None else not given if type(given) is bool"
    f" else given * 3 + 7 + type(given)({_NEW}) if type(given) in (int, float, complex)"
    f" else '~%d' % {_NEW} if type(given) is str else b'~%d' % {_NEW} if type(given) is bytes"
    " else type(given)([given]) if type(given) in (list, tuple) else type(given)([object()]) if type(given) in (set, frozenset)"
    " else {object(): given} if type(given) is dict else object())"
)
_NOTHING = "(lambda given: (_ for _ in ()).throw(AssertionError('None')) if given is None else given)"


@dataclass(frozen=True, slots=True)
class Returns:
    """Versions of a file in which a target gives something else wherever it returns or yields."""

    other: str
    """Another value, of the same type where that is a built-in one; None stays None."""
    nothing: str
    """An exception where None is given; any other value stays."""


def other_returns(text: str, target: Target) -> Returns | None:
    """Write a target's file so that its body runs as ever and its value is lost.

    Args:
        text: the whole file, line ends as they are.
        target: a target of this very file.

    Returns:
        None for a target that gives no value: it has no `return` or `yield` of anything but None.

    Raises:
        SyntaxError: when the file does not parse.
    """
    source = text.encode()
    places = sorted(_places(source, target))
    if not places:
        return None
    return Returns(_wrapped(source, places, _OTHER), _wrapped(source, places, _NOTHING))


def _places(source: bytes, target: Target) -> Iterator[tuple[Span, bool]]:
    """Where a target gives a value, and whether it gives the values of another iterator there (`yield from`)."""
    starts = line_starts(source)

    def span(node: ast.stmt | ast.expr) -> Span:
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return starts[node.lineno - 1] + node.col_offset, end

    functions = [(span(node), node) for node in ast.walk(parse_shared(source)) if isinstance(node, Function)]
    for body in target.bodies:
        around = [(start, node) for (start, end), node in functions if start < body[0] < end]
        if around:
            innermost = max(around, key=lambda one: one[0])[1]
            for value, is_iterator in _outermost(list(_given(innermost))):
                yield span(value), is_iterator


def _given(function: Function) -> Iterator[tuple[ast.expr, bool]]:
    """The values that a function gives: what it yields, else what it returns; not None as it stands there."""
    own = list(own_nodes(function))
    yielded = [node for node in own if isinstance(node, (ast.Yield, ast.YieldFrom))]
    for node in yielded or own:
        value = node.value if isinstance(node, (ast.Yield, ast.YieldFrom, ast.Return)) else None
        if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield value, isinstance(node, ast.YieldFrom)


def _outermost(values: Sequence[tuple[ast.expr, bool]]) -> Iterator[tuple[ast.expr, bool]]:
    """Those that are not part of another one."""
    parts = {id(part) for value, _ in values for part in ast.walk(value) if part is not value}
    return ((value, is_iterator) for value, is_iterator in values if id(value) not in parts)


def _wrapped(source: bytes, places: Sequence[tuple[Span, bool]], call: str) -> str:
    for (start, end), is_iterator in reversed(places):
        opening = f"map({call}, (" if is_iterator else f"{call}(("
        source = source[:start] + opening.encode() + source[start:end] + b"))" + source[end:]
    return source.decode()
