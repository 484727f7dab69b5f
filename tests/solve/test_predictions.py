"""Answers from a file: every form that samplers write, any number a row, and one line for what is none."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ttc_data.errors import DatasetError
from ttc_data.solve.outcome import Outcome
from ttc_data.solve.predictions import Prediction, pass_at, read_predictions, scores, sizes

PATCH = {"instance_id": "a", "model_name_or_path": "m", "model_patch": "diff"}
DIFF = "--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-x\n+y\n"
READ = Prediction("a", "m", "diff", is_patch=True)
FORMS: dict[str, tuple[str, list[Prediction]]] = {
    "JSON lines": (json.dumps(PATCH) + "\n\n" + json.dumps({**PATCH, "instance_id": "b"}), [
        READ, Prediction("b", "m", "diff", is_patch=True),
    ]),
    "one line": (json.dumps(PATCH), [READ]),
    "one object over several lines": (json.dumps(PATCH, indent=2), [READ]),
    "a list": (json.dumps([PATCH, PATCH]), [READ, replace(READ, sample=1)]),
    "an object by id, as SWE-bench writes it": (json.dumps({"a": PATCH}), [READ]),
    "an object of patches by id": (json.dumps({"a": DIFF}), [Prediction("a", "", DIFF, is_patch=True)]),
    "an object of texts by id": (json.dumps({"a": "said"}), [Prediction("a", "", "said", is_patch=False)]),
    "an object of nothing by id": (json.dumps({"a": ""}), [Prediction("a", "", "", is_patch=True)]),
    "several answers in the place of one": (json.dumps({"instance_id": "a", "completion": ["x", "y"]}), [
        Prediction("a", "", "x", is_patch=False), Prediction("a", "", "y", is_patch=False, sample=1),
    ]),
    "one answer in the place of several": (json.dumps({"instance_id": "a", "completions": "x"}), [
        Prediction("a", "", "x", is_patch=False),
    ]),
    "an answer that was not made": (json.dumps({"instance_id": "a", "completions": [None, "y"]}), [
        Prediction("a", "", "", is_patch=False), Prediction("a", "", "y", is_patch=False, sample=1),
    ]),
    "an answer in parts": (json.dumps({"instance_id": "a", "completions": [[{"type": "text", "text": "x"}]]}), [
        Prediction("a", "", "x", is_patch=False),
    ]),
    "two models by turns": (json.dumps([PATCH, {**PATCH, "model_name_or_path": "n"}, PATCH]), [
        READ, Prediction("a", "n", "diff", is_patch=True), replace(READ, sample=1),
    ]),
    "an object of completions by id": (json.dumps({"a": ["x", "y"]}), [
        Prediction("a", "", "x", is_patch=False), Prediction("a", "", "y", is_patch=False, sample=1),
    ]),
    "a completion": (json.dumps({"instance_id": "a", "model": "m", "completion": "said"}), [
        Prediction("a", "m", "said", is_patch=False),
    ]),
    "completions": (json.dumps({"instance_id": "a", "completions": ["x", "y"]}), [
        Prediction("a", "", "x", is_patch=False), Prediction("a", "", "y", is_patch=False, sample=1),
    ]),
    "chat messages": (json.dumps({"instance_id": "a", "completion": [
        {"role": "user", "content": "?"}, {"role": "assistant", "content": "said"}]}), [
        Prediction("a", "", "said", is_patch=False),
    ]),
    "chat messages without roles": (json.dumps({"instance_id": "a", "completion": [{"content": "?"}, {"content": "said"}]}), [
        Prediction("a", "", "said", is_patch=False),
    ]),
    "a patch beside what was said": (json.dumps({**PATCH, "completion": "I changed it."}), [READ]),
    "no patch, as SWE-bench writes it": (json.dumps({**PATCH, "model_patch": None}), [
        Prediction("a", "m", "", is_patch=True),
    ]),
    "answers by id": (json.dumps({"a": [{"completion": "x"}, {"model_patch": "diff", "model": "m"}]}), [
        Prediction("a", "", "x", is_patch=False), READ,
    ]),
    "chat messages by id": (json.dumps({"a": [[{"role": "assistant", "content": "x"}]]}), [
        Prediction("a", "", "x", is_patch=False),
    ]),
    "a byte order mark": ("\ufeff" + json.dumps(PATCH), [READ]),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_read(tmp_path: Path, form: str) -> None:
    text, expected = FORMS[form]
    path = tmp_path / "answers"
    path.write_text(text, encoding="utf-8")
    assert read_predictions(path) == expected


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(PATCH).encode())))
    assert read_predictions("-") == [READ]


WRONG = {
    "no JSON": ("nonsense", "answers:1: no JSON"),
    "no answer": ('{"instance_id": "x"}', "answers:1: no answer"),
    "no answer on any line": ('nonsense\n{"instance_id": "x"}', "answers:1: no JSON"),
    "nothing": ("\n", "answers: no answer in it"),
    "no answer in a list": ('{"instance_id": "a", "completions": []}', "answers:1: an empty list of answers"),
    "an empty list": ("[]", "answers: no answer in it"),
    "no id": ('{"model_patch": "diff", "instance_id": 3}', "answers:1: instance_id"),
    "a number in a list": ("[3]", r"answers\[0\]: must be an object"),
    "a number for an answer": ('{"instance_id": "a", "completion": 3}', "answers:1: an answer must be a text"),
    "parts without text": (
        '{"instance_id": "a", "completions": [[{"type": "image"}]]}',
        "answers:1: an answer must be a text",
    ),
    "nested too deeply": ("[" * 100_000, "answers:1: nested too deeply|answers:1: no JSON"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_answer_is_one_line_with_its_place(tmp_path: Path, case: str) -> None:
    text, message = WRONG[case]
    path = tmp_path / "answers"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message) as caught:
        read_predictions(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ('{"instance_id": "x"}', "no answer in it"),
        ("{torn", "no JSON"),
        ("[3]", "must be an object"),
        ('{"instance_id": "x", "completion": 3}', "an answer must be a text or chat messages, is 3"),
        (
            '{"instance_id": "x", "completion": {"choices": []}}',
            'an answer must be a text or chat messages, is {"choices',
        ),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
    ],
)
def test_a_line_without_an_answer_is_told_and_the_others_are_read(tmp_path: Path, wrong: str, message: str) -> None:
    path = tmp_path / "answers"
    path.write_text(f"{json.dumps(PATCH)}\n{wrong}\n{json.dumps(PATCH)}\n", encoding="utf-8")
    first, fault, second = read_predictions(path)
    assert (first, second) == (READ, replace(READ, sample=1))
    assert fault.instance_id == f"{path}:2"
    assert fault.fault.startswith(f"{path}:2: {message}")


def test_a_line_that_is_no_utf_8_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_bytes(json.dumps(PATCH).encode() + b'\n{"instance_id": "\xff"}\n' + json.dumps(PATCH).encode())
    first, fault, second = read_predictions(path)
    assert (first, second) == (READ, replace(READ, sample=1))
    assert fault.fault.startswith(f"{path}:2: byte 18 of the line is no UTF-8")


def test_a_wrong_place_of_a_list_is_told_too(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_text(json.dumps([3, PATCH]), encoding="utf-8")
    fault, sound = read_predictions(path)
    assert (fault.instance_id, sound) == (f"{path}[0]", READ)


def test_a_score_is_told_as_json() -> None:
    (score,) = scores([Outcome("a", "", model="m"), Outcome("a", "no_answer", model="m")])
    assert score.line() == {
        "model_name_or_path": "m", "rows": 1, "answers": 2, "solved": 1, "pass_at": {"1": 0.5, "2": 1.0},
    }  # fmt: skip


def test_pass_at_k_is_the_unbiased_estimate() -> None:
    assert pass_at(1, 4, 1) == 0.25
    assert pass_at(2, 4, 1) == 0.5
    assert pass_at(4, 4, 1) == 1.0
    assert pass_at(2, 4, 0) == 0.0
    assert (sizes(1), sizes(4), sizes(6)) == ([1], [1, 2, 4], [1, 2, 4, 6])


def test_scores_are_by_model_and_leave_out_what_could_not_be_run() -> None:
    outcomes = [
        Outcome("a", "", model="m"), Outcome("a", "fail_to_pass_failed", model="m"),
        Outcome("b", "no_answer", model="m"), Outcome("b", "no_answer", model="m"),
        Outcome("a", "", model="n"), Outcome("b", "error", model="n"),
    ]  # fmt: skip
    first, second = scores(outcomes)
    assert (first.model, first.rows, first.answers, first.solved) == ("m", 2, 4, 1)
    assert first.pass_at == {1: 0.25, 2: 0.5}
    assert (second.model, second.rows, second.answers, second.pass_at) == ("n", 1, 1, {1: 1.0})


@pytest.mark.parametrize("reason", ["no_prediction", "unknown_instance", "deprecated", "error"])
def test_what_was_not_graded_has_no_reward(reason: str) -> None:
    """A 0.0 would count as a wrong answer to whoever takes the mean."""
    assert Outcome("a", reason).line()["reward"] is None
    assert Outcome("a", "no_answer").line()["reward"] == 0.0
