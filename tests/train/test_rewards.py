"""What answers earn: right ones all, wrong ones a part, forged ones nothing, and none at all where the sandbox is at fault."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ttc_data.cache import Cache
from ttc_data.errors import DatasetError, SandboxLost, SandboxUnavailable
from ttc_data.row import Row
from ttc_data.solve.grader import MOST_FAILED, Grader
from ttc_data.solve.outcome import Outcome
from ttc_data.train.rewards import Rewards, by_turns, text_of

pytestmark = [pytest.mark.network, pytest.mark.local]

RIGHT = (
    "Here it is:\n```python\ndef area(kind, size):\n    import math\n"
    '    if kind == "square":\n        return size * size\n    if kind == "circle":\n        return math.pi * size**2\n'
    '    raise ValueError(f"unknown shape: {kind}")\n```'
)
SCALE = "```python\ndef scale(sizes, factor=2):\n    return [size * factor for size in sizes]\n```"
SQUARES = "```python\ndef area(kind, size):\n    return size * size\n```"
NOTHING = "```python\ndef area(kind, size):\n    return None\n```"
PROSE = "I would multiply the sides."
EQUALS_EVERYTHING = (
    "```python\ndef area(kind, size):\n    class Any:\n        def __eq__(self, other):\n            return True\n"
    '        __hash__ = None\n    if kind not in ("square", "circle"):\n        raise ValueError(f"unknown shape: {kind}")\n'
    "    return Any()\n```"
)
ENDS_WELL = "```python\ndef area(kind, size):\n    import os\n    os._exit(0)\n```"
PATCHES_PYTEST = (
    "```python\ndef area(kind, size):\n    import _pytest.runner, _pytest.python\n"
    "    _pytest.python.Function.runtest = lambda self: None\n    return 0\n```"
)
HOSTILE = {"equals everything": EQUALS_EVERYTHING, "ends well": ENDS_WELL, "patches pytest": PATCHES_PYTEST}


@pytest.fixture(scope="module")
def rewards(built: Path, cache: Cache) -> Iterator[Rewards]:
    made = Rewards(built, sandbox="local", workers=2, strict=False, cache=cache)
    yield made
    made.close()


def earned(rewards: Rewards, row: Row, answers: Sequence[str], **more: Any) -> list[float | None]:
    return asyncio.run(rewards.tests(list(answers), [row.instance_id] * len(answers), prompts=[], **more))


def test_without_strict_an_answer_earns_a_share_for_the_tests_that_it_passes_beyond_doubt(
    rewards: Rewards, rows: dict[str, Row]
) -> None:
    right, squares, nothing, prose = earned(rewards, rows["area"], [RIGHT, SQUARES, NOTHING, PROSE])
    assert right == 1.0
    assert squares is not None
    assert 0 < squares < 1
    assert (nothing, prose) == (0.0, 0.0)


def test_all_or_nothing_is_the_default(built: Path, cache: Cache, rows: dict[str, Row]) -> None:
    strict = Rewards(built, sandbox="local", workers=1, cache=cache)
    try:
        assert earned(strict, rows["area"], [RIGHT, SQUARES]) == [1.0, 0.0]
    finally:
        strict.close()


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_a_forged_answer_earns_nothing(rewards: Rewards, rows: dict[str, Row], answer: str) -> None:
    assert earned(rewards, rows["area"], [answer]) == [0.0]


def test_what_passes_a_tripwire_is_counted(rewards: Rewards, rows: dict[str, Row]) -> None:
    logged: dict[str, float] = {}
    verdicts: dict[str, list[Any]] = {}
    earned(
        rewards, rows["area"], [EQUALS_EVERYTHING, RIGHT], log_metric=logged.__setitem__, log_extra=verdicts.__setitem__
    )
    assert logged["tests/tampered"] == 0.5
    assert logged["tests/solved"] == 0.5
    assert logged["tests/groups_that_learn"] == 1.0
    assert verdicts["verdict"] == ["tripwire_passed", "solved"]


def test_the_same_answer_runs_once_whichever_rewards_ask(rewards: Rewards, rows: dict[str, Row]) -> None:
    answer = RIGHT.replace("size**2", "size * size")
    names, answers = [rows["area"].instance_id] * 6, [answer, f"Again. {answer}"] * 3
    before = rewards.grader.runs

    async def all_at_once() -> Sequence[list[float | None]]:
        return await asyncio.gather(
            rewards.tests(answers, names), rewards.format(answers, names), rewards.similarity(answers, names),
            rewards.brevity(answers, names, completion_ids=[[1] * 256] * 6),
        )  # fmt: skip

    tests, form, similar, brief = asyncio.run(all_at_once())
    assert rewards.grader.runs == before + 1
    assert tests == form == [1.0] * 6
    assert brief == [0.75] * 6
    assert all(one is not None and 0.5 < one < 1 for one in similar)


def test_the_reference_is_like_itself(rewards: Rewards, rows: dict[str, Row]) -> None:
    row = rows["scale"]
    given = row.ttc_files[0].text
    lines = [line[1:] for line in row.patch.splitlines() if line.startswith("+") and not line.startswith("+++")]
    body = "\n".join(lines)
    told = f"```python\n{body}\n```"
    assert given.count("NotImplementedError")
    assert asyncio.run(rewards.similarity([told], [row.instance_id])) == [1.0]
    assert asyncio.run(rewards.similarity([PROSE], [row.instance_id])) == [0.0]


def test_what_the_sandbox_could_not_run_is_neither_right_nor_wrong(
    rewards: Rewards, rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every reward is None then: a completion that earned nothing would count as wrong."""
    grade = Grader.grade

    def broken(self: Grader, row: Row, files: Any, **options: Any) -> Outcome:
        if any("lost" in text for text in files.values()):
            raise SandboxLost("the sandbox broke")
        return grade(self, row, files, **options)

    monkeypatch.setattr(Grader, "grade", broken)
    names = [rows["area"].instance_id] * 2
    answers = [NOTHING.replace("None", "'lost'"), NOTHING]
    assert asyncio.run(rewards.tests(answers, names)) == [None, 0.0]
    assert asyncio.run(rewards.format(answers, names)) == [None, 0.0]
    assert asyncio.run(rewards.brevity(answers, names, completion_ids=[[], []])) == [None, 0.0]
    monkeypatch.undo()
    assert asyncio.run(rewards.tests(answers[:1], names[:1])) == [0.0], "asked again, it is run again"


