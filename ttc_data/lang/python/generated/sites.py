"""Calls as they stand in a repository: in its code, in the examples of docstrings, and in those of its pages."""

from __future__ import annotations

import ast
import doctest
import itertools
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from ttc_data.lang.python import syntax
from ttc_data.lang.python.facts import docstring_of, last_name
from ttc_data.lang.python.generated.case import block, copied, is_literal, used_names

PAGES = (".rst", ".md", ".txt")
MOST_CHARACTERS = 200
MOST_FILES = 60
# All targets of a repository ask for the same files; texts alone are held, no trees.
FILES_HELD = 512
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
STANDARD = frozenset(name for name in sys.stdlib_module_names if name[0] != "_") - {"this", "antigravity", "idlelib"}
# Whoever reads all of it fills the memory, before a limit ends it.
_ENDLESS = re.compile(r"\bitertools\.(count|cycle|repeat)\(")
Calls = Mapping[str, Sequence[str]]
"""By the last word of what is called."""


def call_sites(name: str, text: str, others: Mapping[str, str]) -> list[str]:
    """Calls of a name with plain arguments, as they are written: those of its file's examples, of the file, of the other files.

    Args:
        name: what is called, without what stands before its last dot.
        text: its file's.
        others: path to text of the repository's other files.
    """
    wanted = (*PAGES, ".py")
    files = [path for path, other in sorted(others.items()) if f"{name}(" in other and path.endswith(wanted)]
    found = itertools.chain(
        *(_in_examples(one).get(name, ()) for one in docstrings(text) if name in one),
        _in_code(text).get(name, ()),
        *(
            (_in_examples if path.endswith(PAGES) else _in_code)(others[path]).get(name, ())
            for path in files[:MOST_FILES]
        ),
    )
    return list(dict.fromkeys(found))


@lru_cache(maxsize=FILES_HELD)
def docstrings(text: str) -> Sequence[str]:
    """Every docstring of a module; none when it does not parse."""
    try:
        tree = syntax.parse_shared(text.encode("utf-8", "surrogatepass"))
    except SyntaxError:
        return ()
    inner = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)))
    nodes = [tree, *(node for node in inner if docstring_of(node))]
    return [found for node in nodes if (found := ast.get_docstring(node))]


@lru_cache(maxsize=FILES_HELD)
def _in_code(text: str) -> Calls:
    try:
        return _by_name([syntax.parse_shared(text.encode("utf-8", "surrogatepass"))])
    except SyntaxError:
        return {}


@lru_cache(maxsize=FILES_HELD)
def _in_examples(text: str) -> Calls:
    """Of the examples in a docstring or a page."""
    try:
        examples = doctest.DocTestParser().get_examples(text) if ">>>" in text else []
    except ValueError:
        return {}
    return _by_name(statement for example in examples for statement in block(example.source) or ())


def _by_name(trees: Iterable[ast.AST]) -> Calls:
    found: dict[str, list[str]] = {}
    nodes = list(trees)
    modules = imported(nodes)
    known = frozenset(one.id for value in modules.values() for one in ast.walk(value) if isinstance(one, ast.Name))
    for inner, values in _with_scopes(nodes):
        if not isinstance(inner, ast.Call) or not (name := last_name(inner.func)):
            continue
        node = inner if _is_plain(inner) else resolved(inner, {**modules, **values})
        if _is_plain(node, known):
            call = ast.unparse(node)
            if len(call) < MOST_CHARACTERS and not _ENDLESS.search(call):
                found.setdefault(name, []).append(call)
    return found


def _with_scopes(nodes: Sequence[ast.AST]) -> Iterator[tuple[ast.AST, Mapping[str, ast.expr]]]:
    """Every node, with the values that the names around it are given once, of its function or of all nodes outside of one."""
    functions = [inner for node in nodes for inner in ast.walk(node) if isinstance(inner, FUNCTIONS)]
    within = {id(inner) for function in functions for inner in ast.walk(function) if inner is not function}
    outside = [inner for node in nodes for inner in ast.walk(node) if id(inner) not in within]
    values = _values(outside)
    yield from ((inner, values) for inner in outside)
    told: set[int] = set()
    for function in functions:
        own = [inner for inner in ast.walk(function) if id(inner) not in told]
        told.update(map(id, own))
        values = _values(own)
        yield from ((inner, values) for inner in own)


def _values(nodes: Sequence[ast.AST]) -> Mapping[str, ast.expr]:
    """What names stand for that are bound once, to a value that stands for itself."""
    found: dict[str, ast.expr] = {}
    bound = Counter(one.id for one in nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))
    bound.update(one.arg for one in nodes if isinstance(one, ast.arg))
    bound.update(one.name for one in nodes if isinstance(one, FUNCTIONS))
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if bound[name] == 1 and _stands(value):
                found[name] = value
            case ast.FunctionDef(name=name, args=given, body=[*_, ast.Return(value=ast.expr() as value)] as body) if (
                bound[name] == 1 and len(body) == 1 and not node.decorator_list
            ):
                given = copied(given)
                for one in ast.walk(given):
                    if isinstance(one, ast.arg):
                        one.annotation = None
                short = ast.Lambda(given, value)
                if _stands(short):
                    found[name] = short
            case _:
                continue
    return found


def imported(nodes: Iterable[ast.AST]) -> Mapping[str, ast.expr]:
    """Python's own modules and what is taken from them, by the names that imports give them."""
    found: dict[str, ast.expr] = {}
    for node in nodes:
        for inner in ast.walk(node):
            match inner:
                case ast.Import(names=names):
                    for alias in names:
                        if alias.name in STANDARD:
                            found[alias.asname or alias.name] = ast.Name(alias.name, ast.Load())
                case ast.ImportFrom(module=str() as module, names=names, level=0) if module in STANDARD:
                    for alias in names:
                        found[alias.asname or alias.name] = ast.Attribute(
                            ast.Name(module, ast.Load()), alias.name, ast.Load()
                        )
                case _:
                    continue
    return found


def resolved(call: ast.Call, values: Mapping[str, ast.expr]) -> ast.Call:
    """A call with values in place of the names among its arguments."""
    other = copied(call)
    names = Names(values)
    other.args = [names.visit(one) for one in other.args]
    for keyword in other.keywords:
        keyword.value = names.visit(keyword.value)
    return other


class Names(ast.NodeTransformer):
    """Puts values in place of names."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name that has a value becomes it."""
        return copied(self.values.get(node.id, node))

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        """Names within are its own, or may be."""
        return node


def _is_plain(call: ast.Call, modules: frozenset[str] = frozenset()) -> bool:
    """Whether its arguments stand for themselves: literals, lambdas, Python's own functions with such arguments."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return (
        not isinstance(call.func, ast.Call)
        and all(one.arg for one in call.keywords)
        and all(_stands(one, modules) for one in given)
    )


def _stands(node: ast.expr, modules: frozenset[str] = frozenset()) -> bool:
    is_open = isinstance(node, (ast.Starred, ast.Await, ast.NamedExpr))
    return is_literal(node) or not (is_open or used_names(node) - modules)
