"""Answers are judged as they end, while the model still writes others: where vLLM generates in the process that trains.

A batch's answers end at different times, and until the last one has ended the processors have nothing to do. What is judged
ahead is what rewards ask for a moment later, and would be judged then: it changes when, and never what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ttc_data.solve.grader import Grader


class Ahead:
    """Hands what a vLLM engine has finished to the grader.

    Args:
        grader: of the rewards that will ask for the same answers.
        tokenizer: that the trainer reads and writes with.
        template: what the trainer hands to the chat template.
    """

    def __init__(self, grader: Grader, tokenizer: Any, template: Mapping[str, Any]) -> None:
        self._grader = grader
        self._tokenizer = tokenizer
        self._template = dict(template)
        self._rows: dict[int, str] = {}
        self._thread = ThreadPoolExecutor(1, "ahead")  # parsing an answer must not keep the engine

    def expect(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Learn by which tokens the engine will know these prompts.

        Args:
            lines: `prompt`, chat messages, and `instance_id`.
        """
        for line in lines:
            told = self._tokenizer.apply_chat_template(
                line["prompt"], add_generation_prompt=True, tokenize=True, return_dict=True, **self._template
            )
            self._rows[hash(tuple(told["input_ids"]))] = line["instance_id"]

    def watch(self, engine: Any) -> None:
        """Look at what each step of an engine gives; the engine's user gets it as before."""
        step = engine.step

        def watched() -> Any:
            found = step()
            for request in found:
                if request.finished:
                    self._thread.submit(
                        self._hear, request.prompt_token_ids, [one.token_ids for one in request.outputs]
                    )
            return found

        engine.step = watched

    def _hear(self, prompt: Sequence[int] | None, answers: Sequence[Sequence[int]]) -> None:
        """Have answers judged; what goes wrong here goes wrong again when rewards ask, and is told then."""
        row = self._rows.get(hash(tuple(prompt or ())))
        if row is not None:
            for ids in answers:
                self._grader.submit(row, self._tokenizer.decode(ids, skip_special_tokens=True))

    def close(self) -> None:
        """Hear nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
