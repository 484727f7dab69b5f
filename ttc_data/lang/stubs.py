"""Stubs: a target's file with every body replaced by something trivial, which tests that decide must refuse."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ttc_data.lang.facts import Function, definition_nodes, last_name, own_nodes
from ttc_data.lang.python import indent_of, line_starts, parse, parse_shared
from ttc_data.records import Span, Target

_MOST = 10
_LONGEST_CONSTANT = 30
_PASS = "pass"
_OF_TYPE: dict[str, tuple[str, ...]] = {
    "bool": ("True", "False"), "int": ("0", "1"), "float": ("0.0",), "complex": ("0j",), "str": ('""',),
    "bytes": ('b""',), "list": ("[]",), "sequence": ("[]",), "mutablesequence": ("[]",), "collection": ("[]",),
    "iterable": ("[]",), "dict": ("{}",), "mapping": ("{}",), "mutablemapping": ("{}",), "set": ("set()",),
    "mutableset": ("set()",), "frozenset": ("frozenset()",), "tuple": ("()",), "iterator": ("iter(())",),
    "generator": ("iter(())",),
}  # fmt: skip
_RETURNED_BY = {
    "any": "bool", "all": "bool", "isinstance": "bool", "issubclass": "bool", "callable": "bool", "hasattr": "bool",
    "startswith": "bool", "endswith": "bool", "len": "int", "round": "int", "join": "str", "format": "str",
    "repr": "str", "strip": "str", "lower": "str", "upper": "str", "sorted": "list", "iter": "iterator",
    "map": "iterator", "zip": "iterator", "filter": "iterator",
} | {name: name for name in ("bool", "int", "float", "str", "bytes", "list", "dict", "set", "frozenset", "tuple")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stub:
    """A trivial implementation of a target."""

    name: str
    """What the bodies do, for instance `pass` or `return_constant:0`."""
    text: str
    """The whole file with every body replaced."""


@dataclass(frozen=True, slots=True)
class _Method:
    """A function, as what its header and its own statements say about trivial bodies."""

    node: Function
    bound: str
    """`self` or `cls`, else empty."""
    first: str
    """The first parameter that a caller passes, else empty."""


def stubs(text: str, target: Target) -> list[Stub]:
    """Replace every body of a target by one trivial statement.

    Where a stub cannot be written for a method of a class, or could not let `__init__` work, that method gets `pass`.

    Args:
        text: the whole file, line ends as they are.
        target: a target of this very file.

    Returns:
        Ten stubs at most, each another text than the file's, in an order that depends on nothing else.

    Raises:
        SyntaxError: when the file does not parse.
    """
    source = text.encode()
    functions = _functions(source)
    pairs = [(body, method) for body in target.bodies if (method := _around(functions, body))]
    offers = [_offers(method) for _, method in pairs]
    found: dict[str, Stub] = {}
    for name in dict.fromkeys(chain.from_iterable(offers)):
        statements = [_statement(name, method, offer) for (_, method), offer in zip(pairs, offers, strict=True)]
        stub = _replaced(source, [(body, new) for (body, _), new in zip(pairs, statements, strict=True)])
        if stub != text:
            found.setdefault(stub, Stub(name, stub))
    return list(found.values())[:_MOST]


def _statement(name: str, method: _Method, offer: dict[str, str]) -> str:
    if name.startswith("return_") and method.node.name == "__init__":
        return _PASS
    if name.startswith("return_constant:"):
        return f"return {name.partition(':')[2]}"
    return offer.get(name, _PASS)


def _offers(method: _Method) -> dict[str, str]:
    """Names of stubs that suit a function, and the statements of those that are no constants."""
    found = {"pass": _PASS, "raise_not_implemented": "raise NotImplementedError"}
    own = list(own_nodes(method.node))
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in own):
        found["empty_generator"] = "return; yield"
        if method.first and isinstance(method.node, ast.FunctionDef):
            found["yield_from_first_argument"] = f"yield from {method.first}"
    if method.first:
        found["return_first_argument"] = f"return {method.first}"
    if method.bound:
        found["return_self"] = f"return {method.bound}"
    returned = [node.value for node in own if isinstance(node, ast.Return) and node.value]
    constants = [*_of_annotation(method.node.returns), *chain.from_iterable(map(_of_value, returned))]
    return found | {f"return_constant:{constant}": "" for constant in constants}


def _of_annotation(node: ast.expr | None) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(quoted)):
            try:
                block = parse(quoted.encode()).body
            except SyntaxError:  # a string that is no type: nothing is known
                return
            if len(block) == 1 and isinstance(block[0], ast.Expr):
                yield from _of_annotation(None if isinstance(block[0].value, ast.Constant) else block[0].value)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from chain(_of_annotation(left), _of_annotation(right))
        case ast.Subscript(value=kind, slice=ast.Tuple(elts=parts)) if last_name(kind) in ("Union", "Literal"):
            for part in parts:
                yield from _of_value(part) if last_name(kind) == "Literal" else _of_annotation(part)
        case ast.Subscript(value=kind, slice=part) if last_name(kind) in ("Optional", "Annotated", "Awaitable"):
            yield from _of_annotation(part)
        case ast.Subscript(value=kind):
            yield from _of_annotation(kind)
        case ast.Name() | ast.Attribute():
            yield from _OF_TYPE.get(last_name(node).lower(), ())


def _of_value(node: ast.expr) -> Iterator[str]:
    """Constants of the type that an expression has, as far as its form tells."""
    match node:
        case ast.Constant(value=None):
            return
        case ast.Constant() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            text = '""' if isinstance(node, ast.Constant) and node.value == "" else ast.unparse(node)
            if len(text) <= _LONGEST_CONSTANT:
                yield text
        case ast.IfExp(body=first, orelse=second):
            yield from chain(_of_value(first), _of_value(second))
        case ast.BoolOp(values=values):
            yield from chain.from_iterable(map(_of_value, values))
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            yield from _OF_TYPE["bool"]
        case ast.JoinedStr():
            yield from _OF_TYPE["str"]
        case ast.List() | ast.ListComp():
            yield from _OF_TYPE["list"]
        case ast.Dict() | ast.DictComp():
            yield from _OF_TYPE["dict"]
        case ast.Set() | ast.SetComp():
            yield from _OF_TYPE["set"]
        case ast.Tuple():
            yield from _OF_TYPE["tuple"]
        case ast.GeneratorExp():
            yield from _OF_TYPE["iterator"]
        case ast.Call():
            yield from _OF_TYPE.get(_RETURNED_BY.get(last_name(node), ""), ())


def _functions(source: bytes) -> list[tuple[Span, _Method]]:
    """Every function of a file with where it stands; those around others come first."""
    starts = line_starts(source)

    def visit(block: Sequence[ast.stmt], *, in_class: bool) -> Iterator[tuple[Span, _Method]]:
        for node in definition_nodes(block):
            if not isinstance(node, ast.ClassDef):
                end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
                yield (starts[node.lineno - 1] + node.col_offset, end), _method(node, in_class=in_class)
            yield from visit(node.body, in_class=isinstance(node, ast.ClassDef))

    return list(visit(parse_shared(source).body, in_class=False))


def _method(node: Function, *, in_class: bool) -> _Method:
    found = node.args
    named = [argument.arg for argument in (*found.posonlyargs, *found.args)]
    is_bound = in_class and bool(named) and "staticmethod" not in map(last_name, node.decorator_list)
    others = [argument.arg for argument in (found.vararg, *found.kwonlyargs, found.kwarg) if argument]
    return _Method(node, named[0] if is_bound else "", next(iter([*named[is_bound:], *others]), ""))


def _around(functions: Sequence[tuple[Span, _Method]], body: Span) -> _Method | None:
    """The innermost function that a body belongs to."""
    around = [method for (start, end), method in functions if start < body[0] < end]
    return around[-1] if around else None


def _replaced(source: bytes, edits: Sequence[tuple[Span, str]]) -> str:
    for (start, end), statement in sorted(edits, reverse=True):
        starts_line = source[start - 1 : start] in (b"\n", b"\r")
        indent = indent_of(source[start:end]) if starts_line else b""
        source = source[:start] + indent + statement.encode() + source[end:]
    return source.decode()
