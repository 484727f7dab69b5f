"""A sandbox that plays a script: it obeys the contract of `RunJob` and runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ttc_data.records import Environment, TestOutcome
from ttc_data.sandbox.protocol import Job, Reach, Report, TestResult

Scene = Callable[[Job], Mapping[str, TestOutcome]]


def environment(test_files: tuple[str, ...] = ("test_m.py",)) -> Environment:
    return Environment(
        source_key="source", repo="owner/name", tree="0" * 64, project="m", version="1", python="3.11", platform="",
        lock="", roots=("",), metadata=(), generated=(), test_files=test_files, pytest_args=("-p", "no:randomly"),
    )  # fmt: skip


def played(job: Job, outcomes: Mapping[str, TestOutcome], reach: Mapping[str, Sequence[str]] | None = None) -> Report:
    """What a runner would say of these outcomes: only asked files and tests, an exit status that fits."""
    chosen = {
        name: outcome
        for name, outcome in outcomes.items()
        if name.partition("::")[0] in job.test_files and (job.tests is None or name in (*job.tests, *job.further))
    }
    broken = any(outcome in ("failed", "error") for outcome in chosen.values())
    code = 1 if broken else 0 if chosen else 5
    tests = tuple(TestResult(name, outcome, 0.01, "") for name, outcome in chosen.items())
    reached = {
        key: Reach(tuple(test for test in (reach or {}).get(key, ()) if test in chosen), (2, 3, 4), 4)
        for groups in job.cover.values()
        for key in groups
    }
    return Report(tests, (), (), code, True, False, 0.1, "", reached)


TIMED_OUT = Report((), ("test_m.py::test_hung",), (), -9, False, True, 120.0, "hung")
CRASHED = Report((), (), (), -11, False, False, 0.1, "Segmentation fault")


@dataclass
class Script:
    """Answers each job with the next report, or the last one again; remembers the jobs."""

    answers: list[Callable[[Job], Report]]
    jobs: list[Job] = field(default_factory=list)

    def __call__(self, environment: Environment, job: Job) -> Report:
        self.jobs.append(job)
        return self.answers[min(len(self.jobs), len(self.answers)) - 1](job)
