"""The stages of a stack-impl build, strung together over the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ttc_data import __version__
from ttc_data.edits import unified_diff
from ttc_data.engine import Progress, run_stage
from ttc_data.environments.describe import describe
from ttc_data.environments.host import Host
from ttc_data.environments.open import Cache
from ttc_data.errors import BuildError, EnvironmentFailed, MaskingFailed
from ttc_data.evidence.generated.calls import ProposedCalls
from ttc_data.evidence.stability import with_two_seeds
from ttc_data.evidence.suite import Chosen, Reached, Subject, repeat_suite, run_suite
from ttc_data.extract import extract
from ttc_data.lang.python import is_test_path
from ttc_data.masking import interface, mask, restore
from ttc_data.mine import Request, mine, requests
from ttc_data.proof import Case, Prover, prove, reference_file
from ttc_data.publish.rows import make_row
from ttc_data.publish.write import write_dataset
from ttc_data.recipe import Recipe, SpecRules
from ttc_data.records import (
    Environment,
    Evidence,
    Reject,
    Sample,
    Source,
    Spec,
    Suite,
    Target,
    Variation,
    content_key,
)
from ttc_data.row import Row
from ttc_data.sandbox.protocol import Job, Report, Sandbox
from ttc_data.sandbox.scheduler import Scheduler
from ttc_data.specs.docstring import docstring_spec
from ttc_data.specs.leak import leak
from ttc_data.store import Build, Keyed, Stage

if TYPE_CHECKING:
    from ttc_data.specs.rewrite import SpecWriter

Input = TypeVar("Input")
R = TypeVar("R", bound=Keyed)
TASKS_AT_ONCE = 256


@dataclass(frozen=True)
class _Task:
    """A target with the tests that could decide it."""

    target: Target
    chosen: Chosen
    subject: Subject
    text: bytes
    """The target's file."""

    @property
    def name(self) -> str:
        return f"{self.subject.environment.repo} {self.target.path}::{self.target.qualname}"


