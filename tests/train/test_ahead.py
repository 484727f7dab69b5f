"""What an engine finishes is judged before rewards ask, the engine's user sees nothing of it, and rewards say the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.train.test_rewards import NOTHING, RIGHT
from ttc_data.cache import Cache
from ttc_data.row import Row
from ttc_data.train.ahead import Ahead
from ttc_data.train.rewards import Rewards

pytestmark = [pytest.mark.network, pytest.mark.local]


@dataclass
class Written:
    """One of a request's outputs, as vLLM's `CompletionOutput`."""

    token_ids: list[int]


@dataclass
class Request:
    """As vLLM's `RequestOutput`."""

    prompt_token_ids: list[int]
    outputs: list[Written]
    finished: bool = True


@dataclass
class Engine:
    """As vLLM's `LLMEngine`: each step gives what has ended by it."""

    steps: list[list[Request]]

    def step(self) -> list[Request]:
        return self.steps.pop(0)


@dataclass
class Letters:
    """A tokenizer with a token for each character, and one more that ends a text."""

    settings: list[dict[str, Any]] = field(default_factory=list)

    def apply_chat_template(self, messages: list[dict[str, str]], **settings: Any) -> dict[str, list[int]]:
        self.settings.append(settings)
        return {"input_ids": [ord(letter) for letter in messages[-1]["content"]]}

    def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
        assert skip_special_tokens
        return "".join(chr(one) for one in ids if one)


def said(text: str) -> Written:
    return Written([*map(ord, text), 0])


@pytest.fixture
def rewards(built: Path, cache: Cache) -> Iterator[Rewards]:
    made = Rewards(built, sandbox="local", workers=2, cache=cache)
    yield made
    made.close()


def test_what_is_finished_is_judged_before_rewards_ask(rewards: Rewards, rows: dict[str, Row]) -> None:
    name, letters = rows["area"].instance_id, Letters()
    ahead = Ahead(rewards.grader, letters, {"enable_thinking": False})
    ahead.expect([{"prompt": [{"role": "user", "content": "area?"}], "instance_id": name}])
    assert letters.settings[0]["enable_thinking"] is False
    asked = [ord(letter) for letter in "area?"]
    steps = [
        [],
        [Request(asked, [said(RIGHT)]), Request(asked, [said(NOTHING)], finished=False)],
        [Request([1, 2], [said(RIGHT)]), Request(asked, [said(NOTHING)])],
    ]
    engine = Engine(list(steps))
    ahead.watch(engine)
    try:
        assert [engine.step() for _ in steps] == steps
        deadline = time.monotonic() + 60
        while rewards.grader.runs < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert rewards.grader.runs == 2
        logged: dict[str, float] = {}
        answers = [RIGHT, NOTHING]
        assert asyncio.run(rewards.tests(answers, [name] * 2, log_metric=logged.__setitem__)) == [1.0, 0.0]
        assert rewards.grader.runs == logged["sandbox/runs"] == 2
    finally:
        ahead.close()
