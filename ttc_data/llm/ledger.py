"""What the answers of models cost, and what may still be spent."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ttc_data.errors import SpendLimitReached
from ttc_data.llm.request import Reply, Request

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a million tokens, in whatever currency `max_spend` is in."""

    prompt: float = 0.0
    completion: float = 0.0

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / MILLION


@dataclass(frozen=True, slots=True)
class Account:
    """What was asked and paid since the client was opened."""

    requests: int = 0
    """Sent, every attempt of each."""
    answers: int = 0
    """Paid for."""
    refused: int = 0
    """Prompts that the server does not take."""
    reused: int = 0
    """Answers that were in the journal."""
    joined: int = 0
    """Requests that waited for the answer to an identical one."""
    retries: Mapping[str, int] = field(default_factory=dict)
    """By cause: a status such as `429`, `timeout`, `connection`, `not_a_completion`."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    """That servers took for the answers, all added."""
    cost: float = 0.0
    cost_before: float = 0.0
    """Of the answers that were in the folder before."""


class Ledger:
    """Counts and limits. Safe to use from several threads.

    Args:
        prices: of tokens.
        max_spend: most that all answers of the folder may cost, those of earlier runs with them; 0 for no limit.
        before: tokens of the prompts and of the answers that are in the folder already.
    """

    def __init__(self, prices: Prices, max_spend: float, before: tuple[int, int]) -> None:
        self._prices = prices
        self.max_spend = max_spend
        self._before = prices.of(*before)
        self._reserved = 0.0
        self._counts: Counter[str] = Counter()
        self._retries: Counter[str] = Counter()
        self._seconds = 0.0
        self._lock = threading.Lock()

    def count(self, what: str) -> None:
        """One more `requests`, `refused`, `reused` or `joined`."""
        with self._lock:
            self._counts[what] += 1

    def retried(self, cause: str) -> None:
        """An attempt failed and another one follows."""
        with self._lock:
            self._retries[cause] += 1

    def estimate(self, request: Request) -> float:
        """The most that a request will cost; nothing where nobody set a limit."""
        if not self.max_spend:
            return 0.0
        return self._prices.of(request.estimated_tokens, request.sampling.max_tokens)

    def reserve(self, amount: float) -> bool:
        """Set money aside for a request; False where that would pass the limit."""
        with self._lock:
            if self.max_spend and self._spent() + self._reserved + amount > self.max_spend:
                return False
            self._reserved += amount
            return True

    def release(self, amount: float) -> None:
        """Give back what was set aside."""
        with self._lock:
            self._reserved -= amount

    def fits(self, amount: float) -> bool:
        """Whether there is money for a request once all others have ended for nothing."""
        with self._lock:
            return not self.max_spend or self._spent() + amount <= self.max_spend

    def limit_reached(self, amount: float) -> SpendLimitReached:
        """Why a request that does not fit is not sent."""
        with self._lock:
            return SpendLimitReached(
                f"{self._spent():.4f} of max_spend {self.max_spend:g} is spent and the next request may cost"
                f" {amount:.4f}; what was answered is kept, raise max_spend to go on"
            )

    def paid(self, answer: Reply) -> None:
        """An answer came."""
        with self._lock:
            self._counts["answers"] += 1
            self._counts["prompt_tokens"] += answer.prompt_tokens
            self._counts["completion_tokens"] += answer.completion_tokens
            self._seconds += answer.seconds

    def _spent(self) -> float:
        return self._before + self._prices.of(self._counts["prompt_tokens"], self._counts["completion_tokens"])

    @property
    def account(self) -> Account:
        """How things stand now."""
        with self._lock:
            return Account(
                **self._counts,
                retries=dict(self._retries),
                seconds=self._seconds,
                cost=self._spent() - self._before,
                cost_before=self._before,
            )
