"""What an answer brings beside a definition, and where in the file it goes.

Imports, constants, helpers, aliases and set-up that the file lacks go before the outermost statement that holds the
target; what is made of the target, behind it. What the file has under that name with the same text is there already.
What it has with another text takes the answer's only where the target uses it, and is said to be left out otherwise.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from ttc_data.lang.facts import Node, docstring_of, last_name
from ttc_data.solve.definitions import (
    DEFINITIONS,
    Chain,
    Level,
    Scope,
    belongs_to_a_class,
    bindings,
    bound_by,
    is_stub,
    role_of,
    shape,
    used_by,
)

_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_CONDITIONS = (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.Match)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of an answer's code takes the target's place."""

    skip: int
    """Names of the target's that the code does not have round it: 1 for a method without its class."""
    outer: Chain
    """The scopes that it stands in."""
    scope: Scope
    statement: ast.stmt
    """Of `scope`."""
    node: Node | None
    """The definition; None where the whole statement takes the place."""


@dataclass(slots=True)
class Place:
    """Where statements go: before the statement that holds the target, behind the target, or instead of another."""

    level: Level
    statements: list[tuple[ast.stmt, str]]
    """With the text to write where it is not that of the code."""
    after: bool = False
    instead: ast.stmt | None = None
    first: int | None = None
    """Lines of the file that go before, where that is nowhere near the target."""


@dataclass(slots=True)
class _Held:
    """What a scope of the file has."""

    level: Level
    names: dict[str, list[ast.stmt]]
    before: Place = field(init=False)
    after: Place = field(init=False)

    def __post_init__(self) -> None:
        self.before = Place(self.level, [])
        self.after = Place(self.level, [], after=True)

    def has(self, statement: ast.stmt) -> bool:
        """Whether the scope holds a statement that says the same."""
        names = bound_by(statement)
        alike = (
            self.names.get(min(names), [])
            if names
            else [other for other in self.level.scope.body if type(other) is type(statement)]
        )
        return any(shape(other) == shape(statement) for other in alike)


