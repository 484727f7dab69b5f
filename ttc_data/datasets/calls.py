"""What a model is told of a target's callers: the calls of it that stand in its repository."""

from __future__ import annotations

import ast
import doctest
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from ttc_data.evidence.generated.case import block, is_literal, used_names
from ttc_data.lang import python
from ttc_data.lang.facts import last_name

MOST_CHARACTERS = 200
MOST_FILES = 60
FILES_HELD = 512
Calls = Mapping[str, Sequence[str]]
"""By the last word of what is called."""


def call_sites(name: str, text: str, others: Mapping[str, str], most: int) -> list[str]:
    """Calls of a name with plain arguments, as they are written: those of its file's examples, of the file, of the other files.

    Args:
        name: what is called, without what stands before its last dot.
        text: its file's.
        others: path to text of the repository's other files.
        most: how many to give at most.
    """
    files = [other for _, other in sorted(others.items()) if f"{name}(" in other]
    found = itertools.chain(
        _calls_in_examples(text).get(name, ()),
        _calls(text).get(name, ()),
        *(_calls(other).get(name, ()) for other in files[:MOST_FILES]),
    )
    return list(itertools.islice(dict.fromkeys(found), most))


@lru_cache(maxsize=FILES_HELD)
def _calls(text: str) -> Calls:
    """Of a file's code. Held, because all targets of a repository ask for the same files: texts alone, no tree."""
    return _by_name(_parsed(text))


@lru_cache(maxsize=FILES_HELD)
def _calls_in_examples(text: str) -> Calls:
    """Of the examples in a file's docstrings."""
    return _by_name(statement for node in _parsed(text) for statement in _examples(node))


def _parsed(text: str) -> Sequence[ast.AST]:
    try:
        return [python.parse(text.encode("utf-8", "surrogatepass"))] if text else []
    except SyntaxError:
        return []


def _examples(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        docstring = ast.get_docstring(node)
        if docstring and ">>>" in docstring:
            try:
                examples = doctest.DocTestParser().get_examples(docstring)
            except ValueError:
                continue
            for example in examples:
                yield from block(example.source) or ()


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
