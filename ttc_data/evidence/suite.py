"""The repository's own suite: which tests pass every time, and which targets' lines each of them runs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from ttc_data.evidence.stability import variation, varied
from ttc_data.keys import content_key
from ttc_data.lang.python.doctests import doctest_file, import_file
from ttc_data.lang.python.modules import module_name
from ttc_data.plain import counted
from ttc_data.records import Environment, FileText, Need, Reject, Suite, Target, TestReach, Variation
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, Reach, Report, RunJob

MOST_SESSIONS = 20
TELLING = 0.9
"""Of the time of a session with coverage: the rest is for its last test, and for finding out which lines ran."""
MOST_NAME = 300
MOST_NAMED = 3
USAGE_ERROR = 4
UNREACHED = "no_test_reaches_it"
VARYING = re.compile(r" in [0-9.]+s( \([0-9:]+\))?| at 0x[0-9a-f]+")
NEEDS = {
    "database": re.compile(
        r"OperationalError|psycopg|pymysql|pymongo|redis\.exceptions|could not connect to server", re.IGNORECASE
    ),
    "display": re.compile(r"TclError|no display name|\$DISPLAY|could not connect to display|X server", re.IGNORECASE),
    "network": re.compile(
        r"gaierror|name resolution|Name or service not known|Network is unreachable|ConnectionRefusedError|Connection refused"
        r"|ConnectError|Max retries exceeded|URLError",
        re.IGNORECASE,
    ),
}
DOCTEST = "-pdoctest"
"""The option of an environment whose project sets up pytest's doctests in its own way."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A repository ready to be run: its environment, its targets, and the examples in their docstrings as tests."""

    environment: Environment
    targets: tuple[Target, ...]
    doctests: Mapping[str, FileText]
    """Target key to test file."""
    imports: tuple[FileText, ...] = ()
    """Where there is no test file: tests that import the modules. They decide nothing."""

    @classmethod
    def of(cls, environment: Environment, targets: Sequence[Target], rules: TestRules) -> Subject:
        """Gather a repository's targets and their docstring examples; what its settings call a test file holds no target."""
        targets = [target for target in targets if target.path not in environment.test_files]
        doctests: dict[str, FileText] = {}
        if rules.doctests:
            for target in targets:
                module = module_name(target.path, environment.roots)
                file = doctest_file(target, module, DOCTEST in environment.pytest_args) if module else None
                if file:
                    doctests[target.key] = file
        paths = {} if environment.test_files else dict.fromkeys(target.path for target in targets)
        modules = {path: module_name(path, environment.roots) for path in paths}
        imports = tuple(import_file(path, module) for path, module in modules.items() if module)
        return cls(environment, tuple(targets), doctests, imports)

    @property
    def written(self) -> tuple[FileText, ...]:
        """The test files that the repository does not have."""
        return (*self.doctests.values(), *self.imports)

    @property
    def key(self) -> str:
        """The environment, and what of it is asked for: other rules of extraction ask for other targets."""
        return content_key(self.environment.key, [target.key for target in self.targets], sorted(self.doctests))


def run_suite(subject: Subject, run: RunJob, rules: TestRules) -> Iterator[Suite | Reject]:
    """Run the whole suite once, with coverage, and map each test that passed to the targets whose own lines it ran.

    A target's `def` line runs when its module is imported, so only the lines of its body count. Nor do lines that pytest
    runs, where the project is one that pytest needs. A docstring's examples are a test of their own target alone. Yields one `Suite`, or one `Reject` of the repository.
    """
    environment = subject.environment
    cover: defaultdict[str, dict[str, Sequence[tuple[int, int]]]] = defaultdict(dict)
    for target in subject.targets:
        cover[target.path][target.key] = target.body_lines
    files = [*environment.test_files, *(file.path for file in subject.written)]
    report = run_through(environment, replace(_job(subject, files, None, rules, cover), own_copy=True), run)
    passed = sorted(report.passed)
    if not passed:
        yield Reject(
            environment.key, "suite", _nothing_passed(environment, report), last_lines(report), environment.repo
        )
        return
    own = {file.path: key for key, file in subject.doctests.items()} | {file.path: "" for file in subject.imports}
    reached: defaultdict[str, list[str]] = defaultdict(list)
    for key, reach in report.reach.items():
        for test in reach.tests:
            path = test.partition("::")[0]
            if own.get(path, key) == key:
                reached[test].append(key)
    yield Suite(
        environment_key=environment.key,
        run=0,
        variation=Variation(),
        passed=tuple(TestReach(test, tuple(sorted(reached[test]))) for test in passed),
        needs=tuple(_needs(report)),
        untraced=tuple(sorted(report.untraced)),
        starting=tuple(sorted(report.passed.intersection(report.starting))),
        late=report.late,
    )


