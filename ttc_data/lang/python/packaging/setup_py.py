"""What a `setup.py` says, read from its syntax tree: literals only, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ttc_data.lang.python import syntax

_MAX_BYTES = 1024 * 1024
_MAX_DEPTH = 40


def parse(data: bytes) -> ast.Module | None:
    """Parse foreign Python, None when it does not parse."""
    if len(data) > _MAX_BYTES:
        return None
    try:
        return syntax.parse(data)
    except SyntaxError:
        return None


def setup_arguments(data: bytes) -> dict[str, Any]:
    """Read the arguments of the `setup()` call that are literals, or names assigned to literals.

    Returns:
        Argument to value; an argument that only running the file could tell is absent.
    """
    tree = parse(data)
    if tree is None:
        return {}
    names = _assigned(tree)
    arguments: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) == "setup":
            for keyword in node.keywords:
                try:
                    value = _literal(keyword.value, names, 0)
                except ValueError:
                    continue
                if keyword.arg is not None:
                    arguments[keyword.arg] = value
                elif isinstance(value, dict):
                    arguments |= {key: one for key, one in value.items() if isinstance(key, str)}
    return arguments


def assigned_literal(data: bytes, name: str) -> Any:
    """The literal that a module assigns to a name at its top level, None when there is none."""
    tree = parse(data)
    return _assigned(tree).get(name) if tree is not None else None


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _assigned(tree: ast.Module) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                try:
                    names[target.id] = _literal(value, names, 0)
                except ValueError:
                    names.pop(target.id, None)
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                _assign_item(names, target, value)
    return names


def _assign_item(names: dict[str, Any], target: ast.Subscript, value: ast.expr) -> None:
    """`extras["test"] = [...]`, which follows many an `extras = {...}`."""
    holder = names.get(target.value.id) if isinstance(target.value, ast.Name) else None
    try:
        key = _literal(target.slice, names, 0)
        if isinstance(holder, dict) and isinstance(key, str):
            holder[key] = _literal(value, names, 0)
    except ValueError:
        return


def _literal(node: ast.expr, names: dict[str, Any], depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    down = depth + 1
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return _items(items, names, down)
        case ast.Dict(keys=keys, values=values):
            return _mapping(list(zip(keys, values, strict=True)), names, down)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            pairs = [(ast.Constant(one.arg) if one.arg else None, one.value) for one in keywords]
            return _mapping(pairs, names, down)
        case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted"), args=[inner_node]):
            return _literal(inner_node, names, down)
        case ast.Subscript(value=holder, slice=index):
            outer, key = _literal(holder, names, down), _literal(index, names, down)
            if isinstance(outer, dict) and isinstance(key, str) and key in outer:
                return outer[key]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, two = _literal(left, names, down), _literal(right, names, down)
            if isinstance(one, str) and isinstance(two, str) and len(one) + len(two) <= _MAX_BYTES:
                return one + two
            if isinstance(one, list) and isinstance(two, list) and len(one) + len(two) <= _MAX_BYTES:
                return one + two
    raise ValueError("not a literal")


def _mapping(pairs: Sequence[tuple[ast.expr | None, ast.expr]], names: dict[str, Any], depth: int) -> dict[str, Any]:
    """A dict's items; those that are no literals are left out, so that the others count."""
    found: dict[str, Any] = {}
    for key_node, value_node in pairs:
        try:
            key = None if key_node is None else _literal(key_node, names, depth)
            value = _literal(value_node, names, depth)
        except ValueError:
            continue
        if isinstance(key, str):
            found[key] = value
        elif key_node is None and isinstance(value, dict):
            found |= value
    return found


def _items(items: list[ast.expr], names: dict[str, Any], depth: int) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if isinstance(item, ast.Starred):
            inner = _literal(item.value, names, depth)
            found += inner if isinstance(inner, list) else []
        else:
            found.append(_literal(item, names, depth))
        if len(found) > _MAX_BYTES:
            raise ValueError("too long")
    return found
