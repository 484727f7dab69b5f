"""The model of a build: a server that is started or named, and a client that keeps every answer in the build's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ttc_data.errors import ModelUnavailable, RecipeError
from ttc_data.plain import counted
from ttc_data.recipe import Recipe
from ttc_data.rules import LlmRules

if TYPE_CHECKING:
    from ttc_data.llm.client import Models
    from ttc_data.llm.ledger import Account
    from ttc_data.llm.request import Sampling

ANSWERS = "answers"


@dataclass(frozen=True)
class Model:
    """A model that can be asked."""

    client: Models
    name: str
    rules: LlmRules
    seed: int
    urls: tuple[str, ...]
    """Of its servers."""

    @property
    def sampling(self) -> Sampling:
        """How it is asked, if not otherwise."""
        from ttc_data.llm.request import Sampling

        one = self.rules
        return Sampling(self.name, one.temperature, one.max_tokens, one.top_p, self.seed)

    @property
    def salt(self) -> list[object]:
        """What an answer depends on; not where it came from."""
        return [self.name, self.rules.temperature, self.rules.top_p, self.rules.max_tokens]


def is_asked(recipe: Recipe) -> bool:
    """Whether a build of this recipe asks a model anything."""
    return recipe.spec.origin == "model" or bool(recipe.tests.model_calls or recipe.spec.solver_attempts)


def check_model(recipe: Recipe) -> None:
    """See that a model can be asked where the recipe asks one: better now than after the suites have run.

    Raises:
        RecipeError: no server is named, or none of several models.
        ModelUnavailable: it does not answer.
    """
    if not is_asked(recipe):
        return
    require_named(recipe.llm)
    if recipe.llm.urls:
        _model_name(recipe.llm.urls, recipe.llm.model)


def require_named(rules: LlmRules) -> None:
    """See that there is a model to ask.

    Raises:
        RecipeError: no server is named, and no model to start one with.
    """
    if not rules.named:
        raise RecipeError("no model is named: give --llm URL of a server that runs, or --serve MODEL to start one")


@contextmanager
def open_model(recipe: Recipe, records: Path, say: Callable[[str], None]) -> Iterator[Model | None]:
    """Open the recipe's model for as long as the block runs; None where nothing is asked of one.

    A server that is started ends with the block, however it ends.

    Args:
        recipe: what is built.
        records: the build's folder of records; answers go to a folder in it.
        say: told what happens, and at the end what was asked and paid.

    Raises:
        RecipeError: no server is named, or none of several models.
        ModelUnavailable: it does not answer.
    """
    if not is_asked(recipe):
        yield None
        return
    with named_model(recipe.llm, recipe.seed, records, say) as model:
        yield model


@contextmanager
def named_model(rules: LlmRules, seed: int, records: Path, say: Callable[[str], None]) -> Iterator[Model]:
    """Open the model that some rules name for as long as the block runs; its server ends with it, if it was started here.

    Args:
        rules: name the servers, or a model to start one with.
        seed: of the answers.
        records: answers go to a folder in it, what a server prints to `logs` beside it.
        say: told what happens, and at the end what was asked and paid.

    Raises:
        RecipeError: none of several models is named.
        ModelUnavailable: it does not answer.
    """
    from ttc_data.llm.client import Models
    from ttc_data.llm.ledger import Prices
    from ttc_data.llm.serve import Server

    require_named(rules)
    with ExitStack() as stack:
        urls = rules.urls
        ended: Callable[[], str] = str  # nothing is known of a server that somebody else started
        if rules.serve:
            server = stack.enter_context(Server(rules.serve, rules.gpus, records.parent / "logs", say=say))
            urls, ended = server.urls, server.ended
        name = _model_name(urls, rules.model)
        client = Models(
            urls,
            records / ANSWERS,
            deadline_s=rules.deadline_s,
            silence_s=rules.silence_s,
            at_once=rules.at_once,
            prices=Prices(rules.input_price, rules.output_price),
            max_spend=rules.max_spend,
            ended=ended,
        )
        stack.enter_context(client)
        try:
            yield Model(client, name, rules, seed, urls)
        finally:
            say(f"model {name}: {_told(client.account)}")


def _told(account: Account) -> str:
    """What was asked and paid, for people."""
    retries = ", ".join(f"{cause} {count}" for cause, count in sorted(account.retries.items()))
    parts = [
        f"{counted(account.answers, 'answer')}, {account.prompt_tokens:,} + {account.completion_tokens:,} tokens",
        f"{account.reused + account.joined:,} not asked again" if account.reused + account.joined else "",
        f"{account.refused:,} prompts refused" if account.refused else "",
        f"retries: {retries}" if retries else "",
        f"cost {account.cost:.2f}" if account.cost else "",
    ]
    return "; ".join(part for part in parts if part)


def _model_name(urls: tuple[str, ...], wanted: str) -> str:
    """The model that the first server has: the one that is wanted, or the only one."""
    from ttc_data.llm.endpoint import served_models

    served = served_models(urls[0])
    if wanted and wanted not in served:
        near = f" ({', '.join(served[:5])} are)" if served else ""
        raise ModelUnavailable(f"{wanted!r} is not served at {urls[0]}{near}; check --model")
    if not wanted and len(served) != 1:
        raise RecipeError(f"{urls[0]} serves {', '.join(served) or 'no model'}; name one with --model")
    return wanted or served[0]
