"""What is changed in one place of code whoever wrote it: a comparison, a bound, a constant, a statement."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from ttc_data.lang.python.finding import LITERAL_TEXT, Edit, Finder, Readers, is_idle, last_word

_COMPARISON: dict[type[cst.CSTNode], str] = {
    cst.Equal: "!=",
    cst.NotEqual: "==",
    cst.LessThan: ">=",
    cst.LessThanEqual: ">",
    cst.GreaterThan: "<=",
    cst.GreaterThanEqual: "<",
    cst.Is: "is not",
    cst.IsNot: "is",
    cst.In: "not in",
    cst.NotIn: "in",
}
_BOUNDARY: dict[type[cst.CSTNode], str] = {
    cst.LessThan: "<=",
    cst.LessThanEqual: "<",
    cst.GreaterThan: ">=",
    cst.GreaterThanEqual: ">",
}
_ARITHMETIC = {
    "+": "-", "-": "+", "*": "/", "/": "*", "//": "/", "%": "*", "**": "*", "@": "*", "<<": ">>", ">>": "<<",
    "&": "|", "|": "&", "^": "&",
}  # fmt: skip
_EXCEPTIONS = {
    "ValueError": "TypeError", "TypeError": "ValueError", "KeyError": "IndexError", "IndexError": "KeyError",
    "RuntimeError": "ValueError", "NotImplementedError": "ValueError", "RecursionError": "ValueError",
    "OSError": "ValueError",
}  # fmt: skip
# Swapping the arguments of these changes nothing (min, max), or fails before anything is computed.
_UNSWAPPED = frozenset({"min", "max", "isinstance", "issubclass", "getattr", "hasattr", "setattr", "delattr", "cast"})


def _left_alone(at: Finder, node: cst.CSTNode) -> Iterator[Edit]:
    at.pass_over(node)
    yield from ()


def _comparison(at: Finder, node: cst.Comparison) -> Iterator[Edit]:
    for part in node.comparisons:
        kind = type(part.operator)
        yield at.edit("comparison", at.span(part.operator), _COMPARISON[kind])
        if kind in _BOUNDARY:
            yield at.edit("boundary", at.span(part.operator), _BOUNDARY[kind])
        for side in (node.left, part.comparator):
            if last_word(side) == "None":
                at.pass_over(side)


def _binary(at: Finder, node: cst.BinaryOperation) -> Iterator[Edit]:
    if isinstance(node.left, LITERAL_TEXT) or isinstance(node.right, LITERAL_TEXT):
        return  # a TypeError for texts, whatever the operator
    span = at.span(node.operator)
    yield at.edit("arithmetic", span, _ARITHMETIC[at.text(span).strip()])


def _augmented(at: Finder, node: cst.AugAssign) -> Iterator[Edit]:
    yield from _removed(at, node)
    if not isinstance(node.value, LITERAL_TEXT):
        span = at.span(node.operator)
        yield at.edit("arithmetic", span, _ARITHMETIC[at.text(span).strip()[:-1]] + "=")


def _boolean(at: Finder, node: cst.BooleanOperation) -> Iterator[Edit]:
    yield at.edit("boolean", at.span(node.operator), "or" if isinstance(node.operator, cst.And) else "and")


def _unary(at: Finder, node: cst.UnaryOperation) -> Iterator[Edit]:
    operator = "boolean" if isinstance(node.operator, cst.Not) else "arithmetic"
    yield at.edit(operator, at.span(node), at.text(at.outer(node.expression)))


def _word(at: Finder, node: cst.Name) -> Iterator[Edit]:
    if node.value in ("True", "False"):
        yield at.edit("boolean", at.span(node), str(node.value == "False"))
    elif node.value == "None":
        yield at.edit("constant", at.span(node), "0")


def _integer(at: Finder, node: cst.Integer) -> Iterator[Edit]:
    value = node.evaluated_value
    yield at.edit("off_by_one", at.span(node), str(value + 1))
    yield at.edit("off_by_one", at.span(node), str(value - 1))
    if value > 1:
        yield at.edit("constant", at.span(node), "0")


def _float(at: Finder, node: cst.Float) -> Iterator[Edit]:
    value = node.evaluated_value
    if math.isfinite(value):
        yield at.edit("constant", at.span(node), repr(value + 1 if value + 1 != value else value / 2))


def _string(at: Finder, node: cst.SimpleString) -> Iterator[Edit]:
    opening = node.prefix + node.quote
    if node.raw_value:
        yield at.edit("constant", at.span(node), opening + node.quote)
    yield at.edit("constant", at.span(node), f"{opening}XX{node.value[len(opening) :]}")


def _joined_string(at: Finder, node: cst.FormattedString | cst.ConcatenatedString) -> Iterator[Edit]:
    if isinstance(node, cst.ConcatenatedString):
        at.pass_over(node)
    first = node.left if isinstance(node, cst.ConcatenatedString) else node
    is_bytes = isinstance(first, cst.SimpleString) and "b" in first.prefix
    yield at.edit("constant", at.span(node), 'b""' if is_bytes else '""')


def _container(at: Finder, node: cst.List | cst.Tuple | cst.Dict | cst.Set) -> Iterator[Edit]:
    if node in at.targets:
        at.targets.update(element.value for element in node.elements)
        return
    full = {cst.List: "[None]", cst.Tuple: "(None,)", cst.Dict: "{None: None}"}
    empty = {cst.List: "[]", cst.Tuple: "()", cst.Dict: "{}", cst.Set: "set()"}
    yield at.edit("constant", at.outer(node), (empty if node.elements else full)[type(node)])


def _target(at: Finder, node: Any) -> Iterator[Edit]:
    at.targets.add(node.name if isinstance(node, cst.AsName) else node.target)
    yield from ()


def _loop(at: Finder, node: cst.For | cst.CompFor) -> Iterator[Edit]:
    at.targets.add(node.target)
    if not node.asynchronous and isinstance(node, cst.For):
        yield at.edit("removed_branch", at.outer(node.iter), "()")


def _condition(at: Finder, node: cst.If | cst.While | cst.IfExp | cst.CompIf) -> Iterator[Edit]:
    """A comparison, `not` and a constant have their own operator for the opposite."""
    span = at.span(node.test)
    is_flipped = isinstance(node.test, cst.Comparison) and len(node.test.comparisons) == 1
    is_negated = isinstance(node.test, cst.UnaryOperation) and isinstance(node.test.operator, cst.Not)
    if isinstance(node, cst.If) and last_word(node.test) == "TYPE_CHECKING":
        at.pass_over(node)
        return
    if isinstance(node.test, cst.Name) and node.test.value in ("True", "False"):
        return
    if not is_flipped and not is_negated:
        yield at.edit("boolean", span, f"not ({at.text(span)})")
    if not isinstance(node, cst.CompIf):
        yield at.edit("removed_branch", span, "False")
    if not isinstance(node, cst.While):
        yield at.edit("removed_branch", span, "True")


def _case(at: Finder, node: cst.MatchCase) -> Iterator[Edit]:
    if node.guard:
        yield at.edit("boolean", at.span(node.guard), f"not ({at.text(at.span(node.guard))})")
        yield at.edit("removed_branch", at.span(node.guard), "False")
    else:
        span = at.span(node.pattern)
        yield at.edit("removed_branch", span, f"{at.text(span)} if False")


def _clause(at: Finder, node: cst.Else | cst.Finally) -> Iterator[Edit]:
    yield at.edit("removed_branch", at.span(node), "")


def _returned(at: Finder, node: cst.Return | cst.Lambda | cst.Yield) -> Iterator[Edit]:
    value = node.body if isinstance(node, cst.Lambda) else node.value
    if value is None and isinstance(node, cst.Return):
        yield from _removed(at, node)
    elif isinstance(value, cst.BaseExpression):
        is_none = isinstance(value, cst.Name) and value.value == "None"
        if is_none:
            at.pass_over(value)
        yield at.edit("return_value", at.span(value) if value.lpar else at.outer(value), "0" if is_none else "None")


def _removed(at: Finder, node: cst.BaseSmallStatement) -> Iterator[Edit]:
    yield at.edit("removed_statement", at.span(node), "pass")


def _assigned(at: Finder, node: cst.AnnAssign) -> Iterator[Edit]:
    if node.value:
        yield from _removed(at, node)


def _expression(at: Finder, node: cst.Expr) -> Iterator[Edit]:
    if is_idle(node):
        at.pass_over(node)
    elif isinstance(node.value, (cst.Call, cst.Await, cst.Yield)):
        yield from _removed(at, node)


def _deleted(at: Finder, node: cst.Del) -> Iterator[Edit]:
    at.targets.add(node.target)
    yield from _removed(at, node)


def _raised(at: Finder, node: cst.Raise) -> Iterator[Edit]:
    at.wordings.add(at.span(node))
    yield from _removed(at, node)
    kind = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
    if kind and (name := last_word(kind).lstrip("_"))[:1].isupper():
        other = "BaseException" if name == "Exception" else _EXCEPTIONS.get(name, "RuntimeError")
        yield at.edit("exception_type", at.span(kind), other)


def _handler(at: Finder, node: cst.ExceptHandler | cst.ExceptStarHandler) -> Iterator[Edit]:
    if node.type:
        yield at.edit("exception_type", at.outer(node.type), _EXCEPTIONS.get(last_word(node.type), "RuntimeError"))
        at.targets.add(node.type)


def _asserted(at: Finder, node: cst.Assert) -> Iterator[Edit]:
    if node.msg:
        at.pass_over(node.msg)
    yield from ()


def _loop_control(at: Finder, node: cst.Break | cst.Continue) -> Iterator[Edit]:
    yield at.edit("loop_control", at.span(node), "continue" if isinstance(node, cst.Break) else "break")
    yield at.edit("loop_control", at.span(node), "pass")


def _slice(at: Finder, node: cst.Slice) -> Iterator[Edit]:
    for bound in (node.lower, node.upper, node.step):
        if bound:
            text = at.text(at.outer(bound))
            yield at.edit("slice", at.outer(bound), "")
            if bound is node.step:
                yield at.edit("slice", at.outer(bound), f"-({text})")
            elif not isinstance(bound, cst.Integer):
                yield at.edit("slice", at.outer(bound), f"({text}) + 1")


def _call(at: Finder, node: cst.Call) -> Iterator[Edit]:
    name = last_word(node.func)
    plain = [arg.value for arg in node.args if not arg.star and not arg.keyword]
    if name == "warn":
        at.wordings.add(at.span(node))
    if name == "cast" and plain:
        at.pass_over(plain[0])
    if len(plain) > 1 and plain == [arg.value for arg in node.args[: len(plain)]] and name not in _UNSWAPPED:
        (start, middle), (later, end) = at.outer(plain[0]), at.outer(plain[1])
        first, second = at.text((start, middle)), at.text((later, end))
        if first != second:
            yield at.edit("swapped_arguments", (start, end), second + at.text((middle, later)) + first)
    yield from _removed_arguments(at, node.args)
    if name == "len" and isinstance(node.func, cst.Name):
        yield at.edit("off_by_one", at.span(node), f"({at.text(at.span(node))} - 1)")
    if name == "range" and plain and len(plain) == len(node.args):
        stop = plain[0] if len(plain) == 1 else plain[1]
        if not isinstance(stop, cst.Integer):
            yield at.edit("off_by_one", at.outer(stop), f"({at.text(at.outer(stop))}) + 1")


def _removed_arguments(at: Finder, args: Sequence[cst.Arg]) -> Iterator[Edit]:
    for index, arg in enumerate(args):
        if arg.keyword or (arg.star and len(args) > 1):
            start = at.span(args[index - 1])[1] if index else at.span(arg)[0]
            if index or len(args) == 1:
                yield at.edit("removed_argument", (start, at.span(arg)[1]), "")


SLIPS: Readers = {
    cst.Annotation: _left_alone,
    cst.Decorator: _left_alone,
    cst.Parameters: _left_alone,
    cst.Comparison: _comparison,
    cst.BinaryOperation: _binary,
    cst.AugAssign: _augmented,
    cst.BooleanOperation: _boolean,
    cst.UnaryOperation: _unary,
    cst.Name: _word,
    cst.Integer: _integer,
    cst.Float: _float,
    cst.SimpleString: _string,
    cst.FormattedString: _joined_string,
    cst.ConcatenatedString: _joined_string,
    cst.List: _container,
    cst.Tuple: _container,
    cst.Dict: _container,
    cst.Set: _container,
    cst.AssignTarget: _target,
    cst.AsName: _target,
    cst.For: _loop,
    cst.CompFor: _loop,
    cst.If: _condition,
    cst.While: _condition,
    cst.IfExp: _condition,
    cst.CompIf: _condition,
    cst.MatchCase: _case,
    cst.Else: _clause,
    cst.Finally: _clause,
    cst.Return: _returned,
    cst.Lambda: _returned,
    cst.Yield: _returned,
    cst.Assign: _removed,
    cst.AnnAssign: _assigned,
    cst.Expr: _expression,
    cst.Del: _deleted,
    cst.Raise: _raised,
    cst.ExceptHandler: _handler,
    cst.ExceptStarHandler: _handler,
    cst.Assert: _asserted,
    cst.Break: _loop_control,
    cst.Continue: _loop_control,
    cst.Slice: _slice,
    cst.Call: _call,
}
