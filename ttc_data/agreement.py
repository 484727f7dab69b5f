"""What the fields of a record that is read must agree on: rules that no field breaks alone.

Each function gives what is wrong in one line, `FIELD: must ..., is VALUE`, and `""` where nothing is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ttc_data.errors import DatasetError
from ttc_data.fields import quoted
from ttc_data.records import Environment, Tripwire
from ttc_data.row import Row

MOST_ENTRIES = 100_000
"""Of a list in a row; the longest of real ones are tests, a few thousand."""


def row_fault(row: Row) -> str:
    """Of a row alone, without its repository."""
    for name in Row.__dataclass_fields__:
        value = getattr(row, name)
        if isinstance(value, tuple) and len(value) > MOST_ENTRIES:
            return f"{name}: must have at most {MOST_ENTRIES} entries, has {len(value)}"
    paths = [file.path for file in row.ttc_files]
    if fault := _collision("ttc_files.{}.path", paths):
        return fault
    if row.path not in paths:
        return f"path: must be among ttc_files, is {quoted(row.path)}"
    for number, wire in enumerate(row.ttc_tripwires):
        if not wire.tests:
            return f"ttc_tripwires.{number}.tests: must name a test, is empty"
    return ""


def environment_fault(environment: Environment) -> str:
    """Of an environment alone, without its tree."""
    for name in ("metadata", "generated"):
        paths = [file.path for file in getattr(environment, name)]
        if fault := _collision(f"{name}.{{}}.path", paths):
            return fault
    return ""


def tree_fault(environment: Environment, tree: Collection[str]) -> str:
    """Of an environment with its tree.

    Args:
        environment: as described, without a fault of its own.
        tree: paths of the tree's files.
    """
    files = set(tree) | {file.path for file in environment.generated}
    folders = {folder for path in tree for folder in _above(path)}
    for number, file in enumerate(environment.generated):
        if file.path in folders or (
            not folders.issuperset(_above(file.path)) and not files.isdisjoint(_above(file.path))
        ):
            return f"generated.{number}.path: must not take a folder of the tree for a file, or a file for a folder, is {quoted(file.path)}"
    for number, root in enumerate(environment.roots):
        if not files.isdisjoint((root, *_above(root))):
            return f"roots.{number}: must be a folder of the tree, is the file {quoted(root)}"
    return ""


def tests_fault(row: Row, files: Collection[str]) -> str:
    """Of a row's tests with its repository.

    Args:
        row: without a fault of its own.
        files: paths of all files that are there when its tests run.
    """
    for name in ("FAIL_TO_PASS", "PASS_TO_PASS"):
        for number, test in enumerate(getattr(row, name)):
            if test.partition("::")[0] not in files:
                return f"{name}.{number}: must be in a file of the tree or of test_patch, is {quoted(test)}"
    return ""


def tripwire_fault(number: int, wire: Tripwire, error: DatasetError) -> str:
    """Of a tripwire that does not fit its file, as whoever tried to lay it says."""
    return f"ttc_tripwires.{number}: must replace what stands at line {wire.line}, column {wire.column} of {quoted(wire.path)}, is {quoted(wire.old)} ({error})"


def _collision(field: str, paths: Sequence[str]) -> str:
    """Two of some files that cannot be there together.

    Args:
        field: of a file, with `{}` in the place of its number.
        paths: of the files.
    """
    seen: set[str] = set()
    for number, path in enumerate(paths):
        if path in seen:
            return f"{field.format(number)}: must be there once, is {quoted(path)} again"
        seen.add(path)
    for number, path in enumerate(paths):
        for folder in _above(path):
            if folder in seen:
                return f"{field.format(number)}: must not lie below the file {quoted(folder)}, is {quoted(path)}"
    return ""


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
