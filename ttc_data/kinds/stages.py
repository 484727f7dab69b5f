"""The stages of a stack-impl build, strung together over the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ttc_data import __version__
from ttc_data.cache import Cache
from ttc_data.edits import unified_diff
from ttc_data.engine import run_stage
from ttc_data.errors import BuildError, MaskingFailed
from ttc_data.evidence.suite import Subject, repeat_suite, run_suite
from ttc_data.extract import extract
from ttc_data.hosts.host import Host
from ttc_data.keys import content_key
from ttc_data.kinds.describing import Describer
from ttc_data.kinds.inputs import Inputs, TargetTask
from ttc_data.kinds.processes import Processes
from ttc_data.kinds.solving import Solver
from ttc_data.kinds.specifying import Specifier
from ttc_data.kinds.tools import Tools
from ttc_data.lang.python.generated.asking import CALLS, CallAsker
from ttc_data.lang.python.masking import interface, mask, restore
from ttc_data.llm.model import Model, check_model, open_model
from ttc_data.pins import Lock, Pins, check_interpreter, check_mined, mined_key
from ttc_data.plain import counted
from ttc_data.progress import Progress
from ttc_data.prove import ProofCase
from ttc_data.publish.rows import make_row
from ttc_data.publish.write import write_dataset
from ttc_data.recipe import Recipe
from ttc_data.records import Evidence, Reject, Sample, Source, Spec, Suite, Target
from ttc_data.row import Row
from ttc_data.sources.mine import SourceRequest, locked_sources, mine, requests
from ttc_data.specs.leak import leak
from ttc_data.specs.rewrite import JUDGE, REWRITE
from ttc_data.store import Build, Keyed, Stage

Input = TypeVar("Input")
R = TypeVar("R", bound=Keyed)


class Stages(Tools):
    """The stages of one stack-impl build, and what they share.

    Each stage reads what the one before left in the store, and nothing else passes between them.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Build,
        cache: Cache,
        host: Host,
        workers: int,
        progress: Progress,
        pins: Pins | None = None,
    ) -> None:
        super().__init__(recipe, cache, host, workers)
        self.processes = Processes(recipe, cache, host.name, workers)
        self.folder = folder
        self.progress = progress
        self.pins = pins
        self.inputs = Inputs(folder, recipe, cache)
        self.errors: list[str] = []

    def close(self) -> None:
        """Close every sandbox, and say how many had to be replaced."""
        self.processes.close()
        super().close()
        if lost := self.pool.lost + self.processes.lost:
            self.progress.say(f"sandboxes lost and replaced: {lost}")

    def _prove(self, case: ProofCase, ask: CallAsker | None) -> Iterator[Evidence | Reject]:
        """Prove a sample in another process, or here: one after the other, or where a model is asked."""
        if self.slots == 1 or ask:
            return self.prove(case, ask)
        return self.processes.prove(case)

    def run(self) -> dict[str, int]:
        """Every stage in turn, then the dataset; gives the rows of each split."""
        rules, inputs = self.recipe, self.inputs
        check_model(rules)
        if self.pins:
            check_interpreter(self.pins.lock, self.host.interpreter().python, self.host.interpreter().platform)
        tests = [rules.tests.model_dump(), rules.sandbox.model_dump()]
        # Named, so that another bar does not run the suites again.
        suite = [
            rules.tests.doctests,
            rules.tests.test_timeout_s,
            rules.tests.suite_timeout_s,
            rules.sandbox.model_dump(),
        ]
        self._stage(inputs.mined, self._requests(), mine, "")
        self.fetch_lost_trees()
        if self.pins and not self.errors:
            check_mined(self.pins.lock, {source.key: source.tree for source in inputs.mined.records()})
        self._stage(inputs.extracted, inputs.sources(), self._extract, rules.extract.model_dump(), inputs.mined)
        salt = [rules.environment.model_dump(mode="json"), self.host.interpreter()]
        salt += [self.pins.key] if self.pins else []
        describe = Describer(rules, self.cache, self.host, self.run_job, self.pins, self.progress.say)
        self._stage(inputs.environments, inputs.sources_with_targets(), describe, salt, inputs.mined)
        self._stage(
            inputs.suites,
            inputs.subjects(),
            self._first,
            suite,
            inputs.environments,
        )
        times = rules.tests.runs - 1
        self._stage(inputs.repeats, inputs.repetitions(), self._repeat, suite, inputs.suites, times=times)
        with open_model(rules, self.folder.records, self.progress.say) as model:
            self._model_stages(model, tests)
        return self._write()

    def _model_stages(self, model: Model | None, tests: list[Any]) -> None:
        """The stages in which a model may be asked."""
        rules, inputs = self.recipe, self.inputs
        salt = [rules.spec.model_dump(), rules.tests.generate, *(model.salt if model else ())]
        salt += [REWRITE.hash, JUDGE.hash] if model and rules.spec.origin == "model" else []
        specify = Specifier(rules, model, self.run_job)
        # Who waits for a model costs no processor: there are as many threads as requests are in flight.
        threads = rules.llm.at_once if model and rules.spec.origin == "model" else 0
        self._stage(inputs.specs, inputs.tasks(), specify, salt, inputs.extracted, threads=threads)
        self._stage(inputs.samples, inputs.specified(), self._mask, rules.mask.model_dump(), inputs.specs)
        ask = (
            CallAsker(model.client.ask, model.sampling, rules.tests.model_calls)
            if model and rules.tests.model_calls
            else None
        )
        salt = [*tests, *((*model.salt, CALLS.hash) if model and ask else ())]
        self._stage(
            inputs.evidence, inputs.cases(), lambda case: self._prove(case, ask), salt, inputs.samples, most=rules.limit
        )
        if model and rules.spec.solver_attempts:
            salt = [rules.spec.solver_attempts, rules.spec.drop_unsolved, *tests, *model.salt]
            solve = Solver(rules, model, self.run_apart, self.cache)
            self._stage(inputs.solved, inputs.proven(), solve, salt, inputs.evidence, threads=rules.llm.at_once)

    def _stage(
        self,
        stage: Stage[R],
        inputs: Iterable[tuple[str, Input]],
        work: Callable[[Input], Iterable[R | Reject]],
        salt: object,
        before: Stage[Any] | None = None,
        *,
        times: int = 1,
        most: int = 0,
        threads: int = 0,
    ) -> None:
        """Run one stage. `before` tells the progress how much there is: at most `times` inputs for each of its records."""
        total = None if before is None else before.count() * times
        total = min(total, most) if total is not None and most else total
        ran = run_stage(
            stage, inputs, work, salt=salt, workers=threads or self.slots, progress=self.progress, total=total
        )
        self.errors += ran.errors

    def _requests(self) -> Iterator[tuple[str, SourceRequest]]:
        for request in requests(self.recipe, self.cache, self.progress.say, self.pins.lock if self.pins else None):
            yield request.key, request

    def fetch_lost_trees(self) -> None:
        """The cache may have been emptied since the sources were mined: what a source names must be there."""
        lost = {
            source.tree: source.origin
            for source in self.inputs.mined.records()
            if not self.cache.trees.has(source.tree)
        }
        if not lost:
            return
        self.progress.say(f"{len(lost)} mined trees are no longer in {self.cache.folder}: fetching them again")
        for _, request in self._requests():
            for found in mine(request):
                if isinstance(found, Source):
                    lost.pop(found.tree, None)
            if not lost:
                return
        tree, origin = next(iter(lost.items()))
        raise BuildError(f"{origin} no longer gives tree {tree[:12]}...: it changed since; build into another --out")

    def _extract(self, source: Source) -> Iterator[Target | Reject]:
        return extract(source, self.cache.trees.files(source.tree), self.recipe.extract)

    def _first(self, subject: Subject) -> Iterator[Suite | Reject]:
        for found in run_suite(subject, self.run_job, self.recipe.tests):
            if isinstance(found, Suite) and found.untraced:
                repo, names = subject.environment.repo, ", ".join(found.untraced)
                self.progress.say(f"{repo}: switched the measurement of lines off, put back for the next test: {names}")
            if isinstance(found, Suite) and found.late:
                limit = f"tests.suite_timeout_s ({self.recipe.tests.suite_timeout_s:g} s)"
                said = f"{counted(found.late, 'test')} did not begin within {limit} and decide nothing"
                self.progress.say(f"{subject.environment.repo}: {said}; raise it")
            yield found

    def _repeat(self, again: tuple[Subject, Suite, int]) -> Iterator[Suite | Reject]:
        subject, first, number = again
        yield from repeat_suite(subject, first, number, self.run_job, self.recipe.tests)

    def _mask(self, specified: tuple[TargetTask, Spec]) -> Iterator[Sample | Reject]:
        task, spec = specified
        target, environment = task.target, task.subject.environment
        try:
            masked = mask(task.text, target, spec.text, self.recipe.mask.mode)
            shown = interface(task.text, target, spec.text) if self.recipe.mask.mode == "whole" else ""
        except MaskingFailed as error:
            yield Reject(target.key, "mask", error.reason, error.detail, task.name)
            return
        if restore(masked) != task.text:
            raise AssertionError(f"{task.name}: putting the reference back does not give the original file")
        text = masked.text.decode("utf-8")
        found = leak(target, task.text, text, spec.text)
        if found.kind in self.recipe.mask.drop_leaks:
            yield Reject(target.key, "mask", f"body_leaks_by_{found.kind}", found.place, task.name)
            return
        doctest = task.subject.doctests.get(target.key)
        used = {test.partition("::")[0] for test in task.chosen.candidates}
        later = {test.partition("::")[0] for test in task.chosen.further}
        yield Sample(
            target_key=target.key,
            source_key=target.source_key,
            environment_key=environment.key,
            spec_key=spec.key,
            mask=self.recipe.mask.mode,
            path=target.path,
            qualname=target.qualname,
            masked=text,
            interface=shown,
            patch=unified_diff({target.path: text}, {target.path: task.text.decode("utf-8")}),
            tests=(doctest,) if doctest and doctest.path in used else (),
            candidates=task.chosen.candidates,
            neighbours=task.chosen.neighbours,
            spec_overlap=round(found.overlap, 4),
            needs=task.chosen.needs,
            further=task.chosen.further,
            further_tests=(doctest,) if doctest and doctest.path in later - used else (),
        )

    def _rows(self, build_key: str) -> Iterator[Row]:
        solved = {one.sample_key: one for one in self.inputs.solved.records()} if self._solves else {}
        for _, proven in self.inputs.proven():
            attempts = solved.get(proven.sample.key)
            if attempts or not self._solves:  # the others are unsolved and dropped, or were not tried yet
                yield make_row(proven, self.recipe, build_key, attempts)

    @property
    def _solves(self) -> bool:
        return bool(self.recipe.spec.solver_attempts)

    def _lock(self, keys: list[str]) -> Lock:
        return Lock(
            recipe=self.recipe.hash,
            ttcdata=__version__,
            python=self.host.interpreter().python,
            platform=self.host.interpreter().platform,
            mined=mined_key(keys),
            sources=locked_sources(self.inputs.mined.records(), self.recipe),
        )

    def _write(self) -> dict[str, int]:
        keys = sorted({source.key for source in self.inputs.mined.records()})
        build_key = content_key("build", self.recipe.hash, __version__, keys)
        if self.errors and next(self._rows(build_key), None) is None:
            return {}  # nothing was decided: a set that is there stays
        sources = {source.key: source for source in self.inputs.mined.records() if source.unit == "repository"}
        environments = {
            environment.ground.key: environment.ground for environment in self.inputs.environments.records()
        }
        return write_dataset(
            self.folder.folder,
            lambda: self._rows(build_key),
            recipe=self.recipe,
            environments=environments,
            sources=sources,
            trees=self.cache.trees,
            lock=self._lock(keys),
            progress=self.progress,
        )
