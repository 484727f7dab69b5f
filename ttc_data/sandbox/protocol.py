"""What a sandbox takes and gives: jobs, reports, and the one Protocol that every transport obeys.

Two failures are kept apart. *The command failed*: the job's tests failed, crashed, or ran out of time; that is a
`Report`. *The sandbox failed*: it could not be opened (`SandboxUnavailable`) or broke on the way (`SandboxLost`);
that is an exception and says nothing about the job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from ttc_data.records import Environment, Lines, TestOutcome

Properties: TypeAlias = Literal["as_written", "unshrunk", "hurried"]


@dataclass(frozen=True, slots=True)
class Job:
    """One pytest session in a fresh copy of the environment's tree."""

    test_files: tuple[str, ...]
    """Collected in this order; paths relative to the tree."""
    tests: tuple[str, ...] | None = None
    """Run only these test ids; None runs all that are collected."""
    further: tuple[str, ...] = ()
    """Run these after `tests`, where every one of those has passed."""
    skip: tuple[str, ...] = ()
    """Do not run these, whatever `tests` says."""
    files: Mapping[str, str | None] = field(default_factory=dict)
    """Laid over the tree before the tests start; None removes the file."""
    args: tuple[str, ...] = ()
    hash_seed: int = 0
    order: int = 0
    """Seed that files, classes and tests are shuffled by; 0 leaves them as they are collected."""
    most_failures: int = 0
    """End after so many tests that do not pass, and run `tests` in the order they are named in; 0 runs all."""
    most_endless: int = 0
    """End after so many tests that run longer than they may; 0 runs all."""
    timezone: str = "UTC"
    locale: str = "C.UTF-8"
    days: int = 0
    """By how much the date is put forward; takes `time-machine` in the environment."""
    timeout_s: float = 120.0
    test_timeout_s: float = 20.0
    test_cpu_s: float = 0.0
    """Processor seconds that a test may take, as many on a busy machine as on an idle one; 0 sets no such limit. A test that no
    exception can be raised in, because it loops in C, ends the session."""
    more_cpu_s: Mapping[str, float] = field(default_factory=dict)
    """By test id: so many more for this one."""
    cover: Mapping[str, Mapping[str, Sequence[Lines]]] = field(default_factory=dict)
    """Path to group name to lines: which of them ran is asked for, and which tests ran them."""
    properties: Properties = "as_written"
    """What becomes of tests of Hypothesis's that fail: on the reference what the project sets; for an answer they end at the
    first counterexample, `unshrunk`; on a version that is known to be wrong they have no deadline and no database besides,
    and draw the same each time, `hurried`."""
    from_start: bool = False
    """Of a job's versions: each reads `conftest.py` files and collects the tests for itself, in a session that has started."""
    begin_until_s: float = 0.0
    """Begin no test later: the session then ends by itself, and tells of the lines that ran. 0 sets no such limit."""
    own_copy: bool = False
    """Where pytest runs on what the tree provides, it gets a copy of that as it was mined. For text that we made ourselves: an
    answer could hand its work on to the copy."""
    branches: bool = False
    """Whether their branches are asked for instead: of the session as a whole, in half of the time."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test's outcome."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    id: str
    outcome: TestOutcome
    seconds: float
    message: str
    """The failure as pytest words it, at most 2,000 characters."""
    cpu_s: float = 0.0
    """Processor seconds of its own process."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Who ran a group of lines."""

    tests: tuple[str, ...]
    """Empty where branches were asked for."""
    ran: tuple[int, ...]
    """Lines of the group that ran under a test."""
    lines: int
    """Lines of the group that hold code."""
    branches: int = 0
    """Ways out of lines that have more than one."""
    taken: int = 0
    """How many of these were taken."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a job showed."""

    tests: tuple[TestResult, ...]
    unfinished: tuple[str, ...]
    """Tests that started and never ended."""
    collect_errors: tuple[tuple[str, str], ...]
    """Files that could not be collected, with the reason."""
    exit: int | None
    """pytest's exit status; the negated signal when the process was killed."""
    ended: bool
    """The session told of its own end, and the process exited with that status."""
    timed_out: bool
    seconds: float
    output: str
    reach: Mapping[str, Reach] = field(default_factory=dict)
    untraced: tuple[str, ...] = ()
    """Tests that switched the measurement of lines off; it was put back when they ended."""
    starting: tuple[str, ...] = ()
    """Tests that started a process of Python, where lines are asked for: what it ran is not measured."""
    late: int = 0
    """Tests that did not begin before `Job.begin_until_s`."""
    ran_out: tuple[str, ...] = ()
    """Tests that ran longer than a test may, and did not pass."""

    @property
    def passed(self) -> frozenset[str]:
        """Ids of the tests that passed."""
        return frozenset(test.id for test in self.tests if test.outcome == "passed")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use."""

    memory_bytes: int
    """Of each process, and of all together."""
    processes: int
    file_bytes: int
    scratch_bytes: int
    """Of all that it writes, in its tree and elsewhere."""
    output_bytes: int
    report_bytes: int = 64 * 1024 * 1024
    """Of what pytest tells about the tests; the rest is dropped and the report is then incomplete."""
    cpus: float = 2.0
    """Processors that it keeps busy; 0 in a runner's own configuration where the transport sees to it."""


@dataclass(frozen=True, slots=True)
class Inexact:
    """Why a version could not be put in place of the original exactly: run it as a job of its own."""

    reason: str


class Sandbox(Protocol):
    """An opened sandbox of one environment; runs one job at a time."""

    def run(self, job: Job) -> Report:
        """Run one job.

        Raises:
            SandboxLost: the sandbox broke; open another one and try again.
        """
        ...

    def run_versions(self, job: Job, versions: Sequence[Mapping[str, str]]) -> list[Report | Inexact]:
        """Collect a job's tests once, then run them on each version: one fork with the functions' code replaced.

        Where nothing of the file has run by then, as `Job.from_start` sees to, the version lies in the tree instead,
        and may differ in anything.

        For versions of trusted code that we made ourselves; a model's answer is a job.

        Args:
            job: the tests, and the tree that they are collected from. `cover` and `skip` are not for versions.
            versions: path to the file's whole text; where the file has run, a version differs from the tree in the bodies of
                functions.

        Returns:
            For each version its report, or why it cannot be replaced exactly. Each has the job's timeouts to itself.

        Raises:
            SandboxLost: the sandbox broke; open another one and try again.
        """
        ...

    def close(self) -> None:
        """End it with everything in it. May be called from another thread while a job runs, and twice."""
        ...


RunJob = Callable[[Environment, Job], Report]
"""Runs a job in an environment."""
RunVersions = Callable[[Environment, Job, Sequence[Mapping[str, str]], str], list[Report]]
"""Runs a job's tests on versions of a file; the last argument is the identity of what they are versions of."""
