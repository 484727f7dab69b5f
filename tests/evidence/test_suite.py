"""Which tests decide a target: those that pass every time and run its own lines; never by how long they took."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.scripted import CRASHED, TIMED_OUT, Script, environment, played
from ttc_data.evidence.stability import variation
from ttc_data.evidence.suite import Chosen, Reached, Remarks, Subject, last_lines, repeat_suite, run_suite
from ttc_data.records import FileText, Need, Reject, Suite, Target, TestOutcome, TestReach, Variation
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, Report, TestResult

RULES = TestRules(runs=3)


def target(name: str, lines: tuple[int, int]) -> Target:
    return Target(
        "source", "m.py", name, "function", False, lines, f"def {name}():", "Doc.", (0, 1), ((1, 2),), (lines,)
    )


F, G = target("f", (2, 4)), target("g", (7, 9))


def subject(doctests: Mapping[str, FileText] | None = None) -> Subject:
    return Subject(environment(), (F, G), doctests or {})


def suite_of(
    outcomes: Mapping[str, TestOutcome],
    reach: Mapping[str, Sequence[str]],
    doctests: Mapping[str, FileText] | None = None,
) -> Suite:
    script = Script([lambda job: played(job, outcomes, reach)])
    (suite,) = run_suite(subject(doctests), script, RULES)
    assert isinstance(suite, Suite)
    return suite


def test_the_whole_suite_runs_once_with_the_lines_of_every_target() -> None:
    script = Script([lambda job: played(job, {"test_m.py::a": "passed"})])
    list(run_suite(subject(), script, RULES))
    (job,) = script.jobs
    assert job.tests is None
    assert job.test_files == ("test_m.py",)
    assert job.cover == {"m.py": {F.key: F.body_lines, G.key: G.body_lines}}
    assert job.args == environment().pytest_args
    assert (job.hash_seed, job.timeout_s, job.test_timeout_s) == (0, RULES.suite_timeout_s, RULES.test_timeout_s)


def test_only_tests_that_passed_are_kept_sorted_with_what_they_reach() -> None:
    outcomes: dict[str, TestOutcome] = {
        "test_m.py::z": "passed", "test_m.py::a": "passed", "test_m.py::fails": "failed", "test_m.py::skips": "skipped",
        "test_m.py::xfails": "xfailed", "test_m.py::errs": "error", "test_m.py::with blank": "passed",
    }  # fmt: skip
    suite = suite_of(outcomes, {F.key: list(outcomes), G.key: ["test_m.py::z"]})
    both = tuple(sorted((F.key, G.key)))
    assert suite.passed == (
        TestReach("test_m.py::a", (F.key,)),
        TestReach("test_m.py::with blank", (F.key,)),
        TestReach("test_m.py::z", both),
    )


def test_a_doctest_counts_for_its_own_target_alone() -> None:
    """The examples of f may call g, yet whoever answers g never saw them."""
    doctests = {F.key: FileText("ttc_doctests/test_f.py", "...")}
    name = "ttc_doctests/test_f.py::test_docstring_examples"
    suite = suite_of(
        {name: "passed", "test_m.py::a": "passed"}, {F.key: [name], G.key: [name, "test_m.py::a"]}, doctests
    )
    assert suite.passed == (TestReach("test_m.py::a", (G.key,)), TestReach(name, (F.key,)))


def test_a_suite_without_a_passing_test_is_a_reject_with_its_last_lines() -> None:
    usage = replace(CRASHED, exit=4, ended=True, output="ERROR: unknown option")
    unread = replace(usage, exit=2, collect_errors=(("test_m.py", "ModuleNotFoundError"),))
    empty = replace(usage, exit=5)
    failed = replace(usage, exit=1, tests=(TestResult("test_m.py::a", "failed", 0.1, ""),))
    for report, reason in (
        (TIMED_OUT, "suite_timed_out"), (CRASHED, "suite_crashes"), (usage, "pytest_does_not_start"),
        (unread, "tests_do_not_import"), (empty, "no_test_is_collected"), (failed, "no_test_passes"),
    ):  # fmt: skip
        (reject,) = run_suite(subject(), Script([lambda job, report=report: report]), RULES)  # type: ignore[misc]
        assert isinstance(reject, Reject)
        assert (reject.reason, reject.detail, reject.subject) == (reason, report.output, "owner/name")


def test_what_passed_before_a_suite_timed_out_is_kept() -> None:
    """A suite too long for its limit still has tests that decide."""

    def cut(job: Job) -> Report:
        whole = played(job, {"test_m.py::a": "passed"}, {F.key: ["test_m.py::a"]})
        return replace(whole, timed_out=True, ended=False, exit=-9, reach={})

    (suite,) = run_suite(subject(), Script([cut]), RULES)
    assert isinstance(suite, Suite)
    assert [reach.test for reach in suite.passed] == ["test_m.py::a"]


def test_a_repeat_runs_what_passed_under_another_hash_seed() -> None:
    outcomes: dict[str, TestOutcome] = {"test_m.py::a": "passed", "test_m.py::b": "passed", "test_m.py::c": "failed"}
    first = suite_of(outcomes, {})
    script = Script([lambda job: played(job, {**outcomes, "test_m.py::b": "failed"})])
    (again,) = repeat_suite(subject(), first, 2, script, RULES)
    (job,) = script.jobs
    assert job.tests == ("test_m.py::a", "test_m.py::b")
    assert (job.hash_seed, job.order, job.timezone, job.cover) == (2, 2, "HST10", {})
    assert (again.run, again.variation, again.needs) == (2, variation(2, environment()), ())
    assert [reach.test for reach in again.passed] == ["test_m.py::a"]
    assert again.key != first.key


def runs(first: dict[str, tuple[str, ...]], *others: set[str]) -> list[Suite]:
    passed = tuple(TestReach(test, keys) for test, keys in sorted(first.items()))
    suites = [Suite("environment", 0, Variation(), passed, (Need(G.key, "network"),))]
    for number, tests in enumerate(others, 1):
        again = tuple(TestReach(test, ()) for test in sorted(tests))
        suites.append(
            Suite("environment", number, replace(Variation(), order=number, days=400 * (number == 2)), again, ())
        )
    return suites


def test_a_test_that_fails_in_one_run_decides_nothing() -> None:
    suites = runs({"t.py::a": (F.key,), "t.py::flaky": (F.key,)}, {"t.py::a", "t.py::flaky"}, {"t.py::a"})
    assert Reached(suites).chosen(F, RULES) == Chosen(("t.py::a",), (), "")


def test_the_most_specific_tests_come_first_and_ties_go_by_name() -> None:
    first = {"t.py::both": (F.key, G.key), "t.py::z": (F.key,), "t.py::a": (F.key,), "u.py::far": (), "t.py::near": ()}
    suites = runs(first, set(first))
    chosen = Reached(suites).chosen(F, RULES)
    assert chosen.candidates == ("t.py::a", "t.py::z", "t.py::both")
    assert chosen.neighbours == ("t.py::near",)  # of the candidates' files only
    assert Reached(suites).chosen(F, TestRules(max_candidates=1)).candidates == ("t.py::a",)


def test_every_other_test_that_reaches_a_target_is_a_further_one_whatever_its_id() -> None:
    """Published ids are made of candidates and neighbours, so these stay what they were before such ids counted."""
    odd = ("t.py::a[man from space]", "t.py::b[" + "long" * 100 + "]")
    plain = {"t.py::c": (F.key,), "t.py::d": (F.key,), "t.py::both": (F.key, G.key), "t.py::near": ()}
    all_of_them = plain | dict.fromkeys(odd, (F.key,)) | {"t.py::not near": ()}
    rules = TestRules(max_candidates=2)
    before = Reached(runs(plain, set(plain))).chosen(F, rules)
    chosen = Reached(runs(all_of_them, set(all_of_them))).chosen(F, rules)
    assert chosen == replace(before, further=(*odd, "t.py::both"))
    assert (chosen.candidates, chosen.neighbours) == (("t.py::c", "t.py::d"), ("t.py::near",))


def test_neighbours_are_few_spread_out_and_never_reach_the_target() -> None:
    first: dict[str, tuple[str, ...]] = {f"t.py::n{number:02}": () for number in range(50)}
    first |= {f"t.py::f{number}": (F.key,) for number in range(4)}
    rules = TestRules(max_neighbours=10, max_candidates=2)
    chosen = Reached(runs(first, set(first))).chosen(F, rules)
    assert chosen.neighbours == tuple(f"t.py::n{number:02}" for number in range(0, 50, 5))
    assert Reached(runs(first, set(first))).chosen(F, TestRules(max_neighbours=0)).neighbours == ()


def test_a_target_that_nothing_reaches_has_no_tests() -> None:
    assert Reached(runs({"t.py::a": (F.key,)})).chosen(G, RULES) == Chosen((), (), "network")


def test_a_test_that_fails_when_the_date_is_put_forward_needs_a_clock() -> None:
    suites = runs({"t.py::a": (F.key,)}, {"t.py::a"}, set())
    assert Reached(suites).chosen(F, RULES) == Chosen((), (), "clock")


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "network"),
        ("_tkinter.TclError: no display name and no $DISPLAY environment variable", "display"),
        ("psycopg2.OperationalError: connection refused", "database"),
        ("AssertionError: assert 1 == 2", ""),
    ],
)
def test_what_failing_tests_asked_for_is_known_of_targets_that_only_they_reach(message: str, what: str) -> None:
    def failed(job: Job) -> Report:
        report = played(
            job,
            {"test_m.py::a": "failed", "test_m.py::b": "passed"},
            {F.key: ["test_m.py::a"], G.key: ["test_m.py::b"]},
        )
        return replace(report, tests=tuple(replace(test, message=message) for test in report.tests))

    (suite,) = run_suite(subject(), Script([failed]), RULES)
    assert isinstance(suite, Suite)
    assert suite.needs == ((Need(F.key, what),) if what else ())


def test_a_suite_that_does_not_bear_another_date_is_run_at_today_s() -> None:
    outcomes: dict[str, TestOutcome] = {"test_m.py::a": "passed", "test_m.py::b": "passed"}
    script = Script([lambda job: played(job, outcomes if not job.days else dict.fromkeys(outcomes, "failed"))])
    with_clock = replace(subject(), environment=replace(environment(), lock="time-machine==3.0\n"))
    (again,) = repeat_suite(with_clock, suite_of(outcomes, {}), 2, script, RULES)
    assert [job.days for job in script.jobs] == [400, 0]
    assert (again.variation.days, len(again.passed)) == (0, 2)


def test_the_choice_never_depends_on_order_or_on_measured_seconds() -> None:
    """Two machines run at different speeds; they choose the same tests."""
    outcomes: dict[str, TestOutcome] = {f"test_m.py::t{number}": "passed" for number in range(30)}
    reach = {F.key: list(outcomes)[::2], G.key: list(outcomes)[::3]}
    chosen = set()
    for seed in range(4):
        draw = random.Random(seed)

        def slow(job: Job, draw: random.Random = draw) -> Report:
            report = played(job, outcomes, reach)
            tests = [replace(test, seconds=draw.random()) for test in report.tests]
            draw.shuffle(tests)
            return replace(report, tests=tuple(tests), seconds=draw.random())

        (first,) = run_suite(subject(), Script([slow]), RULES)
        assert isinstance(first, Suite)
        suites = [first, *(next(repeat_suite(subject(), first, number, Script([slow]), RULES)) for number in (1, 2))]
        draw.shuffle(suites)
        chosen.add((Reached(suites).chosen(F, RULES), Reached(suites).chosen(G, RULES)))
    assert len(chosen) == 1


def test_what_a_reject_quotes_is_the_same_in_every_run() -> None:
    """Two builds of the same inputs write the same rejects, byte for byte."""
    said = "<Thing at 0x7f3a00> differs\n1 failed, 2 passed in 0.35s\n3 failed in 61.20s (0:01:01)\n"
    report = Report((), (), (), 1, True, False, 0.0, said)
    assert last_lines(report) == "<Thing> differs | 1 failed, 2 passed | 3 failed"


def test_a_reject_says_which_test_was_dropped_and_in_which_run_it_failed() -> None:
    suites = runs({"t.py::a": (F.key,), "t.py::flaky": (F.key,)}, {"t.py::a", "t.py::flaky"}, {"t.py::a"})
    reached = Reached(suites)
    assert reached.remarks(F.key).text == (
        "t.py::flaky was dropped: it passes as collected, not in run 3 (order 2, days 400)"
    )
    assert reached.remarks(G.key) == Remarks()


def test_of_many_dropped_tests_a_reject_names_three() -> None:
    first: dict[str, tuple[str, ...]] = {f"t.py::t{number}": (F.key,) for number in range(5)}
    said = Reached(runs(first, set())).remarks(F.key).text
    assert said.count(" was dropped: ") == 3
    assert said.endswith("; 2 more tests like these")


def test_tests_that_switch_measurement_off_are_named_where_nothing_else_reaches_a_target() -> None:
    def untraced(job: Job) -> Report:
        report = played(job, {"test_m.py::a": "passed", "test_m.py::off": "passed"}, {F.key: ["test_m.py::a"]})
        return replace(report, untraced=("test_m.py::off",))

    (suite,) = run_suite(subject(), Script([untraced]), RULES)
    assert isinstance(suite, Suite)
    assert suite.untraced == ("test_m.py::off",)
    assert Reached([suite]).remarks(F.key) == Remarks()
    assert Reached([suite]).remarks(G.key).text == "test_m.py::off switches the measurement of lines off"


def test_a_session_with_coverage_ends_by_itself_and_what_it_left_is_told_of_targets_that_nothing_reaches() -> None:
    def late(job: Job) -> Report:
        report = played(job, {"test_m.py::a": "passed"}, {F.key: ["test_m.py::a"]})
        return replace(report, late=2)

    script = Script([late])
    (suite,) = run_suite(subject(), script, RULES)
    assert isinstance(suite, Suite)
    until = script.jobs[0].begin_until_s
    assert 0 < until < RULES.suite_timeout_s - RULES.test_timeout_s
    assert suite.late == 2
    assert Reached([suite]).remarks(F.key) == Remarks()
    assert Reached([suite]).remarks(G.key).text == "2 tests did not begin within tests.suite_timeout_s"
    list(repeat_suite(subject(), suite, 1, script, RULES))
    assert script.jobs[1].begin_until_s == 0


def test_a_target_that_only_a_started_process_may_run_has_a_reason_of_its_own() -> None:
    def starting(job: Job) -> Report:
        outcomes: dict[str, TestOutcome] = {
            "test_m.py::a": "passed",
            "test_m.py::cli": "passed",
            "test_m.py::off": "failed",
        }
        report = played(job, outcomes, {F.key: ["test_m.py::a"]})
        return replace(report, starting=("test_m.py::cli", "test_m.py::off"))

    (suite,) = run_suite(subject(), Script([starting]), RULES)
    assert isinstance(suite, Suite)
    reached = Reached([suite])
    assert reached.remarks(F.key) == Remarks()
    said = "test_m.py::cli starts a process, which is not measured"
    assert reached.remarks(G.key) == Remarks("only_processes_may_run_it", said)
    reject = Reject("key", "specify", "no_test_reaches_it", "2 test files")
    assert reached.remarks(G.key).on(reject) == Reject(
        "key", "specify", "only_processes_may_run_it", f"2 test files; {said}"
    )
    assert reached.remarks(G.key).on(replace(reject, reason="weak_tests")).reason == "weak_tests"
