"""A report decides: every way to miss a test earns nothing, and a report that contradicts itself is believed in nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.grading import Grade, grade, twin_defect, unmask
from ttc_data.records import TestOutcome, Tripwire
from ttc_data.sandbox.judging import COUNTS_AS_PASSED, session_defect
from ttc_data.sandbox.protocol import Report, TestResult


def report(
    outcomes: dict[str, TestOutcome] | list[tuple[str, TestOutcome]],
    *,
    status: int | None = 0,
    ended: bool = True,
    timed_out: bool = False,
    unfinished: tuple[str, ...] = (),
    collect_errors: tuple[tuple[str, str], ...] = (),
) -> Report:
    pairs = outcomes if isinstance(outcomes, list) else list(outcomes.items())
    tests = tuple(TestResult(name, outcome, 0.1, "") for name, outcome in pairs)
    return Report(tests, unfinished, collect_errors, status, ended, timed_out, 1.0, "")


PASSED: dict[str, TestOutcome] = {"f": "passed", "p": "passed"}


@pytest.mark.parametrize(
    ("given_report", "reason"),
    [
        (report(PASSED), ""),
        (report({"f": "xfailed", "p": "xfailed"}), ""),
        (report({**PASSED, "other": "skipped"}), ""),
        (report({**PASSED, "other": "failed"}, status=1), ""),
        (report(PASSED, status=1, collect_errors=(("other.py", "no"),)), ""),
        (report({"f": "failed", "p": "passed"}, status=1), "fail_to_pass_failed"),
        (report({"f": "error", "p": "passed"}, status=1), "fail_to_pass_failed"),
        (report({"f": "skipped", "p": "passed"}), "fail_to_pass_failed"),
        (report({"f": "xpassed", "p": "passed"}), "fail_to_pass_failed"),
        (report({"p": "passed"}), "fail_to_pass_failed"),
        (report({}, status=5), "fail_to_pass_failed"),
        (report({}, status=4), "fail_to_pass_failed"),
        (report({"p": "passed"}, status=2, unfinished=("f",)), "fail_to_pass_failed"),
        (report({"f": "passed", "p": "failed"}, status=1), "pass_to_pass_failed"),
        (report({"f": "passed", "p": "skipped"}), "pass_to_pass_failed"),
        (report({"f": "passed"}), "pass_to_pass_failed"),
        (report(PASSED, status=-9, ended=False, timed_out=True), "timeout"),
        (report(PASSED, ended=False), "session_did_not_end"),
        (report(PASSED, status=-11, ended=False), "session_did_not_end"),
        (report(PASSED, status=None, ended=False), "session_did_not_end"),
        (report(PASSED, status=2), "session_did_not_end"),
        (report(PASSED, status=3), "session_did_not_end"),
        (report({**PASSED, "other": "failed"}, status=0), "tampered"),
        (report({**PASSED, "other": "error"}, status=0), "tampered"),
        (report(PASSED, status=0, collect_errors=(("other.py", "no"),)), "tampered"),
        (report(PASSED, status=1), "tampered"),
        (report(PASSED, status=5), "tampered"),
        (report({}, status=0), "tampered"),
        (report([("f", "failed"), ("f", "passed"), ("p", "passed")], status=1), "tampered"),
        (report([("f", "passed"), ("f", "passed"), ("p", "passed")]), "tampered"),
        (report(PASSED, unfinished=("f",)), "tampered"),
    ],
)  # fmt: skip
def test_what_a_report_means(given_report: Report, reason: str) -> None:
    """The words are SWE-bench's: an expected failure counts, a skip and a missing test do not."""
    graded = grade(given_report, ["f"], ["p"])
    assert graded.reason == reason
    assert graded.solved == (reason == "")
    assert graded.reward == float(graded.solved)


def test_missing_tests_are_named_missing() -> None:
    assert grade(report({"a": "passed"}, status=0), ["f"], ["p"]) == Grade(
        False, 0.0, "fail_to_pass_failed", {"f": "missing"}, {"p": "missing"}
    )


def test_nothing_to_solve_is_not_solved() -> None:
    """A row without a deciding test would reward every answer."""
    graded = grade(report(PASSED), [], ["p"])
    assert not graded.solved
    assert graded.reason == "no_fail_to_pass"


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
OUTCOMES: st.SearchStrategy[TestOutcome] = st.sampled_from(get_args(TestOutcome))
REPORTS = st.builds(
    report,
    st.lists(st.tuples(NAMES, OUTCOMES), max_size=6),
    status=st.sampled_from([0, 1, 2, 3, 4, 5, 127, -9, None]),
    ended=st.booleans(),
    timed_out=st.booleans(),
    unfinished=st.lists(NAMES, max_size=2).map(tuple),
    collect_errors=st.lists(st.tuples(NAMES, st.text(max_size=3)), max_size=1).map(tuple),
)


