"""Imports of an answer whose names the file has for something else: both keep what they mean.

Where only bodies of functions use such an import, it goes into them, where it runs as late as it can. Any other use, in
a default, a decorator, a class, a lambda or a constant, gets a name that neither the file nor the answer has.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

from ttc_data.lang.python.facts import docstring_of
from ttc_data.lang.python.splicing.definitions import bound_by, first_line, last_line, parsed, shape, used_by
from ttc_data.lang.python.splicing.layout import blanks_of
from ttc_data.lang.python.splicing.written import Span, fresh, rewritten, uses_of

IMPORTS = (ast.Import, ast.ImportFrom)
Import: TypeAlias = ast.Import | ast.ImportFrom


@dataclass(frozen=True, slots=True)
class Own:
    """What an answer's imports may mean of the file that it changes."""

    path: str
    target: str
    """The target's name in the file's module. The answer may define it by importing that name."""

    def has(self, statement: Import, alias: ast.alias, names: Mapping[str, Sequence[ast.stmt]]) -> bool:
        """Whether an import brings what the file itself defines, from its own module or from a package around it."""
        if isinstance(statement, ast.Import) or bound_name(alias) != alias.name or not self.path:
            return False
        places = [*PurePosixPath(self.path).with_suffix("").parts]
        if places[-1] == "__init__":
            places.pop()
            package = places
        else:
            package = places[:-1]
        if statement.level:
            named = [*package[: len(package) - statement.level + 1], *(statement.module or "").split(".")]
            own = [part for part in named if part] in ([*places[:count]] for count in range(1, len(places) + 1))
        else:
            named = (statement.module or "").split(".")
            own = any(places[at : at + len(named)] == named for at in range(len(places)))
        return own and any(not isinstance(other, (ast.Import, ast.ImportFrom)) for other in names.get(alias.name, ()))


def without_clashes(code: str, file: str, names: Mapping[str, Sequence[ast.stmt]], own: Own) -> str:
    """Give an answer's imports that clash with names of a file another place or another name.

    Args:
        code: Python, one statement a line.
        file: text of the file.
        names: what the file's module binds.
        own: what imports may mean of the file.
    """
    code = _without_own(code, names, own)
    kept: set[str] = {own.target}
    lazy = "annotations" in names
    while True:
        tree = parsed(code, "the code")
        lazy = lazy or any("annotations" in bound_by(one) for one in tree.body if isinstance(one, ast.ImportFrom))
        clash = next((clash for clash in _clashes(tree, names) if clash[2] not in kept), None)
        if clash is None:
            return code
        code = _apart(code, tree, *clash, fresh(clash[2], code, file), lazy) or code
        kept.add(clash[2])


def _without_own(code: str, names: Mapping[str, Sequence[ast.stmt]], own: Own) -> str:
    """Drop imports of what the file itself defines."""
    tree = parsed(code, "the code")
    defined = {name for statement in tree.body if not isinstance(statement, IMPORTS) for name in bound_by(statement)}
    spans: list[Span] = []
    for statement in tree.body:
        if isinstance(statement, IMPORTS) and not is_from_the_future(statement):
            left = [
                alias
                for alias in statement.names
                if not own.has(statement, alias, names) or (alias.name == own.target and own.target not in defined)
            ]
            if len(left) < len(statement.names):
                text = ast.unparse(_with_names(statement, left)) if left else "pass"
                spans.append(_span_of(statement, text))
    return rewritten(code, spans)


def _span_of(node: ast.stmt | ast.expr, text: str) -> Span:
    return Span(node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0, text)


def _clashes(tree: ast.Module, names: Mapping[str, Sequence[ast.stmt]]) -> Iterator[tuple[Import, ast.alias, str]]:
    used = {inner.id for inner in ast.walk(tree) if isinstance(inner, ast.Name)}
    for statement in tree.body:
        if isinstance(statement, IMPORTS) and not is_from_the_future(statement):
            for alias in statement.names:
                name = bound_name(alias)
                if name in used and not bound_elsewhere(tree, statement, name) and clashes(statement, alias, names):
                    yield statement, alias, name


def bound_elsewhere(tree: ast.Module, own: ast.stmt, name: str) -> bool:
    """Whether another statement of the code's module gives the name its value too."""
    return any(name in bound_by(statement) for statement in tree.body if statement is not own)


def clashes(statement: Import, alias: ast.alias, names: Mapping[str, Sequence[ast.stmt]]) -> bool:
    """Whether a file has the name of an import for something else."""
    name = bound_name(alias)
    has = [other for other in names.get(name, []) if not _is_for_checkers(other)]
    if not has or name == "*" or has_import(statement, alias, names):
        return False
    dotted = isinstance(statement, ast.Import) and not alias.asname
    return not (dotted and all(_is_import_of(other, name) for other in has))


