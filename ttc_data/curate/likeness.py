"""What two texts have in common: runs of thirteen words, and functions of the same shape whatever their names.

Both are sets of hashes that are the same on every machine, so that the texts themselves need not travel.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

GRAM = 13
"""Words in a row that count as copied: what GPT-3's and most later decontaminations take."""
SHINGLE = 5
"""Nodes of a syntax tree in a row."""
SKETCH = 48
"""Hashes that stand for a function. A likeness of 0.7 is then told with a standard error of 0.07; most functions have less."""
LEAST_WORDS = 5
"""Different ones, of two letters or more, in a run that counts. Without: one false alarm, `3 4 5 6 7 8 9 a b c d e f`, in the 1.6
million words of seventeen projects and of Python's own library; with: none."""
_PRIME = (1 << 61) - 1
_BASE = 0x2545F4914F6CDD1D % _PRIME
_LEAVING = pow(_BASE, GRAM, _PRIME)
_WORD = re.compile(r"\w+")
_IMPORT = re.compile(r"^[ \t]*(?:>>> )?(?:from\s+[\w.]+\s+)?import\s.*$", re.MULTILINE)
# Words and signs of a syntax tree that say no more than what surrounds them does.
_SILENT = (ast.expr_context, ast.arguments, ast.Expr)


def words(text: str) -> list[str]:
    """The words of a text, prose or code: letters, digits and underscores, in lower case, without imports.

    Layout, quotes, brackets and operators have no part in it, so code that was formatted anew has the same words.
    """
    return _WORD.findall(_IMPORT.sub("", text).lower())


@lru_cache(maxsize=1 << 16)
def _word_hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") % _PRIME


def gram_hashes(found: Sequence[str]) -> Iterator[int]:
    """The hash, under 2^61, of each run of `GRAM` words: a rolling one, 0.4 us a word."""
    values = [_word_hash(word) for word in found]
    rolling = 0
    for at, value in enumerate(values):
        leaving = values[at - GRAM] if at >= GRAM else 0
        rolling = (rolling * _BASE + value - leaving * _LEAVING) % _PRIME
        if at >= GRAM - 1:
            yield rolling


def telling(gram: Sequence[str]) -> bool:
    """Whether a run of words says where it comes from: not the digits of a table, and not one phrase again and again."""
    return len({word for word in gram if len(word) > 1 and not word.isdigit()}) >= LEAST_WORDS


def function_sketches(tree: ast.AST, least: int) -> list[tuple[int, ...]]:
    """A sketch of every function in a tree, inner ones too, that has at least so many shingles."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            hashes = _shingles(node)
            if len(hashes) >= least:
                found.append(sketch(hashes))
    return found


def sketch(hashes: Iterable[int]) -> tuple[int, ...]:
    """The smallest hashes of a set, which stand for it."""
    return tuple(sorted(set(hashes))[:SKETCH])


def likeness(one: Sequence[int], other: Sequence[int]) -> float:
    """The Jaccard index, 0 to 1, of two sets: estimated from their sketches, exact where both sets are whole in them."""
    whole = sorted({*one, *other})[:SKETCH]
    if not whole:
        return 0.0
    return len(set(one).intersection(other).intersection(whole)) / len(whole)


def _shingles(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[int]:
    try:
        nodes = list(_nodes(function, _bound(function)))
    except RecursionError:  # deeper than Python follows: no person wrote it, and no benchmark has it
        return set()
    runs = (nodes[at : at + SHINGLE] for at in range(len(nodes) - SHINGLE + 1))
    return {
        int.from_bytes(blake2b("\0".join(run).encode("utf-8", "replace"), digest_size=4).digest(), "big")
        for run in runs
    }


def _bound(function: ast.AST) -> set[str]:
    """The names that a function gives itself: another author would choose others."""
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
            names.add(node.name or "")
    return names


def _nodes(node: ast.AST, bound: set[str]) -> Iterator[str]:
    """A syntax tree in one line: no docstrings, decorators and annotations, and `n` for every name that is bound in it."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield "def"
        children: Iterable[ast.AST] = [node.args, *_without_docstring(node.body)]
    elif isinstance(node, ast.Name):
        yield "n" if node.id in bound else node.id
        return
    elif isinstance(node, ast.arg):
        yield "n"
        return
    elif isinstance(node, ast.Constant):
        yield repr(node.value)
        return
    elif isinstance(node, ast.AnnAssign):
        yield "Assign"
        children = [node.target, *([node.value] if node.value else [])]
    else:
        if not isinstance(node, _SILENT):
            yield type(node).__name__
        children = ast.iter_child_nodes(node)
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword):
            yield node.arg or "**"
    for child in children:
        yield from _nodes(child, bound)


def _without_docstring(body: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    first = body[0] if body else None
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return body[1:] if documented else body
