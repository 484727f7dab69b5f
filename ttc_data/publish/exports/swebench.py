"""For SWE-bench 5: rows as its harness loads them, and the same as a task repository.

SPLIT.parquet, SPLIT.jsonl             rows: `swebench eval FOLDER --split SPLIT`
sweb.yaml, tasks/INSTANCE_ID/...       a task repository: `swebench dataset check FOLDER`
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ttc_data.dataset import Dataset
from ttc_data.publish.exports.tasks import ExportedRow, SplitLines, plain_name, write
from ttc_data.row import Row
from ttc_data.store import connect, quoted, write_parquet

TEXTS = (
    "instance_id", "repo", "base_commit", "version", "created_at", "language", "license", "problem_statement", "patch",
    "test_patch", "image", "eval_script", "log_parser", "eval_type",
)  # fmt: skip
TESTS = ("FAIL_TO_PASS", "PASS_TO_PASS")
FILES = {
    "patch": "gold.patch",
    "test_patch": "test.patch",
    "eval_script": "eval.sh",
    "problem_statement": "problem_statement.md",
}


def write_tasks(dataset: Dataset, tasks: Iterable[ExportedRow], folder: Path, say: Callable[[str], None]) -> int:
    """Write rows and task repository; the number of rows.

    Args:
        dataset: opened.
        tasks: what to write.
        folder: empty.
        say: told of tests and rows that are left out.
    """
    name = f"ttcdata/{plain_name(dataset.recipe.name)}"
    with SplitLines(folder) as lines:
        for task in tasks:
            row = _named(task.row)
            if unnamed := len(task.row.FAIL_TO_PASS) + len(task.row.PASS_TO_PASS) - sum(map(len, _tests(row))):
                what = f"{unnamed} tests" if row.FAIL_TO_PASS else "the row"
                say(
                    f"{row.instance_id}: left out {what}: SWE-bench's log parser cuts ids at blanks; grade them with ttcdata"
                )
            if row.FAIL_TO_PASS:
                lines.add(task.split, _columns(row))
                _write_task(replace(task, row=row), name, folder / "tasks" / row.instance_id)
    for split in lines.splits:
        _write_parquet(lines.path(split), folder / f"{split}.parquet")
    write(folder / "sweb.yaml", _yaml({"datasets": [name], "splits": lines.splits}))
    return sum(lines.counts.values())


def _tests(row: Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return row.FAIL_TO_PASS, row.PASS_TO_PASS


def _named(row: Row) -> Row:
    """The row with those of its tests that the harness finds in a log."""
    must, keep = (tuple(test for test in tests if not re.search(r"\s", test)) for tests in _tests(row))
    return replace(row, FAIL_TO_PASS=must, PASS_TO_PASS=keep)


def _columns(row: Row) -> dict[str, Any]:
    texts = {name: getattr(row, name) for name in TEXTS}
    return {**texts, "hints_text": "", **{name: list(getattr(row, name)) for name in TESTS}}


def _write_parquet(rows: Path, place: Path) -> None:
    types = {**dict.fromkeys((*TEXTS, "hints_text"), "VARCHAR"), **dict.fromkeys(TESTS, "VARCHAR[]")}
    shape = ", ".join(f'"{name}": {quoted(kind)}' for name, kind in types.items())
    connection = connect()
    query = f"SELECT * FROM read_json({quoted(rows)}, format = 'newline_delimited', columns = {{{shape}}}, maximum_object_size = 67108864)"
    write_parquet(connection, f"{query} ORDER BY instance_id", place)
    connection.close()


def _write_task(task: ExportedRow, dataset: str, folder: Path) -> None:
    row = task.row
    columns = _columns(row)
    about = {name: columns[name] for name in TEXTS if name not in FILES}
    # The checker wants the name it derives: `--task-repo` builds that one from the Dockerfile.
    derived = f"swebench/sweb.eval.x86_64.{row.instance_id}:latest".lower().replace("__", "_1776_")
    write(folder / "task.yaml", _yaml({**about, "image": derived, "split": task.split, "datasets": [dataset]}))
    write(folder / "tests.json", json.dumps({name: columns[name] for name in TESTS}, indent=2) + "\n")
    for name, file in FILES.items():
        write(folder / file, columns[name])
    write(folder / "Dockerfile", f"FROM {row.image}\n")


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=True, allow_unicode=True, default_flow_style=False)
