"""A model that solves one row always, one with every second seed and the others never; and how it is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.models import Server
from ttc_data.rules import LlmRules
from ttc_data.train.rules import PromptRules, TrainRecipe

NAMES = ("area", "scale", "unreached")
SCALE = "```python\ndef scale(sizes, factor=2):\n    return [size * factor for size in sizes]\n```"
TURNED = "```python\ndef unreached(value):\n    return str(value)[::-1]\n```"
WRONG = "```python\nreturn 0\n```"
PROSE = "I would rather not."


def target(prompt: str) -> str:
    return next((name for name in NAMES if f"`{name}`" in prompt), "")


def answer(prompt: str, asked: dict[str, Any]) -> str:
    """`scale` always, `unreached` with every second seed; `area` not, in two different ways."""
    name, seed = target(prompt), asked["seed"]
    if name == "scale":
        return SCALE
    if name == "unreached":
        return TURNED if seed % 2 == 0 else WRONG
    return WRONG if seed % 4 else PROSE


def recipe_of(built: Path, **more: Any) -> TrainRecipe:
    given = {"prompts": PromptRules(max_tokens=0), "sandbox": "local", "workers": 2, **more}
    return TrainRecipe(name="try", dataset=str(built), **given)


def llm(server: Server, **more: Any) -> LlmRules:
    return LlmRules(urls=(server.url,), **{"deadline_s": 5, "at_once": 4, **more})


def lines_of(path: Path) -> dict[str, dict[str, Any]]:
    return {line["instance_id"]: line for line in map(json.loads, path.read_text().splitlines())}
