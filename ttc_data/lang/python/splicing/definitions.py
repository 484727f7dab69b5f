"""Definitions of a file and of an answer: where they are, which one is meant, what they bind and what they use."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from ttc_data.errors import PatchRejected
from ttc_data.lang.python import syntax
from ttc_data.lang.python.facts import Function, Node, definition_nodes, docstring_of, last_name, statements_of

Scope: TypeAlias = ast.Module | Node
FILES_HELD = 64
"""Parsed: the answers to a row all change the same file."""
MOST_SHOWN = 80
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ACCESSORS = frozenset({"setter", "deleter", "getter"})
_DECLARES = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class Level:
    """A definition in a scope."""

    scope: Scope
    statement: ast.stmt
    """Of the scope: the definition, or the `if`, `try`, `with` or `match` that it stands in."""
    node: Node


Chain: TypeAlias = tuple[Level, ...]
"""From the module inwards: a method's has the level of its class and its own."""


@lru_cache(FILES_HELD)
def parsed(text: str, what: str) -> ast.Module:
    """Parse a text. The tree is shared: do not mutate.

    Raises:
        PatchRejected: it is no Python.
    """
    try:
        return syntax.parse(text.encode("utf-8", "surrogatepass"))
    except SyntaxError as error:
        raise PatchRejected(f"{what} is no Python: {error.msg}, line {error.lineno}") from error


def names_of(qualname: str) -> list[str]:
    """The names from the module inwards."""
    return qualname.replace("<locals>.", "").split(".")


def chains(scope: Scope, names: Sequence[str]) -> Iterator[Chain]:
    """Every definition of that qualified name, in the order of the text."""
    for statement in scope.body:
        for node in definition_nodes([statement]):
            if node.name == names[0]:
                level = Level(scope, statement, node)
                if len(names) == 1:
                    yield (level,)
                else:
                    yield from ((level, *rest) for rest in chains(node, names[1:]))


def target(tree: ast.Module, qualname: str) -> Chain | None:
    """The definition that a row asks for: of several with that name the one whose body was cut, else the last.

    Overloads are never meant where there is another.
    """
    found = list(chains(tree, names_of(qualname)))
    meant = [chain for chain in found if is_masked(chain[-1].node)]
    meant = meant or [chain for chain in found if role_of(chain[-1].node) != "overload"] or found
    return meant[-1] if meant else None


def is_masked(node: Node) -> bool:
    """Whether nothing but `raise NotImplementedError` is left of a body; of a class, of the body of a method."""
    if isinstance(node, ast.ClassDef):
        return any(is_masked(inner) for inner in definition_nodes(node.body))
    match statements_of(node):
        case [ast.Raise(exc=ast.Name(id="NotImplementedError"), cause=None)]:
            return True
        case _:
            return False


def is_stub(node: ast.stmt) -> bool:
    """Whether a definition stands for one that is written elsewhere: `...`, `pass`, `raise NotImplementedError`."""
    if isinstance(node, ast.ClassDef):
        return all(isinstance(inner, (ast.Pass, ast.Expr)) or is_stub(inner) for inner in node.body)
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return is_masked(node) or all(
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        or (isinstance(statement, ast.Raise) and statement.exc and last_name(statement.exc) == "NotImplementedError")
        for statement in statements_of(node)
    )


def role_of(node: ast.stmt) -> str:
    """What one of several definitions of a name is for: `setter`, `deleter`, `overload`; nothing for the usual one."""
    for decorator in getattr(node, "decorator_list", ()):
        if isinstance(decorator, ast.Attribute) and decorator.attr in _ACCESSORS:
            return decorator.attr
        if last_name(decorator) == "overload":
            return "overload"
    return ""


def chosen(file: ast.Module, wanted: Chain, found: Sequence[Chain]) -> Chain | None:
    """Of an answer's definitions of the target's name, the one that is meant for the target.

    Args:
        file: of the target.
        wanted: the target.
        found: in the answer.
    """
    role = role_of(wanted[-1].node)
    here = list(chains(file, [level.node.name for level in wanted]))
    mine = [chain for chain in found if role_of(chain[-1].node) == role]
    if not mine and role in _ACCESSORS:
        mine = [chain for chain in found if not role_of(chain[-1].node)]
    peers = [chain[-1].node for chain in here if role_of(chain[-1].node) == role]
    if len(peers) == len(mine):
        return mine[[node is wanted[-1].node for node in peers].index(True)]
    others = {shape(node) for node in peers if node is not wanted[-1].node}
    new = [chain for chain in mine if shape(chain[-1].node) not in others] or mine
    written = [chain for chain in new if not is_stub(chain[-1].node)] or new
    return written[-1] if written else None


def binding(block: Sequence[ast.stmt], name: str) -> ast.stmt | None:
    """The last statement of a block that gives a name its value without `def`: `name = ...`, `import ... as name`."""
    found = [
        statement
        for statement in block
        if isinstance(statement, (ast.Assign, ast.AnnAssign, *_DECLARES)) and name in bound_by(statement)
    ]
    return found[-1] if found else None


def shape(node: ast.AST) -> str:
    """What a statement says, whatever its layout; a definition's docstring does not count."""
    if isinstance(node, DEFINITIONS) and docstring_of(node):
        fields = dict(ast.iter_fields(node)) | {"body": node.body[1:]}
        return ast.dump(type(node)(**fields))
    return ast.dump(node)


def bound_by(statement: ast.stmt) -> frozenset[str]:
    """Names that a statement binds in its scope, whatever its conditions turn out to be."""
    found: set[str] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                continue
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
                waiting += node.body
            case _:
                waiting += ast.iter_child_nodes(node)
    return frozenset(found)


def bindings(block: Iterable[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """The statements of a scope by the names that they bind."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in block:
        for name in bound_by(statement):
            found.setdefault(name, []).append(statement)
    return found


def used_by(node: ast.AST) -> frozenset[str]:
    """Names and attributes that a piece of code mentions, those in quoted annotations left out."""
    return frozenset(
        inner.id if isinstance(inner, ast.Name) else inner.attr
        for inner in ast.walk(node)
        if isinstance(inner, (ast.Name, ast.Attribute))
    )


def shown(statement: ast.stmt) -> str:
    """The line of a statement that says what it is, as it is told: a definition's first one without its decorators."""
    lines = ast.unparse(statement).strip().split("\n")
    return next((line for line in lines if not line.startswith("@")), lines[0])[:MOST_SHOWN]


def belongs_to_a_class(node: Function) -> bool:
    """Whether a function is written as a method: by its first parameter or by its decorators."""
    first = [*node.args.posonlyargs, *node.args.args][:1]
    if any(parameter.arg in ("self", "cls", "mcs") for parameter in first):
        return True
    names = {last_name(decorator) for decorator in node.decorator_list}
    return bool(names & {"property", "staticmethod", "classmethod", "cached_property"}) or bool(role_of(node))


def first_line(node: ast.stmt) -> int:
    """The line of a statement or of its first decorator."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def last_line(node: ast.stmt) -> int:
    """The line that a statement ends on."""
    return node.end_lineno or node.lineno


def definition_lines(text: str, qualname: str) -> tuple[int, int] | None:
    """First and last line, counted from 1, of a definition in a file; None where it has none of that name."""
    try:
        found = target(parsed(text, "the file"), qualname)
    except PatchRejected:
        return None
    return (first_line(found[-1].node), last_line(found[-1].node)) if found else None
