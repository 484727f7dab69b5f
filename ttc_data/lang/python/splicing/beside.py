"""What an answer brings beside a definition, and where in the file it goes.

Imports go before the outermost statement that holds the target. Everything else keeps its order: what the answer has
before the target goes before that statement, what it has behind the target goes behind it. What the file has under that
name with the same text is there already. What it has with another text takes the answer's only where the target uses it.
What only shows the target does not run. All that stays out is said.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from ttc_data.lang.python.facts import Node, docstring_of, last_name
from ttc_data.lang.python.splicing.clashes import bound_name, clashes, has_import, import_of
from ttc_data.lang.python.splicing.definitions import (
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
    shown,
    used_by,
)
from ttc_data.lang.python.splicing.written import at_definition, mentions_of

_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_SHOWS = frozenset(("print", "pprint", "help", "testmod", "run_docstring_examples", "timeit", "main", "exit", "show"))
_SHOWS |= {"dis", "breakpoint"}
"""What an answer calls to show what it does."""
_CONDITIONS = (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.Match)


@dataclass(frozen=True, slots=True)
class ChosenCode:
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

    def place(self, seen: bool) -> Place:
        """Where a statement goes that the answer has before the target, or behind it."""
        return self.after if seen else self.before

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

    def __init__(
        self,
        tree: ast.Module,
        wanted: Chain,
        found: ast.Module,
        meant: ChosenCode,
        others: frozenset[str] = frozenset(),
    ) -> None:
        self.left_out: list[str] = []
        self._tree = tree
        self._name = wanted[-1].node.name
        self._meant = meant
        self._others = others
        self._found = found
        self._held = [_held(level) for level in wanted]
        self._instead: list[Place] = []
        self._future: Place | None = None
        scopes = [*((level.scope, level.statement) for level in meant.outer), (meant.scope, meant.statement)]
        self._scopes = scopes
        own: list[ast.AST] = [meant.node or meant.statement]
        self._used = self._needed(own)
        self._used_beside = self._needed(
            own
            + [
                statement
                for scope, _ in scopes
                for statement in scope.body
                if isinstance(statement, DEFINITIONS) or _gives_attributes(statement, wanted)
            ]
        )
        self._beside = {
            name
            for scope, own_statement in scopes
            for statement in scope.body
            if statement is not own_statement
            for name in bound_by(statement)
        }
        self._left: set[str] = set()
        """Names that statements would bind which only show the target."""
        for number, (scope, statement) in enumerate(scopes):
            self._sort(scope, statement, number)

    @property
    def places(self) -> list[Place]:
        """Where something goes."""
        found = [place for held in self._held for place in (held.before, held.after)]
        found += self._instead + ([self._future] if self._future else [])
        return [place for place in found if place.statements]

    def _needed(self, roots: list[ast.AST]) -> frozenset[str]:
        """Names that some code uses, and those that what it uses uses."""
        beside = {
            name: statement
            for scope, own in self._scopes
            for statement in scope.body
            if statement is not own
            for name in bound_by(statement)
        }
        used: set[str] = set()
        waiting = [name for root in roots for name in used_by(root)]
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
            if statement is docstring or _says_nothing(statement) or getattr(statement, "name", "") in self._others:
                continue
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._import(statement)
                continue
            held = self._where(statement, number)
            if held.has(statement):
                continue
            if isinstance(statement, DEFINITIONS):
                self._definition(statement, held, number, seen)
            elif _binds(statement):
                self._bound(statement, held, seen)
            elif isinstance(statement, ast.Expr) and self._sets_up(statement, seen):
                held.place(seen).statements.append((statement, ""))
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
        """Imports go to the module, those that the file has for something else excepted: nothing needs them."""
        module = self._held[0]
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            self._from_the_future(statement)
            return
        for alias in statement.names:
            said = ast.unparse(import_of(statement, alias))
            if clashes(statement, alias, module.names):
                self.left_out.append(f"`{said}`: the file has another {bound_name(alias)}")
            elif not has_import(statement, alias, module.names):
                module.before.statements.append((statement, said))

    def _from_the_future(self, statement: ast.ImportFrom) -> None:
        wanted = any(alias.name == "annotations" for alias in statement.names)
        has = "annotations" in self._held[0].names
        if wanted and not has:
            body = self._tree.body
            is_text = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
            first = (body[0].end_lineno or 0) if is_text else _header(body[0])
            self._future = Place(self._held[0].level, [(statement, "from __future__ import annotations")], first=first)

    def _definition(self, statement: Node, held: _Held, number: int, seen: bool) -> None:
        name, role = statement.name, role_of(statement)
        has = [
            other for other in held.names.get(name, []) if role_of(other) == role or not isinstance(other, DEFINITIONS)
        ]
        if name == "_" and statement.decorator_list:  # one of many, each of which is registered
            has = []
        if not has:
            held.place(seen).statements.append((statement, ""))
        elif name == self._name and number == len(self._scopes) - 1 and not role:
            self._leave(statement, "another one takes the target's place")
        else:
            self._conflict(statement, has, held)

    def _bound(self, statement: ast.stmt, held: _Held, seen: bool) -> None:
        """An assignment, or a statement with conditions that binds names."""
        names = bound_by(statement)
        compound = isinstance(statement, _CONDITIONS)
        mentions = self._name in used_by(statement)
        if compound and (_is_main(statement) or not (names or (seen and mentions)) or self._shows(statement)):
            self._leave(statement, "it runs and defines nothing")
        elif self._only_shows(statement, names, seen):
            self._left |= names
            self._leave(statement, "it shows the target, and nothing needs it")
        elif mentions and self._meant.skip and held is self._held[0] and self._is_named(statement):
            self._leave(statement, "it needs the target, which the file's module has under no name")
        elif mentions and seen and held is self._held[-1] and names <= {self._name}:
            held.after.statements.append((statement, ""))
        elif mentions and self._name in names:
            self._leave(statement, "the definition takes its place")
        elif has := self._clash(names, held):
            self._conflict(statement, has, held)
        else:
            held.place(seen).statements.append((statement, ""))

    def _only_shows(self, statement: ast.stmt, names: frozenset[str], seen: bool) -> bool:
        """Whether a statement calls something for names that neither the target nor what comes with it needs."""
        if self._left & used_by(statement):
            return True
        if not names or any(map(self._is_needed, names)):
            return False
        if isinstance(statement, _CONDITIONS) and not self._calls(statement):
            filled = self._used_beside & self._beside | {self._name}
            if filled & used_by(statement):
                return False
        calls = any(isinstance(node, ast.Call) for node in at_definition(statement))
        return self._calls(statement) or (seen and calls)

    def _is_needed(self, name: str) -> bool:
        """Whether the target or what comes with it means a name of the module, and none of its own."""
        if name == self._name:
            return True
        roots = [
            statement
            for scope, own in self._scopes
            for statement in scope.body
            if statement is own or isinstance(statement, DEFINITIONS) or bound_by(statement) & self._used_beside
        ]
        return name in self._used_beside and any(mentions_of(root, name) for root in roots)

    def _is_named(self, statement: ast.stmt) -> bool:
        return any(isinstance(node, ast.Name) and node.id == self._name for node in ast.walk(statement))

    def _calls(self, statement: ast.AST) -> bool:
        """Whether a statement calls the target when it runs."""
        is_method = len(self._held) > 1
        return any(
            isinstance(node, ast.Call)
            and (
                (isinstance(node.func, ast.Name) and node.func.id == self._name)
                or (is_method and isinstance(node.func, ast.Attribute) and node.func.attr == self._name)
            )
            for node in at_definition(statement)
        )

    def _shows(self, statement: ast.AST) -> bool:
        """Whether a statement prints or tries out something."""
        return any(isinstance(node, ast.Call) and last_name(node) in _SHOWS for node in at_definition(statement))

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

    def _sets_up(self, statement: ast.Expr, seen: bool) -> bool:
        """Whether an expression prepares something: `sys.setrecursionlimit(10_000)`, `register(target)`."""
        call = statement.value
        if not isinstance(call, ast.Call) or self._calls(call) or self._shows(call):
            return False
        mentions = self._name in used_by(call)
        if not seen or mentions:
            return seen or not mentions
        root = call.func
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name):
            return False
        made = {statement for statement in self._found.body if root.id in bound_by(statement)}
        tried = root.id.lower().startswith(("test", "demo", "example", "run", "main", "check"))
        return bool(made) and not tried and self._name not in self._needed([*made])

    def _leave(self, statement: ast.stmt, why: str) -> None:
        self.left_out.append(f"`{shown(statement)}`: {why}")


def _binds(statement: ast.stmt) -> bool:
    """Whether a statement is there for the names that it binds, as `name = 1`, `type Name = int` or `(name := 1)`."""
    known = isinstance(statement, (*_ASSIGNMENTS, *_CONDITIONS)) or type(statement) is getattr(ast, "TypeAlias", None)
    return known or (isinstance(statement, ast.Expr) and bool(bound_by(statement)))


def _gives_attributes(statement: ast.stmt, wanted: Chain) -> bool:
    """Whether a statement gives the target, or what it stands in, an attribute."""
    if not isinstance(statement, _ASSIGNMENTS):
        return False
    root: ast.expr = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    names = {level.node.name for level in wanted}
    return not bound_by(statement) and isinstance(root, ast.Name) and root.id in names


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


def _header(first: ast.stmt) -> int:
    """Lines before a file's first statement."""
    decorators: list[ast.expr] = getattr(first, "decorator_list", [])
    return min([first.lineno, *(decorator.lineno for decorator in decorators)]) - 1
