"""Attempts of a model before training: counted exactly, paid for once, and never mixed with what something else gave."""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.models import MODEL, Server, serving
from tests.train.attempting import NAMES, answer, lines_of, llm, recipe_of, target
from tests.train.small_model import make_model
from ttc_data.cache import Cache
from ttc_data.cli.tables import difficulty_lines
from ttc_data.errors import (
    ModelUnavailable,
    SandboxLost,
    SandboxUnavailable,
)
from ttc_data.row import Row
from ttc_data.solve.grader import MOST_FAILED, Grader
from ttc_data.solve.outcome import Outcome
from ttc_data.solve.predictions import pass_at, sizes
from ttc_data.train.difficulty import journal_of, measure
from ttc_data.train.grpo import prompts_of
from ttc_data.train.rules import PromptRules, SelectRules
from ttc_data.train.selection import read_difficulty
from ttc_data.train.tokens import counts_with, no_count

TTCDATA = Path(sys.executable).parent / "ttcdata"
NOBODY = "http://127.0.0.1:9/v1"


def commanded(built: Path, cache: Cache, out: Path, url: str, *more: str) -> subprocess.Popen[str]:
    command = [str(TTCDATA), "difficulty", str(built), "--out", str(out), "--url", url, "--local", *more]
    env = {**os.environ, "TTCDATA_CACHE": str(cache.folder), "NO_COLOR": "1", "COLUMNS": "160"}
    return subprocess.Popen(
        [*command, "--set", "prompts.max_tokens=0"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    )


# The numbers


@pytest.mark.parametrize("count", range(1, 8))
def test_the_estimate_is_the_share_of_all_choices_that_hold_a_right_one(count: int) -> None:
    for solved, k in itertools.product(range(count + 1), range(1, count + 1)):
        right = [number < solved for number in range(count)]
        chosen = [any(choice) for choice in itertools.combinations(right, k)]
        assert pass_at(k, count, solved) == pytest.approx(sum(chosen) / len(chosen))


@pytest.mark.parametrize(
    ("attempts", "told"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8]), (9, [1, 2, 4, 8, 9])]
)
def test_k_goes_up_in_powers_of_two_to_all_attempts(attempts: int, told: list[int]) -> None:
    assert sizes(attempts) == told


# Real attempts


