"""One row or one answer that is bad, among others: it is named, and the others go on."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.train.test_rewards import RIGHT, SCALE
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import EnvironmentFailed
from ttc_data.hosts.host import LocalHost
from ttc_data.progress import Quiet
from ttc_data.publish.rows import write_splits
from ttc_data.records import Environment
from ttc_data.row import Row
from ttc_data.solve import grader as grading
from ttc_data.solve.predictions import Prediction
from ttc_data.train.rewards import Rewards
from ttc_data.validation import grade_predictions, validate

pytestmark = [pytest.mark.network, pytest.mark.local]
AREA = "area"


def changed(built: Path, folder: Path, change: Callable[[Row], Row]) -> Path:
    """A copy of a set in which the row of `area` is another."""
    shutil.copytree(built / "dataset", folder)
    found = [change(row) if row.ttc_target == AREA else row for row in Dataset(folder).rows()]
    write_splits(lambda: iter(found), {row.repo: "train" for row in found}, folder / "data")
    return folder


def far(row: Row) -> Row:
    return replace(row, ttc_tripwires=tuple(replace(one, line=10**8) for one in row.ttc_tripwires))


BAD = {
    "ttc_tripwires.0": far,
    "FAIL_TO_PASS.0": lambda row: replace(row, FAIL_TO_PASS=("nowhere/test_x.py::test", *row.FAIL_TO_PASS)),
    "test_patch": lambda row: replace(row, test_patch="no diff"),
}


@pytest.mark.parametrize("field", BAD)
def test_a_row_that_does_not_fit_its_repository_is_named_and_the_others_are_proven(
    built: Path, cache: Cache, tmp_path: Path, field: str
) -> None:
    folder = changed(built, tmp_path / "set", BAD[field])
    outcomes = {one.instance_id: one for one in validate(folder, sandbox="local", workers=2, cache=cache)}
    (name,) = (name for name in outcomes if AREA in name)
    bad = outcomes.pop(name)
    assert bad.reason == "row_does_not_fit"
    for word in (str(folder), name, field):
        assert word in bad.detail
    assert outcomes
    assert all(one.solved for one in outcomes.values())


def test_answers_to_a_row_that_does_not_fit_are_errors_and_those_to_others_are_judged(
    built: Path, cache: Cache, tmp_path: Path, rows: dict[str, Row]
) -> None:
    folder = changed(built, tmp_path / "set", far)
    answers = [
        Prediction(rows[name].instance_id, "m", text, is_patch=False)
        for name, text in ((AREA, RIGHT), ("scale", SCALE))
    ]
    area, scale = sorted(
        grade_predictions(folder, answers, sandbox="local", workers=1, cache=cache), key=lambda one: one.instance_id
    )
    assert (area.failed, scale.solved) == (True, True)
    assert "ttc_tripwires.0" in area.detail
    rewards = Rewards(folder, sandbox="local", workers=1, cache=cache)
    try:
        names = [rows[AREA].instance_id] * 20 + [rows["scale"].instance_id]
        earned = asyncio.run(rewards.tests([f"{RIGHT}\n{n}" for n in range(20)] + [SCALE], names))
    finally:
        rewards.close()
    assert earned == [None] * 20 + [1.0]


class Listening(Quiet):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def broken(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make what the grader does with an answer that mentions `BREAK` fail."""
    sound: Callable[..., Any] = getattr(grading, name)

    def fails(first: Any, *more: Any, **named: Any) -> Any:
        if "BREAK" in f"{first} {more}":
            raise KeyError("a bug\nof ours")
        return sound(first, *more, **named)

    monkeypatch.setattr(grading, name, fails)


@pytest.mark.faults
@pytest.mark.parametrize("place", ["read_answer", "grade"])
def test_a_fault_of_ours_ends_one_answer_and_is_told_with_its_traceback(
    built: Path, cache: Cache, rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    broken(monkeypatch, place)
    said = Listening()
    breaking = RIGHT.replace("import math", "import math  # BREAK")
    names = [rows["area"].instance_id, rows["area"].instance_id, rows["scale"].instance_id]
    rewards = Rewards(built, sandbox="local", workers=1, cache=cache, progress=said)
    figures: dict[str, float] = {}
    try:
        for _ in range(3):
            earned = asyncio.run(
                rewards.tests(
                    [breaking, RIGHT, SCALE], names, log_metric=lambda name, value: figures.update({name: value})
                )
            )
            assert earned == [None, 1.0, 1.0]
    finally:
        rewards.close()
    assert figures["tests/error"] == pytest.approx(1 / 3)
    assert sum("Traceback" in line for line in said.lines) == 1, "each place once"
    assert any(line.startswith("KeyError") for line in said.lines)
    assert "faults of ttcdata itself" in said.lines[-1]


@pytest.mark.faults
def test_a_fault_of_ours_in_grade_and_validate_is_an_error_of_its_row(
    built: Path, cache: Cache, rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, "read_patch")
    said = Listening()
    answers = [
        Prediction(rows["area"].instance_id, "m", text, is_patch=True)
        for text in (rows["area"].patch, "BREAK", "no diff")
    ]
    outcomes = list(grade_predictions(built, answers, sandbox="local", workers=1, cache=cache, progress=said))
    assert sorted(one.reason for one in outcomes) == ["", "error", "patch_rejected"]
    (fault,) = (one for one in outcomes if one.failed)
    assert "a fault of ttcdata" in fault.detail
    assert "\n" not in fault.detail
    monkeypatch.setattr(grading.Grader, "grade_reference", lambda grader, row: {}[row.instance_id])
    assert {one.reason for one in validate(built, sandbox="local", workers=1, cache=cache, limit=2)} == {"error"}


def test_an_environment_that_cannot_be_installed_is_named_by_its_row(
    built: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(host: LocalHost, environment: Environment) -> None:
        raise EnvironmentFailed("dependencies_not_installable", "Hash mismatch for attrs==1")

    monkeypatch.setattr(LocalHost, "prepare", fails)
    (outcome,) = validate(built, sandbox="local", workers=1, limit=1, cache=cache)
    assert outcome.reason == "row_does_not_fit"
    for word in (str(built), "environments/", "environment.lock", "attrs==1"):
        assert word in outcome.detail
