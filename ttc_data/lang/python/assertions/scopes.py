"""Where the variables of a test take their values from: assignments, loops over literals, parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ttc_data.lang.python.facts import Function, last_name

Path: TypeAlias = tuple[int, ...]
"""A place in nested tuples: `b` of `for a, (b, c) in` is at `(1, 0)`."""
Trail: TypeAlias = frozenset[int]
"""The variables, by the identity of their nodes, that were followed to a value."""
Found: TypeAlias = tuple[ast.expr, Trail]


@dataclass(frozen=True)
class Scope:
    """A function or a module, and what binds its variables."""

    nodes: tuple[ast.AST, ...]
    """In which assignments and loops are looked for."""
    given: Mapping[str, Sequence[tuple[ast.expr, Scope]]] = field(default_factory=dict)
    """Parameters: expressions, and the scopes that those stand in."""
    outer: Scope | None = None
    """The module's, None for the module itself."""

    def sources(self, name: str, trail: Trail, line: int) -> list[tuple[ast.expr, Scope, Trail]]:
        """The expressions that a variable has its value from: bound nearest before a line, or given, or the module's."""
        bound: list[tuple[int, ast.expr, Trail]] = []
        for node in self.nodes:
            match node:
                case (
                    ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value)
                ):
                    found = [one for path in _paths(target, name) for one in _at(value, path, trail)]
                case (
                    ast.For(target=target, iter=value)
                    | ast.AsyncFor(target=target, iter=value)
                    | ast.comprehension(target=target, iter=value)
                ):
                    found = [one for path in _paths(target, name) for one in self.elements(value, path, trail)]
                case _:
                    continue
            bound += [(value.lineno, expr, way) for expr, way in found]
        if bound:
            # A comprehension's variables are bound below where they are used.
            before = [one[0] for one in bound if one[0] <= line]
            nearest = max(before) if before else min(one[0] for one in bound)
            return [(expr, self, way) for at, expr, way in bound if at == nearest]
        if name in self.given:
            return [(expr, scope, trail) for expr, scope in self.given[name]]
        return self.outer.sources(name, trail, line) if self.outer else []

    def elements(self, node: ast.expr, path: Path, trail: Trail) -> list[Found]:
        """What a loop over an expression gives to the variable at a place of its target."""
        match node:
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return [found for part in parts for found in _at(part, path, trail)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return [*self.elements(left, path, trail), *self.elements(right, path, trail)]
            case ast.Call(func=ast.Attribute(value=inner, attr="items"), args=[]) if path and path[0] < 2:
                return [
                    found
                    for holder, way in self._followed(inner, trail)
                    if isinstance(holder, ast.Dict)
                    for part in (holder.keys, holder.values)[path[0]]
                    if part is not None
                    for found in _at(part, path[1:], way)
                ]
            case ast.Call(func=ast.Name(id="zip"), args=parts) if path and path[0] < len(parts):
                return self.elements(parts[path[0]], path[1:], trail)
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]) if path[:1] == (1,):
                return self.elements(inner, path[1:], trail)
            case ast.Call(func=ast.Name(id="sorted" | "list" | "tuple" | "reversed" | "iter"), args=[inner, *_]):
                return self.elements(inner, path, trail)
            case ast.Name():
                followed = self._followed(node, trail)
                return [found for holder, way in followed for found in self.elements(holder, path, way)]
            case _:
                return []

    def _followed(self, node: ast.expr, trail: Trail) -> list[Found]:
        if not isinstance(node, ast.Name):
            return [(node, trail)]
        if id(node) in trail:  # bound to itself
            return []
        return [(expr, way) for expr, _, way in self.sources(node.id, trail | {id(node)}, node.lineno)]


def _paths(target: ast.expr, name: str) -> Iterator[Path]:
    match target:
        case ast.Name(id=found) if found == name:
            yield ()
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for index, part in enumerate(parts):
                for path in _paths(part, name):
                    yield (index, *path)


def _at(node: ast.expr, path: Path, trail: Trail) -> list[Found]:
    if not path:
        return [(node, trail)]
    match node:
        case ast.Tuple(elts=parts) | ast.List(elts=parts) if path[0] < len(parts):
            return _at(parts[path[0]], path[1:], trail)
        case _:
            return []


def parameters(
    function: Function, classes: Sequence[ast.ClassDef], module: Scope, chosen: str
) -> dict[str, list[tuple[ast.expr, Scope]]]:
    """The values that decorators give to a test's parameters.

    Args:
        function: the test.
        classes: those around it.
        module: the scope of the decorators.
        chosen: what stands in the brackets of a test's id; its own values come first.
    """
    found: dict[str, list[tuple[ast.expr, Scope]]] = {}
    for decorator in [*function.decorator_list, *(one for node in classes for one in node.decorator_list)]:
        match decorator:
            case ast.Call(func=func, args=[named, values, *_]) if last_name(func) == "parametrize":
                names = _argument_names(named)
                spread = len(names) > 1
            case ast.Call(func=func, args=[values, *_]) if last_name(func) in ("expand", "parameterized"):
                names = [argument.arg for argument in function.args.args if argument.arg != "self"]
                spread = True
            case _:
                continue
        rows = [_row(value, spread=spread) for value, _ in module.elements(values, (), frozenset())]
        parts = [f"-{'-'.join(map(_id_part, names, row, [number] * len(row)))}-" for number, row in enumerate(rows)]
        first = [row for row, part in zip(rows, parts, strict=True) if part in f"-{chosen}-"]
        for row in [*first, *(row for row in rows if row not in first)]:
            for name, value in zip(names, row, strict=False):
                found.setdefault(name, []).append((value, module))
    return found


def _row(value: ast.expr, *, spread: bool) -> list[ast.expr]:
    match value:
        case ast.Call(func=func, args=parts) if last_name(func) == "param":
            return parts
        case ast.Tuple(elts=parts) | ast.List(elts=parts) if spread:
            return parts
        case _:
            return [value]


def _id_part(name: str, value: ast.expr, number: int) -> str:
    """What pytest makes of one parameter in a test's id."""
    match value:
        case ast.Constant(value=str() as text):
            return escaped(text)
        case ast.Constant(value=None | bool() | int() | float() | complex() as plain):
            return f"{plain}" if not isinstance(plain, int) or plain.bit_length() < 1024 else hex(plain)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as plain)) if plain < 2**1000:
            return f"-{plain}"
        case _:
            return f"{name}{number}"


def escaped(text: str) -> str:
    """Text as pytest writes it in ids."""
    return text.encode("unicode_escape").decode("ascii")


def _argument_names(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str() as text):
            return [name.strip() for name in text.split(",") if name.strip()]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        case _:
            return []
