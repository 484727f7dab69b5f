"""20,000 unsound descriptions, locks, answers, patches and recipes: one line each, in time, and nothing outside is touched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.foreign.fuzz import CASES, Ending, Failed, planned, run
from tests.foreign.watch import Hang, Outside, Watch
from ttc_data.errors import DatasetError

LEAST_TAKEN = 20
"""Cases of a family that must be sound enough to be gone on with: else nothing behind the gate is tried."""


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


def test_no_case_ends_in_a_traceback_hangs_or_touches_what_is_outside(watch: Watch) -> None:
    taken: Counter[str] = Counter()
    began = time.process_time()
    failed = list(run(planned(), "0", watch, taken))
    assert not failed, "\n\n".join(map(str, failed[:5]))
    assert time.process_time() - began < 60  # 26 s of one core
    assert sum(CASES.values()) == 20_000
    assert {family: taken[family] for family in CASES if taken[family] < LEAST_TAKEN} == {}


@pytest.mark.parametrize(
    "touch",
    [
        lambda place: place.write_text("x"),
        lambda place: place.mkdir(),
        lambda place: place.parent.joinpath("there").rename(place),
        lambda place: place.parent.joinpath("there").unlink(),
        lambda place: place.parent.joinpath("there").read_text(),
        lambda place: place.symlink_to("/etc"),
        lambda place: os.mkdir(place.name, dir_fd=os.open(place.parent, os.O_RDONLY)),
        lambda place: subprocess.run(["/usr/bin/env"], check=True, env={}),
    ],
    ids=["writes", "makes", "moves", "removes", "reads", "links", "relative", "starts"],
)
def test_what_is_outside_is_seen(watch: Watch, tmp_path: Path, touch: Callable[[Path], object]) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "there").write_text("x", encoding="utf-8")
    with watch.over(5, tmp_path / "allowed"):
        (tmp_path / "allowed" / "x").write_text("x", encoding="utf-8")
    with pytest.raises(Outside), watch.over(5, tmp_path / "allowed"):
        touch(tmp_path / "new")


def test_a_link_that_leads_outside_is_outside(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "new")
    with pytest.raises(Outside), watch.over(5, tmp_path / "allowed"):
        (tmp_path / "allowed" / "link").write_text("x", encoding="utf-8")


def test_a_hang_is_ended(watch: Watch, tmp_path: Path) -> None:
    with pytest.raises(Hang), watch.over(0.2, tmp_path):
        time.sleep(10)


def test_a_line_for_a_person_is_no_failure_and_everything_else_is() -> None:
    with Ending() as ending:
        raise DatasetError("a line")
    assert (ending.refused, ending.trace) == (True, "")
    with Ending() as ending:
        raise KeyError("x")
    assert "KeyError" in ending.trace
    assert "--seed 7 --family rows --case 3" in str(Failed("rows", 3, "7", ending.trace))


def test_it_runs_by_hand_for_as_long_as_it_is_told() -> None:
    command = [sys.executable, "-m", "tests.foreign.fuzz", "--seconds", "2", "--seed", "by hand"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=dict(os.environ))
    assert ran.returncode == 0, ran.stdout
    assert "seed by hand: " in ran.stdout
    assert " 0 failed" in ran.stdout
