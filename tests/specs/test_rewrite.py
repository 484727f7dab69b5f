"""A model's spec is used when every gate lets it through; else the docstring is, and the spec says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ttc_data.errors import PromptRefused
from ttc_data.extract import extract
from ttc_data.llm.request import Reply, Request, Sampling
from ttc_data.records import Reject, Source, Spec, Target
from ttc_data.rules import ExtractRules, SpecRules
from ttc_data.specs.draft import read, text_of
from ttc_data.specs.rewrite import Asked, SpecWriter

CODE = '''\
import math


class Empty(ValueError):
    """Nothing there."""


def mean(values, *, weights=None):
    """Average of numbers."""
    if not values:
        raise Empty("no values")
    running_total = 0.0
    for number, one in enumerate(values):
        running_total += one * (weights[number] if weights else 1)
    return running_total / (sum(weights) if weights else len(values))


class Point:
    """A place in the plane."""

    def __init__(self, x, y=0):
        self.x = x
        self.y = y

    def moved(self, by):
        """Another place."""
        return Point(self.x + by, self.y)
'''
SOURCE = Source("git", "owner/name", "1", "MIT", "git:x", "0" * 64, 1, 1, "")
TARGETS = {
    one.qualname: one
    for one in extract(
        SOURCE, [("m.py", CODE.encode())], ExtractRules(min_docstring_chars=1, min_docstring_words=1, min_body_lines=1)
    )
    if isinstance(one, Target)
}
GOOD: dict[str, Any] = {
    "purpose": "Computes the arithmetic mean of the given numbers, or the weighted mean when there are weights for them.",
    "parameters": [
        {
            "name": "values",
            "type": "a sequence of numbers",
            "meaning": "the numbers to be averaged, at least one of them",
        },
        {
            "name": "weights",
            "type": "a sequence of numbers, default None",
            "meaning": "how much each of the numbers counts",
        },
    ],
    "returns": "The mean as a float.",
    "errors": [{"exception": "Empty", "when": "there are no values at all"}],
    "edge_cases": ["A single value is its own mean.", "Without weights all of the values count the same."],
    "side_effects": "",
    "examples": [{"call": "mean([1, 2, 3])", "result": "2.0"}, {"call": "mean([])", "result": "raises Empty"}],
}
GOOD_POINT = {
    "purpose": "Gives another point that lies further along the first axis, and leaves this one where it is.",
    "parameters": [
        {"name": "by", "type": "a number", "meaning": "how far along the first axis the new point is to be"}
    ],
    "returns": "A new point.",
    "examples": [{"call": "Point(1).moved(2).x", "result": "3"}],
}


@dataclass
class Model:
    """Gives one answer after the other, the last one again and again."""

    answers: list[str]
    finish: str = "stop"
    asked: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        text = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if text == "refused":
            raise PromptRefused("17,000 tokens are too many")
        return Reply(request.key, text, self.finish, 10, 10, 0.1)


def holds(examples: str) -> str:
    return ""


def asked(qualname: str = "mean", run_examples: Callable[[str], str] = holds) -> Asked:
    return Asked(
        TARGETS[qualname],
        CODE.encode(),
        f"owner/name m.py::{qualname}",
        ["mean([1], weights=[2])"],
        ["test_mean"],
        run_examples,
    )


def written(model: Model, of: Asked | None = None, **rules: Any) -> Spec | Reject:
    return SpecWriter(model, SpecRules(origin="model", **rules), Sampling("tiny", seed=7)).write(of or asked())


def changed(**parts: Any) -> str:
    return json.dumps({**GOOD, **parts})


def test_an_answer_that_passes_is_the_spec() -> None:
    model = Model([json.dumps(GOOD)])
    spec = written(model)
    assert isinstance(spec, Spec)
    assert (spec.origin, spec.model, spec.rejected) == ("model", "tiny", "")
    assert spec.text.startswith("Computes the arithmetic mean")
    assert ">>> mean([1, 2, 3])\n2.0\n>>> mean([])\nTraceback (most recent call last):\nEmpty" in spec.text
    assert len(spec.prompt_hash) == 20
    (request,) = model.asked
    (message,) = request.messages
    for part in (
        "`mean`",
        "def mean(values, *, weights=None):",
        "Average of numbers.",
        "running_total / ",
        "mean([1], weights=[2])",
        "test_mean",
    ):
        assert part in message[1]
    assert request.json_schema is not None
    assert all("maxItems" in part for part in request.json_schema["properties"].values() if part["type"] == "array")
    assert request.sampling.seed == 7


@pytest.mark.parametrize(
    "wrapped", ["```json\n{}\n```", "Here it is: {} I hope it helps {{or not}}.", "<think>{{a}}</think>\n{}"]
)
def test_an_answer_is_found_in_what_stands_around_it(wrapped: str) -> None:
    assert isinstance(written(Model([wrapped.replace("{}", json.dumps(GOOD))])), Spec)


STYLES = {
    "contract": "Parameters:\n- values (a sequence of numbers): the numbers",
    "prose": "It raises Empty: there are no values at all",
    "issue": "Implement `mean`\n\nComputes",
}


@pytest.mark.parametrize("style", STYLES)
def test_each_style_tells_every_part(style: Any) -> None:
    text = text_of(read(json.dumps(GOOD)), style, "mean")
    assert STYLES[style] in text
    for part in (
        "Computes",
        "`values`" if style != "contract" else "values",
        "weights",
        "The mean as a float.",
        "Empty",
        "its own mean",
        ">>> mean(",
    ):
        assert part in text
    assert "\n\n\n" not in text
    assert "Side effects" not in text


GATES: dict[str, tuple[str, str]] = {
    "model_answer_empty": ("  \n", ""),
    "model_answer_is_no_spec": ("It computes the mean.", "no JSON object"),
    "spec_invents_parameter": (
        changed(parameters=[*GOOD["parameters"], {"name": "axis", "meaning": "which way"}]), "'axis', the signature has values, weights"
    ),
    "spec_omits_parameter": (changed(parameters=GOOD["parameters"][1:]), "values"),
    "spec_invents_exception": (changed(errors=[{"exception": "MeanError", "when": "never"}]), "MeanError"),
    "spec_too_short": (changed(purpose="Mean.", parameters=[{"name": "values", "meaning": "the numbers"}, {"name": "weights", "meaning": "w"}],
                               returns="it", errors=[], edge_cases=[], examples=[]), "at least 25"),
    "spec_is_no_english": (
        changed(purpose="\u8ba1\u7b97\u5e73\u5747\u503c" * 20), "ASCII"
    ),
    "spec_repeats_itself": (changed(purpose="The mean of the given numbers is given. " * 12), "times: "),
    "spec_repeats_the_question": (
        changed(purpose="Gives the first word of a text, so that callers can look a command up by it. Words are separated by blanks of any"
                " kind.", returns="The word as it stands in the text, or the default.", errors=[], edge_cases=["A text of blanks alone has no word."],
                examples=[]), "gives the first word of"
    ),
    "spec_names_a_local": (changed(returns="What stands in running_total at the end."), "running_total"),
    "spec_quotes_body": (
        changed(purpose="Of the values: running total = 0.0 for number, one in enumerate(values): running_total += one * (weights[number] if"
                " weights else 1) return running_total / (sum(weights) if weights else len(values))"), ""
    ),
    "spec_example_is_no_call": (changed(examples=[{"call": "sum([1, 2])", "result": "3"}]), "sum([1, 2])"),
}  # fmt: skip


@pytest.mark.parametrize("reason", GATES)
def test_a_gate_stops_what_it_is_there_for(reason: str) -> None:
    answer, detail = GATES[reason]
    writer = SpecWriter(Model([answer]), SpecRules(origin="model", attempts=1), Sampling("tiny"))
    (found,) = writer.attempts(asked(), all_gates=True)
    assert reason in {defect.reason for defect in found.defects}
    said = next(defect.detail for defect in found.defects if defect.reason == reason)
    assert detail in said


def test_a_spec_for_each_kind_of_target_passes() -> None:
    assert getattr(written(Model([json.dumps(GOOD_POINT)]), asked("Point.moved")), "rejected", "no spec") == ""
    parameters = [
        {"name": "x", "meaning": "the first coordinate"},
        {"name": "y", "meaning": "the second one, which is 0 when it is left out"},
    ]
    answer = json.dumps({**GOOD_POINT, "parameters": parameters})
    assert getattr(written(Model([answer]), asked("Point")), "rejected", "no spec") == ""


def test_an_example_that_does_not_hold_stops_a_spec() -> None:
    ran: list[str] = []

    def fails(examples: str) -> str:
        ran.append(examples)
        return "Expected: 2.0 Got: 3.0"

    spec = written(Model([json.dumps(GOOD)]), asked(run_examples=fails))
    assert isinstance(spec, Spec)
    assert (spec.origin, spec.rejected, spec.detail) == ("docstring", "spec_example_fails", "Expected: 2.0 Got: 3.0")
    assert ran[0].startswith(">>> mean([1, 2, 3])\n2.0")


def test_without_examples_none_is_run_and_none_is_shown() -> None:
    def never(examples: str) -> str:
        raise AssertionError(examples)

    spec = written(Model([json.dumps(GOOD)]), asked(run_examples=never), examples=False)
    assert isinstance(spec, Spec)
    assert spec.origin == "model"
    assert ">>>" not in spec.text


def test_another_attempt_is_another_question_and_the_first_good_answer_counts() -> None:
    model = Model(["nothing", json.dumps(GOOD), "never asked"])
    spec = written(model, attempts=3)
    assert isinstance(spec, Spec)
    assert spec.origin == "model"
    assert [request.sampling.number for request in model.asked] == [0, 1]
    assert len({request.key for request in model.asked}) == 2


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Model(["nothing"]), "model_answer_is_no_spec"),
        (Model(["refused"]), "model_refused_prompt"),
        (Model(['{"purpose": '], finish="length"), "model_answer_cut"),
    ],
)
def test_the_recipe_says_what_becomes_of_a_target_without_a_spec(model: Model, reason: str) -> None:
    kept = written(model)
    assert isinstance(kept, Spec)
    assert (kept.origin, kept.text, kept.rejected) == ("docstring", "Average of numbers.", reason)
    dropped = written(model, on_reject="drop")
    assert isinstance(dropped, Reject)
    assert (dropped.stage, dropped.reason, dropped.subject) == ("specify", reason, "owner/name m.py::mean")


def test_a_judge_can_stop_a_spec_and_one_that_talks_nonsense_cannot() -> None:
    no = Model([json.dumps(GOOD), '{"faithful": false, "why": "it says nothing of NaN"}'])
    spec = written(no, judge="large", attempts=1)
    assert isinstance(spec, Spec)
    assert (spec.rejected, spec.detail) == ("spec_judged_unfaithful", "it says nothing of NaN")
    assert no.asked[1].sampling.model == "large"
    for said in ('{"faithful": true, "why": ""}', "I think so.", "{broken", "[]"):
        assert getattr(written(Model([json.dumps(GOOD), said]), judge="large"), "origin", "") == "model"


def test_another_prompt_or_model_is_another_spec() -> None:
    """The prompt's hash is part of a spec's identity, so an edited template never passes for the old one."""
    one = Spec("target", "model", "Adds one.", "small", "a" * 20)
    assert len({one.key, Spec("target", "model", "Adds one.", "small", "b" * 20).key}) == 2
    assert one.key != Spec("target", "model", "Adds one.", "large", "a" * 20).key
