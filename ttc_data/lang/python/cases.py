"""What is forgotten: a special case, a half of a condition, a parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from ttc_data.lang.python.finding import Edit, Finder, Readers, last_word

_SIMPLE = (cst.Name, cst.Attribute, cst.Integer, cst.Float, cst.SimpleString, cst.UnaryOperation)
_NOTHING = (cst.List, cst.Tuple, cst.Dict)
_OF_TYPE = {"bool": "False", "int": "0", "float": "0.0", "str": '""', "bytes": 'b""', "Optional": "None"}
_FIRST_WORD = re.compile(r"\w+|.")
_WORD = re.compile(r"\w+")
_TOO_COMMON = frozenset({"self", "cls", "if", "not", "or", "and", "is", "in", "len", "isinstance"})


def _function(at: Finder, node: cst.FunctionDef) -> Iterator[Edit]:
    yield from _documented(at, node)
    yield from _ignored(at, node)


def _documented(at: Finder, node: cst.FunctionDef) -> Iterator[Edit]:
    """The guards that the docstring speaks of."""
    known = set(_WORD.findall(node.get_docstring() or "")) - _TOO_COMMON
    for statement in node.body.body:
        if isinstance(statement, cst.If) and _is_guard(statement):
            words = set(_WORD.findall(at.text(at.span(statement.test))))
            last = _last(statement)
            if isinstance(last, cst.Raise):
                words.add(last_word(last.exc))
            if words & known:
                yield at.edit("documented_case", at.span(statement.test), "False")


def _guard(at: Finder, node: cst.If) -> Iterator[Edit]:
    if _is_guard(node) and not (isinstance(node.test, cst.Name) and node.test.value in ("True", "False")):
        yield at.edit("missing_case", at.span(node.test), "False")


def _is_guard(node: cst.If) -> bool:
    """Whether it is there for a case that is done with then."""
    return node.orelse is None and isinstance(_last(node), (cst.Return, cst.Raise, cst.Continue))


def _last(node: cst.If) -> cst.CSTNode:
    last = node.body.body[-1]
    return last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last


def _ignored(at: Finder, node: cst.FunctionDef) -> Iterator[Edit]:
    """A parameter that always has its default; without one, the plainest value that its annotation allows."""
    place = _first_statement(at, node.body)
    if place is None:
        return
    start, separator = place
    (word,) = _FIRST_WORD.findall(at.text((start, at.span(node.body)[1])))[:1]
    used = set(_WORD.findall(at.text(at.span(node.body))))
    found = node.params
    for parameter in (*found.posonly_params, *found.params, *found.kwonly_params):
        value = _plainest(at, parameter)
        if value and parameter.name.value in used:
            new = f"{parameter.name.value} = {value}{separator}{word}"
            yield at.edit("ignored_parameter", (start, start + len(word.encode())), new)


def _plainest(at: Finder, parameter: cst.Param) -> str:
    default = parameter.default
    if isinstance(default, _SIMPLE) or (isinstance(default, _NOTHING) and not default.elements):
        return at.text(at.outer(default))
    if default or not parameter.annotation:
        return ""
    kind = parameter.annotation.annotation
    if isinstance(kind, cst.BinaryOperation) and last_word(kind.right) == "None":
        return "None"
    return _OF_TYPE.get(last_word(kind.value if isinstance(kind, cst.Subscript) else kind), "")


def _first_statement(at: Finder, body: cst.BaseSuite) -> tuple[int, str] | None:
    """Where the first statement after the docstring starts, and what separates another from it."""
    first, *others = body.body
    if isinstance(body, cst.SimpleStatementSuite):
        statements: list[cst.CSTNode] = [first, *others]
    else:
        line = list(first.body) if isinstance(first, cst.SimpleStatementLine) else [first]
        statements = [*line, *others]
    if isinstance(statements[0], cst.Expr) and isinstance(
        statements[0].value, (cst.SimpleString, cst.ConcatenatedString)
    ):
        statements = statements[1:]
    if not statements:
        return None
    start = at.span(statements[0])[0]
    if isinstance(statements[0], (cst.BaseSmallStatement, cst.SimpleStatementLine)):
        return start, "; "
    before = at.source[:start].decode()
    indent = before[len(before.rstrip(" \t")) :]
    newline = "\r\n" if before[: len(before) - len(indent)].endswith("\r\n") else before[-len(indent) - 1]
    return start, newline + indent


def _boolean(at: Finder, node: cst.BooleanOperation) -> Iterator[Edit]:
    """Half of it."""
    for half in (node.left, node.right):
        yield at.edit("missing_case", at.span(node), at.text(at.outer(half)))


def _call(at: Finder, node: cst.Call) -> Iterator[Edit]:
    name = last_word(node.func)
    if name in ("isinstance", "issubclass") and len(node.args) == 2:
        yield from _fewer(at, node.args[1].value)
    if name == "suppress" and node.args:
        yield at.edit("missing_case", (at.span(node.args[0])[0], at.span(node.args[-1])[1]), "")


def _handler(at: Finder, node: cst.ExceptHandler) -> Iterator[Edit]:
    if node.type:
        yield from _fewer(at, node.type)


def _membership(at: Finder, node: cst.Comparison) -> Iterator[Edit]:
    for part in node.comparisons:
        if isinstance(part.operator, (cst.In, cst.NotIn)):
            yield from _fewer(at, part.comparator)


def _fewer(at: Finder, node: cst.BaseExpression) -> Iterator[Edit]:
    """A list of alternatives without its last."""
    if isinstance(node, (cst.Tuple, cst.List, cst.Set, cst.Dict)) and len(node.elements) > 1:
        kept, lost = node.elements[-2].value, node.elements[-1].value
        yield at.edit("missing_case", (at.outer(kept)[1], at.outer(lost)[1]), "," if len(node.elements) == 2 else "")


CASES: Readers = {
    cst.FunctionDef: _function,
    cst.If: _guard,
    cst.BooleanOperation: _boolean,
    cst.Call: _call,
    cst.ExceptHandler: _handler,
    cst.Comparison: _membership,
    cst.Dict: _fewer,
}
