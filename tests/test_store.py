"""The store is the checkpoint: whatever instant a build ends at, its journal says what was done, and nothing else."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.drawn import drawn
from ttc_data.errors import BuildError
from ttc_data.funnel import RECORDS, funnel, open_records, reject_reasons
from ttc_data.keys import content_key
from ttc_data.records import Environment, Evidence, Reject, Sample, Source, Spec, Suite, Target
from ttc_data.row import Row
from ttc_data.store import Build, Stage, connect, quoted


@contextmanager
def opened(folder: Path, name: str = "specify", record: Any = Spec) -> Iterator[Stage[Any]]:
    stage: Stage[Any] = Stage(folder, name, record)
    try:
        yield stage
    finally:
        stage.close()


def spec(number: int) -> Spec:
    return Spec(f"target-{number}", "docstring", f"Say {number} \u00fc\r\n")


def name_of(number: int) -> str:
    return content_key("input", number)


def write(stage: Stage[Any], number: int) -> None:
    """Every third input is a reject."""
    if number % 3:
        stage.write(name_of(number), [spec(number)], [], number / 7)
    else:
        stage.write(name_of(number), [], [Reject(f"k{number}", "specify", "no_test", "d")], number / 7)


def texts(folder: Path) -> list[str]:
    with opened(folder) as stage:
        return sorted(record.text for record in stage.records())


def test_a_journal_cut_at_any_byte_of_its_last_line_loses_that_line_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as stage:
        for number in range(1, 4):
            write(stage, number)
    journal = tmp_path / "specify.jsonl"
    whole = journal.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        journal.write_bytes(whole[:cut])
        with opened(tmp_path) as stage:
            assert stage.done() == {name_of(1), name_of(2)}
            write(stage, 3)
        assert timeless(journal.read_bytes()) == timeless(whole)


def timeless(journal: bytes) -> bytes:
    """A journal without the times at which its inputs ended."""
    return re.sub(rb'"ended": [\d.]+', b"", journal)


def test_what_came_of_an_input_is_counted_in_journals_of_every_version(tmp_path: Path) -> None:
    """Older lines hold no counts, nor when they ended."""
    with opened(tmp_path) as stage:
        for number in range(1, 4):
            write(stage, number)
        counted = stage.counted()
    assert counted == {name_of(1): (1, 0), name_of(2): (1, 0), name_of(3): (0, 1)}
    journal = tmp_path / "specify.jsonl"
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    older = [{key: value for key, value in line.items() if key not in ("counts", "ended")} for line in lines]
    journal.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in older), encoding="utf-8")
    with opened(tmp_path) as stage:
        assert stage.counted() == counted
        stage.compact(stage.done())
        assert len(list(stage.records())) == 2


def test_a_torn_line_longer_than_a_read_is_dropped(tmp_path: Path) -> None:
    with opened(tmp_path) as stage:
        write(stage, 1)
    journal = tmp_path / "specify.jsonl"
    whole = journal.read_bytes()
    for torn in (b"x" * 200_000, b'{"input": "'):
        journal.write_bytes(whole + torn)
        with opened(tmp_path) as stage:
            assert stage.done() == {name_of(1)}
        assert journal.read_bytes() == whole
    journal.write_bytes(b"y" * 200_000)
    with opened(tmp_path) as stage:
        assert stage.done() == set()


def compacted(folder: Path, order: list[int], inputs: set[str]) -> tuple[bytes, bytes]:
    with opened(folder) as stage:
        for number in order:
            write(stage, number)
        stage.compact(inputs)
    return (folder / "specify.parquet").read_bytes(), (folder / "specify.rejects.parquet").read_bytes()


def test_the_same_results_in_any_order_are_the_same_bytes(tmp_path: Path) -> None:
    """Workers end in any order; measured seconds are in a file of their own."""
    numbers = list(range(100))
    inputs = {name_of(number) for number in numbers}
    first = compacted(tmp_path / "0", numbers, inputs)
    for turn in range(1, 4):
        random.Random(turn).shuffle(numbers)
        assert compacted(tmp_path / str(turn), numbers, inputs) == first


def test_results_of_inputs_that_are_no_more_stay_out_of_the_parquet(tmp_path: Path) -> None:
    """An earlier run with another recipe left them; they stay in the journal, should that recipe come back."""
    wanted = {name_of(number) for number in (1, 2, 3)}
    assert compacted(tmp_path / "a", [1, 2, 3, 4, 5, 6], wanted) == compacted(tmp_path / "b", [1, 2, 3], wanted)
    with opened(tmp_path / "a") as stage:
        assert len(stage.done()) == 6


def test_the_seconds_of_an_ended_stage_are_known_by_what_its_records_are_about(tmp_path: Path) -> None:
    with opened(tmp_path) as stage:
        stage.write("left out", [spec(1)], [], 100.0)
        for name, about, seconds in (("a", 1, 2.0), ("b", 2, 3.5), ("c", 1, 0.25)):
            stage.write(name, [spec(about)], [], seconds)
        stage.compact({"a", "b", "c"})
        assert stage.seconds_by("target_key") == {"target-1": 2.25, "target-2": 3.5}


def test_a_stage_without_inputs_is_compacted_too(tmp_path: Path) -> None:
    with opened(tmp_path) as stage:
        stage.compact(set())
        assert list(stage.records()) == []
        write(stage, 1)
        stage.compact(set())
        assert list(stage.records()) == []


@pytest.mark.parametrize(
    "text", ["\ud800", "a\udfff b", "\x00", "a\x00b", "\u2028\x85\r\n\n\x0c", "\ufeff\U0001f600", '"}\\n{']
)
def test_no_text_loses_its_line(tmp_path: Path, text: str) -> None:
    """A lone surrogate becomes `?`; all else comes back as it was."""
    with opened(tmp_path) as stage:
        stage.write(name_of(0), [Spec("t", "docstring", text)], [Reject("k", "specify", "r", text)], 0)
        write(stage, 1)
        assert stage.done() == {name_of(0), name_of(1)}
        stage.compact(stage.done())
        (found,) = stage.records(target_key="t")
        assert found.text == text.encode("utf-8", "replace").decode()
        assert len(list(stage.records())) == 2
    rows = connect().execute(f"SELECT detail FROM {quoted(tmp_path / 'specify.rejects.parquet')}").fetchall()
    assert rows == [(text.encode("utf-8", "replace").decode(),)]


CASES: dict[str, Any] = {
    record.__name__: record for record in (Source, Target, Environment, Suite, Spec, Sample, Evidence, Row)
}
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))
st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(str, st.text(st.characters(codec="utf-8"), max_size=8))


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_record_comes_back_from_journal_and_parquet_as_it_was(name: str, data: st.DataObject) -> None:
    record = CASES[name]
    written = data.draw(st.lists(drawn(record), max_size=3, unique_by=lambda one: one.key))
    with TemporaryDirectory() as folder, opened(Path(folder), "stage", record) as stage:
        stage.write(name_of(0), written, [], 0)
        stage.compact({name_of(0)})
        back = list(stage.records())
    assert back == sorted(written, key=lambda one: one.key)
    assert [one.key for one in back] == sorted(one.key for one in written)


def test_one_build_is_worked_on_by_one_process(tmp_path: Path) -> None:
    first = Build(tmp_path)
    code = "import sys\nfrom pathlib import Path\nfrom ttc_data.store import Build\nBuild(Path(sys.argv[1]))\n"
    other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert other.returncode == 1
    assert "another process is writing it" in other.stderr
    with pytest.raises(BuildError, match="another process"):
        Build(tmp_path)
    first.close()
    Build(tmp_path).close()


def test_a_build_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    code = "import os, sys\nfrom pathlib import Path\nfrom ttc_data.store import Build\nbuild = Build(Path(sys.argv[1]))\nos.kill(os.getpid(), 9)\n"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60).returncode == -9
    Build(tmp_path).close()


FILL = """
import resource
import sys
from pathlib import Path

