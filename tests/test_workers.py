"""Samples are proven in processes of their own: what becomes of them, and of a build, when one of them or the build ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import yaml

from tests.projects import commit, write_files
from ttc_data.errors import EnvironmentFailed, SandboxLost, SourceUnavailable
from ttc_data.kinds import worker
from ttc_data.progress import LOG
from ttc_data.records import Evidence, Reject

pytestmark = [pytest.mark.local, pytest.mark.network]

FUNCTION = '''

def {name}(number, low, high):
    """Give the number from {name} low to high that is nearest to a number."""
    if number < low:
        return low
    if number > high:
        return high
    return number
'''
TEST = """
import time

from thing import {name}


def test_{name}():
    time.sleep(0.2)
    assert ({name}(0, 1, 3), {name}(9, 1, 3), {name}(2, 1, 3)) == (1, 3, 2)
"""
NAMES = ("clamp", "bound", "limit", "fit")


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    files = {f"tests/test_{name}.py": TEST.format(name=name) for name in NAMES}
    text = '"""Numbers."""\n' + "".join(
        FUNCTION.format(name=name).replace("number", f"number_{name}") for name in NAMES
    )
    settings = "[metadata]\nname = thing\nversion = 1\nlicense = MIT\n"
    commit(write_files(tmp_path / "thing", {**files, "thing.py": text, "setup.cfg": settings}))
    recipe = tmp_path / "recipe.yaml"
    rules = {"runs": 2, "mutants": 4, "generate": False, "tripwires": 0}
    source = {"kind": "git", "url": str(tmp_path / "thing"), "repo": "a/thing"}
    recipe.write_text(
        yaml.safe_dump({"name": "workers", "sources": [source], "tests": rules, "mask": {"drop_leaks": []}})
    )
    build = [sys.executable, "-m", "ttc_data", "build", str(recipe), "--local", "--workers", "2"]
    return [*build, "--out", str(tmp_path / "out")]


def children(pid: int) -> list[int]:
    """Numbers of the processes that a process started, and those that they started."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for place in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in place.read_text().split():
                found += [int(child), *children(int(child))]
    return found


def workers(pid: int) -> list[int]:
    """Those of a build that prove samples."""

    def is_one(child: int) -> bool:
        try:
            return b"ttc_data.kinds.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            return False

    return [child for child in children(pid) if is_one(child)]


def is_there(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def within(seconds: float) -> Iterator[None]:
    """Turns of a loop that waits for something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)
    pytest.fail(f"not within {seconds:.0f} s")


def proving(build: subprocess.Popen[str]) -> list[int]:
    """Wait until both processes are proving; gives them."""
    for _ in within(120):
        found = workers(build.pid)
        if len(found) == 2 and all(children(number) for number in found):
            return found
    raise AssertionError


def rows(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "dataset").rglob("*.parquet")}


def test_a_process_that_is_killed_is_replaced_and_no_row_is_lost(command: list[str], tmp_path: Path) -> None:
    with subprocess.Popen(command, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as build:
        killed = proving(build)[0]
        os.kill(killed, signal.SIGKILL)
        said = build.communicate(timeout=240)[1]
    assert build.returncode == 0, said
    assert "sandboxes lost and replaced: " in (tmp_path / "out" / LOG).read_text(encoding="utf-8")
    undisturbed = [*command[:-1], str(tmp_path / "again")]
    undisturbed[undisturbed.index("--workers") + 1] = "1"
    subprocess.run(undisturbed, check=True, capture_output=True, timeout=240)
    assert rows(tmp_path / "out") == rows(tmp_path / "again") != {}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_no_process_and_goes_on(
    command: list[str], tmp_path: Path, how: signal.Signals
) -> None:
    with subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as build:
        proving(build)
        started = children(build.pid)
        os.killpg(build.pid, how)  # as a terminal does; the workers are not in its group
        said = build.communicate(timeout=60)[0]
    assert build.returncode != 0
    assert "Traceback" not in said
    for _ in within(30):
        if not any(map(is_there, started)):
            break
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
    assert "4 proven rows" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (SandboxLost("it broke"), "SandboxLost", "it broke"),
        (SourceUnavailable("no answer"), "SourceUnavailable", "no answer"),
        (EnvironmentFailed("too_large", "3 GB"), "", "in a function that fails"),
        (ZeroDivisionError("one by none"), "", "ZeroDivisionError: one by none"),
    ],
)
def test_what_goes_wrong_in_a_worker_is_told_as_it_is(error: Exception, kind: str, text: str) -> None:
    proof: Future[tuple[Evidence | Reject, ...]] = Future()
    if not kind and isinstance(error, EnvironmentFailed):
        error.add_note("in a function that fails")
    proof.set_exception(error)
    told = worker.told_of(proof, 3)
    assert (told.found, told.error, told.lost) == ((), kind, 3)
    assert text in told.text
