"""What a file is imported as, and what it imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import PurePosixPath

from ttc_data.lang.python import syntax
from ttc_data.records import FILE_ROOTS

# fmt: off
VENDORED_FOLDERS = frozenset({
    "vendor", "vendored", "vendors", "_vendor", "_vendored", "_vendored_packages", "third_party", "third-party",
    "thirdparty", "3rdparty", "extern", "externs", "externals", "_extern", "site-packages", "node_modules",
})
NOT_LIBRARY_FOLDERS = frozenset({
    "docs", "doc", "example", "examples", "benchmark", "benchmarks", "asv_bench", "sample", "samples", "tutorial",
    "tutorials", "demo", "demos",
})
# fmt: on
_OURS = frozenset(("ttc_doctests", "ttc_generated", "ttc_imports", "conftest", "sitecustomize", "usercustomize"))
_FORGIVES = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))


def module_name(path: str, roots: Sequence[str]) -> str | None:
    """Name the module that a file is imported as.

    Args:
        path: relative to the tree, forward slashes.
        roots: folders of the tree on `sys.path`; `""` is the tree itself. The longest one that holds the file counts.

    Returns:
        The dotted name, a package's for its `__init__.py`; None when no root holds the file or a part of its path is
        no identifier.
    """
    parts = PurePosixPath(path).parts
    places = [PurePosixPath(root).parts for root in roots]
    inside = [place for place in places if parts[: len(place)] == place and len(place) < len(parts)]
    if not inside or not path.endswith(".py"):
        return None
    names = [*parts[len(max(inside, key=len)) : -1], parts[-1].removesuffix(".py")]
    if names[-1] == "__init__":
        names.pop()
    importable = names and all(name.isidentifier() and not iskeyword(name) for name in names)
    return ".".join(names) if importable else None


def file_path(path: str) -> str | None:
    """Choose where a file lies in a tree of its own, so that it can be imported there.

    As much of its path is kept as names a module: folders without an `__init__.py` are packages too, and `pkg.mod` is
    what the file's own examples call it. Leading folders go until what is left is made of identifiers and hides no module
    of the standard library. A path that says that the file is no library code stays whole, for the rules of extraction
    to see.

    Args:
        path: in its repository, forward slashes.

    Returns:
        The path, or an end of it; None where nothing of it can be imported.
    """
    parts = PurePosixPath(path).parts
    folders = {folder.lower() for folder in parts[:-1]}
    if syntax.is_test_path(path) or folders & (VENDORED_FOLDERS | NOT_LIBRARY_FOLDERS):
        return path
    for start in range(len(parts)):
        rest = "/".join(parts[start:])
        top = (module_name(rest, FILE_ROOTS) or "").partition(".")[0]
        if top and top not in _OURS and top not in sys.stdlib_module_names:
            return rest
    return None


def gives_away(path: str, data: bytes) -> bool:
    """Whether a copy of a file under another name would show what is masked in it: code that is no test."""
    return path.endswith(".py") and b"def " in data and not syntax.is_test_path(path)


@dataclass(frozen=True, slots=True)
class Imports:
    """What a file imports, by dotted name; relative ones with their dots."""

    needed: frozenset[str]
    """Imported whenever the file is."""
    others: frozenset[str]
    """In a function, for a type checker, or where the file can do without."""


def read_imports(tree: ast.Module) -> Imports:
    """Read a module's import statements.

    What stands in a `try` that catches an ImportError, under `if TYPE_CHECKING` or in a function is not needed to import
    the file.
    """
    needed = frozenset(_names(_run(tree.body)))
    return Imports(needed, frozenset(_names(ast.walk(tree))) - needed)


def _run(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Every statement that the import of a module runs, whatever its conditions turn out to be."""
    waiting: list[ast.AST] = list(body)
    for node in waiting:  # grows on the way: a chain of `elif` nests as deep as it is long
        yield node
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.Try() if any(_forgives(handler) for handler in node.handlers):
                # Its alternatives are tried in turn: `urllib2`, then `urllib.request`.
                waiting += [*node.orelse, *node.finalbody]
            case ast.If() if _name(node.test) == "TYPE_CHECKING":
                waiting += node.orelse
            case _:
                inner = (ast.stmt, ast.ExceptHandler, ast.match_case)
                waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, inner)]


def _forgives(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or _name(kind) in _FORGIVES for kind in kinds)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            if node.module:
                yield dots + node.module
            else:
                yield from (dots + alias.name for alias in node.names)
