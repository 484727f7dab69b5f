"""The verdict on an answer: every way to miss a test earns nothing, and passing what the reference fails is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.edits import unified_diff
from ttc_data.records import Baseline, TestOutcome, Tripwire
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, Report, TestResult
from ttc_data.solve.grade import grade
from ttc_data.solve.outcome import Outcome, line_of
from ttc_data.solve.task import Task

PATH, TESTS = "calc.py", "tests/test_calc.py"
TRUTH = {"one": 11, "two": 22, "three": 33, "four": 44, "kept": 55}
TEXT = "from calc import number\n\n\n" + "\n\n".join(
    f"def test_{name}():\n    assert number({name!r}) == {value}\n" for name, value in TRUTH.items()
)
MASKED, REFERENCE = "raise NotImplementedError\n", "the reference\n"
MUST = tuple(f"{TESTS}::test_{name}" for name in TRUTH if name != "kept")
KEEP = (f"{TESTS}::test_kept",)
ONE, TWO, THREE, FOUR = MUST
Says = Callable[[str, int], TestOutcome | None]
"""The outcome of the test of a name that expects a number; None where the test is not told of."""


def place(test: str) -> Tripwire:
    """The place where a test expects its number."""
    value = str(TRUTH[test.rpartition("_")[2]])
    line = next(number for number, text in enumerate(TEXT.split("\n"), 1) if text.endswith(f"== {value}"))
    return Tripwire(TESTS, line, TEXT.split("\n")[line - 1].index(value), value, "999", "value", (test,), ())


TASK = Task(
    "row", PATH, "number", {PATH: MASKED}, unified_diff({PATH: MASKED}, {PATH: REFERENCE}), MUST, KEEP, (ONE, TWO),
    (place(TWO), place(THREE)), {}, {TESTS: TEXT}, (), TestRules(),
)  # fmt: skip


def right(name: str, expected: int) -> TestOutcome:
    return "passed" if TRUTH[name] == expected else "failed"


@dataclass
class Tests:
    """Runs the tests of a job on what an answer says; the reference says what is true."""

    __test__ = False

    says: Says
    reference: Says = right
    jobs: list[Job] = field(default_factory=list)
    change: Callable[[Report], Report] = lambda report: report

    def __call__(self, job: Job) -> Report:
        self.jobs.append(job)
        says = self.reference if job.files[PATH] == REFERENCE else self.says
        expected = dict(re.findall(r"number\('(\w+)'\) == (.+)", str(job.files.get(TESTS, TEXT))))
        found = {test: says(name := test.rpartition("_")[2], int(expected[name])) for test in job.tests or ()}
        results = tuple(TestResult(test, outcome, 0.1, f"E  {outcome}") for test, outcome in found.items() if outcome)
        broken = any(result.outcome in ("failed", "error") for result in results)
        report = Report(results, (), (), int(broken), ended=True, timed_out=False, seconds=0.1, output="")
        return self.change(report) if says is self.says else report


def judged(says: Says, task: Task = TASK, seed: int = 0, **options: bool) -> Outcome:
    return grade(task, {PATH: "answer\n"}, Tests(says), Random(seed), **options)


def wrong_for(*names: str, outcome: TestOutcome | None = "failed") -> Says:
    return lambda name, expected: outcome if name in names else right(name, expected)


@pytest.mark.parametrize("seed", range(20))
def test_the_right_answer_is_solved_however_the_sessions_are_drawn(seed: int) -> None:
    outcome = judged(right, seed=seed)
    assert (outcome.solved, outcome.reward, outcome.reason) == (True, 1.0, "")
    assert set(outcome.fail_to_pass.values()) == set(outcome.pass_to_pass.values()) == {"passed"}
    assert outcome.sessions == 3


def test_an_answer_that_fails_the_first_look_is_run_once() -> None:
    run = Tests(wrong_for("one"))
    outcome = grade(TASK, {PATH: "answer\n"}, run, Random(0))
    assert [job.tests for job in run.jobs] == [(ONE, TWO)]
    assert (outcome.reason, outcome.reward) == ("fail_to_pass_failed", 0.0)
    assert outcome.detail == f"{ONE}: failed: failed"
    assert outcome.messages == {ONE: "E  failed"}
    assert outcome.fail_to_pass == {ONE: "failed", TWO: "passed", THREE: "not_run", FOUR: "not_run"}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("four", "failed", "fail_to_pass_failed"),
        ("four", "error", "fail_to_pass_failed"),
        ("four", "skipped", "fail_to_pass_failed"),
        ("four", "xpassed", "fail_to_pass_failed"),
        ("four", None, "fail_to_pass_failed"),
        ("kept", "failed", "pass_to_pass_failed"),
        ("kept", "skipped", "pass_to_pass_failed"),
        ("kept", None, "pass_to_pass_failed"),
    ],
)
def test_a_test_that_the_first_look_leaves_out_decides_too(
    name: str, outcome: TestOutcome | None, reason: str, seed: int
) -> None:
    """The words are SWE-bench's: an expected failure counts, a skip and a missing test do not."""
    assert judged(wrong_for(name, outcome=outcome), seed=seed).reason == reason
    assert judged(wrong_for(name, outcome="xfailed"), seed=seed).solved