from ttc_data.errors import StorageFull
from ttc_data.records import Spec
from ttc_data.store import Build

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
build = Build(Path(sys.argv[1]))
stage = build.stage("specify", Spec)
written = 0
try:
    for number in range(1000):
        stage.write(f"input-{number}", [Spec(str(number), "docstring", "x" * 500)], [], 0)
        written += 1
except StorageFull as error:
    print(written, error)
finally:
    build.close()
"""


def test_a_full_disk_is_named_and_keeps_what_was_written(tmp_path: Path) -> None:
    """Closing tries to write again what did not fit: that must not hide the first error."""
    filled = subprocess.run(
        [sys.executable, "-W", "error", "-c", FILL, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert filled.returncode == 0, filled.stderr
    assert filled.stderr == ""
    written, said = filled.stdout.split(" ", 1)
    assert "specify.jsonl: File too large; free some space and run the same command again" in said
    build = Build(tmp_path)
    stage = build.stage("specify", Spec)
    assert stage.done() == {f"input-{number}" for number in range(int(written))}
    assert int(written) > 20
    stage.compact(stage.done())
    assert len(list(stage.records())) == int(written)
    build.close()


COMPACT = """
import resource
import sys
from pathlib import Path

from ttc_data.errors import StorageFull
from ttc_data.records import Spec
from ttc_data.store import Build

