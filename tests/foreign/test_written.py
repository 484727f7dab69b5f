"""What a command writes into a set's folder is a new file, whatever the set holds under its name or one that is known beforehand."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tests.foreign.hostile import HostileSet
from tests.foreign.test_sets import selected
from ttc_data.publish.card import record_findings
from ttc_data.whole import write_whole

NAMES = (
    ".report.html.tmp",
    "report.html",
    ".card.json.tmp",
    ".README.md.tmp",
    "README.md",
    ".train.jsonl",
    "data/.train.jsonl",
)
SECONDS = 60


@pytest.fixture(autouse=True)
def nobody_waits() -> Iterator[None]:
    """Whoever opens a pipe that nobody reads is ended."""
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)


def link_out(place: Path, outside: Path) -> None:
    place.symlink_to(outside)


def pipe(place: Path, outside: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize("put", [link_out, pipe])
@pytest.mark.parametrize("name", NAMES)
def test_what_lies_in_the_place_of_a_file_is_neither_written_through_nor_waited_for(
    here: Here, hostile: HostileSet, tmp_path: Path, name: str, put: Callable[[Path, Path], None]
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("the reader's own\n", encoding="utf-8")
    place = hostile.folder / name
    place.unlink(missing_ok=True)
    put(place, outside)
    assert here("report", str(hostile.folder)).returncode == 0
    record_findings(hostile.folder, [])
    assert outside.read_text(encoding="utf-8") == "the reader's own\n"
    assert (hostile.folder / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert not (hostile.folder / "report.html").is_symlink()


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "x", "\ud800")
    assert list(tmp_path.iterdir()) == []


def test_a_column_that_is_named_as_ours_does_not_say_which_split_a_row_is_in(
    here: Here, hostile: HostileSet, tmp_path: Path
) -> None:
    selected("*, 'x' AS Split FROM {table}")(hostile, tmp_path)
    ran = here("train", str(hostile.folder), "--gpus", "0", "--dry-run", "--set", "split=x")
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "train" in ran.stderr