def has_import(statement: Import, alias: ast.alias, names: Mapping[str, Sequence[ast.stmt]]) -> bool:
    """Whether a file imports the same under the same name."""
    has = [other for other in names.get(bound_name(alias), []) if not _is_for_checkers(other)]
    return any(shape(import_of(other, held)) == shape(import_of(statement, alias)) for other, held in _imports(has))


def _apart(code: str, tree: ast.Module, statement: Import, alias: ast.alias, name: str, new: str, lazy: bool) -> str:
    """Code in which one import has no name of the file's any more; nothing where it cannot be written."""
    spans: list[Span] = []
    late: list[ast.Name] = []
    said = ast.unparse(import_of(statement, alias))
    for function in _functions(tree):
        place = _beginning(function, code)
        inside = [use for body in function.body for use in uses_of(body, name)] if place else []
        if place and inside and _all_in(inside, uses_of(function, name)):
            late += inside
            line, indent = place
            spans.append(Span(line, 0, line, 0, f"{indent}{said}\n"))
    known = {id(use) for use in late}
    if lazy:  # annotations are never evaluated
        known |= {id(inner) for part in _annotations(tree) for inner in ast.walk(part)}
    renamed = [use for use in uses_of(tree, name) if id(use) not in known]
    lines = [line.encode("utf-8", "surrogatepass") for line in code.split("\n")]
    # Before Python 3.12 what stands in a formatted text does not always say where.
    placed = all(lines[use.lineno - 1][use.col_offset : use.end_col_offset] == name.encode() for use in renamed)
    if renamed and (not placed or (isinstance(statement, ast.Import) and not alias.asname and "." in alias.name)):
        return ""
    spans += (_span_of(use, new) for use in renamed)
    others = [other for other in statement.names if other is not alias]
    kept = [ast.alias(alias.name, new)] if renamed else []
    left = ast.unparse(_with_names(statement, [*others, *kept])) if others or kept else "pass"
    spans.append(_span_of(statement, left))
    return rewritten(code, spans)


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as found) | ast.AnnAssign(annotation=found):
                yield found
            case ast.FunctionDef(returns=ast.expr() as found) | ast.AsyncFunctionDef(returns=ast.expr() as found):
                yield found


def _all_in(inside: Sequence[ast.Name], every: Iterator[ast.Name]) -> bool:
    """Whether a name is a module's in a function's body: not one of the function's own."""
    known = {id(use) for use in every}
    return all(id(use) in known for use in inside)


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a module and the methods of its classes."""
    waiting = list(tree.body)
    for statement in waiting:
        if isinstance(statement, ast.ClassDef):
            waiting += statement.body
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield statement


def _beginning(function: ast.FunctionDef | ast.AsyncFunctionDef, code: str) -> tuple[int, str] | None:
    """The line and the indent of a body's first statement; None where that shares its line with the header."""
    docstring = docstring_of(function)
    body = function.body[1:] if docstring else function.body
    above = last_line(docstring) if docstring else _header_end(function)
    if not body or first_line(body[0]) <= above:
        return None
    return first_line(body[0]), blanks_of(code.split("\n")[body[0].lineno - 1])


def _header_end(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    ends = [getattr(node, "end_lineno", 0) or 0 for node in ast.walk(function.args)]
    return max([function.lineno, *ends, (function.returns.end_lineno or 0) if function.returns else 0])


def bound_name(alias: ast.alias) -> str:
    """The name that an import binds."""
    return alias.asname or alias.name.partition(".")[0]


def import_of(statement: Import, alias: ast.alias) -> Import:
    """The import of one name out of a statement."""
    return _with_names(statement, [ast.alias(alias.name, alias.asname)])


def _with_names(statement: Import, names: list[ast.alias]) -> Import:
    if isinstance(statement, ast.Import):
        return ast.Import(names)
    return ast.ImportFrom(statement.module, names, statement.level)


def is_from_the_future(statement: Import) -> bool:
    """Whether a statement changes the language."""
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _is_for_checkers(statement: ast.stmt) -> bool:
    """Whether what a statement imports is there for type checkers alone, and not when the file runs."""
    return isinstance(statement, ast.If) and "TYPE_CHECKING" in used_by(statement.test)


def _imports(statements: Sequence[ast.stmt]) -> Iterator[tuple[Import, ast.alias]]:
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from ((node, alias) for alias in node.names)


def _is_import_of(statement: ast.stmt, package: str) -> bool:
    """Whether a statement imports a package, or modules of it, under the package's own name."""
    return isinstance(statement, ast.Import) and any(
        not alias.asname and alias.name.partition(".")[0] == package for alias in statement.names
    )
