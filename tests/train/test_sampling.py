"""A served model is asked as the trainer would ask it."""

from __future__ import annotations

import json

import pytest

from ttc_data.errors import RecipeError
from ttc_data.llm.request import Request, Sampling
from ttc_data.train.rules import PromptRules, TrainRecipe
from ttc_data.train.sampling import asked_with, sampling_of


def test_answers_are_sampled_as_trl_samples_them() -> None:
    plain = sampling_of(TrainRecipe(), "m")
    assert (plain.temperature, plain.top_p, plain.max_tokens) == (1.0, 1.0, 512)
    off = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
    assert json.loads(plain.more) == off, "a server would take the model's own settings else"
    grpo = {"temperature": 0.7, "max_completion_length": 64, "top_k": 20, "generation_kwargs": {"top_p": 0.9, "stop": ["#"]}}  # fmt: skip
    chosen = sampling_of(TrainRecipe(grpo=grpo, prompts=PromptRules(thinking=False), seed=3), "m")
    assert (chosen.temperature, chosen.top_p, chosen.max_tokens, chosen.seed) == (0.7, 0.9, 64, 3)
    thinking = {"chat_template_kwargs": {"enable_thinking": False}}
    assert json.loads(chosen.more) == {**off, **thinking, "stop": ["#"], "top_k": 20}


def test_what_the_recipe_decides_is_not_set_twice() -> None:
    assert asked_with(["llm.at_once=7", "llm.urls=['http://a/v1']"]).at_once == 7
    with pytest.raises(RecipeError, match=r"--set llm\.max_tokens: .*grpo\.max_completion_length=\.\.\. changes it"):
        asked_with(["llm.max_tokens=10"])
    with pytest.raises(RecipeError, match=r"^--set: llm\.at_onc: unknown key; did you mean 'at_once'\?$"):
        asked_with(["llm.at_onc=10"])


def test_further_fields_are_sent_and_are_part_of_the_answers_identity() -> None:
    plain = Request((("user", "hello"),), Sampling("m"))
    more = Request((("user", "hello"),), Sampling("m", more='{"top_k": 20}'))
    assert json.loads(more.body(None)) == {**json.loads(plain.body(None)), "top_k": 20}
    assert plain.key != more.key
    assert plain.key == "546a22d3776a8581ecf0", "answers that were paid for are found"
