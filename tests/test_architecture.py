"""The floors of docs/architecture.md are those of the imports, and every room keeps to its size."""

from __future__ import annotations

import ast
import runpy
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PAGE_TEXT = PAGE.read_text(encoding="utf-8")
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "architecture.py"))
FLOORS: dict[str, int] = SCRIPT["floors"](PAGE_TEXT)
ARROWS: set[tuple[str, str]] = SCRIPT["arrows"]()
MODULES: dict[str, Path] = dict(SCRIPT["modules"]())
part_of: Callable[[str], str] = SCRIPT["part_of"]
STAGES = 3
MOST_LINES = 400
MOST_LINES_A_FUNCTION = 60


def trees() -> Iterator[tuple[str, str, ast.Module]]:
    for name, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        yield name, text, ast.parse(text)


def test_every_part_stands_on_one_floor() -> None:
    assert {part_of(module) for module in MODULES} - {""} == set(FLOORS)


def test_imports_point_down() -> None:
    assert {(source, target) for source, target in ARROWS if FLOORS[target] > FLOORS[source]} == set()


def test_stages_do_not_import_each_other() -> None:
    between = {pair for pair in ARROWS if FLOORS[pair[0]] == FLOORS[pair[1]] == STAGES}
    assert between == set()


def test_the_drawing_is_of_the_imports() -> None:
    assert SCRIPT["drawing"](PAGE_TEXT) in PAGE_TEXT, "run `make docs`"


@pytest.mark.parametrize(
    ("page", "words"),
    [("| 1 | `store` | a | b |\n| 0 | `store` | a | b |", "store: on floor 1 and on floor 0")],
)
def test_a_part_on_two_floors_is_refused(page: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SCRIPT["floors"](page)


def texts() -> Iterator[tuple[str, str]]:
    """The files of the package, its tests and its benchmarks, by path."""
    for path in (*MODULES.values(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def test_a_file_near_400_lines_is_two_files() -> None:
    lines = {path: len(text.splitlines()) for path, text in texts()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_a_function_fits_a_screen() -> None:
    long = {
        f"{path}::{node.name}": size
        for path, text in texts()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (size := (node.end_lineno or 0) - node.lineno + 1) > MOST_LINES_A_FUNCTION
    }
    assert long == {}


def test_a_class_name_is_used_once() -> None:
    named: defaultdict[str, list[str]] = defaultdict(list)
    for name, _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                named[node.name].append(name)
    assert {name: places for name, places in named.items() if len(places) > 1} == {}


def test_only_tables_of_data_are_laid_out_by_hand() -> None:
    """`# fmt: skip` stands behind a statement that binds literals, and behind nothing else."""
    code = []
    for name, text, tree in trees():
        skipped = {number for number, line in enumerate(text.splitlines(), 1) if line.rstrip().endswith("# fmt: skip")}
        ends = {node.end_lineno: node for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.AnnAssign))}
        for number in sorted(skipped):
            node = ends.get(number)
            if node is None or node.value is None or not is_table(node.value):
                code.append(f"{name}:{number}")
    assert code == []


def is_table(node: ast.expr) -> bool:
    """Whether an expression is made of literals: displays, and what builds one of a display."""
    match node:
        case ast.Constant():
            return True
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return all(map(is_table, parts))
        case ast.Dict(keys=keys, values=values):
            return all(is_table(part) for part in (*(key for key in keys if key), *values))
        case ast.Call(func=ast.Name(id="frozenset" | "tuple" | "set" | "dict"), args=[part], keywords=[]):
            return is_table(part)
        case _:
            return False
