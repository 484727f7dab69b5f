"""Test report and exit status to verdict and reward. Pure: nothing here runs code.

The words mean what SWE-bench means by them: a test counts as passed when it passed or failed as expected (xfail); a
test that is missing from the report, was skipped, failed or erred has not passed. An answer is solved when every
FAIL_TO_PASS and every PASS_TO_PASS test passed in a session that ended by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ttc_data.records import Tripwire
from ttc_data.sandbox.judging import BROKEN, COUNTS_AS_PASSED, session_defect
from ttc_data.sandbox.protocol import Report

FAILURES = frozenset(("fail_to_pass_failed", "pass_to_pass_failed"))
"""Reasons of an answer that was run to the end and is wrong."""
# pytest's exit statuses of a session that broke off: interrupted, an error of its own, wrong usage.
BROKE_OFF = (2, 3, 4)


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
