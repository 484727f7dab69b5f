"""How hard a proven task is: attempts of a model from what the solver is given, judged by the row's own tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

from ttc_data.cache import Cache
from ttc_data.errors import PatchRejected, PromptRefused
from ttc_data.llm.model import Model
from ttc_data.llm.request import Request
from ttc_data.plain import counted
from ttc_data.publish.rows import Proven, prompt_of
from ttc_data.recipe import Recipe
from ttc_data.records import Environment, Reject, Solved
from ttc_data.sandbox.protocol import Job, Report
from ttc_data.sandbox.scheduler import Apart
from ttc_data.solve.answer import read_answer
from ttc_data.solve.grade import grade
from ttc_data.solve.task import Task

RunApart = Callable[[Environment, Job, Apart], Report]
"""Runs a job on a sandbox that no other job of the same `Apart` has been on."""


class Solver:
    """Lets a model try each task. Safe to use from several threads."""

    def __init__(self, recipe: Recipe, model: Model, run: RunApart, cache: Cache) -> None:
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
                proven.sample.key,
                "solve",
                "unsolved",
                f"0 of {counted(count, 'attempt')}, most often {most}",
                proven.name,
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
        apart = Apart()
        # Drawn by the answer: the same build grades it the same way again.
        draw = Random(f"{self._recipe.seed}:{sample.key}:{answer}")
        return grade(self._task(proven), files, lambda job: self._run(proven.environment, job, apart), draw).reason

    def _task(self, proven: Proven) -> Task:
        sample, evidence, environment = proven.sample, proven.evidence, proven.environment
        texts = self._cache.trees.texts(environment.tree, environment.test_files) if evidence.tripwires else {}
        own = {file.path: file.text for file in evidence.tests}
        return Task(
            sample.key,
            sample.path,
            sample.qualname,
            {sample.path: sample.masked},
            sample.patch,
            evidence.fail_to_pass,
            evidence.pass_to_pass,
            evidence.first_look,
            evidence.tripwires,
            own,
            texts,
            environment.pytest_args,
            self._recipe.tests,
            evidence.baselines,
        )