@given(REPORTS, st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3))
def test_only_a_session_in_which_every_named_test_passed_is_solved(
    given_report: Report, must: list[str], keep: list[str]
) -> None:
    graded = grade(given_report, must, keep)
    assert graded.solved == (graded.reward == 1.0) == (graded.reason == "")
    if graded.solved:
        assert must
        assert given_report.ended
        assert not given_report.timed_out
        for name in (*must, *keep):
            assert {test.outcome for test in given_report.tests if test.id == name} <= COUNTS_AS_PASSED
            assert name in {test.id for test in given_report.tests}
            assert name not in given_report.unfinished


@given(REPORTS.map(lambda one: replace(one, ended=True, timed_out=False)))
def test_an_exit_status_that_the_outcomes_deny_is_tampered(given_report: Report) -> None:
    """A session ends with 0 when nothing broke and something ran, with 1 when something broke, with 5 when nothing ran."""
    broken = bool(given_report.collect_errors) or any(t.outcome in ("failed", "error") for t in given_report.tests)
    if given_report.exit == 0 and (broken or not given_report.tests):
        assert session_defect(given_report) == "tampered"
    if given_report.exit == 1 and not broken:
        assert session_defect(given_report) == "tampered"
    if given_report.exit == 5 and given_report.tests:
        assert session_defect(given_report) == "tampered"


@given(REPORTS, st.permutations(["a", "b", "c"]))
def test_the_order_of_the_names_does_not_matter(given_report: Report, names: list[str]) -> None:
    assert grade(given_report, names, []).reward == grade(given_report, sorted(names), []).reward


# The session with the tripwires

WIRES = (
    Tripwire("t.py", 1, 0, "1", "2", "value", ("f[2]",), ("f[1]",)),
    Tripwire("t.py", 9, 0, "assert", "assert not", "negation", ("g",), ()),
)
MUST = ["f[1]", "g", "h"]
HELD: dict[str, TestOutcome] = {"f[2]": "failed", "g": "error", "h": "passed", "p": "passed"}


@pytest.mark.parametrize(
    ("twin", "reason"),
    [
        (report(HELD, status=1), ""),
        (report({**HELD, "h": "xfailed", "p": "failed"}, status=1), ""),
        (report({**HELD, "g": "passed"}, status=1), "tripwire_passed"),
        (report({**HELD, "g": "xfailed"}, status=1), "tripwire_passed"),
        (report(dict.fromkeys(HELD, "passed")), "tripwire_passed"),
        (report(dict.fromkeys(HELD, "passed"), ended=False), "tripwire_passed"),
        (report({**HELD, "g": "skipped"}, status=1), "tampered"),
        (report({**HELD, "h": "failed"}, status=1), "tampered"),
        (report({"f[2]": "failed", "g": "failed"}, status=1), "tampered"),
        (report({"g": "failed", "h": "passed"}, status=1), "tampered"),
        (report(HELD, status=0), "tampered"),
        (report(HELD, status=2), "tampered"),
        (report(HELD, status=1, ended=False), "tampered"),
        (report({}, status=None, ended=False), "tampered"),
        (report(HELD, status=-9, ended=False, timed_out=True), "timeout"),
    ],
)
def test_what_the_session_with_the_tripwires_means(twin: Report, reason: str) -> None:
    """The altered tests fail and the others pass, or the answer did not compute what they ask for."""
    assert twin_defect(twin, WIRES, MUST) == reason
    solved = Grade(True, 1.0, "", dict.fromkeys(MUST, "passed"), {"p": "passed"})
    unmasked = unmask(solved, twin, WIRES)
    assert (unmasked.solved, unmasked.reward, unmasked.reason) == (not reason, float(not reason), reason)
    assert unmasked.fail_to_pass == solved.fail_to_pass


def test_an_answer_that_failed_is_not_unmasked() -> None:
    failed = Grade(False, 0.0, "fail_to_pass_failed", dict.fromkeys(MUST, "failed"), {})
    assert unmask(failed, report(dict.fromkeys(HELD, "passed")), WIRES) is failed


@given(REPORTS, st.lists(NAMES, max_size=3))
def test_only_a_session_in_which_the_altered_tests_failed_leaves_the_reward(twin: Report, must: list[str]) -> None:
    wire = Tripwire("t.py", 1, 0, "1", "2", "value", ("a",), ())
    if not twin_defect(twin, (wire,), must):
        assert twin.ended
        assert twin.exit == 1
        outcomes = {test.id: test.outcome for test in twin.tests}
        assert outcomes["a"] in ("failed", "error")
        assert all(outcomes[name] in COUNTS_AS_PASSED for name in must if name != "a")
