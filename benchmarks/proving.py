"""Proofs of a finished build's samples, timed: what each execution was for, and how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rich.console import Console
from rich.progress import track

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import TtcError
from ttc_data.hosts.open import SandboxKind, open_host
from ttc_data.kinds.stages import Stages
from ttc_data.progress import Quiet
from ttc_data.prove import ProofCase
from ttc_data.records import Environment, Evidence, Reject
from ttc_data.sandbox.protocol import Job, Report
from ttc_data.store import Build

PARTS = ("calls", "masked", "runs", "versions", "tripwires", "coverage")
RECORDED = ("ttc_generated/test_record_", "ttc_generated/test_probe_")
SCREEN = Console(stderr=True, width=150)


@dataclass(frozen=True)
class Call:
    """What a proof asked of a sandbox at once: one job, or versions of one file."""

    part: str
    jobs: tuple[Job, ...]
    """One for each execution."""
    passed: tuple[bool, ...]
    """Whether all tests of each passed."""
    seconds: float


@dataclass(frozen=True)
class Proof:
    """One sample's proof, timed."""

    case: ProofCase
    found: Evidence | Reject
    calls: tuple[Call, ...]
    seconds: float

    @property
    def executions(self) -> int:
        """Pytest sessions, each version counted as one."""
        return sum(len(call.jobs) for call in self.calls)

    def seconds_of(self, part: str) -> float:
        """What its calls took."""
        return sum(call.seconds for call in self.calls if call.part == part)

    def before_versions(self) -> float:
        """What chose the tests that versions are run with."""
        return self.seconds_of("masked") + self.seconds_of("runs")


class Timed(Stages):
    """The stages of a finished build, of which only samples are proven, one at a time, and nothing is stored."""

    def __init__(self, dataset: Dataset, kind: SandboxKind, cache: Cache) -> None:
        host = open_host(kind, cache=cache, recipe=dataset.recipe, say=say)
        super().__init__(dataset.recipe, Build(dataset.folder.parent), cache, host, 1, Quiet())
        self.calls: list[Call] = []
        self.sample = ""

    def close(self) -> None:
        """Close the sandboxes, and give the build free."""
        super().close()
        self.host.close()
        self.folder.close()

    def cases(self) -> list[ProofCase]:
        """Every sample that the build would prove."""
        self.fetch_lost_trees()
        return [case for _, case in self.inputs.cases()]

    def proof(self, case: ProofCase) -> Proof:
        """Prove one sample."""
        self.calls, self.sample = [], case.sample.masked
        started = time.perf_counter()
        (found,) = self.prove(case)
        return Proof(case, found, tuple(self.calls), time.perf_counter() - started)

    def run_job(self, environment: Environment, job: Job) -> Report:
        started = time.perf_counter()
        report = super().run_job(environment, job)
        self._note(self._part(job), [job], [report], started)
        return report

    def run_versions(
        self, environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str, check: int = 1
    ) -> list[Report]:
        started = time.perf_counter()
        reports = super().run_versions(environment, job, versions, key, check)
        jobs = [replace(job, files={**job.files, **version}) for version in versions]
        self._note("versions", jobs, reports, started)
        return reports

    def _note(self, part: str, jobs: Sequence[Job], reports: Sequence[Report], started: float) -> None:
        seconds = time.perf_counter() - started
        ended = [report.ended and not report.timed_out for report in reports]
        passed = [
            well and report.passed >= frozenset(job.tests or ())
            for job, report, well in zip(jobs, reports, ended, strict=True)
        ]
        self.calls.append(Call(part, tuple(jobs), tuple(passed), seconds))

    def _part(self, job: Job) -> str:
        """What a job is for, told by what it is and what came before."""
        if any(path.startswith(RECORDED) for path in job.test_files):
            return "calls"
        if self.sample in job.files.values():
            return "masked"
        if job.cover:
            return "coverage"
        since = [call.part for call in self.calls]
        return "tripwires" if "versions" in since and since[-1] in ("versions", "tripwires") else "runs"


def say(line: str) -> None:
    print(line, file=sys.stderr)


def spread(cases: Sequence[ProofCase], count: int) -> list[ProofCase]:
    """Some, at even distances."""
    return [cases[number * len(cases) // count] for number in range(count)] if count < len(cases) else list(cases)


@contextmanager
def opened(dataset: Dataset, kind: SandboxKind, cache: Cache) -> Iterator[Timed]:
    timed = Timed(dataset, kind, cache)
    try:
        yield timed
    finally:
        timed.close()


def prove_all(timed: Timed, cases: Sequence[ProofCase], kind: str) -> list[Proof]:
    """Prove each sample once on warm sandboxes; those that cannot be proven are said."""
    proofs: list[Proof] = []
    warm = ""
    for case in track(cases, f"evidence on {kind}", console=SCREEN):
        try:
            if case.environment.key != warm:
                timed.proof(case)
                warm = case.environment.key
            proofs.append(timed.proof(case))
        except TtcError as error:
            say(f"without {case.environment.repo} {case.sample.qualname}: {error}")
    return proofs
