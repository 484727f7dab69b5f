"""What one proof may cost: its sessions are counted, and none begins once they have taken too long together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ttc_data.evidence.suite import RunJob
from ttc_data.records import Environment
from ttc_data.sandbox.protocol import Job, Report


class TooSlow(Exception):
    """The sessions of a proof have used up its budget."""


class RunChecked(Protocol):
    """Runs a job on versions of a file, and some of them, drawn, as jobs too."""

    def __call__(
        self, environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str, check: int
    ) -> list[Report]: ...


@dataclass
class Budget:
    """Runs the sessions of one proof, one after the other, for as long as there is time left."""

    most_s: float
    run_job: RunJob
    run_checked: RunChecked
    spent_s: float = 0.0

    def run(self, environment: Environment, job: Job) -> Report:
        """Run one job.

        Raises:
            TooSlow: nothing is left.
            SandboxLost: the sandbox broke.
        """
        self._ask()
        report = self.run_job(environment, job)
        self.spent_s += report.seconds
        return report

    def run_versions(
        self, environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str, check: int = 1
    ) -> list[Report]:
        """Run a job on versions of a file; `check` of them as jobs too.

        Raises:
            TooSlow: nothing is left.
            SandboxLost: the sandbox broke.
        """
        self._ask()
        reports = self.run_checked(environment, job, versions, key, check)
        self.spent_s += sum(report.seconds for report in reports)
        return reports

    def _ask(self) -> None:
        if self.spent_s > self.most_s:
            raise TooSlow(f"its sessions took {self.spent_s:.0f} s together, at most {self.most_s:g} s")