@pytest.mark.network
@pytest.mark.local
def test_every_attempt_is_counted_and_the_command_says_what_there_is(
    built: Path, cache: Cache, rows: dict[str, Row], server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "difficulty.jsonl"
    done = commanded(built, cache, out, server.url, "--attempts", "4")
    said, told = done.communicate(timeout=120)
    assert done.returncode == 0, told
    found = lines_of(out)
    assert list(found) == sorted(row.instance_id for row in rows.values())
    assert found[rows["scale"].instance_id] == {
        "instance_id": rows["scale"].instance_id, "attempts": 4, "solved": 4, "pass@1": 1.0, "pass@2": 1.0, "pass@4": 1.0,
        "reasons": {},
    }  # fmt: skip
    half = found[rows["unreached"].instance_id]
    assert (half["attempts"], half["solved"], half["pass@1"], half["pass@2"]) == (4, 2, 0.5, 0.833333)
    assert (sum(half["reasons"].values()), half["pass@4"]) == (2, 1.0)
    never = found[rows["area"].instance_id]
    assert (never["solved"], never["pass@4"], never["reasons"]["no_answer"]) == (0, 0.0, 1)
    count = len(rows)
    assert len(server.prompts) == 4 * count
    assert [line.split() for line in said.splitlines()[1:4]] == [
        ["never", "solved", str(count - 2), f"{(count - 2) / count:.0%}"],
        ["between", "1", f"{1 / count:.0%}"],
        ["always", "solved", "1", f"{1 / count:.0%}"],
    ]
    assert f"{MODEL}: {4 * count} attempts at {count} rows, pass@1 {1.5 / count:.1%}, pass@4 {2 / count:.1%}" in said
    assert f"--set select.difficulty={out} --set select.min_pass_rate=0.125 --set select.max_pass_rate=0.875" in said
    assert f"difficulty: {4 * count} done" in told


@pytest.mark.network
@pytest.mark.local
@pytest.mark.trl
def test_prompts_are_those_of_training(built: Path, cache: Cache, server: Server, tmp_path: Path) -> None:
    """Of the same length too, counted with the tokenizer of the model that is trained."""
    model = make_model(tmp_path / "model", ["yes"], NAMES)
    (
        model / "config.json"
    ).unlink()  # by its word that this is a Qwen2, transformers 5 puts Qwen2's splitting in place of the tokenizer's
    tokenizer = importlib.import_module("transformers").AutoTokenizer.from_pretrained(str(model))
    count = counts_with(tokenizer, recipe_of(built, model=str(model)))
    whole, _ = prompts_of(recipe_of(built, model=str(model)), "train", count)
    most = max(one.tokens for one in whole) - 10
    recipe = recipe_of(built, model=str(model), prompts=PromptRules(max_tokens=most))
    measure(recipe, llm(server), tmp_path / "d.jsonl", attempts=1, cache=cache)
    trained_on, _ = prompts_of(recipe, "train", count)
    assert sorted(server.prompts) == sorted(one.messages[-1].content for one in trained_on)
    assert {one.shortened for one in trained_on} == {"none", "window"}


@pytest.mark.network
@pytest.mark.local
def test_a_distinct_answer_is_run_once(
    built: Path, cache: Cache, rows: dict[str, Row], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade, ran = Grader.grade, Counter[str]()

    def counted(self: Grader, row: Row, files: Any, **more: Any) -> Outcome:
        ran[row.ttc_target] += 1
        return grade(self, row, files, **more)

    monkeypatch.setattr(Grader, "grade", counted)
    measure(recipe_of(built), llm(server), tmp_path / "d.jsonl", attempts=6, cache=cache)
    assert {name: ran[name] for name in NAMES} == {"area": 1, "scale": 1, "unreached": 2}


@pytest.mark.network
@pytest.mark.local
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_stopped_at_any_time_it_goes_on_and_asks_nothing_again(
    how: signal.Signals, built: Path, cache: Cache, rows: dict[str, Row], tmp_path: Path
) -> None:
    asked: Counter[tuple[str, int]] = Counter()
    given: Counter[tuple[str, int]] = Counter()
    held = threading.Event()

    def slowly(prompt: str, about: dict[str, Any]) -> str:
        asked[prompt, about["seed"]] += 1
        if sum(asked.values()) > 6:
            held.wait(60)
        given[prompt, about["seed"]] += 1
        return answer(prompt, about)

    out = tmp_path / "difficulty.jsonl"
    options = ("--attempts", "4", "--set", "llm.at_once=2")
    with serving(slowly) as server:
        first = commanded(built, cache, out, server.url, *options)
        journal = journal_of(out) / "records" / "difficulty.jsonl"
        until = time.monotonic() + 60
        while time.monotonic() < until and (
            sum(asked.values()) < 8 or not journal.is_file() or journal.read_bytes().count(b"\n") < 6
        ):
            time.sleep(0.02)
        first.send_signal(how)
        _, told = first.communicate(timeout=60)
        assert not out.exists()
        if how == signal.SIGINT:
            assert (first.returncode, told.splitlines()[-1][:7]) == (130, "stopped")
        on_the_wire = dict(asked - given)
        assert sum(on_the_wire.values()) == 2
        held.set()
        measure(recipe_of(built), llm(server), out, attempts=4, cache=cache)
    assert {line["attempts"] for line in lines_of(out).values()} == {4}
    assert len(asked) == 4 * len(rows)
    assert {one for one, count in asked.items() if count > 1} <= on_the_wire.keys()
    with serving(answer) as server:
        measure(recipe_of(built), llm(server), tmp_path / "whole.jsonl", attempts=4, cache=cache)
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.network
@pytest.mark.local
def test_more_attempts_ask_for_those_that_are_missing(
    built: Path, cache: Cache, rows: dict[str, Row], server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "d.jsonl"
    first = measure(recipe_of(built), llm(server), out, attempts=2, limit=2, cache=cache)
    assert (len(first.rows), len(server.prompts)) == (2, 4)
    measure(recipe_of(built), llm(server), out, attempts=3, cache=cache)
    assert len(server.prompts) == 3 * len(rows)
    assert {line["attempts"] for line in lines_of(out).values()} == {3}
    fewer = measure(recipe_of(built), llm(server), out, attempts=1, cache=cache)
    assert len(server.prompts) == 3 * len(rows)
    assert fewer.attempts == len(rows)


@pytest.mark.network
@pytest.mark.local
def test_what_our_sandbox_could_not_run_is_no_attempt_and_is_tried_again(
    built: Path, cache: Cache, rows: dict[str, Row], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade = Grader.grade

    def broken(self: Grader, row: Row, files: Any, **more: Any) -> Outcome:
        if row.ttc_target == "unreached" and any("[::-1]" in text for text in files.values()):
            raise SandboxLost("the sandbox broke")
        return grade(self, row, files, **more)

    out = tmp_path / "d.jsonl"
    monkeypatch.setattr(Grader, "grade", broken)
    found = measure(recipe_of(built), llm(server), out, attempts=4, cache=cache)
    lines, name = lines_of(out), rows["unreached"].instance_id
    assert (lines[name]["attempts"], lines[name]["solved"]) == (2, 0)
    assert found.errors == (f"difficulty {name}: the sandbox broke",) * 2
    assert any("could not be judged: 2 attempts" in line for line in difficulty_lines(found, out, 4))
    monkeypatch.undo()
    asked = len(server.prompts)
    again = measure(recipe_of(built), llm(server), out, attempts=4, cache=cache)
    assert (lines_of(out)[name]["attempts"], lines_of(out)[name]["solved"]) == (4, 2)
    assert (again.errors, len(server.prompts)) == ((), asked)


@pytest.mark.network
@pytest.mark.local
def test_it_ends_where_no_sandbox_runs_any_more(
    built: Path, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Grader, row: Row, files: Any, **more: Any) -> Outcome:
        raise SandboxLost("the sandbox broke")

    def different(prompt: str, asked: dict[str, Any]) -> str:
        return f"```python\nreturn {asked['seed']}\n```"

    monkeypatch.setattr(Grader, "grade", broken)
    out = tmp_path / "d.jsonl"
    with (
        serving(different) as server,
        pytest.raises(
            SandboxUnavailable, match=r"in a row could not be run .the sandbox broke.; what was judged is kept"
        ),
    ):
        measure(recipe_of(built), llm(server), out, attempts=MOST_FAILED, cache=cache)
    assert not out.exists()


@pytest.mark.network
@pytest.mark.local
def test_a_prompt_that_the_server_refuses_is_no_attempt(
    built: Path, cache: Cache, rows: dict[str, Row], tmp_path: Path
) -> None:
    with serving(lambda prompt, asked: None if target(prompt) == "area" else answer(prompt, asked)) as server:
        found = measure(recipe_of(built), llm(server), tmp_path / "d.jsonl", attempts=2, cache=cache)
    assert len(found.errors) == 2
    assert "serve a longer context" in found.errors[0]
    assert rows["area"].instance_id not in lines_of(tmp_path / "d.jsonl")
    assert len(found.rows) == len(rows) - 1


@pytest.mark.network
@pytest.mark.local
def test_a_server_that_answers_no_more_ends_it_in_one_line_and_what_came_is_kept(
    built: Path, cache: Cache, rows: dict[str, Row], tmp_path: Path
) -> None:
    out, held, given = tmp_path / "d.jsonl", threading.Event(), itertools.count(1)

    def three(prompt: str, asked: dict[str, Any]) -> str:
        if next(given) > 3:
            held.wait(30)
        return answer(prompt, asked)

    with serving(three) as server:
        try:
            with pytest.raises(
                ModelUnavailable, match=r"gave no answer within .*; what was answered is kept, run again"
            ):
                measure(recipe_of(built), llm(server, deadline_s=0.5, at_once=1), out, attempts=2, cache=cache)
        finally:
            held.set()
    assert not out.exists()
    with serving(answer) as server:
        measure(recipe_of(built), llm(server), out, attempts=2, cache=cache)
    assert len(server.prompts) == 2 * len(rows) - 3


@pytest.mark.network
@pytest.mark.local
def test_training_selects_by_the_file(
    built: Path, cache: Cache, rows: dict[str, Row], server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "d.jsonl"
    rates = {"min_pass_rate": 0.125, "max_pass_rate": 0.875}
    recipe = recipe_of(built, select=SelectRules(**rates))
    found = measure(recipe, llm(server), out, attempts=4, cache=cache)
    chosen = recipe.model_copy(update={"select": SelectRules(**rates, difficulty=str(out))})
    kept, dropped = prompts_of(chosen, "train", no_count)
    assert [one.instance_id for one in kept] == [rows["unreached"].instance_id]
    assert Counter(one.reason for one in dropped) == {"too_hard": len(rows) - 2, "too_easy": 1}
    assert (found.selected, found.between) == (1, 1)
    assert read_difficulty(out)[rows["unreached"].instance_id].pass_rate == 0.5
