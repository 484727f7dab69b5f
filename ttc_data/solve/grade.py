"""The verdict on one answer, from the sessions of its task.

The words mean what SWE-bench means by them: a test counts as passed when it passed or failed as expected (xfail); a
test that is missing from the report, was skipped, failed or erred has not passed. An answer is solved when every
FAIL_TO_PASS and every PASS_TO_PASS test passed as written, every altered one failed, and every session ended by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from ttc_data.records import Tripwire
from ttc_data.sandbox.judging import BROKEN, COUNTS_AS_PASSED, session_defect
from ttc_data.sandbox.protocol import Job, Report
from ttc_data.solve.outcome import NOT_RUN, Outcome, line_of, messages_of
from ttc_data.solve.task import Files, Session, Task

RunJob = Callable[[Job], Report]
# pytest's exit statuses of a session that broke off: interrupted, an error of its own, wrong usage.
BROKE_OFF = (2, 3, 4)
PASSED_ALTERED = frozenset(("passed", "xfailed", "xpassed"))


@dataclass(frozen=True, slots=True)
class Seen:
    """One session and what it showed."""

    session: Session
    report: Report

    def outcome(self, test: str) -> str:
        """Of one test; `missing` where the report does not name it."""
        return next((result.outcome for result in self.report.tests if result.id == test), "missing")

    @property
    def defect(self) -> str:
        """Why the session as a whole cannot be believed, `""` when it can."""
        return session_defect(self.report)

    @property
    def broke_off(self) -> bool:
        """Whether pytest ended before all tests had run."""
        return self.report.exit in BROKE_OFF

    @property
    def failing(self) -> list[str]:
        """Tests that had to pass and did not."""
        outcomes = {result.id: result.outcome for result in self.report.tests}
        return [test for test in self.session.must_pass if outcomes.get(test) not in COUNTS_AS_PASSED]

    def altered_failed(self, place: Tripwire) -> bool:
        """Whether the tests that an edit alters failed, as whoever computes the answer fails them."""
        return all(self.outcome(test) in BROKEN for test in place.tests)

    def altered_passed(self, place: Tripwire) -> bool:
        """Whether one of them passed."""
        return any(self.outcome(test) in PASSED_ALTERED for test in place.tests)

    @property
    def sound(self) -> bool:
        """Whether it shows what the reference shows."""
        as_expected = not self.failing and all(map(self.altered_failed, self.session.altered))
        return as_expected and not self.defect and not self.broke_off


def grade(
    task: Task,
    files: Files,
    run: RunJob,
    random: Random,
    *,
    partly: bool = False,
    confirm: bool = True,
) -> Outcome:
    """Grade an answer: the first look, and where that passes all tests, with some of them altered.

    Where an altered session speaks against an answer that passed the first look, the reference is run in the same session:
    if it does no better, the alteration is at fault, and the tests as written decide alone.

    Args:
        task: what is answered.
        files: what the answer makes of the tree, without files that it may not change.
        run: runs a session; each on a sandbox that has not seen another session of this answer.
        random: decides what is altered, to what, and in which order the sessions run.
        partly: run all sessions too where the first look fails and a paying test passes in it: for who pays for these.
        confirm: run the reference where an altered session speaks against an answer.

    Raises:
        DatasetError: what a tripwire replaces does not stand there.
        PatchRejected: the reference's patch does not fit.
        SandboxLost: the sandbox broke, which says nothing about the answer.
    """
    if not task.fail_to_pass:
        return Outcome(task.instance_id, "no_fail_to_pass", "FAIL_TO_PASS is empty, so nothing decides")

    def seen(session: Session, files: Files = files) -> Seen:
        return Seen(session, run(task.job(session, files)))

    look = seen(task.look)
    if not look.sound:
        pays = (
            partly
            and not (look.defect or look.broke_off)
            and (set(look.session.must_pass) - set(look.failing)) & set(task.paying)
        )
        if not pays:
            return _judged(task, [look])
    halves = list(task.halves(random))
    random.shuffle(halves)
    found = [seen(session) for session in halves]
    outcome = _judged(task, [look, *found])
    if outcome.solved or not confirm or not look.sound:
        return outcome
    suspects = [half.session for half in found if half.session.altered and not half.sound and _may_be_altered(half)]
    if all(seen(session, task.reference).sound for session in suspects):
        return outcome
    return _judged(task, [look, seen(task.as_written)], len(found))


def _may_be_altered(seen: Seen) -> bool:
    """Whether an alteration could be why a session failed: only tests of the altered files may depend on it."""
    if seen.defect or seen.broke_off or not all(map(seen.altered_failed, seen.session.altered)):
        return True
    paths = {place.path for place in seen.session.altered}
    return any(test.partition("::")[0] in paths for test in seen.failing)


def _judged(task: Task, sessions: Sequence[Seen], before: int = 0) -> Outcome:
    """Put together what all sessions of an answer showed; the first of them is the first look."""
    outcomes: dict[str, str] = {}
    for seen in sessions:
        for result in seen.report.tests:
            if result.id in seen.session.must_pass and outcomes.get(result.id, "passed") in COUNTS_AS_PASSED:
                outcomes[result.id] = result.outcome
        for test in seen.failing:
            outcomes.setdefault(test, "missing")
    passed = {test for test, outcome in outcomes.items() if outcome in COUNTS_AS_PASSED}
    failing = [test for test in task.tests if test in outcomes and test not in passed]
    believed = not any(seen.defect for seen in sessions)
    forged = [
        place
        for seen in sessions
        for place in seen.session.altered
        if seen.altered_passed(place) and passed.issuperset(_originals(task, place))
    ]
    unmoved = [place for seen in sessions for place in seen.session.altered if not seen.altered_failed(place)]
    reason, named = "", ""
    if forged:
        reason, named = "tripwire_passed", forged[0].tests[0]
    elif not believed:
        reason = next(seen.defect for seen in sessions if seen.defect)
    elif failing:
        reason = "fail_to_pass_failed" if failing[0] in task.fail_to_pass else "pass_to_pass_failed"
    elif any(seen.broke_off for seen in sessions):
        reason = "session_did_not_end"
    elif unmoved:
        reason, named = "tampered", unmoved[0].tests[0]
    messages = messages_of([seen.report for seen in sessions], failing)
    named = named or (failing[0] if failing else "")
    said = [line] if (line := line_of(messages.get(named, ""))) else []
    held = {
        test
        for seen in sessions
        for place in seen.session.altered
        if seen.altered_failed(place)
        for test in _originals(task, place)
    }
    paying = task.paying
    return Outcome(
        task.instance_id,
        reason,
        ": ".join([*([named] if named else []), *([outcomes[named]] if named in outcomes else []), *said]),
        {test: outcomes.get(test, NOT_RUN) for test in task.fail_to_pass},
        {test: outcomes.get(test, NOT_RUN) for test in task.pass_to_pass},
        messages,
        paying=len(paying),
        paid=len(passed & held & set(paying))
        if believed and not forged and not any(seen.broke_off for seen in sessions)
        else 0,
        seconds=sum(seen.report.seconds for seen in sessions),
        sessions=len(sessions) + before,
    )


def _originals(task: Task, place: Tripwire) -> list[str]:
    """The row's tests that an edit alters, under the names that they have as written."""
    return [test for test in dict.fromkeys((*place.tests, *place.renamed)) if test in task.tests]
