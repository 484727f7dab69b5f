"""A session that contradicts itself, or did not end by itself, is believed in nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.records import TestOutcome
from ttc_data.sandbox.judging import session_defect
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
    ("given_report", "defect"),
    [
        (report(PASSED), ""),
        (report({"f": "xfailed", "p": "xfailed"}), ""),
        (report({**PASSED, "other": "skipped"}), ""),
        (report({**PASSED, "other": "failed"}, status=1), ""),
        (report(PASSED, status=1, collect_errors=(("other.py", "no"),)), ""),
        (report({}, status=5), ""),
        (report({}, status=4), ""),
        (report({"p": "passed"}, status=2, unfinished=("f",)), ""),
        (report(PASSED, status=-9, ended=False, timed_out=True), "timeout"),
        (report(PASSED, ended=False), "session_did_not_end"),
        (report(PASSED, status=-11, ended=False), "session_did_not_end"),
        (report(PASSED, status=None, ended=False), "session_did_not_end"),
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
def test_a_session_is_believed_unless_it_did_not_end_or_contradicts_itself(given_report: Report, defect: str) -> None:
    assert session_defect(given_report) == defect


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
