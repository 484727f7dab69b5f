"""Trivial definitions, told by their syntax alone: what a model writes that was paid for something, not for the answer."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Sequence

from ttc_data.lang.python.facts import Function, definition_nodes, last_name, statements_of
from ttc_data.lang.python.syntax import parse

_TYPES = frozenset({
    "list", "dict", "set", "tuple", "frozenset", "str", "bytes", "bytearray", "int", "float", "bool", "complex", "object",
})  # fmt: skip
_ACCESSORS = frozenset({"setter", "deleter", "overload"})


def is_trivial(text: str, qualname: str) -> bool:
    """Say whether a definition does nothing that its docstring could ask for, up to formatting and annotations.

    Trivial is a body that is empty, only raises, or only gives back a parameter, a constant, both in a container, a
    parameter as another built-in type (`str(value)`), an object made of constants, or what the parent's method of the same
    name gives for the parameters; a generator of nothing else; a class without methods, or with none but such. Of several definitions of one name all must be so, a property's setter and overloads left out.

    Args:
        text: a Python file.
        qualname: dotted name of a function, method or class in it; a lambda that is bound to the name counts too.

    Returns:
        Whether it is trivial; False where the text does not parse or has no such definition.
    """
    try:
        return _all_trivial(parse(text.encode("utf-8", "surrogatepass")).body, qualname)
    except (SyntaxError, RecursionError):
        return False


def _all_trivial(block: Sequence[ast.stmt], qualname: str) -> bool:
    *owners, name = qualname.split(".")
    bases: list[ast.expr] = []
    for owner in owners:
        around = [node for node in definition_nodes(block) if node.name == owner]
        if not around:
            return False
        block = around[-1].body
        bases = around[-1].bases if isinstance(around[-1], ast.ClassDef) else []
    found = list(_verdicts(block, name, bases))
    return bool(found) and all(found)


def _verdicts(block: Sequence[ast.stmt], name: str, bases: Sequence[ast.expr]) -> Iterator[bool]:
    for node in definition_nodes(block):
        if node.name == name and not _ACCESSORS & set(map(last_name, node.decorator_list)):
            yield _is_trivial_class(node) if isinstance(node, ast.ClassDef) else _is_trivial_function(node, bases)
    for statement in block:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and isinstance(statement.value, ast.Lambda):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                yield _is_trivial_value(statement.value.body, name, statement.value.args, bases)


def _is_trivial_class(node: ast.ClassDef) -> bool:
    for inner in definition_nodes(node.body):
        if not (
            _is_trivial_class(inner) if isinstance(inner, ast.ClassDef) else _is_trivial_function(inner, node.bases)
        ):
            return False
    return not any(isinstance(part, ast.Lambda) for statement in node.body for part in _bound(statement))


def _bound(statement: ast.stmt) -> Iterator[ast.AST]:
    """What a class binds to a name without a definition."""
    if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value:
        yield from ast.walk(statement.value)


def _is_trivial_function(node: Function, bases: Sequence[ast.expr]) -> bool:
    statements = [one for one in statements_of(node) if not _is_idle(one)]
    for number, statement in enumerate(statements):
        if isinstance(statement, (ast.Return, ast.Raise)):
            statements = statements[: number + 1]  # the rest is never run
            break
    match statements:
        case [] | [ast.Raise()]:
            return True
        case [ast.Return(value=value)]:
            return value is None or _is_trivial_value(value, node.name, node.args, bases)
        case [ast.Expr(value=ast.Yield(value=value))]:
            return value is None or _is_trivial_value(value, node.name, node.args, bases)
        case [ast.Expr(value=ast.YieldFrom(value=value))]:
            return _is_trivial_value(value, node.name, node.args, bases)
        case [ast.Expr(value=value)]:
            return _is_parents(value, node.name, node.args, bases)
        case _:
            return False


def _is_idle(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, (ast.Constant, ast.Name))
    )


def _is_trivial_value(value: ast.expr, name: str, args: ast.arguments, bases: Sequence[ast.expr]) -> bool:
    return _is_given(value, _parameters(args)) or _is_parents(value, name, args, bases)


def _is_given(value: ast.expr | None, parameters: Container[str]) -> bool:
    """Whether a value is made of constants and parameters without computing anything."""
    match value:
        case ast.Constant():
            return True
        case ast.Name(id=word):
            return word in parameters or word == "NotImplemented"
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not(), operand=operand):
            return _is_given(operand, frozenset())
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=ast.Constant(value=complex())):
            return _is_given(left, frozenset())
        case ast.Starred(value=inner):
            return _is_given(inner, parameters)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return all(_is_given(part, parameters) for part in parts)
        case ast.Dict(keys=keys, values=values):
            return all(_is_given(part, parameters) for part in (*keys, *values))
        case ast.JoinedStr(values=parts):
            return all(_is_given(part, frozenset()) for part in parts)
        case ast.Call(func=ast.Name(id=kind), args=[given], keywords=[]) if kind in _TYPES or kind == "iter":
            return _is_given(given, parameters)
        case ast.Call(func=ast.Name() | ast.Attribute() as made, args=given, keywords=named):
            is_class = last_name(made) in _TYPES or last_name(made).lstrip("_")[:1].isupper()
            return is_class and all(_is_given(part, frozenset()) for part in (*given, *(one.value for one in named)))
        case _:
            return False


def _is_parents(value: ast.expr, name: str, args: ast.arguments, bases: Sequence[ast.expr]) -> bool:
    """Whether it is what the parent's method gives, parameters passed on; of a property, the parent's value."""
    call = value.value if isinstance(value, ast.Await) else value
    match call:
        case ast.Call(func=ast.Attribute(value=parent, attr=method)) if method == name:
            passed = [part.value if isinstance(part, ast.Starred) else part for part in call.args]
            passed += [keyword.value for keyword in call.keywords]
        case ast.Attribute(value=parent, attr=method) if method == name:
            passed = []
        case _:
            return False
    is_parent = isinstance(parent, ast.Call) and last_name(parent) == "super"
    is_parent = is_parent or ast.dump(parent) in map(ast.dump, bases)
    parameters = _parameters(args)
    return is_parent and all(isinstance(part, ast.Name) and part.id in parameters for part in passed)


def _parameters(args: ast.arguments) -> set[str]:
    every = (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg)
    return {argument.arg for argument in every if argument}
