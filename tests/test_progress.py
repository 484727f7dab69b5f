"""What a person is told of a stage, and what a build's log keeps of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ttc_data.errors import SandboxUnavailable
from ttc_data.progress import BuildLog, Lines, Quiet, Tally, duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (40, "40 s"), (89, "89 s"), (95, "2 min"), (5000, "83 min"), (5400, "1.5 h"), (36_000, "10.0 h")],
)
def test_a_time_is_as_exact_as_a_person_needs_it(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_time_left_follows_from_what_this_run_did() -> None:
    """What an earlier run did took no time of this one."""
    tally = Tally("prove", 100)
    assert tally.left() == ""
    for _ in range(50):
        tally.skip(1, 0)
    assert tally.left() == ""
    for _ in range(10):
        tally.advance(0, 1, 0)
    tally.began -= 60
    assert tally.left() == "about 4 min left"  # 40 inputs at 6 s each
    assert re.fullmatch(
        r"prove: 60 of at most 100 done \(50 before this run\), 50 kept, 10 dropped \(6\d\.\d s\)", tally.line()
    )


def test_nothing_is_estimated_where_nobody_knows_how_much_there_is_or_all_is_done() -> None:
    for total in (None, 1, 0):
        tally = Tally("mine", total)
        tally.advance(1, 0, 0)
        assert tally.left() == ""


def test_a_stage_that_runs_long_is_told_of_with_the_time_left() -> None:
    lines: list[str] = []
    progress = Lines(lines.append, every_s=0.0)
    progress.begin("prove", 3)
    progress.advance(1, 0, 0)
    progress.advance(0, 0, 1)
    progress.end()
    assert re.fullmatch(r"prove: 1 of at most 3 done, 1 kept, 0 dropped \(\d\.\d s\)\.\.\. about \d s left", lines[0])
    assert re.fullmatch(r"prove: 2 done, 1 kept, 0 dropped, 1 errors \(\d\.\d s\)", lines[-1])


def read(log: BuildLog) -> list[str]:
    """The lines of a log without their times."""
    lines = log.path.read_text(encoding="utf-8").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ", line) for line in lines), lines
    return [line.partition(" ")[2] for line in lines]


def test_a_log_has_what_was_told_and_goes_on_with_the_next_run(tmp_path: Path) -> None:
    log = BuildLog(tmp_path)
    told: list[str] = []

    def build() -> None:
        progress = log.telling(Lines(told.append, every_s=60))
        progress.begin("mine", 2)
        progress.advance(1, 0, 0)
        progress.skip(1, 0)
        progress.say("two\nlines")
        progress.end()
        raise SandboxUnavailable("no sandbox; install one")

    with pytest.raises(SandboxUnavailable), log.run("build one"):
        build()
    BuildLog(tmp_path).all_of(told.append)("the end")
    lines = read(log)
    assert lines[:3] == ["build one", "two", "lines"]
    assert lines[3].startswith("mine: 2 done (1 before this run), 2 kept, 0 dropped (")
    assert lines[4:] == ["ended by SandboxUnavailable: no sandbox; install one", "the end"]
    assert told == ["two\nlines", lines[3], "the end"]


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "build.log").mkdir()
    log = BuildLog(tmp_path)
    with log.run("build"):
        log.telling(Quiet()).say("a line")
