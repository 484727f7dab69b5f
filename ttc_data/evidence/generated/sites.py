"""Calls as they stand in a repository: in its code, in the examples of docstrings, and in those of its pages."""

from __future__ import annotations

import ast
import doctest
import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from ttc_data.evidence.generated.case import block, is_literal, used_names
from ttc_data.lang import python
from ttc_data.lang.facts import docstring_of, last_name

PAGES = (".rst", ".md", ".txt")
MOST_CHARACTERS = 200
MOST_FILES = 60
# All targets of a repository ask for the same files; texts alone are held, no trees.
FILES_HELD = 512
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
        tree = python.parse_shared(text.encode("utf-8", "surrogatepass"))
    except SyntaxError:
        return ()
    inner = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)))
    nodes = [tree, *(node for node in inner if docstring_of(node))]
    return [found for node in nodes if (found := ast.get_docstring(node))]


@lru_cache(maxsize=FILES_HELD)
def _in_code(text: str) -> Calls:
    try:
        return _by_name([python.parse_shared(text.encode("utf-8", "surrogatepass"))])
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
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (name := last_name(node.func)) and _is_plain(node):
                call = ast.unparse(node)
                if len(call) < MOST_CHARACTERS:
                    found.setdefault(name, []).append(call)
    return found


def _is_plain(call: ast.Call) -> bool:
    """Whether its arguments stand for themselves: literals, lambdas, Python's own functions with such arguments."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return not isinstance(call.func, ast.Call) and all(one.arg for one in call.keywords) and all(map(_stands, given))


def _stands(node: ast.expr) -> bool:
    return is_literal(node) or not (used_names(node) or isinstance(node, (ast.Starred, ast.Await, ast.NamedExpr)))
