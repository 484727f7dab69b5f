"""A stage goes on where it was: nothing that was journaled is done twice, nothing is lost, and it ends at once when told."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ttc_data.engine import Ran, run_stage
from ttc_data.errors import ModelUnavailable, SandboxLost, SourceUnavailable, StorageFull, TtcError
from ttc_data.progress import Quiet
from ttc_data.records import Reject, Spec
from ttc_data.store import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage[Spec]]:
    opened = Stage(tmp_path, "specify", Spec)
    yield opened
    opened.close()


def inputs(count: int) -> Iterator[tuple[str, int]]:
    for number in range(count):
        yield f"input-{number}", number


def result(number: int) -> Spec | Reject:
    if number % 5 == 0:
        return Reject(f"k{number}", "specify", "fifth", "")
    return Spec(f"input-{number}", "docstring", f"Do {number}.")


class Work:
    """Counts its calls; fails where it is told to."""

    def __init__(self, failures: dict[int, list[Exception]] | None = None) -> None:
        self.calls: list[int] = []
        self.failures = failures or {}

    def __call__(self, number: int) -> Iterator[Spec | Reject]:
        self.calls.append(number)
        if self.failures.get(number):
            raise self.failures[number].pop()
        yield result(number)


class Lines(Quiet):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)


def run(stage: Stage[Spec], work: Work, count: int = 20, workers: int = 3, salt: str = "") -> Ran:
    return run_stage(stage, inputs(count), work, salt=salt, workers=workers, progress=Quiet())


def test_what_is_done_is_skipped(stage: Stage[Spec]) -> None:
    first, second = Work(), Work()
    run(stage, first)
    before = stage.parquet.read_bytes()
    run(stage, second)
    assert sorted(first.calls) == list(range(20))
    assert second.calls == []
    assert stage.parquet.read_bytes() == before
    assert len(list(stage.records())) == 16


def test_what_an_earlier_run_kept_counts_as_kept(stage: Stage[Spec]) -> None:
    """And not as work of this run, by which the time that is left is estimated."""
    told = Told()
    run_stage(stage, inputs(15), Work(), salt="", workers=3, progress=told, total=20)
    assert (told.advanced, told.skipped) == ([12, 3, 0], [0, 0])
    told = Told()
    run_stage(stage, inputs(20), Work(), salt="", workers=3, progress=told, total=20)
    assert (told.advanced, told.skipped) == ([4, 1, 0], [12, 3])


class Told(Quiet):
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.advanced = [0, 0, 0]
        self.skipped = [0, 0]

    def advance(self, kept: int, rejected: int, failed: int) -> None:
        self.advanced = [a + b for a, b in zip(self.advanced, (kept, rejected, failed), strict=True)]

    def skip(self, kept: int, rejected: int) -> None:
        self.skipped = [a + b for a, b in zip(self.skipped, (kept, rejected), strict=True)]


def test_another_salt_is_other_work(stage: Stage[Spec]) -> None:
    run(stage, Work())
    again = Work()
    run(stage, again, salt="other rules")
    assert len(again.calls) == 20
    assert len(list(stage.records())) == 16


def test_an_input_that_comes_twice_is_worked_on_once(stage: Stage[Spec]) -> None:
    """Else a build that was killed between the two would end with other bytes than one that was not."""
    work = Work()
    twice = [*inputs(3), *inputs(3)]
    run_stage(stage, twice, work, salt="", workers=1, progress=Quiet())
    assert work.calls == [0, 1, 2]


@pytest.mark.parametrize("error", [SandboxLost, SourceUnavailable, ModelUnavailable])
def test_our_own_failure_is_tried_once_more(stage: Stage[Spec], error: type[TtcError]) -> None:
    work = Work({7: [error("gone")]})
    assert run(stage, work).errors == []
    assert work.calls.count(7) == 2
    assert len(stage.done()) == 20


def test_our_own_failure_twice_is_reported_and_not_journaled(stage: Stage[Spec]) -> None:
    """It says nothing about the input: no reject, and the next run tries it again."""
    ran = run(stage, Work({7: [SandboxLost("gone"), SandboxLost("gone")]}))
    (said,) = ran.errors
    assert said.startswith("specify ")
    assert said.endswith("gone")
    assert len(stage.done()) == 19
    assert "input-7" not in {record.target_key for record in stage.records()}
    again = Work()
    assert run(stage, again).errors == []
    assert again.calls == [7]
    assert "input-7" in {record.target_key for record in stage.records()}


@pytest.mark.faults
def test_a_fault_of_ours_in_one_input_leaves_the_others(stage: Stage[Spec]) -> None:
    """A literal that nobody had thought of once ended a build of 160 samples at the 112th, each time it was begun again."""
    said = Lines()
    work = Work({7: [ZeroDivisionError("by none")], 11: [ZeroDivisionError("by none")]})
    ran = run_stage(stage, inputs(20), work, salt="", workers=3, progress=said)
    assert [line.partition(" (")[0] for line in sorted(ran.errors)] == [
        "specify input-11: a fault of ttcdata: ZeroDivisionError: by none",
        "specify input-7: a fault of ttcdata: ZeroDivisionError: by none",
    ]
    assert sum("Traceback" in line for line in said.lines) == 2  # the fault, and what ends its input
    assert len(stage.done()) == 18
    again = Work()
    assert run(stage, again).errors == []
    assert sorted(again.calls) == [7, 11]


def test_any_other_error_ends_the_stage_and_keeps_what_was_finished(stage: Stage[Spec]) -> None:
    with pytest.raises(StorageFull):
        run(stage, Work({7: [StorageFull("no space")]}), workers=1)
    assert len(stage.done()) >= 7
    assert not stage.parquet.exists()
    again = Work()
    run(stage, again)
    assert 7 in again.calls
    assert not set(again.calls) & set(range(7))
    assert len(stage.done()) == 20


def test_an_input_that_cannot_be_drawn_ends_the_stage(stage: Stage[Spec]) -> None:
    def broken() -> Iterator[tuple[str, int]]:
        yield from inputs(3)
        raise SourceUnavailable("the index is gone")

    with pytest.raises(SourceUnavailable):
        run_stage(stage, broken(), Work(), salt="", workers=2, progress=Quiet())


@pytest.mark.parametrize("workers", [1, 3])
def test_inputs_are_taken_no_faster_than_they_are_worked_on(stage: Stage[Spec], workers: int) -> None:
    """At most 2 * workers inputs are in memory."""
    lock = threading.Lock()
    taken = ended = most = running = most_running = 0

    def counted() -> Iterator[tuple[str, int]]:
        nonlocal taken, most
        for key, number in inputs(60):
            with lock:
                taken += 1
                most = max(most, taken - ended)
            yield key, number

    def work(number: int) -> Iterator[Spec | Reject]:
        nonlocal ended, running, most_running
        with lock:
            running += 1
            most_running = max(most_running, running)
        time.sleep(0.001)
        with lock:
            ended += 1
            running -= 1
        yield result(number)

    run_stage(stage, counted(), work, salt="", workers=workers, progress=Quiet())
    assert most <= 2 * workers
    assert most_running == workers


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    written = set()
    for workers in (1, 2, 7):
        stage = Stage(tmp_path / str(workers), "specify", Spec)
        run(stage, Work(), 50, workers)
        rejects = (tmp_path / str(workers) / "specify.rejects.parquet").read_bytes()
        written.add((stage.parquet.read_bytes(), rejects))
        stage.close()
    assert len(written) == 1


COUNT = 200
KILLS = 20
# One interpreter forks every run: importing takes longer than a run.
TOY = """
import os
import signal
import sys
import time
from pathlib import Path

