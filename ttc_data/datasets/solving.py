"""How hard a proven task is: attempts of a model from what the solver is given, judged by the row's own tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ttc_data.datasets.inputs import Proven
from ttc_data.datasets.model import Model
from ttc_data.environments.open import Cache
from ttc_data.errors import PatchRejected, PromptRefused
from ttc_data.evidence.suite import RunJob
from ttc_data.exam import Exam
from ttc_data.llm.request import Request
from ttc_data.publish.rows import prompt_of
from ttc_data.recipe import Recipe
from ttc_data.records import Reject, Solved
from ttc_data.solve.answer import read_answer


class Solver:
    """Lets a model try each task. Safe to use from several threads."""

    def __init__(self, recipe: Recipe, model: Model, run: RunJob, cache: Cache) -> None:
        self._recipe = recipe
        self._model = model
        self._run = run
        self._cache = cache

    def __call__(self, proven: Proven) -> Iterator[Solved | Reject]:
        """Count the attempts that solve a task.

        Raises:
            ModelUnavailable: the model does not answer.
            SandboxLost: the sandbox broke.
        """
        prompt = tuple(
            (message.role, message.content)
            for message in prompt_of(proven.sample, proven.target, proven.spec, proven.source)
        )
        count = self._recipe.spec.solver_attempts
        reasons: Counter[str] = Counter()
        for number in range(count):
            try:
                answer = self._model.client.ask(Request(prompt, replace(self._model.sampling, number=number)))
            except PromptRefused as error:
                reasons[error.reason] += count - number
                break
            reasons[self._reason(proven, answer.text)] += 1
        solved = reasons.pop("", 0)
        if not solved and self._recipe.spec.drop_unsolved:
            most = reasons.most_common(1)[0][0]
            yield Reject(
                proven.sample.key, "solve", "unsolved", f"0 of {count} attempts, most often {most}", proven.name
            )
            return
        yield Solved(proven.sample.key, count, solved, tuple(sorted(reasons)))

    def _reason(self, proven: Proven, answer: str) -> str:
        """Why an answer is not right; nothing when it is."""
        sample = proven.sample
        try:
            files = read_answer(answer, {sample.path: sample.masked}, sample.path, sample.qualname).files
        except PatchRejected:
            return "no_answer"
        if not files:
            return "nothing_changed"
        graded = self._exam(proven).grade(files, partial(self._run, proven.environment))
        return "" if graded.solved else graded.reason

    def _exam(self, proven: Proven) -> Exam:
        evidence, environment = proven.evidence, proven.environment
        texts = self._cache.trees.texts(environment.tree, environment.test_files) if evidence.tripwires else {}
        own = {file.path: file.text for file in evidence.tests}
        return Exam(
            evidence.fail_to_pass, evidence.pass_to_pass, evidence.tripwires, own, texts, environment.pytest_args,
            self._recipe.tests,
        )  # fmt: skip
