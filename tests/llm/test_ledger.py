"""What was spent is counted, and no more is sent than may be spent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.llm.asking import answer_of, opened, prompt
from tests.llm.server import Behaviour, serving
from ttc_data.errors import RecipeError, SpendLimitReached
from ttc_data.llm.ledger import Prices

# One answer of the server: 2 tokens of the prompt and 8 words; reserved are 10 or 11 tokens and max_tokens, 64.
PRICES = Prices(prompt=1_000_000, completion=10_000_000)
COST = 2 * 1 + 8 * 10
RESERVED = 11 + 64 * 10


def test_tokens_seconds_and_money_are_added_up(tmp_path: Path) -> None:
    with serving(Behaviour(latency_s=0.05)) as server, opened(tmp_path, server.url, prices=PRICES) as models:
        for number in range(5):
            models.ask(prompt(f"prompt {number}"))
        account = models.account
    assert (account.prompt_tokens, account.completion_tokens, account.cost) == (10, 40, 5 * COST)
    assert 0.25 <= account.seconds < 5


def test_the_limit_holds_and_what_is_in_flight_is_kept(tmp_path: Path) -> None:
    """Reserved is far more than an answer costs: requests wait for what others give back, and are not refused early."""
    limit = RESERVED + 20 * COST
    with serving(Behaviour(latency_s=0.02)) as server:
        with opened(tmp_path, server.url, prices=PRICES, max_spend=limit) as models:
            waiting = [models.submit(prompt(f"prompt {number}")) for number in range(50)]
            errors = [future.exception() for future in waiting]
        answered = sum(error is None for error in errors)
        assert answered == server.counts.paid.total() in (20, 21)
        assert {type(error) for error in errors} == {type(None), SpendLimitReached}
        said = str(next(error for error in errors if error is not None))
        assert said.startswith(f"{answered * COST:.4f} of max_spend {limit} is spent and the next request may cost 65")
        assert said.endswith("what was answered is kept, raise max_spend to go on")
        # What an earlier run spent counts, and what it was answered costs nothing.
        with opened(tmp_path, server.url, prices=PRICES, max_spend=limit) as models:
            assert answer_of(models, prompt("another one")) == "SpendLimitReached"
            assert models.ask(prompt("prompt 0")).text
            assert (models.account.cost, models.account.cost_before) == (0, answered * COST)


def test_a_request_that_fails_gives_its_money_back(tmp_path: Path) -> None:
    behaviour = Behaviour(faults=1.0, kinds=("broken",))
    with (
        serving(behaviour) as server,
        opened(tmp_path, server.url, prices=PRICES, max_spend=RESERVED + 1, deadline_s=0.2) as models,
    ):
        assert [answer_of(models, prompt(text)) for text in ("a", "unanswerable")] == [
            "ModelUnavailable",
            "PromptRefused",
        ]
        behaviour.faults = 0.0
        assert " " in answer_of(models, prompt("a"))


def test_a_limit_without_prices_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="max_spend 5 means nothing without prices"):
        opened(tmp_path, "http://localhost/v1", max_spend=5)