class Beside:
    """Sorts the statements of an answer's code that are not the target's definition."""

    def __init__(self, tree: ast.Module, wanted: Chain, found: ast.Module, meant: Chosen) -> None:
        self.left_out: list[str] = []
        self.inside: list[str] = []
        """Imports that go into the function itself, because the file has their names for something else."""
        self._tree = tree
        self._name = wanted[-1].node.name
        self._meant = meant
        self._found = found
        self._held = [_held(level) for level in wanted]
        self._instead: list[Place] = []
        self._future: Place | None = None
        scopes = [*((level.scope, level.statement) for level in meant.outer), (meant.scope, meant.statement)]
        self._scopes = scopes
        self._used = self._needed()
        for number, (scope, statement) in enumerate(scopes):
            self._sort(scope, statement, number)

    @property
    def places(self) -> list[Place]:
        """Where something goes."""
        found = [place for held in self._held for place in (held.before, held.after)]
        found += self._instead + ([self._future] if self._future else [])
        return [place for place in found if place.statements]

    def siblings(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """The statements of the same block of the code."""
        for scope, _ in self._scopes:
            if statement in scope.body:
                yield from scope.body

    def _needed(self) -> frozenset[str]:
        """Names that the definition uses, and those that what it uses uses."""
        beside = {
            name: statement
            for scope, own in self._scopes
            for statement in scope.body
            if statement is not own
            for name in bound_by(statement)
        }
        used: set[str] = set()
        waiting = [*used_by(self._meant.node or self._meant.statement)]
        while waiting:
            name = waiting.pop()
            if name not in used:
                used.add(name)
                waiting += used_by(beside[name]) if name in beside else ()
        return frozenset(used)

    def _sort(self, scope: Scope, own: ast.stmt, number: int) -> None:
        docstring = None if isinstance(scope, ast.Module) else docstring_of(scope)
        seen = False
        for statement in scope.body:
            if statement is own:
                seen = True
                continue
            if statement is docstring or _says_nothing(statement):
                continue
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._import(statement)
                continue
            held = self._where(statement, number)
            if held.has(statement):
                continue
            if isinstance(statement, DEFINITIONS):
                self._definition(statement, held, number)
            elif isinstance(statement, (*_ASSIGNMENTS, *_CONDITIONS)) or getattr(ast, "TypeAlias", None) is type(
                statement
            ):
                self._bound(statement, held, seen)
            elif isinstance(statement, ast.Expr) and not seen and self._sets_up(statement):
                held.before.statements.append((statement, ""))
            else:
                self._leave(statement, "it runs and defines nothing")

    def _where(self, statement: ast.stmt, number: int) -> _Held:
        """The scope of the file that a statement of the code belongs to."""
        skip = self._meant.skip
        if number or not skip:
            return self._held[number + skip]
        inner = self._held[skip]
        if not isinstance(inner.level.scope, ast.ClassDef):
            return inner  # a function's: what stands there sees its variables
        names = bound_by(statement)
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and belongs_to_a_class(statement):
            return inner
        if inner.has(statement) or self._as_attribute(names, inner.level.scope.name):
            return inner
        return self._held[0]

    def _as_attribute(self, names: frozenset[str], owner: str) -> bool:
        """Whether names are used as those of the class: `self.name`, `Class.name`."""
        return any(
            node.attr in names and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", owner)
            for scope, _ in self._scopes
            for node in ast.walk(scope)
            if isinstance(node, ast.Attribute)
        )

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        """Imports go to the module; a name that the file has for something else, into the function that uses it."""
        module = self._held[0]
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            self._from_the_future(statement)
            return
        for alias in statement.names:
            one = _import_of(statement, alias)
            name = alias.asname or alias.name.partition(".")[0]
            said = ast.unparse(one)
            has = [other for other in module.names.get(name, []) if not _is_for_checkers(other)]
            if any(shape(_import_of(other, held)) == shape(one) for other, held in _imports(has)):
                continue
            dotted = isinstance(one, ast.Import) and not alias.asname
            if name == "*" or not has or (dotted and all(_is_import_of(other, name) for other in has)):
                module.before.statements.append((statement, said))
            elif name in self._used and not isinstance(self._meant.node, ast.ClassDef) and self._meant.node:
                self.inside.append(said)
            else:
                self.left_out.append(f"`{said}`: the file has another {name}")

    def _from_the_future(self, statement: ast.ImportFrom) -> None:
        wanted = any(alias.name == "annotations" for alias in statement.names)
        has = "annotations" in self._held[0].names
        if wanted and not has:
            body = self._tree.body
            is_text = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
            first = (body[0].end_lineno or 0) if is_text else _header(body[0])
            self._future = Place(self._held[0].level, [(statement, "from __future__ import annotations")], first=first)

    def _definition(
        self, statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, held: _Held, number: int
    ) -> None:
        name, role = statement.name, role_of(statement)
        has = [
            other for other in held.names.get(name, []) if role_of(other) == role or not isinstance(other, DEFINITIONS)
        ]
        if not has:
            place = held.after if role in ("setter", "deleter", "getter") and name == self._name else held.before
            place.statements.append((statement, ""))
        elif name == self._name and number == len(self._scopes) - 1 and not role:
            self._leave(statement, "another one takes the target's place")
        else:
            self._conflict(statement, has, held)

    def _bound(self, statement: ast.stmt, held: _Held, seen: bool) -> None:
        """An assignment, or a statement with conditions that binds names."""
        names = bound_by(statement)
        compound = isinstance(statement, _CONDITIONS)
        mentions = self._name in used_by(statement)
        if compound and (mentions or not names or _is_main(statement)):
            self._leave(statement, "it runs and defines nothing")
        elif (
            mentions
            and seen
            and isinstance(statement, _ASSIGNMENTS)
            and (names <= {self._name} or not self._clash(names, held))
        ):
            if held is self._held[-1]:
                held.after.statements.append((statement, ""))
            else:
                self._leave(statement, "it needs the target, which is not there yet")
        elif mentions and self._name in names:
            self._leave(statement, "the definition takes its place")
        elif has := self._clash(names, held):
            self._conflict(statement, has, held)
        else:
            held.before.statements.append((statement, ""))

    def _clash(self, names: frozenset[str], held: _Held) -> list[ast.stmt]:
        return [statement for name in sorted(names) for statement in held.names.get(name, [])]

    def _conflict(self, statement: ast.stmt, has: list[ast.stmt], held: _Held) -> None:
        """The file has the name with another text."""
        alike = len(has) == 1 and bound_by(has[0]) == bound_by(statement) and has[0] in held.level.scope.body
        simple = alike and isinstance(statement, (*DEFINITIONS, *_ASSIGNMENTS)) and has[0] is not held.level.statement
        needed = bound_by(statement) & self._used or (_sets(statement) - _sets(has[0])) & self._used
        if simple and not is_stub(statement) and needed:
            self._instead = [place for place in self._instead if place.instead is not has[0]]
            self._instead.append(Place(held.level, [(statement, "")], instead=has[0]))
        elif is_stub(statement):
            return  # shown for the context: the file's stays
        else:
            self._leave(statement, "the file has another of that name, and the target does not need this one")

    def _sets_up(self, statement: ast.Expr) -> bool:
        """Whether an expression prepares something for the definition, as `sys.setrecursionlimit(10_000)` does."""
        call = statement.value
        return (
            isinstance(call, ast.Call)
            and self._name not in used_by(call)
            and last_name(call) not in ("print", "testmod")
        )

    def _leave(self, statement: ast.stmt, why: str) -> None:
        said = ast.unparse(statement).strip().partition("\n")[0][:80]
        self.left_out.append(f"`{said}`: {why}")


def _sets(node: ast.stmt) -> frozenset[str]:
    """Attributes that a method gives its object."""
    return frozenset(
        inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
    )


def _held(level: Level) -> _Held:
    return _Held(level, bindings(level.scope.body))


def _says_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in used_by(statement.test)


def _import_of(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.Import | ast.ImportFrom:
    """The import of one name out of a statement."""
    names = [ast.alias(alias.name, alias.asname)]
    if isinstance(statement, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(statement.module, names, statement.level)


def _is_for_checkers(statement: ast.stmt) -> bool:
    """Whether what a statement imports is there for type checkers alone, and not when the file runs."""
    return isinstance(statement, ast.If) and "TYPE_CHECKING" in used_by(statement.test)


def _imports(statements: list[ast.stmt]) -> Iterator[tuple[ast.Import | ast.ImportFrom, ast.alias]]:
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from ((node, alias) for alias in node.names)


def _is_import_of(statement: ast.stmt, package: str) -> bool:
    """Whether a statement imports a package, or modules of it, under the package's own name."""
    return isinstance(statement, ast.Import) and any(
        not alias.asname and alias.name.partition(".")[0] == package for alias in statement.names
    )


def _header(first: ast.stmt) -> int:
    """Lines before a file's first statement."""
    decorators: list[ast.expr] = getattr(first, "decorator_list", [])
    return min([first.lineno, *(decorator.lineno for decorator in decorators)]) - 1
