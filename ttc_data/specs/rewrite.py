"""Specs written by a model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import hashlib
import os
import textwrap
from importlib.resources import files

import jinja2
import openai
from pydantic import BaseModel, Field, ValidationError

from ttc_data.errors import ModelUnavailable, RecipeError
from ttc_data.recipe import SpecRules
from ttc_data.records import Reject, Spec, Target
from ttc_data.specs.docstring import normalise

RETRIES = 4


class SpecWriter:
    """Asks a model for specs. Safe to use from several threads.

    Raises:
        RecipeError: when `spec.llm` or `spec.model` is missing.
    """

    def __init__(self, rules: SpecRules) -> None:
        if not rules.llm or not rules.model:
            raise RecipeError("spec.origin is 'model': name the endpoint and the model (`--llm URL --model NAME`)")
        text = (files("ttc_data.specs") / "prompts" / "rewrite.j2").read_text(encoding="utf-8")
        self._rules = rules
        self._template = jinja2.Template(text, undefined=jinja2.StrictUndefined, autoescape=False)
        self._prompt_hash = hashlib.sha256(text.encode()).hexdigest()[:20]
        # The key of a local server is any word; a hosted one reads OPENAI_API_KEY.
        self._client = openai.OpenAI(
            base_url=rules.llm, timeout=rules.timeout_s, max_retries=RETRIES, api_key=_api_key()
        )

    def write(self, target: Target, code: str, subject: str) -> Spec | Reject:
        """Ask for one target's spec.

        Args:
            target: what to describe.
            code: the definition as written.
            subject: its name for a reject.

        Returns:
            The spec, or a reject when the model answered with nothing usable.

        Raises:
            ModelUnavailable: the endpoint does not answer, after the client's retries.
        """
        prompt = self._template.render(
            kind=target.kind,
            qualname=target.qualname,
            signature=target.signature,
            docstring=target.docstring,
            code=code,
        )
        try:
            answer = self._client.chat.completions.create(
                model=self._rules.model,
                messages=[{"role": "user", "content": prompt}],
                temperature=self._rules.temperature,
                max_tokens=self._rules.max_tokens,
            )
        except openai.BadRequestError as error:  # this prompt, for instance too long; the next one may do
            return Reject(target.key, "specify", "model_refused_prompt", str(error)[:500], subject)
        except openai.OpenAIError as error:
            raise ModelUnavailable(
                f"model {self._rules.model!r} at {self._rules.llm} does not answer ({error}); start it, or check --llm and --model"
            ) from error
        said, reason = self._read(answer)
        text = normalise(textwrap.dedent(said))
        if not text:
            return Reject(target.key, "specify", "model_answer_empty", "", subject)
        if reason == "length":
            detail = f"cut at spec.max_tokens={self._rules.max_tokens}"
            return Reject(target.key, "specify", "model_answer_cut", detail, subject)
        return Spec(target.key, "model", text, self._rules.model, self._prompt_hash)

    def _read(self, answer: object) -> tuple[str, str]:
        """The text of a completion and why it ended; the client lets any JSON through, and any text for that matter."""
        try:
            completion = Completion.model_validate(answer, from_attributes=True)
        except ValidationError as error:
            raise ModelUnavailable(
                f"{self._rules.llm} answered what is no chat completion ({error.errors(include_url=False)[0]['msg']});"
                " check that --llm is the base URL of an OpenAI-compatible endpoint, most end in /v1"
            ) from error
        choice = completion.choices[0]
        return choice.message.content or "", choice.finish_reason or ""


class Message(BaseModel):
    """What a completion says."""

    content: str | None = None


class Choice(BaseModel):
    """One of a completion's answers."""

    message: Message
    finish_reason: str | None = None


class Completion(BaseModel):
    """The part of a chat completion that is read."""

    choices: list[Choice] = Field(min_length=1)


def _api_key() -> str:
    return os.environ.get("OPENAI_API_KEY") or "none"
