"""Which rows are trained on, and in which order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from ttc_data.errors import DatasetError
from ttc_data.row import Message
from ttc_data.train.prompts import Prompt
from ttc_data.train.rules import SelectRules
from ttc_data.train.selection import Difficulty, read_difficulty, select

PROMPTS = [Prompt(f"row-{n}", f"owner/r{n % 3}", (Message("user", "x"),), 100 - n, "none") for n in range(9)]
DIFFICULTY = {f"row-{n}": Difficulty(f"row-{n}", 8, n) for n in range(9)}


def names(found: list[Prompt]) -> list[str]:
    return [one.instance_id for one in found]


def test_what_is_held_out_too_easy_too_hard_or_unknown_is_left_out_by_name() -> None:
    rules = SelectRules(
        hold_out=("owner/r0",), min_pass_rate=0.2, max_pass_rate=0.7, difficulty="x", order="hard_first"
    )
    kept, dropped = select(PROMPTS, rules, {name: DIFFICULTY[name] for name in DIFFICULTY if name != "row-4"}, 0)
    assert names(kept) == ["row-2", "row-5"]
    assert {one.key: one.reason for one in dropped} == {
        "row-0": "held_out", "row-3": "held_out", "row-6": "held_out", "row-1": "too_hard", "row-7": "too_easy",
        "row-8": "too_easy", "row-4": "difficulty_unknown",
    }  # fmt: skip


def test_the_order_is_what_the_recipe_says() -> None:
    easy, _ = select(PROMPTS, SelectRules(difficulty="x", order="easy_first"), DIFFICULTY, 0)
    assert names(easy) == [f"row-{n}" for n in range(8, -1, -1)]
    short, _ = select(PROMPTS, SelectRules(order="short_first", limit=2), {}, 0)
    assert names(short) == ["row-8", "row-7"]


def test_a_shuffle_is_the_seeds_alone() -> None:
    one, _ = select(PROMPTS, SelectRules(), {}, 1)
    again, _ = select(PROMPTS[::-1], SelectRules(), {}, 1)
    other, _ = select(PROMPTS, SelectRules(), {}, 2)
    assert names(one) == names(again) != names(other)


def test_an_order_by_difficulty_needs_one() -> None:
    with pytest.raises(ValidationError, match=r"needs select\.difficulty"):
        SelectRules(order="easy_first")


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"instance_id": "a"}', '{"instance_id": "a", "attempts": 2, "solved": 3}', '{"instance_id": "a", "attempts": 0, "solved": 0}']
)  # fmt: skip
def test_a_file_of_another_form_is_one_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "difficulty.jsonl"
    path.write_text(json.dumps({"instance_id": "b", "attempts": 4, "solved": 1}) + "\n" + line + "\n")
    with pytest.raises(DatasetError, match="line 2"):
        read_difficulty(path)