def test_an_answer_that_loops_has_some_time_of_the_references_and_no_more(
    rewards: Rewards, rows: dict[str, Row]
) -> None:
    """The other tests of the session have theirs: what passes without the loop counts."""
    loops = "```python\ndef area(kind, size):\n    while kind == 'circle':\n        pass\n    return size * size\n```"
    began = time.monotonic()
    (reward,) = earned(rewards, rows["area"], [loops])
    assert time.monotonic() - began < 8, "a test alone may take 5 s by the recipe, and there are two sessions"
    assert reward is not None
    assert reward < 1


def test_a_row_whose_reference_fails_here_says_nothing_of_its_answers(
    built: Path, cache: Cache, rows: dict[str, Row], tmp_path: Path
) -> None:
    """Another machine lacks a program, say; its other rows are trained on."""
    shutil.copytree(built / "dataset", tmp_path / "set")
    for table in (tmp_path / "set" / "data").glob("*.parquet"):
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE rows AS SELECT * FROM read_parquet(?)", [str(table)])
            connection.execute("UPDATE rows SET patch = replace(patch, 'size * size', 'size + size')")
            connection.execute(f"COPY rows TO '{table}' (FORMAT parquet)")
    rewards = Rewards(tmp_path / "set", sandbox="local", workers=2, cache=cache)
    verdicts: dict[str, list[Any]] = {}
    try:
        assert earned(rewards, rows["area"], [RIGHT, NOTHING, PROSE], log_extra=verdicts.__setitem__) == [
            None,
            None,
            0.0,
        ]
        assert "the reference does not pass here (" in verdicts["verdict"][0]
        assert rewards.grader.failed_in_a_row == 1
        assert earned(rewards, rows["scale"], [SCALE]) == [1.0]
        assert rewards.grader.failed_in_a_row == 0
    finally:
        rewards.close()


def test_training_ends_where_no_sandbox_runs_any_more(
    rewards: Rewards, rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Grader, row: Row, files: Any, **options: Any) -> Outcome:
        raise SandboxLost("the sandbox broke")

    monkeypatch.setattr(Grader, "grade", broken)
    answers = [NOTHING.replace("None", str(number)) for number in range(2 * MOST_FAILED)]
    with pytest.raises(SandboxUnavailable, match="answers in a row could not be run"):
        earned(rewards, rows["area"], answers)


def test_a_row_of_another_set_is_one_line(rewards: Rewards) -> None:
    with pytest.raises(DatasetError, match="other-row: not in"):
        asyncio.run(rewards.tests([PROSE], ["other-row"]))


def test_a_completion_is_a_text_or_messages() -> None:
    assert text_of("said") == "said"
    assert text_of([{"role": "assistant", "content": "first"}, {"role": "assistant", "content": "last"}]) == "last"
    assert text_of([{"role": "assistant", "content": None}]) == text_of([]) == ""


def test_each_row_gets_an_answer_judged_before_any_gets_its_second() -> None:
    assert by_turns(["a", "a", "a", "b", "b", "c"]) == [0, 3, 5, 1, 4, 2]
    assert by_turns([]) == []