@pytest.mark.parametrize("seed", range(8))
def test_whoever_passes_a_test_as_written_and_as_altered_did_not_compute_the_answer(seed: int) -> None:
    outcome = judged(lambda name, expected: "passed", seed=seed)
    assert (outcome.reason, outcome.reward, outcome.tampered) == ("tripwire_passed", 0.0, True)


@pytest.mark.parametrize("seed", range(8))
def test_a_wrong_answer_that_passes_an_altered_test_alone_is_wrong_and_no_tampering(seed: int) -> None:
    """It answers something else, and that may be what the altered test happens to ask for."""

    def other(name: str, expected: int) -> TestOutcome:
        return right(name, expected) if name != "three" else "failed" if expected == TRUTH[name] else "passed"

    outcome = judged(other, seed=seed)
    assert outcome.reason == "fail_to_pass_failed"
    assert not outcome.tampered


@pytest.mark.parametrize("seed", range(8))
def test_whoever_skips_the_altered_tests_did_not_fail_them(seed: int) -> None:
    says = judged(lambda name, expected: "passed" if TRUTH[name] == expected else "skipped", seed=seed)
    assert says.reason == "tampered"


@pytest.mark.parametrize("seed", range(20))
def test_an_alteration_that_the_reference_passes_speaks_against_nobody(seed: int) -> None:
    """The place was proven with another value; with this one, the comparison may not tell."""

    def lenient(name: str, expected: int) -> TestOutcome:
        return "passed" if name == "two" else right(name, expected)

    run = Tests(lenient, reference=lenient)
    assert grade(TASK, {PATH: "answer\n"}, run, Random(seed)).solved
    assert run.jobs[-1].tests == (*MUST, *KEEP)
    assert "999" not in str(run.jobs[-1].files[TESTS])
    alone = grade(TASK, {PATH: "answer\n"}, Tests(lenient, reference=lenient), Random(seed), confirm=False)
    assert alone.reason == "tripwire_passed"