build = Build(Path(sys.argv[1]))
stage = build.stage("specify", Spec)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
try:
    stage.compact(stage.done())
except StorageFull as error:
    print(error)
finally:
    build.close()
"""


def test_a_disk_that_fills_while_a_stage_ends_leaves_the_stage_unended(tmp_path: Path) -> None:
    build = Build(tmp_path)
    stage = build.stage("specify", Spec)
    for number in range(500):
        stage.write(name_of(number), [Spec(name_of(number), "docstring", name_of(-number))], [], 0)
    build.close()
    full = subprocess.run(
        [sys.executable, "-W", "error", "-c", COMPACT, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert full.returncode == 0, full.stderr
    assert full.stdout == (
        f"{tmp_path}/records/specify.times.parquet: File too large; free some space and run the same command again\n"
    ), "no paragraph of DuckDB's"
    assert not (tmp_path / "records/specify.parquet").exists()
    (step,) = funnel(tmp_path)
    assert (step.entered, step.running) == (500, True)


def test_a_running_stage_can_be_looked_at(tmp_path: Path) -> None:
    """Its journal is read as it grows, a line that is being written passed over; an empty one is a stage that began."""
    build = Build(tmp_path)
    stage = build.stage("specify", Spec)
    build.stage("mask", Sample)
    for number in range(1, 7):
        write(stage, number)
    with (tmp_path / "records/specify.jsonl").open("ab") as journal:
        journal.write(b'{"input": "half of a li')
    steps = {step.stage: step for step in funnel(tmp_path)}
    assert (steps["specify"].entered, steps["specify"].kept, steps["specify"].rejected) == (6, 4, 2)
    assert steps["specify"].running
    assert (steps["mask"].entered, steps["mask"].running) == (0, True)
    assert reject_reasons(tmp_path) == [("specify", "no_test", 2)]
    build.close()
    build = Build(tmp_path)
    stage = build.stage("specify", Spec)
    stage.compact(stage.done())
    ended = {step.stage: step for step in funnel(tmp_path)}["specify"]
    assert (ended.entered, ended.kept, ended.rejected, ended.running) == (6, 4, 2, False)
    connection = open_records(tmp_path)
    assert connection.execute("SELECT count(*) FROM specify").fetchall() == [(4,)]
    connection.close()
    build.close()


def test_a_build_killed_while_a_stage_ends_can_be_looked_at(tmp_path: Path) -> None:
    """The records are written last: without them the stage is still running, whatever else is there."""
    build = Build(tmp_path)
    stage = build.stage("specify", Spec)
    write(stage, 1)
    stage.compact(stage.done())
    build.close()
    written = sorted((tmp_path / "records").glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    assert written[-1].name == "specify.parquet"
    for path in reversed(written):
        path.unlink()
        (step,) = funnel(tmp_path)
        assert (step.kept, step.running) == (1, True)


def test_the_funnel_tells_the_time_by_the_clock_from_that_of_all_workers(tmp_path: Path) -> None:
    """Inputs that were worked on at the same time count once by the clock, and what lies between two runs not at all."""
    spans = {"a": (1000.0, 10.0), "b": (1005.0, 12.0), "c": (1003.0, 2.0), "d": (5000.0, 1.0)}
    build = Build(tmp_path)
    stage = build.stage("specify", Spec)
    journal = tmp_path / "records/specify.jsonl"
    for name, (ended, seconds) in spans.items():
        with journal.open("a", encoding="utf-8") as file:
            line = {"input": name, "counts": [0, 0], "seconds": seconds, "ended": ended, "kept": [], "rejects": []}
            file.write(json.dumps(line) + "\n")
    for running in (True, False):
        (step,) = funnel(tmp_path)
        assert (step.running, step.seconds) == (running, 25.0)
        assert step.wall_seconds == 15.0 + 1.0  # from 990, where `a` began, to 1005; and `d`
        stage.compact(stage.done())
    times = tmp_path / "records/specify.times.parquet"
    connection = connect()
    connection.execute(f"CREATE TABLE older AS SELECT * EXCLUDE ended FROM read_parquet({quoted(times)})")
    connection.execute(f"COPY older TO {quoted(times)} (FORMAT parquet)")
    connection.close()
    (step,) = funnel(tmp_path)
    assert (step.entered, step.seconds, step.wall_seconds) == (4, 25.0, None)
    build.close()


def test_every_stage_has_its_record(tmp_path: Path) -> None:
    build = Build(tmp_path)
    for name, record in RECORDS.items():
        build.stage(name, record)
    assert [step.entered for step in funnel(tmp_path)] == [0] * len(RECORDS)
    build.close()
