"""A target where it stands: its definition, the names of its module, and how an instance of its class is made."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ttc_data.lang.python import syntax
from ttc_data.lang.python.facts import Function, Node, definition_nodes, last_name
from ttc_data.lang.python.generated.case import bound_names
from ttc_data.records import Target


@dataclass(frozen=True)
class Module:
    """A target's module, read."""

    text: str
    tree: ast.Module
    node: Node
    """The target's definition."""
    owner: ast.ClassDef | None
    """The class of a method; the class itself for a class."""
    names: frozenset[str]
    """Bound at the module's top."""
    classes: Mapping[str, ast.ClassDef]
    """Of the module and, where it does not have them, of the repository's other files."""
    target: Target
    bases: tuple[ast.ClassDef, ...] = field(default=())
    """The owner and the classes above it that could be found, the nearest first."""
    foreign: frozenset[str] = field(default=frozenset())
    """Names of the classes above it that are defined elsewhere: `dict`, `MutableMapping`."""

    @property
    def name(self) -> str:
        """The target's own name."""
        return self.target.qualname.rpartition(".")[2]

    @property
    def path(self) -> str:
        """The class as an expression."""
        return self.target.qualname if self.target.kind == "class" else self.target.qualname.rpartition(".")[0]

    def method(self, name: str) -> Function | None:
        """A method of the owner, or of the nearest class above it that has it."""
        for owner in self.bases:
            for node in definition_nodes(owner.body):
                if not isinstance(node, ast.ClassDef) and node.name == name:
                    return node
        return None

    def methods(self) -> Iterator[Function]:
        """Every method of the owner and of the classes above it, the nearest first, each name once."""
        seen: set[str] = set()
        for owner in self.bases:
            for node in definition_nodes(owner.body):
                if not isinstance(node, ast.ClassDef) and node.name not in seen:
                    seen.add(node.name)
                    yield node

    def has(self, name: str, *builtin: str) -> bool:
        """Whether instances have a method: it is written down, or comes from one of the named foreign classes."""
        return self.method(name) is not None or not self.foreign.isdisjoint(builtin)


def read(target: Target, text: str, others: Mapping[str, str]) -> Module | None:
    """Find a target in its module's text; None when it cannot be imported by name or is not there."""
    if "<locals>" in target.qualname:
        return None
    data = text.encode("utf-8", "surrogatepass")
    try:
        tree = syntax.parse_shared(data)
    except SyntaxError:
        return None
    line = len(data[: target.span[0]].splitlines()) + (not data[: target.span[0]].endswith(b" "))
    chain = _find(tree.body, target.qualname.split("."), line)
    if not chain:
        return None
    node = chain[-1]
    outer = chain[-2] if len(chain) > 1 and target.kind != "class" else node
    owner = outer if isinstance(outer, ast.ClassDef) else None
    classes = {one.name: one for one in definition_nodes(tree.body) if isinstance(one, ast.ClassDef)}
    bases, foreign = _above(owner, dict(classes), others) if owner else ((), frozenset())
    names = frozenset(bound_names(tree.body)) - {"*"}
    return Module(text, tree, node, owner, names, classes, target, bases, foreign)


def _find(block: Sequence[ast.stmt], names: Sequence[str], line: int) -> list[Node]:
    found = [node for node in definition_nodes(block) if node.name == names[0]]
    if not found:
        return []
    if len(names) == 1:
        return [min(found, key=lambda node: abs(node.lineno - line))]
    for node in found:
        if rest := _find(node.body, names[1:], line):
            return [node, *rest]
    return []


def _above(
    owner: ast.ClassDef, classes: dict[str, ast.ClassDef], others: Mapping[str, str]
) -> tuple[tuple[ast.ClassDef, ...], frozenset[str]]:
    found: list[ast.ClassDef] = []
    foreign: set[str] = set()
    waiting = [owner]
    while waiting:
        node = waiting.pop(0)
        if node in found:
            continue
        found.append(node)
        for base in node.bases:
            name = last_name(base.value if isinstance(base, ast.Subscript) else base)
            if name not in classes and (other := _elsewhere(name, others)):
                classes[name] = other
            if name in classes:
                waiting.append(classes[name])
            elif name:
                foreign.add(name)
    return tuple(found), frozenset(foreign)


def _elsewhere(name: str, others: Mapping[str, str]) -> ast.ClassDef | None:
    for path, text in others.items():
        if name and path.endswith(".py") and f"class {name}" in text:
            try:
                body = syntax.parse_shared(text.encode("utf-8", "surrogatepass")).body
            except SyntaxError:
                continue
            for node in definition_nodes(body):
                if isinstance(node, ast.ClassDef) and node.name == name:
                    return node
    return None


def is_kind(function: Function, *names: str) -> bool:
    """Whether a function has one of the named decorators."""
    return any(last_name(decorator) in names for decorator in function.decorator_list)