class Stages:
    """The stages of one stack-impl build, and what they share.

    Each stage reads what the one before left in the store, and nothing else passes between them.
    """

    def __init__(
        self, recipe: Recipe, folder: Build, cache: Cache, host: Host, workers: int, progress: Progress
    ) -> None:
        self.recipe = recipe
        self.folder = folder
        self.cache = cache
        self.host = host
        self.workers = workers
        self.progress = progress
        self.pool: Scheduler[Environment] = Scheduler(self._open, lambda environment: environment.key, workers)
        self.mined = folder.stage("mine", Source)
        self.extracted = folder.stage("extract", Target)
        self.environments = folder.stage("environment", Environment)
        self.suites = folder.stage("suite", Suite)
        self.repeats = folder.stage("repeat", Suite)
        self.specs = folder.stage("specify", Spec)
        self.samples = folder.stage("mask", Sample)
        self.evidence = folder.stage("prove", Evidence)
        self.errors: list[str] = []
        self.prover = Prover(self._run, self._run_versions, recipe.tests, recipe.seed)

    def close(self) -> None:
        """Close every sandbox, and say how many had to be replaced."""
        self.pool.close()
        if self.pool.lost:
            self.progress.say(f"sandboxes lost and replaced: {self.pool.lost}")

    def _open(self, environment: Environment) -> Sandbox:
        self.host.prepare(environment)
        return self.host.open(environment)

    def _run(self, environment: Environment, job: Job) -> Report:
        return self.pool.run(environment, job)

    def _run_versions(
        self, environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str
    ) -> list[Report]:
        return self.pool.run_versions(environment, job, versions, seed=self.recipe.seed, key=key)

    def run(self) -> dict[str, int]:
        """Every stage in turn, then the dataset; gives the rows of each split."""
        rules = self.recipe
        tests = [rules.tests.model_dump(), rules.sandbox.model_dump()]
        spec = rules.spec.model_dump()
        self._stage(self.mined, self._requests(), mine, "")
        self._fetch_lost_trees()
        self._stage(self.extracted, self._keyed(self.mined), self._extract, rules.extract.model_dump(), self.mined)
        salt = [rules.environment.model_dump(mode="json"), self.host.interpreter()]
        self._stage(self.environments, self._sources_with_targets(), self._describe, salt, self.mined)
        self._stage(
            self.suites,
            self._subjects(),
            lambda subject: run_suite(subject, self._run, rules.tests),
            tests,
            self.environments,
        )
        self._stage(self.repeats, self._repeat_inputs(), self._repeat, tests, self.suites, times=rules.tests.runs - 1)
        writer = spec_writer(rules.spec)
        salted = [spec, rules.tests.generate]
        self._stage(self.specs, self._tasks(), lambda task: self._specify(task, writer), salted, self.extracted)
        self._stage(self.samples, self._mask_inputs(), self._mask, rules.mask.model_dump(), self.specs)
        self._stage(self.evidence, self._chosen_samples(), self._prove, tests, self.samples, most=rules.limit)
        return self._write()

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
    ) -> None:
        """Run one stage. `before` tells the progress how much there is: at most `times` inputs for each of its records."""
        total = None if before is None else before.count() * times
        total = min(total, most) if total is not None and most else total
        ran = run_stage(stage, inputs, work, salt=salt, workers=self.workers, progress=self.progress, total=total)
        self.errors += ran.errors

    def _keyed(self, stage: Stage[R]) -> Iterator[tuple[str, R]]:
        for record in stage.records():
            yield record.key, record

    def _requests(self) -> Iterator[tuple[str, Request]]:
        for request in requests(self.recipe, self.cache, self.progress.say):
            yield request.key, request

    def _fetch_lost_trees(self) -> None:
        """The cache may have been emptied since the sources were mined: what a source names must be there."""
        lost = {source.tree: source.origin for source in self.mined.records() if not self.cache.trees.has(source.tree)}
        if not lost:
            return
        self.progress.say(f"{len(lost)} mined trees are no longer in {self.cache.folder}: fetching them again")
        for request in requests(self.recipe, self.cache, self.progress.say):
            for found in mine(request):
                if isinstance(found, Source):
                    lost.pop(found.tree, None)
            if not lost:
                return
        tree, origin = next(iter(lost.items()))
        raise BuildError(f"{origin} no longer gives tree {tree[:12]}...: it changed since; build into another --out")

    def _extract(self, source: Source) -> Iterator[Target | Reject]:
        return extract(source, self.cache.trees.files(source.tree), self.recipe.extract)

    def _sources_with_targets(self) -> Iterator[tuple[str, Source]]:
        for source in self.mined.records():
            if next(self.extracted.select("SELECT * FROM this WHERE source_key = ? LIMIT 1", [source.key]), None):
                yield source.key, source

    def _describe(self, source: Source) -> Iterator[Environment | Reject]:
        try:
            files = dict(self.cache.trees.files(source.tree))
            environment = describe(source, files, self.host.interpreter(), self.recipe.environment)
            self.host.prepare(environment)
        except EnvironmentFailed as error:
            yield Reject(source.key, "environment", error.reason, error.detail, source.repo)
        else:
            yield environment

    def _subject(self, environment: Environment) -> Subject:
        targets = list(self.extracted.records(source_key=environment.source_key))
        return Subject.of(environment, targets, self.recipe.tests)

    def _subjects(self) -> Iterator[tuple[str, Subject]]:
        for environment in self.environments.records():
            subject = self._subject(environment)
            yield subject.key, subject

    def _repeat_inputs(self) -> Iterator[tuple[str, tuple[Subject, Suite, int]]]:
        for environment in self.environments.records():
            subject = self._subject(environment)
            for first in self.suites.records(environment_key=environment.key):
                for number in range(1, self.recipe.tests.runs):
                    yield f"{first.key}:{number}", (subject, first, number)

    def _repeat(self, again: tuple[Subject, Suite, int]) -> Iterator[Suite | Reject]:
        subject, first, number = again
        yield from repeat_suite(subject, first, number, self._run, self.recipe.tests)

    def _tasks(self) -> Iterator[tuple[str, _Task]]:
        """Every target of every repository whose suite ran as often as the recipe wants."""
        for environment in self.environments.records():
            suites = [
                *self.suites.records(environment_key=environment.key),
                *self.repeats.records(environment_key=environment.key),
            ]
            if len(suites) != self.recipe.tests.runs:
                continue  # its suite is a reject, or an error that the next run tries again
            subject = self._subject(environment)
            reached = Reached(suites)
            paths = {target.path for target in subject.targets}
            texts = {path: text for path, text in self.cache.trees.files(environment.tree) if path in paths}
            for target in subject.targets:
                chosen = reached.chosen(target, self.recipe.tests)
                key = content_key(target.key, environment.key, chosen)
                yield key, _Task(target, chosen, subject, texts[target.path])

    def _specify(self, task: _Task, writer: SpecWriter | None) -> Iterator[Spec | Reject]:
        if not task.chosen.candidates and not self.recipe.tests.generate:
            detail = f"{len(task.subject.environment.test_files)} test files"
            needs = task.chosen.needs
            reason = f"tests_need_{needs}" if needs else "no_test_reaches_it"
            yield Reject(task.target.key, "specify", reason, detail, task.name)
        elif writer is None:
            yield docstring_spec(task.target, self.recipe.spec)
        else:
            first, end = task.target.span
            yield writer.write(task.target, task.text[first:end].decode("utf-8"), task.name)

    def _mask_inputs(self) -> Iterator[tuple[str, tuple[_Task, Spec]]]:
        held: list[tuple[str, _Task]] = []

        def with_specs() -> Iterator[tuple[str, tuple[_Task, Spec]]]:
            keys = [task.target.key for _, task in held]
            query = "SELECT * FROM this WHERE target_key IN (SELECT unnest(?)) ORDER BY key"
            specs = {spec.target_key: spec for spec in self.specs.select(query, [keys])}
            for key, task in held:
                if spec := specs.get(task.target.key):
                    yield content_key(key, spec.key), (task, spec)
            held.clear()

        for key, task in self._tasks():
            held.append((key, task))
            if len(held) == TASKS_AT_ONCE:
                yield from with_specs()
        yield from with_specs()

    def _mask(self, specified: tuple[_Task, Spec]) -> Iterator[Sample | Reject]:
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
        )

    def _chosen_samples(self) -> Iterator[tuple[str, Case]]:
        """The samples to prove, one repository after the other so that its sandboxes stay warm."""
        limit = f"QUALIFY row_number() OVER (ORDER BY turn, key) <= {self.recipe.limit}" if self.recipe.limit else ""
        query = (
            "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY source_key ORDER BY key) AS turn FROM this)"
            f" {limit} ORDER BY environment_key, key"
        )
        environment: Environment | None = None
        texts: Mapping[str, str] = {}
        targets: dict[str, Target] = {}
        others: Mapping[str, str] = {}
        variations: list[Variation] = []
        for sample in self.samples.select(query):
            if environment is None or environment.key != sample.environment_key:
                environment = next(self.environments.records(key=sample.environment_key))
                texts = self.cache.trees.texts(environment.tree, environment.test_files)
                others = self._modules(environment)
                targets = {target.key: target for target in self.extracted.records(source_key=sample.source_key)}
                suites = [*self.suites.records(environment_key=environment.key)]
                suites += self.repeats.records(environment_key=environment.key)
                ran = [suite.variation for suite in sorted(suites, key=lambda suite: suite.run)]
                variations = with_two_seeds(ran)
            yield sample.key, Case(sample, targets[sample.target_key], environment, variations, texts, others)

    def _modules(self, environment: Environment) -> Mapping[str, str]:
        """The texts of a repository's Python files that are no tests."""
        if not self.recipe.tests.generate:
            return {}
        found = self.cache.trees.files(environment.tree)
        paths = [path for path, _ in found if path.endswith(".py") and not is_test_path(path)]
        return self.cache.trees.texts(environment.tree, [path for path in paths if path not in environment.test_files])

    def _prove(self, case: Case) -> Iterator[Evidence | Reject]:
        calls = ProposedCalls(
            case.target, reference_file(case.sample), case.environment, case.others, self._run, self._run_versions,
            self.recipe.tests, self.recipe.seed,
        )  # fmt: skip
        return prove(case, self.prover, calls if self.recipe.tests.generate else None)

    def _rows(self, build_key: str) -> Iterator[Row]:
        for environment in self.environments.records():
            source = next(self.mined.records(key=environment.source_key))
            targets = {target.key: target for target in self.extracted.records(source_key=source.key)}
            mine_only = "SELECT * FROM this WHERE {} IN (SELECT unnest(?)) ORDER BY key"
            specs = {spec.key: spec for spec in self.specs.select(mine_only.format("target_key"), [list(targets)])}
            samples = {sample.key: sample for sample in self.samples.records(environment_key=environment.key)}
            for evidence in self.evidence.select(mine_only.format("sample_key"), [list(samples)]):
                sample = samples[evidence.sample_key]
                target, spec = targets[sample.target_key], specs[sample.spec_key]
                yield make_row(sample, evidence, target, spec, source, environment, self.recipe, build_key)

    def _write(self) -> dict[str, int]:
        sources = {source.key: source for source in self.mined.records()}
        build_key = content_key("build", self.recipe.hash, __version__, sorted(sources))
        environments = {environment.key: environment for environment in self.environments.records()}
        return write_dataset(
            self.folder.folder,
            lambda: self._rows(build_key),
            recipe=self.recipe,
            environments=environments,
            sources=sources,
            trees=self.cache.trees,
        )


def spec_writer(rules: SpecRules) -> SpecWriter | None:
    """What writes the specs, None where the docstring is the spec."""
    if rules.origin == "docstring":
        return None
    from ttc_data.specs.rewrite import SpecWriter  # its client takes a second to import

    return SpecWriter(rules)
