"""SWE-bench 5's own harness, on real images: every reference is resolved, and nothing else is."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.publish.shapes_set import ShapesSet, forging, with_broken_tests
from ttc_data.edits import unified_diff
from ttc_data.publish.exports.export import export
from ttc_data.publish.images import RowImage
from ttc_data.store import connect, quoted

parsers: Any = importlib.import_module("swebench.harness.log_parsers")  # has no types
checks: Any = importlib.import_module("swebench.task.checks")
repo: Any = importlib.import_module("swebench.task.repo")
SWEBENCH = Path(sys.executable).parent / "swebench"
NOTHING = unified_diff({"NOTES": None}, {"NOTES": "nothing\n"})


@pytest.fixture(scope="module")
def exported(shapes: ShapesSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("swebench") / "set"
    assert export("swebench", shapes.out, place, cache=shapes.cache) == len(shapes.rows)
    return place


def resolved(
    exported: Path, folder: Path, answers: Mapping[str, str] | None, rows: Path | None = None
) -> dict[str, Any]:
    """What the harness reports of answers by id, or of the references."""
    predictions = folder / "answers.jsonl"
    lines = [
        {"instance_id": name, "model_name_or_path": "me", "model_patch": patch}
        for name, patch in (answers or {}).items()
    ]
    predictions.write_text("".join(json.dumps(line) + "\n" for line in lines))
    given = ["--gold"] if answers is None else ["--predictions", str(predictions)]
    command = [
        str(SWEBENCH),
        "eval",
        str(rows or exported),
        *given,
        "--split",
        "train",
        "--run-id",
        "run",
        "--workers",
        "6",
    ]
    environment = {**os.environ, "HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=500)
    reports = list(folder.glob("*.run.json"))
    assert reports, ran.stderr[-2000:]
    report: dict[str, Any] = json.loads(reports[0].read_text())
    return report


@pytest.mark.docker
def test_every_reference_is_resolved(
    shapes: ShapesSet, images: dict[str, RowImage], exported: Path, tmp_path: Path
) -> None:
    """Functions, methods and a class, written tests and the repository's own, and a single file."""
    report = resolved(exported, tmp_path, None)
    assert set(report["resolved_ids"]) == {row.instance_id for row in shapes.rows.values()}
    assert report["infra_failure_ids"] == []


@pytest.mark.docker
def test_nothing_else_is_resolved(
    shapes: ShapesSet, images: dict[str, RowImage], exported: Path, tmp_path: Path
) -> None:
    """An answer cannot change what decides: tests are put back, and what configures pytest is as in the repository."""
    answers = {
        "area": forging(shapes.rows["area"]),
        "scale": with_broken_tests(shapes.rows["scale"]),
        "Pile": NOTHING,
        "Pile.put": forging(shapes.rows["Pile.put"]),
        "Pile.take": "",
        "shorten": NOTHING,
    }
    by_id = {shapes.rows[target].instance_id: patch for target, patch in answers.items()}
    report = resolved(exported, tmp_path, by_id, exported / "train.jsonl")
    assert report["resolved_ids"] == [shapes.rows["scale"].instance_id], "the reference among broken tests"
    assert report["empty_patch_ids"] == [shapes.rows["Pile.take"].instance_id]
    assert len(report["unresolved_ids"]) == 4
    assert report["error_ids"] == []


def test_the_task_repository_is_well_formed_and_says_what_the_rows_say(shapes: ShapesSet, exported: Path) -> None:
    assert checks.check_task_repo(exported) == []
    config = repo.load_config(exported)
    assert config == {"datasets": ["ttcdata/shapes"], "splits": ["train"]}
    rows = {row.instance_id: row for row in shapes.rows.values()}
    for task in repo.load_task_repo(exported):
        row = rows[task["instance_id"]]
        assert (task["patch"], task["test_patch"]) == (row.patch, row.test_patch)
        assert tuple(task["FAIL_TO_PASS"]) == row.FAIL_TO_PASS
        assert repo.load_dockerfiles(exported)[row.instance_id] == f"FROM {row.image}\n"


def test_both_files_of_rows_hold_the_same(shapes: ShapesSet, exported: Path) -> None:
    lines = [json.loads(line) for line in (exported / "train.jsonl").read_text().splitlines()]
    connection = connect()
    found = connection.execute(f"SELECT * FROM read_parquet({quoted(exported / 'train.parquet')})")
    names = [about[0] for about in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    connection.close()
    assert rows == sorted(lines, key=lambda line: line["instance_id"])
    assert [row["instance_id"] for row in rows] == sorted(row.instance_id for row in shapes.rows.values())


@pytest.mark.parametrize("status", ["PASSED", "FAILED", "ERROR", "XFAIL"])
def test_the_harness_reads_ids_without_blanks_as_they_are(status: str) -> None:
    """Brackets, dashes, dots and escapes of other alphabets; ids with blanks are left out."""
    parse = parsers.PARSER_REGISTRY["parse_log_pytest"]
    for test in (
        "tests/a.py::T::f[a-b]",
        "a.py::f[x::y]",
        "a.py::f[\\u20ac-]",
        "a.py::f[]]",
        "a.py::f[1.0-!]",
        "a.py::f[a,b]",
    ):
        assert parse(f"{status} {test} - assert 1 == 2\n", SimpleNamespace()) == {test: status}
