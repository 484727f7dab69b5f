"""What is proposed, and what the reference did with it."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, TypeVar

from ttc_data.lang.python import syntax

Call: TypeAlias = str
"""A Python expression as text, which uses the module's names and those that its setup binds."""
Origin: TypeAlias = Literal["docstring", "hints", "call_site", "model", "corner"]

BUILTINS = frozenset(dir(builtins))
MOST_CHARACTERS = 600
"""Of one case: a longer one is no example that a person reads."""
TREES_HELD = 1024
"""Trees of setups and calls: those of one target are read again and again."""
N = TypeVar("N", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Case:
    """One call of the target."""

    names: tuple[str, ...]
    """Imported from the target's module."""
    setup: tuple[str, ...]
    """Statements that run before the call: what a docstring's example did, an instance, an argument that is changed."""
    call: Call
    observe: tuple[Call, ...]
    """Expressions looked at before the call and after it, to see what it changed."""
    origin: Origin
    kept: tuple[str, ...] = ()
    """Those of `observe` that are arguments, which nobody asked the call to change."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A case, and what the reference did every time."""

    case: Case
    view: str
    """How a result is looked at, `{}` stands for the call: `list({})` for an iterator."""
    value: str
    """The result as a literal; empty when the call raises."""
    raises: str
    """The exception's name; empty when the call returns."""
    module: str
    """Where the exception is imported from; `builtins` for Python's own."""
    changed: tuple[tuple[Call, str], ...]
    """What the call changed: an expression of `observe` and its value afterwards, as a literal."""
    kept: tuple[tuple[Call, str], ...] = ()
    """Arguments that the call left as they were, and their values."""


def expression(text: str) -> ast.expr | None:
    """Parse one expression; None when the text is anything else."""
    return _value(block(text))


def expression_shared(text: str) -> ast.expr | None:
    """As `expression`, with a tree of `block_shared`."""
    return _value(block_shared(text))


def _value(statements: list[ast.stmt] | None) -> ast.expr | None:
    if statements and len(statements) == 1 and isinstance(statements[0], ast.Expr):
        return statements[0].value
    return None


def block(text: str) -> list[ast.stmt] | None:
    """Parse statements; None when the text is no Python."""
    try:
        return syntax.parse(text.strip().encode("utf-8", "surrogatepass")).body
    except SyntaxError:
        return None


@lru_cache(maxsize=TREES_HELD)
def block_shared(text: str) -> list[ast.stmt] | None:
    """As `block`, of a text that is asked for again and again. The trees are everybody's: who has them must not change them."""
    return block(text)


def copied(node: N) -> N:
    """A copy of a tree; `copy.deepcopy` takes eight times as long."""
    other = type(node).__new__(type(node))
    held = vars(other)
    for name, value in vars(node).items():
        if isinstance(value, ast.AST):
            held[name] = copied(value)
        elif isinstance(value, list):
            held[name] = [copied(one) if isinstance(one, ast.AST) else one for one in value]
        else:
            held[name] = value
    return other


def is_import(text: str) -> bool:
    """Whether statements do nothing but import."""
    return all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in block_shared(text) or ())


def bound_names(nodes: Sequence[ast.stmt]) -> set[str]:
    """The names that statements bind where they stand: assignments, imports, definitions."""
    found: set[str] = set()
    for statement in nodes:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(statement.name)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.alias):
                found.add(node.asname or node.name.partition(".")[0])
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(node.name)
    return found


def bound_literal(text: str) -> tuple[str, ast.expr] | None:
    """The name that a statement gives a literal to, and the literal, which is everybody's; None for any other statement."""
    match block_shared(text):
        case [ast.Assign(targets=[ast.Name(id=name)], value=value)] if is_literal(value):
            return name, value
        case _:
            return None


def used_names(node: ast.AST) -> set[str]:
    """The names that an expression or a statement takes from around it, but for Python's own."""
    loaded: set[str] = set()
    own: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            (loaded if isinstance(inner.ctx, ast.Load) else own).add(inner.id)
        elif isinstance(inner, ast.arg):
            own.add(inner.arg)
    if isinstance(node, ast.stmt):
        own = {name for name in own if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return loaded - own - BUILTINS


def is_literal(node: ast.AST) -> bool:
    """Whether an expression is made of constants and containers of them, `set()` and `frozenset({...})` included."""
    match node:
        case ast.Constant():
            return node.value is not Ellipsis
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return is_literal(operand)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=ast.Constant(value=complex())):
            return is_literal(left)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return all(is_literal(part) for part in parts)
        case ast.Dict(keys=keys, values=values):
            return all(key is not None and is_literal(key) for key in keys) and all(is_literal(one) for one in values)
        case ast.Call(func=ast.Name(id="set" | "frozenset"), args=parts, keywords=[]):
            return len(parts) < 2 and all(is_literal(part) for part in parts)
        case _:
            return False