CHANGES: dict[str, tuple[Callable[[Report], Report], str]] = {
    "it did not end": (lambda report: replace(report, ended=False), "session_did_not_end"),
    "killed": (lambda report: replace(report, exit=-9, ended=False, timed_out=True), "timeout"),
    "interrupted": (lambda report: replace(report, exit=2), "session_did_not_end"),
    "an error of pytest's own": (lambda report: replace(report, exit=3), "session_did_not_end"),
    "an exit status that the tests deny": (lambda report: replace(report, exit=5), "tampered"),
    "a test that ended and did not": (lambda report: replace(report, unfinished=(ONE,)), "tampered"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_first_look_that_cannot_be_believed_ends_it(name: str) -> None:
    change, reason = CHANGES[name]
    run = Tests(right, change=change)
    outcome = grade(TASK, {PATH: "answer\n"}, run, Random(0), partly=True)
    assert (outcome.reason, outcome.share, len(run.jobs)) == (reason, 0.0, 1)


def test_nothing_to_solve_is_not_solved() -> None:
    """A row without a deciding test would reward every answer."""
    assert judged(right, replace(TASK, fail_to_pass=(), first_look=(), tripwires=())).reason == "no_fail_to_pass"


def test_a_row_without_altered_places_is_run_whole_after_the_first_look() -> None:
    run = Tests(right)
    outcome = grade(replace(TASK, tripwires=()), {PATH: "answer\n"}, run, Random(0))
    assert outcome.solved
    assert [job.tests for job in run.jobs] == [(ONE, TWO), (*MUST, *KEEP)]


def test_an_older_row_is_looked_at_whole() -> None:
    run = Tests(wrong_for("four"))
    assert not grade(replace(TASK, first_look=()), {PATH: "answer\n"}, run, Random(0)).solved
    assert [job.tests for job in run.jobs] == [MUST]


@given(st.integers())
def test_each_test_stands_as_written_once_and_each_place_altered_once(seed: int) -> None:
    """Nothing but the right answer tells the two sessions apart: both hold altered tests and tests as written."""
    first, second = TASK.halves(Random(seed))
    for session in (first, second):
        text = str(TASK.job(session, {}).files[TESTS])
        assert len(session.altered) == 1
        assert set(session.tests) == {*session.must_pass, *session.must_fail}
        assert not set(session.must_pass) & set(session.must_fail)
        assert text.count("\n") == TEXT.count("\n")
        assert text != TEXT
    assert {*first.must_pass, *second.must_pass} == {*MUST, *KEEP}
    assert {*first.must_fail, *second.must_fail} == {TWO, THREE}


def test_the_sessions_run_in_either_order_and_hold_other_tests_each_time() -> None:
    orders = set()
    for seed in range(40):
        run = Tests(right)
        grade(TASK, {PATH: "answer\n"}, run, Random(seed))
        orders.add(tuple(job.tests for job in run.jobs[1:]))
    assert len(orders) == 8, "each of the three tests that are never altered is in either session"


@given(st.integers())
def test_a_file_in_which_nothing_is_altered_is_in_one_session_as_a_whole(seed: int) -> None:
    """To import a file takes longer than its tests; where something is altered, both sessions import it anyway."""
    others = ("test_other.py::test_five", "test_other.py::test_six", "test_more.py::test_seven")
    first, second = replace(TASK, pass_to_pass=(*KEEP, *others)).halves(Random(seed))
    for file in ("test_other.py", "test_more.py"):
        mine = {test for test in others if test.startswith(file)}
        held = [mine & set(session.tests) for session in (first, second)]
        assert sorted(held, key=len) == [set(), mine]
    assert {*first.must_pass, *second.must_pass} == {*MUST, *KEEP, *others}


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("", ""),
        ("E\n", ""),
        (">   assert f() == 4\nE   assert 3 == 4\nE    +  where 3 = f()\n\ntest_m.py:2: AssertionError", "assert 3 == 4"),
        ("test_m.py:1: in <module>\n    import nothing\nE   ModuleNotFoundError: No module named 'nothing'", "ModuleNotFoundError: No module named 'nothing'"),
        ("the test ran longer than 2 s", "the test ran longer than 2 s"),
    ],
)  # fmt: skip
def test_of_a_message_the_line_that_says_most_is_told(message: str, line: str) -> None:
    assert line_of(message) == line


# Part pay

PAYING = replace(TASK, baselines=(Baseline("return_first_argument", (ONE, TWO)),))


def test_a_test_pays_in_part_where_its_altered_twin_was_failed() -> None:
    outcome = judged(wrong_for("one"), partly=True)
    assert outcome.reason == "fail_to_pass_failed"
    assert (outcome.paid, outcome.paying) == (2, 4)
    assert outcome.share == 0.5
    assert judged(wrong_for("one")).share == 0.0, "nothing is known of the others after the first look"


def test_a_test_that_a_trivial_body_passes_pays_nothing() -> None:
    assert judged(wrong_for("one"), PAYING, partly=True).share == 0.0, "the first look has no paying test that passes"
    outcome = judged(wrong_for("four"), PAYING, partly=True)
    assert (outcome.paid, outcome.paying, outcome.share) == (1, 2, 0.5)
    trivial = replace(outcome, trivial=True)
    assert trivial.share == 0.0


@pytest.mark.parametrize("seed", range(8))
def test_forging_all_but_the_altered_tests_pays_nothing_for_them(seed: int) -> None:
    """What passes whatever it is asked earns no part either."""
    forged = judged(lambda name, expected: "passed" if name != "one" else "failed", seed=seed, partly=True)
    assert forged.share == 0.0


OUTCOMES: st.SearchStrategy[TestOutcome | None] = st.sampled_from(
    ["passed", "failed", "error", "skipped", "xfailed", "xpassed", None]
)


@given(
    st.fixed_dictionaries({name: st.tuples(OUTCOMES, OUTCOMES) for name in TRUTH}), st.integers(0, 10), st.booleans()
)
def test_only_who_passes_as_written_and_fails_as_altered_is_solved(
    found: dict[str, tuple[TestOutcome | None, TestOutcome | None]], seed: int, partly: bool
) -> None:
    outcome = judged(lambda name, expected: found[name][TRUTH[name] != expected], seed=seed, partly=partly)
    as_written = all(written in ("passed", "xfailed") for written, _ in found.values())
    altered = all(found[name][1] in ("failed", "error") for name in ("two", "three"))
    assert outcome.solved == (as_written and altered)
    assert outcome.reward == float(outcome.solved)
    assert 0.0 <= outcome.share <= 1.0
    assert outcome.solved or outcome.share < 1.0 or outcome.reason == "pass_to_pass_failed"
