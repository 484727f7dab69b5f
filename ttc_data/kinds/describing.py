"""What the repositories of a build run in: an environment for each of their projects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from ttc_data.cache import Cache
from ttc_data.errors import BuildError, EnvironmentFailed
from ttc_data.hosts.host import Host
from ttc_data.keys import content_key
from ttc_data.lang.python.packaging.describe import describe, installed_names
from ttc_data.lang.python.packaging.nested import Project, beside, lifted, projects
from ttc_data.lang.python.packaging.tools import missing_modules
from ttc_data.lang.python.packaging.variables import CONFTEST, conftest_with, variable_sets
from ttc_data.pins import Pins
from ttc_data.recipe import Recipe
from ttc_data.records import Environment, FileText, Reject, Source
from ttc_data.sandbox.protocol import Job, RunJob

# A module that is installed because the tests ask for it may be without one that it can use, and a `conftest.py` tells of one at
# a time, before its test files tell of any.
MOST_TRIES = 10
# Enough to see whether a suite passes at all.
PROBED_S, PROBED_FAILURES = 60.0, 20


@dataclass(frozen=True)
class Describer:
    """The stage from sources to environments."""

    recipe: Recipe
    cache: Cache
    host: Host
    run_job: RunJob
    pins: Pins | None
    say: Callable[[str], None]

    def __call__(self, source: Source) -> Iterator[Environment | Reject]:
        """Describe and prepare the environments of a source: one for a file, one for each project of a repository."""
        if source.unit == "file":
            yield self._file(source)
            return
        if self.pins:
            yield from self._locked(source, self.pins)
            return
        found = projects(dict(self.cache.trees.files(source.tree)), source.tagged)
        for project in found:
            try:
                environment = self._repaired(source, project, beside(project, found))
                self.host.prepare(environment.ground)
            except EnvironmentFailed as error:
                key = content_key(source.key, project.folder) if project.folder else source.key
                where = f"{source.repo} {project.folder}".strip()
                yield Reject(key, "environment", error.reason, error.detail, where)
            else:
                yield environment

    def _file(self, source: Source) -> Environment | Reject:
        rules = self.recipe.environment
        try:
            files = dict(self.cache.trees.files(source.tree))
            environment: Environment | None = describe(source, files, self.host.interpreter(), rules)
            if self.pins and environment is not None:
                environment = self.pins.shared_environment(environment, rules)
            return self._prepared(environment)
        except EnvironmentFailed as error:
            self._refuse_gone(source, error)
            return Reject(source.key, "environment", error.reason, error.detail, source.repo)

    def _locked(self, source: Source, pins: Pins) -> Iterator[Environment | Reject]:
        """The environments that the locked set has, whatever the index would give today."""
        for environment in pins.environments_of(source) or (None,):
            try:
                yield self._prepared(environment)
            except EnvironmentFailed as error:
                self._refuse_gone(source, error)
                yield Reject(source.key, "environment", error.reason, error.detail, source.repo)

    def _prepared(self, environment: Environment | None) -> Environment:
        if environment is None:
            raise EnvironmentFailed("not_locked", "the set that is built again has no row of it")
        self.host.prepare(environment.ground)
        return environment

    def _refuse_gone(self, source: Source, error: EnvironmentFailed) -> None:
        if self.pins and error.reason == "dependencies_not_installable":
            raise BuildError(
                f"--locked: {source.repo}: {error.detail}; wheels that the set was built with are gone, build without"
                " --locked"
            ) from error

    def _repaired(self, source: Source, project: Project, needed: list[Project]) -> Environment:
        """A project's environment, with what its test files turned out to miss."""
        rules = self.recipe
        untested = rules.tests.doctests or rules.tests.generate
        described = partial(
            describe,
            source,
            project.files,
            self.host.interpreter(),
            rules.environment,
            untested=untested,
            beside=needed,
        )
        environment = lifted(described(say=self.say), project, needed)
        missing: frozenset[str] = frozenset()
        for _ in range(MOST_TRIES if environment.test_files else 0):
            new = self._not_imported(environment) - missing
            missing |= new
            try:
                again = lifted(described(missing=missing), project, needed) if new else environment
            except EnvironmentFailed:
                break
            more = installed_names(environment.lock) < installed_names(again.lock)
            if not more and again.pytest_args == environment.pytest_args:
                break
            environment = again
        return self._with_variables(environment, project)

    def _with_variables(self, environment: Environment, project: Project) -> Environment:
        """The environment with variables that the project sets for its tests, if none passes without and one does with them."""
        files = project.files
        sets = [] if project.folder or CONFTEST in files or not environment.test_files else variable_sets(files)
        if not sets or self._passes(environment, {}):
            return environment
        for variables in sets:
            text = conftest_with(variables)
            if self._passes(environment, {CONFTEST: text}):
                self.say(f"{environment.repo}: variables that its tox settings give its tests: {' '.join(variables)}")
                generated = (*environment.generated, FileText(CONFTEST, text))
                return replace(environment, generated=tuple(sorted(generated, key=lambda file: file.path)))
        return environment

    def _passes(self, environment: Environment, files: Mapping[str, str]) -> bool:
        """Whether any test passes, among the first."""
        self.host.prepare(environment)
        limits = self.recipe.tests
        job = Job(
            environment.test_files,
            files=files,
            args=environment.pytest_args,
            most_failures=PROBED_FAILURES,
            timeout_s=min(PROBED_S, limits.suite_timeout_s),
            test_timeout_s=limits.test_timeout_s,
        )
        return bool(self.run_job(environment, job).passed)

    def _not_imported(self, environment: Environment) -> frozenset[str]:
        """Modules that the test files ask for when they are imported, and that are not there."""
        self.host.prepare(environment)
        files, args = environment.test_files, environment.pytest_args
        collected = self.run_job(environment, Job(files, (), args=args, timeout_s=self.recipe.tests.suite_timeout_s))
        said = [message for _, message in collected.collect_errors]
        # A conftest.py that cannot be imported ends a session before anything is collected, so may a filter of warnings.
        ended = ("while loading conftest", "PytestConfigWarning: Failed to import filter module")
        said += [collected.output] if any(words in collected.output for words in ended) else []
        return missing_modules(said)
