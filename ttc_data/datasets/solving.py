"""How hard a proven task is: attempts of a model from what the solver is given, judged by the row's own tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ttc_data.answers import answered
from ttc_data.datasets.inputs import Proven
from ttc_data.datasets.model import Model
from ttc_data.environments.open import Cache
from ttc_data.errors import PatchRejected, PromptRefused
from ttc_data.evidence.suite import RunJob
from ttc_data.evidence.twins import ids, twin_files
from ttc_data.grading import grade, unmask
from ttc_data.llm.request import Request
from ttc_data.publish.rows import prompt_of
from ttc_data.recipe import Recipe
from ttc_data.records import Reject, Solved
from ttc_data.sandbox.protocol import Job


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
            files = answered(answer, {sample.path: sample.masked}, sample.path, sample.qualname)
        except PatchRejected:
            return "no_answer"
        if not files:
            return "nothing_changed"
        evidence = proven.evidence
        graded = grade(
            self._run(proven.environment, self._job(proven, files, {}, ())),
            evidence.fail_to_pass,
            evidence.pass_to_pass,
        )
        if graded.solved and evidence.tripwires:
            texts = dict(self._cache.trees.texts(proven.environment.tree, proven.environment.test_files))
            texts |= {file.path: file.text for file in evidence.tests}
            job = self._job(proven, files, twin_files(evidence.tripwires, texts), tuple(ids(evidence.tripwires)))
            graded = unmask(graded, self._run(proven.environment, job), evidence.tripwires)
        return "" if graded.solved else graded.reason

    def _job(self, proven: Proven, files: Mapping[str, str], twins: Mapping[str, str], more: tuple[str, ...]) -> Job:
        evidence, environment, rules = proven.evidence, proven.environment, self._recipe.tests
        gone = {test for edit in evidence.tripwires for test in edit.renamed} if twins else set()
        tests = (*evidence.fail_to_pass, *evidence.pass_to_pass)
        return Job(
            test_files=tuple(dict.fromkeys(test.partition("::")[0] for test in tests)),
            tests=tuple(dict.fromkeys((*(test for test in tests if test not in gone), *more))),
            files={**files, **{file.path: file.text for file in evidence.tests}, **twins},
            args=environment.pytest_args,
            timeout_s=rules.sample_timeout_s,
            test_timeout_s=rules.test_timeout_s,
        )
