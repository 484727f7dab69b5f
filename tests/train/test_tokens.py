"""How long a prompt is, is asked of the server that has the model; only where it does not say is transformers needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models import MODEL, Server
from tests.publish.small import SmallBuild
from tests.train.attempting import recipe_of
from ttc_data.cli.tables import difficulty_lines
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, TrainingFailed
from ttc_data.records import Reject
from ttc_data.row import Message
from ttc_data.rules import LlmRules
from ttc_data.train.difficulty import Measured, measure
from ttc_data.train.rules import PromptRules
from ttc_data.train.selection import Difficulty
from ttc_data.train.tokens import counts_at


def words(messages: list[dict[str, str]]) -> int:
    return sum(len(message["content"].split()) for message in messages)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    build = SmallBuild(tmp_path_factory.mktemp("counted"), ("owner/alpha",))
    build.write()
    return build


def split_of(small: SmallBuild) -> str:
    return min(Dataset(small.out).splits().values())


def test_a_server_that_counts_is_asked(server: Server, tmp_path: Path) -> None:
    server.tokens = words
    count = counts_at(server.url, MODEL, recipe_of(tmp_path))
    assert count is not None
    assert count([Message("system", "Be brief."), Message("user", "one two three")]) == 5
    assert server.prompts == [], "nothing was asked of the model"


def test_a_server_that_has_no_such_place_counts_nothing(server: Server, tmp_path: Path) -> None:
    assert counts_at(server.url, MODEL, recipe_of(tmp_path)) is None


def test_a_server_that_stops_counting_is_one_line(server: Server, tmp_path: Path) -> None:
    server.tokens = words
    count = counts_at(server.url, MODEL, recipe_of(tmp_path))
    assert count is not None
    server.tokens = None
    with pytest.raises(TrainingFailed, match="counts the tokens of no more prompts"):
        count([Message("user", "one")])


def test_prompts_are_cut_to_what_the_server_counts_without_transformers(
    small: SmallBuild, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prompts of one token at most: all are left out, which only who counted can say."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    server.tokens = words
    recipe = recipe_of(small.out, split=split_of(small), prompts=PromptRules(max_tokens=1))
    with pytest.raises(DatasetError, match=r"no row left to ask for \(prompt_too_long 3\)"):
        measure(recipe, LlmRules(urls=(server.url,)), tmp_path / "d.jsonl", attempts=1)


def test_without_either_the_line_names_what_exists(
    small: SmallBuild, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    recipe = recipe_of(small.out, split=split_of(small), prompts=PromptRules(max_tokens=9))
    with pytest.raises(TrainingFailed, match=r"transformers is missing: `pip install -e '\.\[train\]'` in a checkout"):
        measure(recipe, LlmRules(urls=(server.url,)), tmp_path / "d.jsonl", attempts=1)


# What the numbers mean


def measured(solved: list[int], selected: int, *reasons: str) -> Measured:
    rows = tuple(Difficulty(f"row-{number}", 4, count) for number, count in enumerate(solved))
    dropped = tuple(Reject(f"row-{number}", "select", reason, "") for number, reason in enumerate(reasons))
    return Measured("small", rows, (), (), selected, dropped)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (measured([0, 0, 0, 0], 0, *["too_hard"] * 4), "keeps 0 of 4 rows for training (left out: too_hard 4)"),
        (measured([0, 0, 0, 0], 4), "no row is solved sometimes: GRPO learns from rows whose answers differ"),
        (measured([0, 0, 0, 0], 4), "take a stronger model, more --attempts than 4, or --set prompts.answer=fenced"),
        (measured([4, 4], 2), "take harder rows, or a smaller model"),
        (measured([0, 4], 2), "take more --attempts than 4, or another model"),
    ],
)
def test_numbers_that_leave_nothing_to_train_on_say_why_and_what_to_do(found: Measured, said: str) -> None:
    assert said in "\n".join(difficulty_lines(found, Path("d.jsonl"), 4))


def test_where_some_rows_are_solved_sometimes_the_settings_are_given() -> None:
    lines = "\n".join(difficulty_lines(measured([0, 2, 4], 3), Path("d.jsonl"), 4))
    assert "keeps 3 of 3 rows for training" in lines
    assert "the 1 between: --set select.difficulty=d.jsonl" in lines
    assert "no row is solved" not in lines