from ttc_data.progress import Quiet
from ttc_data.engine import run_stage
from ttc_data.records import Reject, Spec
from ttc_data.store import Build

folder = Path(sys.argv[1])


def work(number):
    log = os.open(folder / "worked.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, b"input-%d\\n" % number)
    os.close(log)
    time.sleep(0.002 + number % 7 / 1000)
    if number % 5 == 0:
        yield Reject(f"input-{number}", "specify", "fifth", "x" * number)
    else:
        yield Spec(f"input-{number}", "docstring", "Do it. " * number)


def toy():
    build = Build(folder / "build")
    inputs = ((f"input-{number}", number) for number in range(int(sys.argv[2])))
    run_stage(build.stage("specify", Spec), inputs, work, salt="", workers=4, progress=Quiet())
    build.close()


for line in sys.stdin:  # how long the next run may live, 0 for ever
    pid = os.fork()
    if pid == 0:
        toy()
        os._exit(0)
    if float(line):
        time.sleep(float(line))
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    print(status, flush=True)
"""


class Toy:
    """A stage of 200 inputs in a process of its own, which can be killed after any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-c", TOY, str(folder), str(COUNT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, seconds: float = 0.0) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(seconds, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def worked(self) -> list[str]:
        log = self.folder / "worked.log"
        return log.read_text().split() if log.exists() else []

    def journaled(self) -> set[str]:
        journal = self.folder / "build/records/specify.jsonl"
        done = set()
        for line in journal.read_text().split("\n")[:-1] if journal.exists() else []:
            entry = json.loads(line)
            done |= {one["target_key"] for one in entry["kept"]} | {one["key"] for one in entry["rejects"]}
        return done

    def written(self) -> list[bytes]:
        return [(self.folder / f"build/records/specify{part}.parquet").read_bytes() for part in ("", ".rejects")]

    def close(self) -> None:
        with self.process:
            pass


def test_a_build_killed_twenty_times_ends_as_one_that_never_was(tmp_path: Path) -> None:
    draw = random.Random(7)
    straight, killed = Toy(tmp_path / "straight"), Toy(tmp_path / "killed")
    assert straight.run() == 0
    interrupted = 0
    for _ in range(KILLS):
        done, begun = killed.journaled(), len(killed.worked())
        interrupted += killed.run(draw.uniform(0.005, 0.06)) == signal.SIGKILL
        assert not done & set(killed.worked()[begun:])
        assert done <= killed.journaled()
    done, begun = killed.journaled(), len(killed.worked())
    assert killed.run() == 0
    assert not done & set(killed.worked()[begun:])
    assert interrupted > KILLS // 2
    assert len(killed.worked()) <= COUNT + 4 * KILLS  # at most one a worker is done again
    assert killed.written() == straight.written()
    straight.close()
    killed.close()


INTERRUPTED = """
import os
import sys
import time
from pathlib import Path

from ttc_data.progress import Quiet
from ttc_data.engine import run_stage
from ttc_data.records import Spec
from ttc_data.store import Build


def work(number):
    if number >= 4:
        os.write(1, b"works\\n")
        time.sleep(600)
    yield Spec(str(number), "docstring", "")


build = Build(Path(sys.argv[1]))
try:
    inputs = ((str(number), number) for number in range(100))
    run_stage(build.stage("specify", Spec), inputs, work, salt="", workers=2, progress=Quiet())
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(130)
finally:
    build.close()
"""


def test_an_interrupt_ends_the_process_at_once(tmp_path: Path) -> None:
    """Though its workers wait for something that takes ten minutes; what was finished is kept."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", INTERRUPTED, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        assert process.stdout.readline() == "works\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(120) == 130
        finally:
            process.kill()  # else the block would wait for ten minutes
        assert process.stdout.read().endswith("interrupted\n")
        assert process.stderr.read() == ""
    stage = Stage(tmp_path / "records", "specify", Spec)
    assert len(stage.done()) == 4
    stage.close()
