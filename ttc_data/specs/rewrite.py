"""Specs written by a model, and what becomes of those that do not pass the gates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ttc_data.errors import PromptRefused
from ttc_data.llm.request import Reply, Request, Sampling
from ttc_data.records import Reject, Spec, Target
from ttc_data.rules import SpecRules
from ttc_data.specs.docstring import docstring_spec
from ttc_data.specs.draft import Draft, examples_text, read, schema, text_of
from ttc_data.specs.gates import Defect, defects
from ttc_data.template import template

REWRITE = template("ttc_data.specs", "prompts/rewrite.j2")
JUDGE = template("ttc_data.specs", "prompts/judge.j2")
JUDGE_TOKENS = 200
Ask = Callable[[Request], Reply]
RunExamples = Callable[[str], str]
"""Runs examples, written as a docstring has them, on the reference; gives what does not hold, `""` when all does."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A target to be described, and what is known of it."""

    target: Target
    original: bytes
    """Its whole file."""
    subject: str
    """Its name for a reject."""
    calls: Sequence[str]
    """Expressions elsewhere in the repository that call it."""
    tests: Sequence[str]
    """Names of tests that reach it; nothing of what is in them."""
    run_examples: RunExamples

    @property
    def code(self) -> str:
        """The definition as written."""
        return self.original[slice(*self.target.span)].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Written:
    """One answer of the model, and what the gates say of it."""

    text: str
    """The specification; the answer as it came where it is none."""
    defects: tuple[Defect, ...]


class SpecWriter:
    """Asks a model for specs. Safe to use from several threads.

    Args:
        ask: asks a model, keeps every answer.
        rules: the recipe's.
        sampling: how the writer is asked.
    """

    def __init__(self, ask: Ask, rules: SpecRules, sampling: Sampling) -> None:
        self._ask = ask
        self._rules = rules
        self._sampling = sampling
        nothing = dict.fromkeys(("kind", "name", "signature", "docstring", "code"), "")
        self._question = self._prompt(**nothing, calls=(), tests=())

    def write(self, asked: Asked) -> Spec | Reject:
        """Write one target's spec, in as many attempts as the recipe allows.

        Where none passes the gates it is the docstring's, and says why, or a reject with the last attempt's first defect.

        Raises:
            ModelUnavailable: the model does not answer.
            SpendLimitReached: the next question could cost more than is left.
            SandboxLost: the sandbox that runs the examples broke.
        """
        last = Defect("model_refused_prompt", "")
        try:
            for written in self.attempts(asked):
                if not written.defects:
                    return Spec(asked.target.key, "model", written.text, self._sampling.model, REWRITE.hash)
                last = written.defects[0]
        except PromptRefused as error:
            last = Defect(error.reason, error.detail)
        if self._rules.on_reject == "drop":
            return Reject(asked.target.key, "specify", last.reason, last.detail, asked.subject)
        plain = docstring_spec(asked.target, self._rules)
        return Spec(
            plain.target_key, "docstring", plain.text, self._sampling.model, REWRITE.hash, last.reason, last.detail
        )

    def attempts(self, asked: Asked, *, all_gates: bool = False) -> Iterator[Written]:
        """The model's answers one after the other, each asked for when it is needed.

        Args:
            asked: what to describe.
            all_gates: go on after the first defect, to list them all.

        Raises:
            PromptRefused: the server does not take the question.
        """
        for number in range(self._rules.attempts):
            answer = self._ask(self._request(asked, number))
            written = self._checked(answer, asked, all_gates=all_gates)
            yield written
            if not written.defects:
                return

    def _request(self, asked: Asked, number: int) -> Request:
        target = asked.target
        prompt = self._prompt(
            kind=target.kind,
            name=target.qualname,
            signature=target.signature,
            docstring=target.docstring,
            code=asked.code,
            calls=asked.calls,
            tests=asked.tests,
        )
        sampling = replace(self._sampling, number=number)
        return Request((("user", prompt),), sampling, schema())

    def _prompt(self, **of: object) -> str:
        return REWRITE.render(**of, detail=self._rules.detail, examples=self._rules.examples)

    def _checked(self, answer: Reply, asked: Asked, *, all_gates: bool) -> Written:
        if not answer.text.strip():
            return Written("", (Defect("model_answer_empty", ""),))
        if answer.finish_reason == "length":
            return Written(answer.text, (Defect("model_answer_cut", f"at llm.max_tokens={self._sampling.max_tokens}"),))
        try:
            draft = read(answer.text)
        except ValueError as error:
            return Written(answer.text, (Defect("model_answer_is_no_spec", str(error)),))
        if not self._rules.examples:
            draft = draft.model_copy(update={"examples": ()})
        text = text_of(draft, self._rules.style, asked.target.qualname)
        found: list[Defect] = []
        for defect in self._gates(draft, text, asked):
            found.append(defect)
            if not all_gates:
                break
        return Written(text, tuple(found))

    def _gates(self, draft: Draft, text: str, asked: Asked) -> Iterator[Defect]:
        is_call = True
        for defect in defects(draft, text, asked.target, asked.original, self._question, self._rules):
            is_call = is_call and defect.reason != "spec_example_is_no_call"
            yield defect
        if draft.examples and is_call and (failure := asked.run_examples(examples_text(draft))):
            yield Defect("spec_example_fails", failure)
        if self._rules.judge and (objection := self._objection(text, asked)):
            yield Defect("spec_judged_unfaithful", objection)

    def _objection(self, text: str, asked: Asked) -> str:
        """What the judge has against a spec; nothing where it has not, or cannot say it in the form it was asked for."""
        prompt = JUDGE.render(code=asked.code, spec=text)
        answer = self._ask(Request((("user", prompt),), Sampling(self._rules.judge, 0.0, JUDGE_TOKENS)))
        try:
            said = json.loads(answer.text[answer.text.index("{") : answer.text.rindex("}") + 1])
        except ValueError:
            return ""
        if not isinstance(said, dict) or said.get("faithful") is not False:
            return ""
        return str(said.get("why") or "no reason given")[:500]
