"""Stubs: a target's file with every body replaced by something trivial, which tests that decide must refuse."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ttc_data.lang.python.facts import Function, definition_nodes, last_name, own_nodes
from ttc_data.lang.python.syntax import indent_of, line_starts, parse, parse_shared
from ttc_data.records import Span, Target

_PROPERTIES = frozenset({"property", "cached_property"})
_MOST = 20
"""A version costs a fork of 9 ms, and its tests until three have failed."""
_MOST_PARAMETERS = 6
_MOST_OF_TESTS = 4
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
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
    "any": "bool",
    "all": "bool",
    "isinstance": "bool",
    "issubclass": "bool",
    "callable": "bool",
    "hasattr": "bool",
    "startswith": "bool",
    "endswith": "bool",
    "len": "int",
    "round": "int",
    "join": "str",
    "format": "str",
    "repr": "str",
    "strip": "str",
    "lower": "str",
    "upper": "str",
    "sorted": "list",
    "iter": "iterator",
    "map": "iterator",
    "zip": "iterator",
    "filter": "iterator",
} | {name: name for name in ("bool", "int", "float", "str", "bytes", "list", "dict", "set", "frozenset", "tuple")}

_AS_TYPE = {'"': "str", "'": "str", "[": "list", "{": "dict", "(": "tuple", "0": "int"}


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
    parameters: tuple[str, ...]
    """What a caller passes."""
    parents: str
    """A statement that does what the parent's method does, else empty."""


EXPECTED = "return_expected:"
"""Begins the name of a stub that gives what a test expects: nobody writes it who does not know the tests."""


def stubs(text: str, target: Target, literals: Sequence[str] = ()) -> list[Stub]:
    """Replace every body of a target by one trivial statement.

    Where a stub cannot be written for a method of a class, or could not let `__init__` work, that method gets `pass`. With
    `parents_method` for every method a class is an empty subclass.

    Args:
        text: the whole file, line ends as they are.
        target: a target of this very file.
        literals: values that its tests compare with, as Python; the most frequent of each type is a constant to return.

    Returns:
        Twenty stubs at most, each another text than the file's, in an order that depends on nothing else.

    Raises:
        SyntaxError: when the file does not parse.
    """
    source = text.encode()
    functions = _functions(source)
    pairs = [(body, method) for body in target.bodies if (method := _around(functions, body))]
    offers = [_offers(method) for _, method in pairs]
    known = {name: rank for rank, name in enumerate(_RANKED)}
    names = dict.fromkeys((*chain.from_iterable(offers), *_expected(literals)))
    found: dict[str, Stub] = {}
    for name in sorted(names, key=lambda name: known.get(name, len(known))):
        statements = [_statement(name, method, offer) for (_, method), offer in zip(pairs, offers, strict=True)]
        stub = _replaced(source, [(body, new) for (body, _), new in zip(pairs, statements, strict=True)])
        if stub != text:
            found.setdefault(stub, Stub(name, stub))
    return list(found.values())[:_MOST]


_RANKED = (
    "pass",
    "raise_not_implemented",
    "parents_method",
    "return_self",
    *(f"return_{ordinal}_argument" for ordinal in _ORDINALS),
)


def _expected(literals: Sequence[str]) -> list[str]:
    """A constant of each type that tests expect, the one that they expect most often; the most expected types."""
    by_type: dict[str, Counter[str]] = {}
    for literal in literals:
        try:
            value = ast.literal_eval(literal)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue  # not a value that can be written down
        if value is not None and len(literal) <= _LONGEST_CONSTANT and "\n" not in literal:
            kind = repr(value) if isinstance(value, bool) else type(value).__name__
            by_type.setdefault(kind, Counter())[literal] += 1
    kinds = sorted(by_type.values(), key=lambda counts: -counts.total())[:_MOST_OF_TESTS]
    return [f"{EXPECTED}{counts.most_common(1)[0][0]}" for counts in kinds]


def _statement(name: str, method: _Method, offer: dict[str, str]) -> str:
    if name.startswith("return_") and method.node.name == "__init__":
        return _PASS
    if name.startswith(("return_constant:", EXPECTED)):
        return f"return {name.partition(':')[2]}"
    return offer.get(name, _PASS)


def _offers(method: _Method) -> dict[str, str]:
    """Names of stubs that suit a function, and the statements of those that are no constants."""
    found = {"pass": _PASS, "raise_not_implemented": "raise NotImplementedError"}
    own = list(own_nodes(method.node))
    given = list(zip(_ORDINALS, method.parameters, strict=False))
    is_generator = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in own)
    if is_generator:
        found["empty_generator"] = "return; yield"
        if isinstance(method.node, ast.FunctionDef):
            found |= {f"yield_from_{ordinal}_argument": f"yield from {name}" for ordinal, name in given}
    found |= {f"return_{ordinal}_argument": f"return {name}" for ordinal, name in given}
    if method.bound:
        found["return_self"] = f"return {method.bound}"
    if method.parents:
        found["parents_method"] = method.parents
    returned = [node.value for node in own if isinstance(node, ast.Return) and node.value]
    constants = [*_of_annotation(method.node.returns), *chain.from_iterable(map(_of_value, returned))]
    found |= {f"return_constant:{constant}": "" for constant in constants}
    if given:
        kinds = dict.fromkeys(kind for constant in constants if (kind := _AS_TYPE.get(constant[:1])))
        found |= {f"return_first_argument_as_{kind}": f"return {kind}({given[0][1]})" for kind in kinds}
    return found


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

    def visit(block: Sequence[ast.stmt], owner: ast.ClassDef | None) -> Iterator[tuple[Span, _Method]]:
        for node in definition_nodes(block):
            if isinstance(node, ast.ClassDef):
                yield from visit(node.body, node)
                continue
            end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            yield (starts[node.lineno - 1] + node.col_offset, end), _method(node, owner)
            yield from visit(node.body, None)

    return list(visit(parse_shared(source).body, None))


def _method(node: Function, owner: ast.ClassDef | None) -> _Method:
    found = node.args
    named = [argument.arg for argument in (*found.posonlyargs, *found.args)]
    is_bound = owner is not None and bool(named) and "staticmethod" not in map(last_name, node.decorator_list)
    others = [argument.arg for argument in (found.vararg, *found.kwonlyargs, found.kwarg) if argument]
    parameters = tuple([*named[is_bound:], *others][:_MOST_PARAMETERS])
    return _Method(node, named[0] if is_bound else "", parameters, _parents(node, owner) if is_bound and owner else "")


def _parents(node: Function, owner: ast.ClassDef) -> str:
    """The call of the parent's method with what the function was given, or the parent's property."""
    is_object = not owner.bases or [last_name(base) for base in owner.bases] == ["object"]
    if (is_object and not hasattr(object, node.name)) or "setter" in map(last_name, node.decorator_list):
        return ""
    if _PROPERTIES & set(map(last_name, node.decorator_list)):
        return f"return super().{node.name}"
    found = node.args
    passed = [argument.arg for argument in (*found.posonlyargs, *found.args)][node.name != "__new__" :]
    passed += [f"*{found.vararg.arg}"] if found.vararg else []
    passed += [f"{argument.arg}={argument.arg}" for argument in found.kwonlyargs]
    passed += [f"**{found.kwarg.arg}"] if found.kwarg else []
    passed = passed[:1] if node.name == "__new__" and is_object else passed
    passed = [] if node.name == "__init__" and is_object else passed
    waits = "await " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"return {waits}super().{node.name}({', '.join(passed)})"


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
