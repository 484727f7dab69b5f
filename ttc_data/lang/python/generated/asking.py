"""Calls that a model proposes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ttc_data.errors import PromptRefused
from ttc_data.lang.python.generated.case import Case
from ttc_data.lang.python.generated.proposals import parse_model_cases
from ttc_data.llm.request import Reply, Request, Sampling
from ttc_data.records import Target
from ttc_data.template import template

CALLS = template("ttc_data.lang.python.generated", "prompts/calls.j2")


@dataclass(frozen=True)
class CallAsker:
    """Asks a model for calls of a target. Safe to use from several threads."""

    ask: Callable[[Request], Reply]
    sampling: Sampling
    count: int
    """Calls that are asked for."""

    def __call__(self, target: Target, text: str, module: str, others: Mapping[str, str]) -> tuple[Sequence[Case], int]:
        """Give the calls that the model proposed, and how many lines were dropped: no Python, or no call of the target.

        Args:
            target: whose calls.
            text: its whole file.
            module: dotted name of it.
            others: path to text of the repository's other files.

        Raises:
            ModelUnavailable: it does not answer.
            SpendLimitReached: the question could cost more than is left.
        """
        first, last = target.span
        code = text.encode("utf-8", "surrogatepass")[first:last].decode("utf-8", "replace")
        outer, _, name = target.qualname.rpartition(".")
        prompt = CALLS.render(
            count=self.count,
            kind=target.kind,
            name=target.qualname,
            module=module,
            code=code,
            example=f"{outer}(...).{name}(...)" if target.kind == "method" else f"{name}(...)",
        )
        try:
            answer = self.ask(Request((("user", prompt),), self.sampling))
        except PromptRefused:  # longer than the model reads
            return (), 0
        return parse_model_cases(answer.text, target, text, others)
