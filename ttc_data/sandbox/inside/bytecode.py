"""Run once for an installed environment, inside a sandbox: bytecode for its packages, its modules and its tests.

Also writes down what the tree imports when it is imported, for `preload.py`.

Without it every job compiles pytest again (2.2 s instead of 0.3 s) and pytest rewrites the assertions of every test file
it collects (0.6 s for the 6,000 lines of more-itertools' tests). Nothing is imported or run but pytest's own rewriting, and
Hypothesis, where it is installed.
Bytecode belongs to a file of one size and one date, or to a text: a file that a job lays over the tree is compiled anew. Arguments: the folder of packages, the folder of the tree, then the test files.
"""

from __future__ import annotations

import ast
import compileall
import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from ttc_data.sandbox.inside.rewritten import put, rewritten

# Modules that do something when they are imported, or that nothing real needs.
NEVER = frozenset(
    ("__main__", "antigravity", "distutils", "idlelib", "lib2to3", "test", "this", "tkinter", "turtle", "turtledemo")
)

TABLES = ".ttcdata-characters"


def imported(module: ast.Module) -> Iterator[str]:
    """Names of the modules that a file imports by absolute name, outside functions and classes."""
    waiting: list[ast.stmt] = list(module.body)
    for statement in waiting:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module
        elif isinstance(statement, (ast.If, ast.Try, ast.With)):
            for part in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(statement, part, ()):
                    waiting += inner.body if isinstance(inner, ast.ExceptHandler) else [inner]


def list_imports(site: str, tree: str) -> None:
    """Write down what there is in `site` or the standard library of all that the tree imports."""
    installed = {name.partition(".")[0] for name in os.listdir(site)}
    known = installed | set(getattr(sys, "stdlib_module_names", ())) - NEVER
    names: set[str] = set()
    for path in sorted(Path(tree).rglob("*.py")):
        if path.name == "setup.py":
            continue
        try:
            names |= set(imported(ast.parse(path.read_bytes())))
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
    # Plugins are imported by every session.
    names |= {
        entry.value.partition(":")[0].strip()
        for package in distributions(path=[site])
        for entry in package.entry_points
        if entry.group == "pytest11"
    }
    names.add("hypothesis.internal.observability")  # by its plugin too, whoever else does: 0.3 s at a session's end
    wanted = sorted(name for name in names if name.partition(".")[0] in known)
    Path(site, ".ttcdata-imports").write_text("\n".join(wanted), encoding="utf-8")


def write_tables(site: str) -> None:
    """Have Hypothesis, where it is installed, write its tables of characters: the first text of each job would take 2.5 s."""
    if not os.path.isdir(os.path.join(site, "hypothesis")):
        return
    with contextlib.suppress(Exception):  # another version: its jobs make what they need themselves
        importlib.import_module("hypothesis.configuration").set_hypothesis_home_dir(os.path.join(site, TABLES))
        importlib.import_module("hypothesis.strategies").text().validate()


def main() -> None:
    """Compile what compiles; what does not is left as it is."""
    site, tree, *tests = sys.argv[1:]
    compileall.compile_dir(site, quiet=2)
    compileall.compile_dir(tree, quiet=2)
    list_imports(site, tree)
    sys.path.append(site)
    write_tables(site)
    try:
        from _pytest.assertion import rewrite
        from _pytest.config import get_config
    except ImportError:  # pytest needs the project itself, which is not run here: each job rewrites its test files
        return

    made = get_config()
    # Before pytest 9 it has no settings until it is parsed; rewriting does without them.
    config = made if hasattr(made, "inicfg") else None
    for path in sorted({*(Path(tree, test) for test in tests), *Path(tree).rglob("conftest.py")}):
        data = rewritten(rewrite, str(path), config)
        if data is not None:
            put(rewrite, str(path), data)
