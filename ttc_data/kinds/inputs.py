"""What each stage of a stack-impl build is given: records of the stages before it, joined in the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ttc_data.cache import Cache
from ttc_data.evidence.stability import with_two_seeds
from ttc_data.evidence.suite import NO_REMARKS, Chosen, Reached, Remarks, Subject
from ttc_data.keys import content_key
from ttc_data.lang.python.encodings import as_utf8
from ttc_data.lang.python.packaging.nested import of_target
from ttc_data.lang.python.syntax import is_test_path
from ttc_data.prove import ProofCase
from ttc_data.publish.rows import Proven
from ttc_data.recipe import Recipe
from ttc_data.records import Environment, Evidence, Sample, Solved, Source, Spec, Suite, Target, Variation
from ttc_data.store import Build, Stage

TASKS_AT_ONCE = 256
BY_KEY = "SELECT * FROM this WHERE {} IN (SELECT unnest(?)) ORDER BY key"


@dataclass(frozen=True)
class TargetTask:
    """A target with the tests that could decide it."""

    target: Target
    chosen: Chosen
    subject: Subject
    text: bytes
    """The target's file, in UTF-8."""
    others: Mapping[str, str]
    """Path to text of the repository's modules, where a model is told of the target's calls in them."""
    remarks: Remarks = NO_REMARKS

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.subject.environment.repo} {self.target.path}::{self.target.qualname}"


