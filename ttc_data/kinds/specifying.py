"""Tasks to specs: the docstring's, or a model's with the examples run on the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ttc_data.evidence.suite import last_lines
from ttc_data.kinds.inputs import TargetTask
from ttc_data.lang.python.doctests import doctest_file
from ttc_data.lang.python.generated.sites import call_sites
from ttc_data.lang.python.modules import module_name
from ttc_data.llm.model import Model
from ttc_data.recipe import Recipe
from ttc_data.records import Reject, Spec
from ttc_data.sandbox.protocol import Job, RunJob
from ttc_data.specs.docstring import docstring_spec
from ttc_data.specs.rewrite import Asked, SpecWriter, Written

MOST_CALLS = 5
MOST_TESTS = 20


class Specifier:
    """Gives each task its spec. Safe to use from several threads.

    Args:
        recipe: what is built.
        model: writes the specs; None where the docstring is the spec.
        run: runs a job in an environment.
    """

    def __init__(self, recipe: Recipe, model: Model | None, run: RunJob) -> None:
        self._recipe = recipe
        self._run = run
        self._writer: SpecWriter | None = None
        if model is not None and recipe.spec.origin == "model":
            self._writer = SpecWriter(model.client.ask, recipe.spec, model.sampling)

    def __call__(self, task: TargetTask) -> Iterator[Spec | Reject]:
        """Write a task's spec; a target that no test can decide gets none."""
        if not (task.chosen.candidates or task.chosen.further) and not self._recipe.tests.generate:
            needs = task.chosen.needs
            detail = f"{len(task.subject.environment.test_files)} test files"
            reason = f"tests_need_{needs}" if needs else "no_test_reaches_it"
            yield task.remarks.on(Reject(task.target.key, "specify", reason, detail, task.name))
        elif self._writer is None:
            yield docstring_spec(task.target, self._recipe.spec)
        else:
            yield self._writer.write(self.asked(task))

    def attempts(self, task: TargetTask) -> Iterator[Written]:
        """What the model writes of a task, one attempt after the other, with all that is wrong with each.

        Raises:
            PromptRefused: the model does not take this target.
        """
        assert self._writer is not None
        return self._writer.attempts(self.asked(task), all_gates=True)

    def asked(self, task: TargetTask) -> Asked:
        """What a model is told of a task, and how its examples are run."""
        text, name = task.text.decode("utf-8", "replace"), task.target.qualname.rpartition(".")[2]
        return Asked(
            target=task.target,
            original=task.text,
            subject=task.name,
            calls=call_sites(name, text, task.others)[:MOST_CALLS],
            tests=[test.partition("::")[2] for test in task.chosen.candidates[:MOST_TESTS]],
            run_examples=lambda examples: self._failure(task, examples),
        )

    def _failure(self, task: TargetTask, examples: str) -> str:
        """What does not hold of examples that are run on the reference."""
        environment, rules = task.subject.environment, self._recipe.tests
        module = module_name(task.target.path, environment.roots)
        file = doctest_file(replace(task.target, docstring=examples), module) if module else None
        if file is None:
            return "no example states what it gives, in a form that can be run"
        job = Job(
            test_files=(file.path,),
            files={file.path: file.text},
            args=environment.pytest_args,
            timeout_s=rules.test_timeout_s,
            test_timeout_s=rules.test_timeout_s,
        )
        report = self._run(environment, job)
        if report.passed:
            return ""
        said = " ".join(test.message for test in report.tests) or last_lines(report)
        return " ".join(said.split())[:500]
