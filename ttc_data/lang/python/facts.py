"""Facts about definitions, read off their syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Node: TypeAlias = Function | ast.ClassDef
ABSTRACT = frozenset({"abstractmethod", "abstractproperty", "abstractclassmethod", "abstractstaticmethod"})


def definition_nodes(block: Sequence[ast.stmt]) -> Iterator[Node]:
    """The definitions of a block, those inside its `if`, `try`, `with`, loop and `match` statements included."""
    for statement in block:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement
            continue
        for field in ("body", "handlers", "cases", "orelse", "finalbody"):
            for part in getattr(statement, field, ()):
                yield from definition_nodes([part] if isinstance(part, ast.stmt) else part.body)


def maskable_methods(node: ast.ClassDef) -> Iterator[Function]:
    """The methods of a class, and of the classes in it, that have a body to hide."""
    for inner in definition_nodes(node.body):
        if isinstance(inner, ast.ClassDef):
            yield from maskable_methods(inner)
        elif not is_stub_or_abstract(inner):
            yield inner


def docstring_of(node: Node) -> ast.Expr | None:
    """The statement that holds a definition's docstring."""
    first = node.body[0]
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return first if is_text and isinstance(first, ast.Expr) else None


def statements_of(node: Function) -> list[ast.stmt]:
    """What follows the docstring."""
    return node.body[1:] if docstring_of(node) else node.body


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What is in a function's body, without what is in functions and classes inside it."""
    for statement in node.body if isinstance(node, Function) else ast.iter_child_nodes(node):
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from own_nodes(statement)


def last_name(node: ast.expr) -> str:
    """The last word of a dotted name or of a call to one."""
    match node:
        case ast.Call(func=function):
            return last_name(function)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def is_dunder(name: str) -> bool:
    """Whether a name is `__special__`."""
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def is_stub_or_abstract(node: Function) -> bool:
    """Whether there is nothing to implement: abstract, or no more than `pass`, `...` or NotImplementedError."""
    if any(last_name(decorator) in ABSTRACT for decorator in node.decorator_list):
        return True
    for statement in statements_of(node):
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.Raise(exc=ast.expr() as raised) if last_name(raised) == "NotImplementedError":
                continue
            case _:
                return False
    return True


def is_trivial_wrapper(node: Function) -> bool:
    """Whether the body is one call that passes the parameters on."""
    match statements_of(node):
        case [ast.Return(value=value) | ast.Expr(value=value)]:
            call = value.value if isinstance(value, ast.Await) else value
        case _:
            return False
    if not isinstance(call, ast.Call):
        return False
    callee = call.func
    while isinstance(callee, ast.Attribute):
        callee = callee.value
    if isinstance(callee, ast.Call) and last_name(callee) == "super" and not callee.args:
        callee = callee.func
    found = node.args
    every = [*found.posonlyargs, *found.args, *found.kwonlyargs, found.vararg, found.kwarg]
    parameters = {argument.arg for argument in every if argument}
    passed = [argument.value if isinstance(argument, ast.Starred) else argument for argument in call.args]
    passed += [keyword.value for keyword in call.keywords]
    return isinstance(callee, ast.Name) and all(
        isinstance(value, ast.Name) and value.id in parameters for value in passed
    )


def is_attribute_access(node: Function) -> bool:
    """Whether the body returns, sets or deletes one attribute."""
    match statements_of(node):
        case (
            [ast.Return(value=ast.Attribute(value=ast.Name()))]
            | [ast.Assign(targets=[ast.Attribute(value=ast.Name())], value=ast.Name())]
            | [ast.Delete(targets=[ast.Attribute(value=ast.Name())])]
        ):
            return True
        case _:
            return False


def complexity_of(function: Function) -> int:
    """Cyclomatic complexity; a straight line is 1."""
    count = 1
    for node in ast.walk(function):
        match node:
            case ast.If() | ast.IfExp() | ast.For() | ast.AsyncFor() | ast.While() | ast.ExceptHandler():
                count += 1
            case ast.BoolOp(values=values):
                count += len(values) - 1
            case ast.comprehension(ifs=ifs):
                count += 1 + len(ifs)
            case ast.match_case():
                count += 1
    return count
