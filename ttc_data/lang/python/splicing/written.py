"""Changes of how code is written that leave what it means: statements that share a line, names that are given anew."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ttc_data.lang.python.splicing.layout import blanks_of


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of code and what takes its place. Lines count from 1, columns are bytes from 0, as in `ast`."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


def rewritten(code: str, spans: Iterable[Span]) -> str:
    """Code with other text in some places, which do not overlap."""
    lines = [line.encode("utf-8", "surrogatepass") for line in code.split("\n")]
    for span in sorted(spans, key=lambda span: (span.line, span.column), reverse=True):
        head, tail = lines[span.line - 1][: span.column], lines[span.end_line - 1][span.end_column :]
        new = head + span.text.encode("utf-8", "surrogatepass") + tail
        lines[span.line - 1 : span.end_line] = new.split(b"\n")
    return b"\n".join(lines).decode("utf-8", "surrogatepass")


def one_a_line(code: str, tree: ast.Module) -> str:
    """Code whose module and classes have one statement a line; `import a; import b` becomes two lines.

    Args:
        code: line ends are plain newlines.
        tree: of the code.
    """
    return rewritten(code, _shared(code.split("\n"), tree, ""))


def _shared(lines: list[str], scope: ast.Module | ast.ClassDef, indent: str) -> Iterator[Span]:
    """The text between statements that stand on one line."""
    if isinstance(scope, ast.ClassDef):
        first = scope.body[0]
        before = lines[first.lineno - 1].encode("utf-8", "surrogatepass")[: first.col_offset]
        if before.strip():  # on the header's line
            yield Span(first.lineno, len(before.rstrip()), first.lineno, first.col_offset, f"\n{indent}")
    for one, following in pairwise(scope.body):
        if one.end_lineno == following.lineno:
            yield Span(following.lineno, one.end_col_offset or 0, following.lineno, following.col_offset, f"\n{indent}")
    for statement in scope.body:
        if isinstance(statement, ast.ClassDef):
            inner = lines[statement.body[0].lineno - 1]
            own = blanks_of(inner) if statement.body[0].lineno > statement.lineno else f"{indent}    "
            yield from _shared(lines, statement, own)


def uses_of(scope: ast.AST, name: str) -> Iterator[ast.Name]:
    """Where code means a name of its module: not where a function, a class or a comprehension has one of its own.

    Args:
        scope: a statement of the module, or the module.
        name: as the module has it.
    """
    match scope:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            for outside in _outside(scope):
                yield from uses_of(outside, name)
            if not _has_its_own(scope, name):
                for statement in scope.body:
                    yield from uses_of(statement, name)
        case ast.Lambda():
            for default in (*scope.args.defaults, *scope.args.kw_defaults):
                if default:
                    yield from uses_of(default, name)
            if name not in _parameters(scope.args):
                yield from uses_of(scope.body, name)
        case ast.Name(id=found, ctx=ast.Load()) if found == name:
            yield scope
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            own = {
                inner.id for part in scope.generators for inner in ast.walk(part.target) if isinstance(inner, ast.Name)
            }
            if name in own:
                yield from uses_of(scope.generators[0].iter, name)
                return
            for inner in ast.iter_child_nodes(scope):
                yield from uses_of(inner, name)
        case _:
            for inner in ast.iter_child_nodes(scope):
                yield from uses_of(inner, name)


def mentions_of(scope: ast.AST, name: str) -> bool:
    """Whether code means a name of its module, or of a class: `name`, `self.name`."""
    attributes = (node.attr for node in ast.walk(scope) if isinstance(node, ast.Attribute))
    return next(uses_of(scope, name), None) is not None or name in attributes


def _outside(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """What of a function is evaluated where it is defined."""
    yield from function.decorator_list
    yield function.args
    if function.returns:
        yield function.returns


def at_definition(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a statement runs: not the bodies of the functions and lambdas in it."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            for outside in _outside(node):
                yield from at_definition(outside)
        case ast.Lambda():
            yield from at_definition(node.args)
        case _:
            yield node
            for inner in ast.iter_child_nodes(node):
                yield from at_definition(inner)


def _parameters(args: ast.arguments) -> set[str]:
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    return {one.arg for one in every}


def _has_its_own(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Whether a name is a function's own: a parameter, or bound in its body and not declared to be another's."""
    if name in _parameters(function.args):
        return True
    waiting: list[ast.AST] = [*function.body]
    found = False
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names) if name in names:
                return False
            case ast.FunctionDef(name=own) | ast.AsyncFunctionDef(name=own) | ast.ClassDef(name=own):
                found = found or own == name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found = found or any((one.asname or one.name.partition(".")[0]) == name for one in aliases)
            case ast.Name(id=own, ctx=ast.Store() | ast.Del()):
                found = found or own == name
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                continue
            case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name == name:
                found = True
                waiting += ast.iter_child_nodes(node)
            case _:
                waiting += ast.iter_child_nodes(node)
    return found


def fresh(name: str, *texts: str) -> str:
    """A name like another that no text holds."""
    found = f"{name}_"
    while any(re.search(rf"\b{re.escape(found)}\b", text) for text in texts):
        found += "_"
    return found