class Inputs:
    """The stages of one build in the store, and the inputs that each makes of the records before it, with their keys."""

    def __init__(self, folder: Build, recipe: Recipe, cache: Cache) -> None:
        self.recipe = recipe
        self.cache = cache
        self.mined = folder.stage("mine", Source)
        self.extracted = folder.stage("extract", Target)
        self.environments = folder.stage("environment", Environment)
        self.suites = folder.stage("suite", Suite)
        self.repeats = folder.stage("repeat", Suite)
        self.specs = folder.stage("specify", Spec)
        self.samples = folder.stage("mask", Sample)
        self.evidence = folder.stage("prove", Evidence)
        self._folder = folder

    @cached_property
    def solved(self) -> Stage[Solved]:
        """A stage that only some builds have."""
        return self._folder.stage("solve", Solved)

    def sources(self) -> Iterator[tuple[str, Source]]:
        """All that was mined."""
        for source in self.mined.records():
            yield source.key, source

    def sources_with_targets(self) -> Iterator[tuple[str, Source]]:
        """Those that are worth an environment."""
        for key, source in self.sources():
            if next(self.extracted.select("SELECT * FROM this WHERE source_key = ? LIMIT 1", [key]), None):
                yield key, source

    def _subject(self, environment: Environment) -> Subject:
        targets = list(self.extracted.records(source_key=environment.source_key))
        if not environment.is_of_a_file:
            others = self.environments.records(source_key=environment.source_key)
            folders = [one.roots[-1] for one in others]
            targets = [target for target in targets if of_target(target.path, folders) == environment.roots[-1]]
        return Subject.of(environment, targets, self.recipe.tests)

    def subjects(self) -> Iterator[tuple[str, Subject]]:
        """Environments with their targets."""
        for environment in self.environments.records():
            subject = self._subject(environment)
            yield subject.key, subject

    def repetitions(self) -> Iterator[tuple[str, tuple[Subject, Suite, int]]]:
        """Suites to be run again, with the number of the run."""
        for environment in self.environments.records():
            subject = self._subject(environment)
            for first in self.suites.records(environment_key=environment.key):
                for number in range(1, self.recipe.tests.runs):
                    yield f"{first.key}:{number}", (subject, first, number)

    def tasks(self) -> Iterator[tuple[str, TargetTask]]:
        """Every target of every repository whose suite ran as often as the recipe wants."""
        for environment in self.environments.records():
            suites = self._suites(environment)
            if len(suites) != self.recipe.tests.runs:
                continue  # its suite is a reject, or an error that the next run tries again
            subject = self._subject(environment)
            reached = Reached(suites)
            paths = {target.path for target in subject.targets}
            found = self.cache.trees.files(environment.tree)
            texts = {path: as_utf8(text) for path, text in found if path in paths}
            others = self._modules(environment) if self.recipe.spec.origin == "model" else {}
            for target in subject.targets:
                chosen = reached.chosen(target, self.recipe.tests)
                key = content_key(target.key, environment.key, chosen)
                yield key, TargetTask(target, chosen, subject, texts[target.path], others, reached.remarks(target.key))

    def specified(self) -> Iterator[tuple[str, tuple[TargetTask, Spec]]]:
        """Tasks with their specs."""
        held: list[tuple[str, TargetTask]] = []

        def with_specs() -> Iterator[tuple[str, tuple[TargetTask, Spec]]]:
            keys = [task.target.key for _, task in held]
            specs = {spec.target_key: spec for spec in self.specs.select(BY_KEY.format("target_key"), [keys])}
            for key, task in held:
                if spec := specs.get(task.target.key):
                    yield content_key(key, spec.key), (task, spec)
            held.clear()

        for key, task in self.tasks():
            held.append((key, task))
            if len(held) == TASKS_AT_ONCE:
                yield from with_specs()
        yield from with_specs()

    def cases(self) -> Iterator[tuple[str, ProofCase]]:
        """The samples to prove, one repository after the other so that its sandboxes stay warm, the one with least to do last.

        What there is to do is reckoned from the tests that are asked and the seconds of the suite. In each comes the half with
        more tests first, else one worker would be waited for at the end. Within the halves they are mixed: what is left would
        be reckoned from the slowest. A limit takes what a test reaches before what only written tests may decide.
        """
        limit = f"QUALIFY row_number() OVER (ORDER BY turn, key) <= {self.recipe.limit}" if self.recipe.limit else ""
        query = (
            "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY source_key ORDER BY asked = 0, key) AS turn"
            " FROM (SELECT *, len(candidates) + len(further) AS asked FROM this))"
            " LEFT JOIN (SELECT unnest(?) AS environment_key, unnest(?) AS seconds) USING (environment_key)"
            f" {limit} ORDER BY sum(asked) OVER (PARTITION BY environment_key) * coalesce(seconds, 0) DESC, environment_key,"
            " ntile(2) OVER (PARTITION BY environment_key ORDER BY asked DESC, key), key"
        )
        environment: Environment | None = None
        texts: Mapping[str, str] = {}
        targets: dict[str, Target] = {}
        others: Mapping[str, str] = {}
        variations: list[Variation] = []
        reached: Reached | None = None
        took = self.suites.seconds_by("environment_key")
        for sample in self.samples.select(query, [list(took), list(took.values())]):
            if environment is None or environment.key != sample.environment_key:
                environment = next(self.environments.records(key=sample.environment_key))
                texts = self.cache.trees.texts(environment.tree, environment.test_files)
                others = self._modules(environment) if self.recipe.tests.generate else {}
                targets = {target.key: target for target in self.extracted.records(source_key=sample.source_key)}
                suites = sorted(self._suites(environment), key=lambda suite: suite.run)
                variations = with_two_seeds([suite.variation for suite in suites])
                reached = Reached(suites)
            target = targets[sample.target_key]
            assert reached is not None
            remarks = reached.remarks(target.key)
            yield sample.key, ProofCase(sample, target, environment, variations, texts, others, remarks)

    def proven(self) -> Iterator[tuple[str, Proven]]:
        """The samples that were proven, one repository after the other."""
        for environment in self.environments.records():
            source = next(self.mined.records(key=environment.source_key))
            targets = {target.key: target for target in self.extracted.records(source_key=source.key)}
            specs = {spec.key: spec for spec in self.specs.select(BY_KEY.format("target_key"), [list(targets)])}
            samples = {sample.key: sample for sample in self.samples.records(environment_key=environment.key)}
            for evidence in self.evidence.select(BY_KEY.format("sample_key"), [list(samples)]):
                sample = samples[evidence.sample_key]
                target, spec = targets[sample.target_key], specs[sample.spec_key]
                yield content_key(evidence), Proven(evidence, sample, target, spec, source, environment)

    def _suites(self, environment: Environment) -> list[Suite]:
        """All runs of a repository's suite."""
        return [
            *self.suites.records(environment_key=environment.key),
            *self.repeats.records(environment_key=environment.key),
        ]

    def _modules(self, environment: Environment) -> Mapping[str, str]:
        """The texts of a repository's Python files that are no tests."""
        found = self.cache.trees.files(environment.tree)
        paths = [path for path, _ in found if path.endswith(".py") and not is_test_path(path)]
        return self.cache.trees.texts(environment.tree, [path for path in paths if path not in environment.test_files])
