"""What a test claims: the places of its code where it says what should come out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ttc_data.lang.python.facts import last_name

EQUAL = re.compile(r"(?i)^_?(assert_?\w*(equals?|eq|close)|eq_?|fail_?unless_?equal|assert_?is)$")
UNEQUAL = re.compile(r"(?i)not|greater|less|unequal")
CLOSE = frozenset({"isclose", "allclose", "array_equal", "array_equiv"})
TRUE = frozenset({"assertTrue", "assert_", "assert_true", "failUnless"})
RAISES = frozenset(
    {"raises", "assertRaises", "assertRaisesRegex", "assertRaisesRegexp", "assert_raises", "assert_raises_regex",
     "assertRaisesMessage", "failUnlessRaises"}
)  # fmt: skip
ABOUT = frozenset({"isinstance", "issubclass", "bool", "hasattr", "callable"})
IS = frozenset({"assertIs", "assertIsNot", "assert_is"})
IN = frozenset({"assertIn", "assert_in"})
WARNS = frozenset({"warns", "assertWarns", "assertWarnsRegex", "assert_warns"})

NODES_HELD = 1000
Names = frozenset[str]


@dataclass(frozen=True)
class Claim:
    """One assertion: an `assert`, or a call that does as much."""

    node: ast.Assert | ast.Call
    expected: tuple[ast.expr, ...]
    """Changing one of them makes the claim false."""
    relevant: bool
    """The target, or what it gave, is in it."""
    exception: ast.expr | None = None
    """The class, or tuple of them, that must be raised or warned of."""
    warning: bool = False
    side: ast.expr | None = None
    """What a literal can take the place of, so that the claim is false: of an equation, or where a result is looked for."""
    subject: ast.expr | None = None
    """What came out of the target, where the claim says of it something else than what it equals."""


def mentions(node: ast.AST, names: Names) -> bool:
    """Whether one of the names is used in an expression or a statement, as a variable or as an attribute."""
    return any(
        (isinstance(part, ast.Name) and part.id in names) or (isinstance(part, ast.Attribute) and part.attr in names)
        for part in ast.walk(node)
    )


@lru_cache(maxsize=NODES_HELD)
def in_order(node: ast.AST) -> Sequence[ast.AST]:
    """All that stands in a node, in the order of the text."""
    placed = [part for part in ast.walk(node) if hasattr(part, "lineno")]
    return sorted(placed, key=lambda part: (getattr(part, "lineno", 0), getattr(part, "col_offset", 0)))


def names_in(target: ast.expr) -> Iterator[str]:
    """The variables that an assignment to `target` sets, `x` for `self.x` included."""
    for part in ast.walk(target):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def derived(function: ast.AST, names: Names) -> Names:
    """The names, and those of the variables that hold what came out of them, or that they worked on."""
    found = set(names) - {"self", "cls"}
    for part in in_order(function):
        pairs: list[tuple[ast.expr, ast.expr]] = []
        match part:
            case ast.Assign(targets=targets, value=value):
                pairs = [pair for target in targets for pair in _matched(target, value)]
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
                | ast.For(target=target, iter=value)
                | ast.AsyncFor(target=target, iter=value)
            ):
                pairs = list(_matched(target, value))
            case ast.With(items=items) | ast.AsyncWith(items=items):
                pairs = [(item.optional_vars, item.context_expr) for item in items if item.optional_vars]
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=receiver, attr=attr)) as call) if attr in names:
                pairs = [(receiver, call)]
        for target, value in pairs:
            if mentions(value, frozenset(found)):
                found |= set(names_in(target)) - {"self", "cls"}
    return frozenset(found)


def _matched(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What is bound to what, where both sides are tuples, or a loop goes over a `zip`."""
    match target, value:
        case (ast.Tuple(elts=targets), ast.Tuple(elts=values) | ast.Call(func=ast.Name(id="zip"), args=values)) if len(
            targets
        ) == len(values):
            for one, other in zip(targets, values, strict=True):
                yield from _matched(one, other)
        case _:
            yield target, value


