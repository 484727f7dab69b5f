"""What one proof may cost: its sessions are counted, and none begins once they have taken too long together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ttc_data.records import Environment
from ttc_data.sandbox.protocol import Job, Report, RunJob

MANY_ORDERS = 4
"""Of so many, one may end with the test that others wait for."""
LEAST_S = 2.0**-10
"""What pytest needs for a test that does nothing. Times are rounded up to twice, four times, ... as much."""


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


def short_enough(tests: Sequence[str], reports: Sequence[Report], most_s: float) -> tuple[str, ...]:
    """As many tests, the first before the others, as take no longer together than they may, and hold up no other one.

    A test's time is the shortest that was measured, and at least what pytest needs for any, rounded up to a power of two:
    most tests then cost the same on every machine and in every build.

    Args:
        tests: the most specific first.
        reports: of the reference with these tests.
        most_s: seconds of all together.
    """
    took = _shortest(reports)
    kept: list[str] = []
    left = most_s
    holding = holding_up(reports, most_s)
    for test in (test for test in tests if test not in holding):
        steps = math.ceil(math.log2(max(took.get(test, 0.0) / LEAST_S, 1.0)))
        cost = LEAST_S * 2**steps
        if cost <= left:
            kept.append(test)
            left -= cost
    return tuple(kept)


def holding_up(reports: Sequence[Report], least_s: float) -> frozenset[str]:
    """The tests after which another one waits, whichever it is: they leave a server busy, say, that others ask too.

    The session is slow by them, and no test's own shortest time tells. A test is suspected where it ended before one that
    waited, and no longer before than that one waited; in every order somebody has to wait for it, of many in all but one.

    Args:
        reports: of the same tests in several orders; of one order nothing can be said.
        least_s: by how much the one that waits takes longer than its shortest time.
    """
    took = _shortest(reports)
    suspected = Counter(test for report in reports for test in set(_suspects(report, took, least_s)))
    least = len(reports) - (len(reports) >= MANY_ORDERS)
    return frozenset(test for test, count in suspected.items() if count >= max(2, least))


def _suspects(report: Report, took: Mapping[str, float], least_s: float) -> Iterator[str]:
    """The tests that one which waited in this order may have waited for."""
    for number, after in enumerate(report.tests):
        waited = left = after.seconds - took[after.id]
        for before in reversed(report.tests[:number] if waited > least_s else ()):
            if left < 0:
                break
            yield before.id
            left -= before.seconds


def _shortest(reports: Sequence[Report]) -> dict[str, float]:
    """Seconds of each test in the fastest of some runs."""
    took: dict[str, float] = {}
    for result in (result for report in reports for result in report.tests):
        took[result.id] = min(took.get(result.id, result.seconds), result.seconds)
    return took
