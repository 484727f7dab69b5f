"""One request between a client and its servers."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from ttc_data.errors import ModelUnavailable
from ttc_data.llm.endpoint import AttemptFailed, Endpoint
from ttc_data.llm.request import Request


@dataclass(slots=True, eq=False)
class Flight:
    """A request on its way: it has a place at a server, or has had one and waits for the next."""

    key: str
    request: Request
    amount: float
    """Of money, set aside for it."""
    endpoint: Endpoint
    begun: float
    heard: float = math.inf
    """When its attempt was sent, or the last part of an answer came; infinity between attempts."""
    late: bool = False
    """Its time is up."""
    silent: bool = False
    """That of its attempt is."""

    def hear(self) -> None:
        """Something came."""
        self.heard = time.monotonic()


def unavailable(flight: Flight, last: AttemptFailed) -> ModelUnavailable:
    """Why a request got no answer, with what to do."""
    advice = "start it, or check --llm"
    if last.cause == "not_a_completion":
        advice = "check that --llm is the base URL of an OpenAI-compatible server, most end in /v1"
    elif last.cause in ("429", "timeout"):
        advice = "give it more time, or fewer requests at once"
    waited = time.monotonic() - flight.begun
    return ModelUnavailable(
        f"{flight.endpoint.url} gave no answer within {waited:.0f} s (the last attempt: {last}); {advice}"
    )