def _nothing_passed(environment: Environment, report: Report) -> str:
    """Why no test of a suite passed, as a reason."""
    if report.timed_out:
        return "suite_timed_out"
    if report.exit == USAGE_ERROR and report.ended:
        return "pytest_does_not_start"
    if environment.is_of_a_file:
        return "file_does_not_import"
    if not environment.test_files:
        return "no_module_imports"
    if report.tests:
        return "no_test_passes"
    if not report.ended:
        return "suite_crashes"
    return "tests_do_not_import" if report.collect_errors else "no_test_is_collected"


def _needs(report: Report) -> Iterator[Need]:
    """What the tests of a target asked for and did not get, where none of them passed."""
    messages = {test.id: test.message for test in report.tests}
    for key, reach in sorted(report.reach.items()):
        if report.passed.isdisjoint(reach.tests):
            said = " ".join(messages.get(test, "") for test in reach.tests)
            what = next((name for name, words in NEEDS.items() if words.search(said)), "")
            if what:
                yield Need(key, what)


def repeat_suite(subject: Subject, first: Suite, number: int, run: RunJob, rules: TestRules) -> Iterator[Suite]:
    """Run again what passed, in another order and under other circumstances.

    Where most tests do not bear that the date is put forward, they run at today's.
    """
    tests = [reach.test for reach in first.passed]
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    job = _job(subject, list(files), tests, rules, {})
    changed = variation(number, subject.environment)
    again = run_through(subject.environment, varied(job, changed), run).passed & set(tests)
    if changed.days and 2 * len(again) < len(tests):
        changed = replace(changed, days=0)
        again = run_through(subject.environment, varied(job, changed), run).passed & set(tests)
    yield Suite(
        environment_key=subject.environment.key,
        run=number,
        variation=changed,
        passed=tuple(TestReach(test, ()) for test in sorted(again)),
        needs=(),
    )


def run_through(environment: Environment, job: Job, run: RunJob) -> Report:
    """Run a suite to its end, again without the test that ended it before: one that hangs for good, or crashes.

    Every session tells of the tests that ended in it; one that was killed from outside could tell nothing of lines, so
    where lines are asked for its tests run again, and a session ends by itself before its time is up.
    """
    merged: Report | None = None
    skip: set[str] = set()
    left = job.timeout_s
    for _ in range(MOST_SESSIONS):
        until = max(left / 2, left * TELLING - job.test_timeout_s) if job.cover else 0.0
        report = run(environment, replace(job, skip=tuple(sorted(skip)), timeout_s=left, begin_until_s=until))
        merged = report if merged is None else _merged(merged, report)
        left -= report.seconds
        if report.ended or report.timed_out or not report.unfinished or left <= 0:
            break
        skip.update(report.unfinished)
        if report.reach or not job.cover:
            skip.update(test.id for test in report.tests)
    assert merged is not None
    return merged


def _merged(first: Report, then: Report) -> Report:
    reach = dict(first.reach)
    for key, other in then.reach.items():
        mine = reach.get(key, other)
        reach[key] = Reach(
            tuple(sorted({*mine.tests, *other.tests})), tuple(sorted({*mine.ran, *other.ran})), other.lines
        )
    return replace(
        then,
        tests=tuple({test.id: test for test in (*first.tests, *then.tests)}.values()),
        unfinished=(*first.unfinished, *then.unfinished),
        collect_errors=tuple(dict.fromkeys((*first.collect_errors, *then.collect_errors))),
        seconds=first.seconds + then.seconds,
        reach=reach,
        untraced=(*first.untraced, *then.untraced),
        starting=(*first.starting, *then.starting),
    )


def _job(
    subject: Subject,
    files: Sequence[str],
    tests: Sequence[str] | None,
    rules: TestRules,
    cover: Mapping[str, Mapping[str, Sequence[tuple[int, int]]]],
) -> Job:
    return Job(
        test_files=tuple(files),
        tests=None if tests is None else tuple(tests),
        files={file.path: file.text for file in subject.written},
        args=subject.environment.pytest_args,
        timeout_s=rules.suite_timeout_s,
        test_timeout_s=rules.test_timeout_s,
        cover=dict(cover),
    )


def last_lines(report: Report) -> str:
    """The end of what a job printed, for a reject: without times and addresses, which no two runs share."""
    lines = [VARYING.sub("", line) for line in report.output.splitlines() if line.strip()]
    return " | ".join(lines[-12:])[-2000:]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The tests that could decide one target."""

    candidates: tuple[str, ...]
    """Reach the target, most specific first, then by id: as many as the rules say, of those with plain ids."""
    neighbours: tuple[str, ...]
    """Stable tests of the candidates' files that do not reach it."""
    needs: str
    """What the tests that reach it need and a sandbox does not have, where none of them is stable; else `""`."""
    further: tuple[str, ...] = ()
    """All others that reach it, in the same order."""


