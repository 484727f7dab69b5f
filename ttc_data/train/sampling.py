"""What a served model is asked with, so that its answers are those that training would see."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ttc_data.errors import RecipeError
from ttc_data.llm.request import Sampling
from ttc_data.recipe import read_settings
from ttc_data.rules import LlmRules, Section
from ttc_data.train.grpo import DEFAULTS
from ttc_data.train.rules import TrainRecipe

DECIDED = {"temperature": "grpo.temperature", "top_p": "grpo.top_p", "max_tokens": "grpo.max_completion_length"}
"""Keys of `llm` that the training recipe decides, and where."""


class _Settings(Section):
    """What `--set llm.KEY=VALUE` may say."""

    llm: LlmRules = LlmRules()


def asked_with(settings: Sequence[str]) -> LlmRules:
    """Read `llm.KEY=VALUE` settings: where the model is asked, and what that may cost.

    Raises:
        RecipeError: a key that is not known, a value that it cannot have, or one that the training recipe decides.
    """
    rules = read_settings(_Settings, settings).llm
    for key in sorted(DECIDED.keys() & rules.model_fields_set):
        raise RecipeError(f"--set llm.{key}: the training recipe decides; --set {DECIDED[key]}=... changes it there")
    return rules


def sampling_of(recipe: TrainRecipe, model: str) -> Sampling:
    """How TRL has answers generated with this recipe, as a request to a server."""
    grpo = recipe.grpo
    # All of them, as TRL does: what is not sent vLLM takes from the model's generation_config.json, a top_k of 20 for instance.
    known: dict[str, Any] = {
        "temperature": grpo.get("temperature", 1.0),
        "top_p": grpo.get("top_p", 1.0),
        "top_k": grpo.get("top_k") or -1,  # 0 is off for TRL and vLLM, -1 for other servers too
        "min_p": grpo.get("min_p") or 0.0,
        "repetition_penalty": grpo.get("repetition_penalty", 1.0),
        "max_tokens": grpo.get("max_completion_length", DEFAULTS["max_completion_length"]),
    }
    template = grpo.get("chat_template_kwargs")
    if template is None and recipe.prompts.thinking is not None:
        template = {"enable_thinking": recipe.prompts.thinking}
    if template:
        known["chat_template_kwargs"] = template
    known |= grpo.get("generation_kwargs") or {}  # goes before the others with TRL too
    sent = {name: known.pop(name) for name in ("temperature", "top_p", "max_tokens")}
    return Sampling(model=model, seed=recipe.seed, more=json.dumps(known, sort_keys=True), **sent)
