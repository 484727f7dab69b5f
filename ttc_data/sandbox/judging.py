"""What a report says of its session: whether it can be believed, and which tests count as passed. Pure."""

from __future__ import annotations

from ttc_data.records import TestOutcome
from ttc_data.sandbox.protocol import Report

COUNTS_AS_PASSED: frozenset[TestOutcome] = frozenset(("passed", "xfailed"))
BROKEN: frozenset[TestOutcome] = frozenset(("failed", "error"))
PYTEST_EXITS = range(6)


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
    if report.exit not in PYTEST_EXITS:
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