def is_plain(test: str) -> bool:
    """Whether a test could be a candidate or a neighbour: published ids are made of these, so it stays what it was."""
    return len(test) <= MOST_NAME and not any(character.isspace() for character in test)


@dataclass(frozen=True, slots=True)
class Remarks:
    """What is known of tests that do not decide a target, for a reject of it."""

    unreached: str = UNREACHED
    """The reason where no test reaches it."""
    text: str = ""

    def on(self, reject: Reject) -> Reject:
        """The reject with the remarks in its detail."""
        reason = self.unreached if reject.reason == UNREACHED else reject.reason
        return replace(reject, reason=reason, detail=f"{reject.detail}; {self.text}" if self.text else reject.detail)


NO_REMARKS = Remarks()


def _first(said: Sequence[str], count: int) -> str:
    more = [f"{count - MOST_NAMED} more tests like these"] if count > MOST_NAMED else []
    return "; ".join([*said[:MOST_NAMED], *more])


class Reached:
    """What all runs of a repository's suite say about its targets."""

    def __init__(self, suites: Sequence[Suite]) -> None:
        first = next(suite for suite in suites if suite.run == 0)
        self._suites = sorted(suites, key=lambda suite: suite.run)
        self._passed = [frozenset(reach.test for reach in suite.passed) for suite in self._suites]
        stable = frozenset.intersection(*self._passed)
        self._by_target: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        self._by_file: defaultdict[str, list[str]] = defaultdict(list)
        self._dropped: defaultdict[str, list[str]] = defaultdict(list)
        for reach in first.passed:
            if reach.test not in stable:
                for target in reach.targets:
                    self._dropped[target].append(reach.test)
                continue
            if is_plain(reach.test):
                self._by_file[reach.test.partition("::")[0]].append(reach.test)
            for target in reach.targets:
                self._by_target[target].append((len(reach.targets), reach.test))
        for tests in self._by_file.values():
            tests.sort()
        self._needs = {need.target: need.what for need in first.needs}
        early = frozenset.intersection(
            *(passed for suite, passed in zip(self._suites, self._passed, strict=True) if not suite.variation.days)
        )
        by_date = early - stable
        for reach in first.passed:
            if reach.test in by_date and is_plain(reach.test):  # it fails at another date
                self._needs.update(dict.fromkeys(reach.targets, "clock"))

    def chosen(self, target: Target, rules: TestRules) -> Chosen:
        """Choose a target's tests: those that reach the fewest other targets first, never by measured time."""
        reaching = [test for _, test in sorted(self._by_target[target.key])]
        candidates = tuple([test for test in reaching if is_plain(test)][: rules.max_candidates])
        files = dict.fromkeys(test.partition("::")[0] for test in candidates)
        known = set(reaching)
        others = [test for file in files for test in self._by_file[file] if test not in known]
        step = max(1, -(-len(others) // rules.max_neighbours)) if rules.max_neighbours else len(others) + 1
        needs = "" if candidates else self._needs.get(target.key, "")
        further = tuple(test for test in reaching if test not in candidates)
        return Chosen(candidates, tuple(others[::step]) if rules.max_neighbours else (), needs, further)

    def remarks(self, target: str) -> Remarks:
        """Why tests that may reach a target do not decide it: those that did not pass every time, with a run of each.

        Where no stable test reaches it, those too that switched the measurement off, or started a process.

        Args:
            target: its key.
        """
        dropped = self._dropped.get(target, [])
        said = [f"{test} was dropped: {self._lost(test)}" for test in dropped[:MOST_NAMED]]
        count = len(dropped)
        if self._by_target.get(target):
            return Remarks(text=_first(said, count))
        first = self._suites[0]
        said += [f"{test} switches the measurement of lines off" for test in first.untraced[:MOST_NAMED]]
        said += [f"{test} starts a process, which is not measured" for test in first.starting[:MOST_NAMED]]
        said += [f"{counted(first.late, 'test')} did not begin within tests.suite_timeout_s"] if first.late else []
        count += len(first.untraced) + len(first.starting) + bool(first.late)
        in_processes = first.starting and not dropped
        return Remarks("only_processes_may_run_it" if in_processes else UNREACHED, _first(said, count))

    def _lost(self, test: str) -> str:
        """The first run that a test did not pass, and what was changed in it."""
        lost = next(suite for suite, passed in zip(self._suites, self._passed, strict=True) if test not in passed)
        plain = Variation()
        names = [one.name for one in fields(Variation) if getattr(lost.variation, one.name) != getattr(plain, one.name)]
        changed = ", ".join(f"{name} {getattr(lost.variation, name)}" for name in names)
        return f"it passes as collected, not in run {lost.run + 1} ({changed or 'nothing changed'})"
