"""Prompts that fit: as published, with fewer lines of the file, or left out by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.publish.small import SmallBuild
from ttc_data.records import Reject
from ttc_data.row import Message, Row
from ttc_data.solve.answer import read_answer
from ttc_data.train.prompts import Prompt, prompts, window


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return list(SmallBuild(tmp_path_factory.mktemp("small"), ["owner/alpha"]).rows())


def words(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) for message in messages)


def test_a_prompt_that_fits_is_as_published(rows: list[Row]) -> None:
    found = list(prompts(rows, words, 10_000))
    assert [(one.messages, one.shortened) for one in found if isinstance(one, Prompt)] == [
        (row.prompt, "none") for row in rows
    ]


def test_a_file_that_is_too_long_is_shown_round_the_target(rows: list[Row]) -> None:
    row = rows[0]
    most = words(row.prompt) - 10
    (found,) = prompts([row], words, most)
    assert isinstance(found, Prompt)
    assert found.shortened == "window"
    assert found.tokens == words(found.messages) <= most
    shown = found.messages[-1].content
    assert "lines left out" in shown
    assert f"def {row.ttc_target}" in shown


def test_what_is_shown_of_a_file_still_fits_the_file(rows: list[Row]) -> None:
    """Search parts are copied from what is shown and looked for in the whole file."""
    row = rows[0]
    text = row.ttc_files[0].text
    shown = window(text, 4, 12)
    line = next(line for line in shown.splitlines() if "NotImplementedError" in line)
    answer = f"<<<<<<< SEARCH\n{line}\n=======\n    return a + b\n>>>>>>> REPLACE\n"
    assert "return a + b" in (read_answer(answer, {row.path: text}, row.path, row.ttc_target).files[row.path] or "")


def test_what_does_not_fit_at_all_is_left_out_by_name(rows: list[Row]) -> None:
    for shorten in (True, False):
        (found,) = prompts(rows[:1], words, 5, shorten=shorten)
        assert isinstance(found, Reject)
        assert found.reason == "prompt_too_long"
        assert "at most 5" in found.detail


def test_small_models_may_be_asked_for_the_whole_definition(rows: list[Row]) -> None:
    (found,) = prompts(rows[:1], words, 0, form="fenced")
    assert isinstance(found, Prompt)
    asked = found.messages[-1].content
    assert "Answer with the whole function in one fenced block" in asked
    assert "SEARCH" not in asked


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [(1, 3, "a\nb\nc"), (2, 2, "# ... 1 lines left out ...\nb\n# ... 1 lines left out ...\n"), (-5, 9, "a\nb\nc")],
)
def test_a_window_says_how_much_it_leaves_out(first: int, last: int, shown: str) -> None:
    assert window("a\nb\nc", first, last) == shown


def test_a_build_without_prompts_gives_none(tmp_path: Path) -> None:
    assert list(prompts([], words, 10)) == []
