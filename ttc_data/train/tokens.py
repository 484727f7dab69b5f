"""How many tokens chat messages have: asked of the server that has the model, or counted with the model's tokenizer here."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ttc_data.errors import TrainingFailed, install_hint
from ttc_data.llm.endpoint import tokens_of
from ttc_data.row import Message
from ttc_data.train.prompts import CountTokens
from ttc_data.train.rules import TrainRecipe

PROBE = (Message("user", "How long is this?"),)


def no_count(messages: Sequence[Message]) -> int:
    """For prompts that may have any number of tokens."""
    return 0


def template_arguments(recipe: TrainRecipe) -> Mapping[str, Any]:
    """What a chat template is handed beside the messages."""
    return {} if recipe.prompts.thinking is None else {"enable_thinking": recipe.prompts.thinking}


def counts_with(tokenizer: Any, recipe: TrainRecipe) -> CountTokens:
    """Count with a tokenizer of transformers."""

    def count(messages: Sequence[Message]) -> int:
        told = tokenizer.apply_chat_template(
            [asdict(message) for message in messages],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            **template_arguments(recipe),
        )
        return len(told["input_ids"])

    return count


def counts_at(url: str, model: str, recipe: TrainRecipe) -> CountTokens | None:
    """Count at a server, if it can: vLLM's `/tokenize` takes chat messages; others have none, or take only plain text.

    Args:
        url: its base URL.
        model: as it is called there.
        recipe: of the prompts.
    """

    def count(messages: Sequence[Message]) -> int:
        body = {
            "model": model,
            "messages": [asdict(message) for message in messages],
            "add_generation_prompt": True,
            "chat_template_kwargs": dict(template_arguments(recipe)),
        }
        found = tokens_of(url, json.dumps(body).encode())
        if found is None:
            raise TrainingFailed(f"{url}: counts the tokens of no more prompts; see its log, and run again")
        return found

    try:
        count(PROBE)
    except TrainingFailed:
        return None
    return count


def counts_here(recipe: TrainRecipe) -> CountTokens:
    """Count with the tokenizer of the recipe's model.

    Raises:
        TrainingFailed: transformers is not installed, or the tokenizer cannot be loaded.
    """
    limit = f"prompts.max_tokens {recipe.prompts.max_tokens} is counted with the tokenizer of {recipe.model}"
    otherwise = "or --set prompts.max_tokens=0 for prompts of any length"
    if importlib.util.find_spec("transformers") is None:
        raise TrainingFailed(f"{limit}, for which transformers is missing: {install_hint('train')}, {otherwise}")
    transformers = importlib.import_module("transformers")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(recipe.model, revision=recipe.revision or None)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise TrainingFailed(f"{limit}, which cannot be loaded ({said}); --set model=MODEL, {otherwise}") from error
    return counts_with(tokenizer, recipe)
