"""Test report and exit status to verdict and reward. Pure: nothing here runs code.

The words mean what SWE-bench means by them: a test counts as passed when it passed or failed as expected (xfail); a
test that is missing from the report, was skipped, failed or erred has not passed. An answer is solved when every
FAIL_TO_PASS and every PASS_TO_PASS test passed in a session that ended by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ttc_data.records import Outcome, Tripwire
from ttc_data.sandbox.protocol import Report

COUNTS_AS_PASSED: frozenset[Outcome] = frozenset(("passed", "xfailed"))
FAILURES = frozenset(("fail_to_pass_failed", "pass_to_pass_failed"))
"""Reasons of an answer that was run to the end and is wrong."""
BROKEN: frozenset[Outcome] = frozenset(("failed", "error"))
# pytest's exit statuses, and those of a session that broke off: interrupted, an error of its own, wrong usage.
PYTEST_EXITS, BROKE_OFF = range(6), (2, 3, 4)


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

    @property
    def passing(self) -> list[str]:
        """The FAIL_TO_PASS tests that passed, in a session that can be believed."""
        believed = self.solved or self.reason in FAILURES
        return [test for test, outcome in self.fail_to_pass.items() if believed and outcome in COUNTS_AS_PASSED]

    @property
    def kept(self) -> float:
        """Share, 0 to 1, of the PASS_TO_PASS tests that passed; 1 where there is none."""
        passed = [outcome in COUNTS_AS_PASSED for outcome in self.pass_to_pass.values()]
        return sum(passed) / len(passed) if passed else 1.0


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
    if not reason and report.exit in BROKE_OFF:
        reason = "session_did_not_end"
    solved = not reason
    return Grade(solved, float(solved), reason, must, keep)


def unmask(graded: Grade, twin: Report, tripwires: Sequence[Tripwire]) -> Grade:
    """Take the reward from an answer that does not fail where the reference does.

    Args:
        graded: what the answer earned with the tests as they are.
        twin: its session with all tripwires in place.
        tripwires: of the row.
    """
    reason = twin_defect(twin, tripwires, graded.passing, solved=graded.solved) if graded.passing else ""
    return replace(graded, solved=False, reward=0.0, reason=reason) if reason else graded


def twin_defect(report: Report, tripwires: Sequence[Tripwire], passing: Sequence[str], *, solved: bool = True) -> str:
    """Why a session with tripwires in place shows that nothing was computed, `""` when it does not.

    The tests that the tripwires name must fail, every other test that passed without them must pass, and the session must
    end as pytest ends after a failure. Of an answer that solves only a part, a test that tripwires name may be missing.

    Args:
        report: of the session.
        tripwires: of the row.
        passing: FAIL_TO_PASS tests that pass as they are.
        solved: these are all of them.

    Returns:
        `timeout`, `tripwire_passed` or `tampered`.
    """
    if report.timed_out:
        return "timeout"
    outcomes = {test.id: test.outcome for test in report.tests}
    must_fail = {test for edit in tripwires for test in edit.tests}
    gone = {test for edit in tripwires for test in edit.renamed}
    if any(outcomes.get(test) in ("passed", "xfailed", "xpassed") for test in must_fail):
        return "tripwire_passed"
    kept = [test for test in passing if test not in must_fail and test not in gone]
    as_expected = (
        not session_defect(report)
        and (report.exit == 1 or not must_fail)
        and (not solved or all(outcomes.get(test) in BROKEN for test in must_fail))
        and all(outcomes.get(test) in COUNTS_AS_PASSED for test in kept)
    )
    return "" if as_expected else "tampered"


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
