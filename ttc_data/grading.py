"""Test report and exit status to verdict and reward. Pure: nothing here runs code.

The words mean what SWE-bench means by them: a test counts as passed when it passed or failed as expected (xfail); a
test that is missing from the report, was skipped, failed or erred has not passed. An answer is solved when every
FAIL_TO_PASS and every PASS_TO_PASS test passed in a session that ended by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ttc_data.records import Outcome
from ttc_data.sandbox.protocol import Report

COUNTS_AS_PASSED: frozenset[Outcome] = frozenset(("passed", "xfailed"))
BROKEN: frozenset[Outcome] = frozenset(("failed", "error"))


@dataclass(frozen=True, slots=True)
class Grade:
    """What an answer earned."""

    solved: bool
    reward: float
    """0.0 or 1.0."""
    reason: str
    """A snake_case defect, `""` when solved."""
    fail_to_pass: dict[str, str]
    """Test id to outcome; `missing` when the report does not name it."""
    pass_to_pass: dict[str, str]


def grade(report: Report, fail_to_pass: Sequence[str], pass_to_pass: Sequence[str]) -> Grade:
    """Grade one report of an answer.

    Args:
        report: of a session that ran at least the named tests.
        fail_to_pass: tests that the masked file fails; at least one.
        pass_to_pass: tests that must go on passing.
    """
    outcomes = {test.id: test.outcome for test in report.tests}
    must = {test: str(outcomes.get(test, "missing")) for test in fail_to_pass}
    keep = {test: str(outcomes.get(test, "missing")) for test in pass_to_pass}
    reason = session_defect(report)
    if not reason and not all(outcome in COUNTS_AS_PASSED for outcome in must.values()):
        reason = "fail_to_pass_failed"
    if not reason and not all(outcome in COUNTS_AS_PASSED for outcome in keep.values()):
        reason = "pass_to_pass_failed"
    if not reason and not must:
        reason = "no_fail_to_pass"
    solved = not reason
    return Grade(solved, float(solved), reason, must, keep)


def session_defect(report: Report) -> str:
    """Why a session as a whole cannot be believed, `""` when it can."""
    if report.timed_out:
        return "timeout"
    if not report.ended:
        return "session_did_not_end"
    if _contradicts_itself(report):
        return "tampered"
    return ""


def _contradicts_itself(report: Report) -> bool:
    """Whether pytest could not have said this: it tells of a test once, and its exit status follows from the tests."""
    names = [test.id for test in report.tests]
    if len(set(names)) != len(names) or not set(names).isdisjoint(report.unfinished):
        return True
    broken = any(test.outcome in BROKEN for test in report.tests) or bool(report.collect_errors)
    if report.exit == 0:
        return broken or not names
    if report.exit == 1:
        return not broken
    return report.exit == 5 and bool(names)


def passed(report: Report) -> frozenset[str]:
    """Ids of the tests that count as passed."""
    return frozenset(test.id for test in report.tests if test.outcome in COUNTS_AS_PASSED)