def claims(function: ast.AST, names: Names) -> list[Claim]:
    """The claims of a test function, in the order of the text.

    Args:
        function: or any other node with statements in it.
        names: of the target, and of what came out of it: see `derived`.
    """
    bodies = {
        id(item.context_expr): node
        for node in ast.walk(function)
        if isinstance(node, (ast.With, ast.AsyncWith))
        for item in node.items
    }
    found: list[Claim] = []
    for node in in_order(function):
        if isinstance(node, ast.Assert):
            made = tuple(_made_true(node.test, names))
            relevant = mentions(node.test, names)
            found.append(
                Claim(node, made, relevant, side=_side(node.test, made, names), subject=_subject(node.test, names))
            )
        elif isinstance(node, ast.Call) and (name := last_name(node.func)):
            where = bodies.get(id(node), node)
            subject = next((part for side in node.args[:2] if (part := _subject(side, names))), None)
            if name in RAISES | WARNS:
                expected = node.args[0] if node.args else node.keywords[0].value if node.keywords else None
                if expected is not None and not isinstance(expected, ast.Starred):
                    found.append(Claim(node, (), mentions(where, names), expected, name in WARNS))
            elif name in TRUE and node.args:
                made = tuple(_made_true(node.args[0], names))
                side = _side(node.args[0], made, names)
                found.append(Claim(node, made, mentions(node, names), side=side, subject=subject))
            elif EQUAL.match(name) and not UNEQUAL.search(name) and len(node.args) > 1:
                sides = tuple(_sides(node.args[:2], names))
                side = None if name in IS else (*sides, node.args[1])[0]
                found.append(Claim(node, sides, mentions(node, names), side=side))
            elif name in IN and len(node.args) > 1:
                looked_for = _looked_for(node.args[0], node.args[1], names)
                found.append(Claim(node, (), mentions(node, names), side=looked_for, subject=subject))
            elif name.startswith("assert"):
                found.append(Claim(node, (), mentions(node, names), subject=subject))
    return found


def _side(node: ast.expr, expected: Sequence[ast.expr], names: Names) -> ast.expr | None:
    match node:
        case ast.Compare(ops=ops, comparators=comparators) if all(isinstance(op, ast.Eq) for op in ops):
            return (*expected, comparators[-1])[0]
        case ast.Compare(left=left, ops=[ast.In()], comparators=[right]):
            return _looked_for(left, right, names)
        case ast.Call(func=func, args=[_, right, *_]) if last_name(func) in CLOSE:
            return (*expected, right)[0]
        case _:
            return None


def _subject(node: ast.expr, names: Names) -> ast.expr | None:
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _subject(operand, names)
        case ast.Compare(left=left, comparators=[right]):
            return next((side for side in (left, right) if _came_out(side, names)), None)
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in ABOUT:
            return first if _came_out(first, names) else None
        case _:
            return node if _came_out(node, names) else None


def _came_out(node: ast.expr, names: Names) -> bool:
    return isinstance(node, (ast.Call, ast.Name, ast.Attribute, ast.Subscript, ast.Await)) and mentions(node, names)


def _looked_for(left: ast.expr, right: ast.expr, names: Names) -> ast.expr:
    """Of `left in right` the one that the target did not give."""
    return left if mentions(right, names) else right


def _made_true(node: ast.expr, names: Names) -> Iterator[ast.expr]:
    """What can be changed in an expression that is asserted, so that it is no longer true."""
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _made_true(value, names)
        case ast.Compare(left=left, ops=ops, comparators=comparators) if all(isinstance(op, ast.Eq) for op in ops):
            yield from _sides([left, *comparators], names)
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[right]):
            yield from _sides([left, right], names)
        case ast.Call(func=func, args=[left, right, *_]) if last_name(func) in CLOSE:
            yield from _sides([left, right], names)
        case ast.Call(
            func=ast.Name(id="all"), args=[ast.GeneratorExp(elt=every) | ast.ListComp(elt=every)], keywords=[]
        ):
            yield from _made_true(every, names)
        case ast.Call(func=ast.Name(id="bool"), args=[inner]):
            yield from _made_true(inner, names)


def _sides(operands: Sequence[ast.expr], names: Names) -> Iterator[ast.expr]:
    """The operands that say what is expected: those that the target has no part in, literals first, then the last ones."""
    free = [operand for operand in operands if not mentions(operand, names)]
    if len(free) == len(operands):  # nothing of the target in it: the side that calls something is the result
        plain = [operand for operand in free if not _calls(operand)]
        free = plain if plain and len(plain) < len(free) else free[-1:]
    yield from reversed(free)


def _calls(node: ast.expr) -> bool:
    return any(isinstance(part, (ast.Call, ast.Attribute, ast.Subscript)) for part in ast.walk(node))
