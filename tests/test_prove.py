"""A sample is published when it was seen to pass with its reference, every time, and to fail without."""

from __future__ import annotations

import re
import runpy
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.scripted import CRASHED, TIMED_OUT, Script, environment, played
from ttc_data.edits import unified_diff
from ttc_data.evidence.budget import short_enough
from ttc_data.evidence.stability import variation
from ttc_data.prove import ProofCase, Prover, prove, reference_file
from ttc_data.records import Environment, Evidence, FileText, Reject, Sample, Target, TestOutcome
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, Report

REFERENCE = "def f():\r\n    return 1  # \u00fc\n"
MASKED = "def f():\r\n    raise NotImplementedError\n"
RULES = TestRules(runs=3, mutants=0)
TARGET = Target(
    source_key="source", path="m.py", qualname="f", kind="function", is_async=False, span=(0, 30), signature="def f():",
    docstring="", docstring_span=(0, 0), bodies=((11, 25),), body_lines=((2, 2),),
)  # fmt: skip
A, B, N = "test_m.py::a", "test_m.py::b", "test_m.py::n"
D = "ttc_doctests/test_f.py::test_docstring_examples"


def sample(candidates: tuple[str, ...] = (A, B), neighbours: tuple[str, ...] = (N,), doctest: bool = False) -> Sample:
    return Sample(
        target_key="target", source_key="source", environment_key=environment().key, spec_key="spec", mask="body",
        path="m.py", qualname="f", masked=MASKED, interface="", patch=unified_diff({"m.py": MASKED}, {"m.py": REFERENCE}),
        tests=(FileText("ttc_doctests/test_f.py", "# examples"),) if doctest else (), candidates=candidates,
        neighbours=neighbours, spec_overlap=0.0, needs="",
    )  # fmt: skip


def plays(**outcomes: TestOutcome) -> Callable[[Job], Report]:
    """Outcomes by the last letter of the test's name."""
    names = {"a": A, "b": B, "n": N, "d": D}
    return lambda job: played(job, {names[name]: outcome for name, outcome in outcomes.items()})


def proven(
    script: Script, of: Sample | None = None, texts: Mapping[str, str] | None = None, rules: TestRules = RULES
) -> Evidence | Reject:
    (found,) = prove(case(of or sample(), rules, texts or {}), Prover(script, no_versions, rules, 0))
    return found


def case(of: Sample, rules: TestRules, texts: Mapping[str, str]) -> ProofCase:
    variations = [variation(number, environment()) for number in range(rules.runs)]
    return ProofCase(of, TARGET, environment(), variations, texts, {})


def no_versions(environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
    raise AssertionError("no mutants are asked for")


def reason(script: Script, of: Sample | None = None) -> str:
    found = proven(script, of)
    assert isinstance(found, Reject)
    assert found.key == (of or sample()).key
    assert found.stage == "prove"
    assert found.subject == "owner/name m.py::f"
    return found.reason


def test_tests_that_the_masked_file_fails_decide_and_the_others_must_go_on_passing() -> None:
    script = Script([plays(a="failed", b="error", n="passed"), plays(a="passed", b="passed", n="passed")])
    found = proven(script)
    assert isinstance(found, Evidence)
    assert found.fail_to_pass == (A, B)
    assert found.pass_to_pass == (N,)
    assert [run.passed for run in found.gold] == [True] * 3
    assert [run.variation.order for run in found.gold] == [0, 1, 2]
    assert found.verdict.status == "valid"
    assert found.test_origin == "repository"
    assert found.line_coverage == 0.75
    assert found.branch_coverage == 1.0, "the report tells of none"
    assert found.key == sample().key


def test_the_masked_file_runs_once_and_the_reference_under_every_seed() -> None:
    script = Script([plays(a="failed", b="failed", n="passed"), plays(a="passed", b="passed", n="passed")])
    proven(script, sample(doctest=True))
    assert [job.files["m.py"] for job in script.jobs] == [MASKED, REFERENCE, REFERENCE, REFERENCE]
    assert [job.hash_seed for job in script.jobs] == [0, 1, 2, 0]
    assert [job.order for job in script.jobs] == [0, 1, 2, 0]
    assert {job.timezone for job in script.jobs} == {"UTC", "NPT-5:45", "HST10"}
    assert not any(job.cover for job in script.jobs[:-1])
    assert script.jobs[-1].branches
    assert script.jobs[-1].cover == {"m.py": {TARGET.key: TARGET.body_lines}}
    for job in script.jobs:
        assert job.tests == (A, B, N)
        assert job.test_files == ("test_m.py",)
        assert job.files["ttc_doctests/test_f.py"] == "# examples"
        assert (job.timeout_s, job.test_timeout_s) == (RULES.sample_timeout_s, RULES.test_timeout_s)


def test_a_candidate_that_passes_without_the_body_only_has_to_go_on_passing() -> None:
    script = Script([plays(a="failed", b="passed", n="passed"), plays(a="passed", b="passed", n="passed")])
    found = proven(script)
    assert isinstance(found, Evidence)
    assert (found.fail_to_pass, found.pass_to_pass) == ((A,), (B, N))


def test_a_neighbour_that_fails_without_the_body_decides_too() -> None:
    """Coverage did not see it reach the target, a subprocess may have; execution says that it does."""
    script = Script([plays(a="failed", b="failed", n="failed"), plays(a="passed", b="passed", n="passed")])
    found = proven(script)
    assert isinstance(found, Evidence)
    assert found.fail_to_pass == (A, B, N)


def test_a_flaky_test_is_in_neither_list() -> None:
    steady = plays(a="passed", b="passed", n="passed")
    for flaky in (plays(a="passed", b="failed", n="passed"), plays(a="passed", b="skipped", n="passed")):
        found = proven(Script([plays(a="failed", b="failed", n="passed"), steady, flaky, steady]))
        assert isinstance(found, Evidence)
        assert (found.fail_to_pass, found.pass_to_pass) == ((A,), (N,))
        assert all(run.passed for run in found.gold)


def test_a_test_that_the_last_run_loses_is_dropped_and_not_the_row() -> None:
    steady = plays(a="passed", b="passed", n="passed")
    last = plays(a="passed", b="failed", n="passed")
    script = Script([plays(a="failed", b="failed", n="passed"), steady, steady, last, last])
    found = proven(script)
    assert isinstance(found, Evidence)
    assert (found.fail_to_pass, found.pass_to_pass) == ((A,), (N,))
    assert all(run.passed for run in found.gold)
    assert script.jobs[-1].tests == (A, N)
    worse = plays(a="failed", b="failed", n="passed")
    assert reason(Script([plays(a="failed", b="failed", n="passed"), steady, steady, last, worse])) == "reference_fails"


def test_an_expected_failure_counts_as_passed() -> None:
    script = Script([plays(a="failed", b="failed", n="xfailed"), plays(a="passed", b="xfailed", n="xfailed")])
    found = proven(script)
    assert isinstance(found, Evidence)
    assert (found.fail_to_pass, found.pass_to_pass) == ((A, B), (N,))


def test_a_masked_file_that_passes_everything_is_no_task() -> None:
    script = Script([plays(a="passed", b="passed", n="passed")])
    assert reason(script) == "masked_passes"
    assert len(script.jobs) == 1


@pytest.mark.parametrize("outcome", ["failed", "error", "skipped", "xpassed"])
def test_a_reference_that_does_not_pass_is_no_reference(outcome: TestOutcome) -> None:
    script = Script([plays(a="failed", b="failed", n="passed"), plays(a=outcome, b=outcome, n="passed")])
    assert reason(script) == "reference_fails"


def test_a_reference_that_passes_two_times_of_three_is_no_reference() -> None:
    steady = plays(a="passed", n="passed")
    script = Script([plays(a="failed", n="passed"), steady, steady, plays(a="failed", n="passed")])
    assert reason(script, sample(candidates=(A,))) == "reference_fails"


def test_tests_that_are_missing_from_the_report_did_not_pass() -> None:
    script = Script([plays(a="failed", b="failed", n="passed"), plays(n="passed")])
    assert reason(script) == "reference_fails"


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ([TIMED_OUT], "masked_times_out"),
        ([CRASHED], "masked_session_did_not_end"),
        ([None, TIMED_OUT], "reference_times_out"),
        ([None, CRASHED], "reference_session_did_not_end"),
    ],
)
def test_a_session_that_did_not_end_is_named(answers: list[Report | None], named: str) -> None:
    """Nothing is believed of it, the tests that passed before included."""
    fails = plays(a="failed", b="failed", n="passed")

    def scene(answer: Report | None) -> Callable[[Job], Report]:
        return (lambda job: answer) if answer else fails

    assert reason(Script([scene(answer) for answer in answers])) == named


def test_a_report_that_contradicts_itself_proves_nothing() -> None:
    fails = plays(a="failed", b="failed", n="passed")
    steady = plays(a="passed", b="passed", n="passed")
    assert reason(Script([lambda job: replace(fails(job), exit=0)])) == "masked_tampered"
    assert reason(Script([fails, steady, lambda job: replace(steady(job), exit=1)])) == "reference_tampered"


def test_what_is_further_decides_too_and_leaves_the_id_as_it_is() -> None:
    more = replace(
        sample(candidates=(A,)), further=(B, D), further_tests=(FileText(D.partition("::")[0], "# examples"),)
    )
    assert more.key == sample(candidates=(A,)).key
    assert replace(more, candidates=(A, B)).key != more.key
    script = Script(
        [plays(a="failed", b="failed", d="passed", n="passed"), plays(a="passed", b="passed", d="passed", n="passed")]
    )
    found = proven(script, more)
    assert isinstance(found, Evidence)
    assert (found.fail_to_pass, found.pass_to_pass) == ((A, B), (N, D))
    assert found.first_look == (A, B), "without mutants there is nothing to choose by"
    assert found.tests == more.further_tests
    script.jobs.clear()
    alone = proven(script, replace(more, candidates=()))
    assert isinstance(alone, Evidence)
    assert alone.fail_to_pass == (B,)


def test_further_tests_with_which_a_session_does_not_end_are_left_out() -> None:
    def hangs(job: Job) -> Report:
        return TIMED_OUT if B in (job.tests or ()) else FAILS(job)

    for scenes in ([hangs, FAILS, STEADY], [FAILS, lambda job: CRASHED, FAILS, STEADY]):
        found = proven(Script(scenes), replace(sample(candidates=(A,)), further=(B,)))
        assert isinstance(found, Evidence)
        assert (found.fail_to_pass, found.pass_to_pass, found.left_out) == ((A,), (N,), (B,))


def test_tests_that_do_not_fit_are_left_out_and_named() -> None:
    def timed(job: Job, **seconds: float) -> Report:
        report = STEADY(job)
        tests = tuple(replace(test, seconds=seconds.get(test.id[-1], 0.0)) for test in report.tests)
        return replace(report, tests=tests)

    # The shortest time of two runs counts: a machine that was busy for a moment takes no test away.
    script = Script([FAILS, lambda job: timed(job, a=9, b=3), lambda job: timed(job, a=3, b=9), STEADY])
    found = proven(script, rules=TestRules(runs=4, mutants=0, max_run_s=5))
    assert isinstance(found, Evidence)
    assert (found.fail_to_pass, found.pass_to_pass, found.left_out) == ((A,), (N,), (B,))
    assert script.jobs[3].tests == (A, N)


def test_small_differences_in_time_change_nothing() -> None:
    job = Job(("t.py",), tuple(f"t.py::t{number}" for number in range(8_000)))

    def kept(least: float, most: float) -> int:
        draw = Random(least)
        report = played(job, dict.fromkeys(job.tests or (), "passed"))
        tests = tuple(replace(test, seconds=draw.uniform(least, most)) for test in report.tests)
        return len(short_enough(job.tests or (), [replace(report, tests=tests)], 5.0))

    assert kept(0.0, 0.0005) == kept(0.0005, 0.0009) == 5 * 1024
    assert kept(0.005, 0.006) == kept(0.006, 0.0077) == 5 * 128


def test_a_doctest_alone_is_named_as_the_origin() -> None:
    script = Script([plays(d="failed", n="passed"), plays(d="passed", n="passed")])
    found = proven(script, sample(candidates=(D,), doctest=True))
    assert isinstance(found, Evidence)
    assert found.test_origin == "doctest"
    script = Script([plays(a="failed", d="failed", n="passed"), plays(a="passed", d="passed", n="passed")])
    both = proven(script, sample(candidates=(A, D), doctest=True))
    assert isinstance(both, Evidence)
    assert both.test_origin == "repository"


def test_the_reference_is_what_the_patch_makes_byte_for_byte() -> None:
    assert reference_file(sample()) == REFERENCE


# Tripwires

TESTS = """\
def a():
    assert f() == 1

def b():
    assert f() + 1 == 2
    assert f() > 0

def n():
    assert 1 == 1
"""
TWIN = re.escape(TESTS).replace(r"f\(\)\ ==\ 1", r"f\(\)\ ==\ [02-9]").replace(r"==\ 2", r"==\ [013-9]")
FAILS = plays(a="failed", b="failed", n="passed")
STEADY = plays(a="passed", b="passed", n="passed")


def runs(tests: str, solution: Callable[[], int] = lambda: 1) -> Callable[[Job], Report]:
    """Runs the functions of a test file, as it is in the job."""

    def answer(job: Job) -> Report:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "test_m.py"
            file.write_text(job.files.get("test_m.py") or tests, encoding="utf-8")
            names = runpy.run_path(str(file), {"f": solution})
        outcomes: dict[str, TestOutcome] = {}
        for name in ("a", "b", "n"):
            try:
                names[name]()
                outcomes[f"test_m.py::{name}"] = "passed"
            except AssertionError:
                outcomes[f"test_m.py::{name}"] = "failed"
        return played(job, outcomes)

    return answer


def tripwires(script: Script, tests: str = TESTS, most: int = 2) -> list[tuple[int, str, tuple[str, ...]]]:
    found = proven(script, texts={"test_m.py": tests}, rules=TestRules(runs=3, mutants=0, tripwires=most))
    assert isinstance(found, Evidence)
    return [(edit.line, edit.old, edit.tests) for edit in found.tripwires]


def test_a_twin_of_a_deciding_test_lies_in_its_place_and_fails_on_the_reference() -> None:
    script = Script([FAILS, STEADY, STEADY, runs(TESTS)])
    assert tripwires(script) == [(2, "1", (A,)), (5, "2", (B,))]
    assert len(script.jobs) == 6, "both are tried at once, and once more with other values"
    texts = set()
    for twin in script.jobs[3:5]:
        assert twin.tests == script.jobs[0].tests, "the code under test is given nothing to tell the sessions by"
        assert twin.test_files == script.jobs[0].test_files
        assert set(twin.files) == {"m.py", "test_m.py"}
        assert twin.files["m.py"] == REFERENCE
        assert twin.hash_seed == 0
        text = twin.files["test_m.py"] or ""
        assert re.fullmatch(TWIN, text)
        texts.add(text)
    assert len(texts) == 2


def test_a_place_that_the_reference_passes_with_another_value_is_no_tripwire() -> None:
    """`f() == 1 or 2` is true whatever stands there; where one value fails by chance, the next does not."""
    seen: list[str] = []

    def lucky(job: Job) -> Report:
        report = runs(TESTS)(job)
        text = job.files.get("test_m.py") or ""
        seen.append(text)
        if text and text != seen[0]:
            return replace(report, tests=tuple(replace(t, outcome="passed") if t.id == A else t for t in report.tests))
        return report

    script = Script([FAILS, STEADY, STEADY, lucky])
    assert tripwires(script) == [(5, "2", (B,))]
    assert len(script.jobs) == 7


def last_steady(answer: Callable[[Job], Report]) -> Callable[[Job], Report]:
    """Twins meet `answer`; the last run of the reference, which is asked for coverage, passes."""
    return lambda job: STEADY(job) if job.cover else answer(job)


def test_no_more_tripwires_are_kept_than_asked_for() -> None:
    assert tripwires(Script([FAILS, STEADY, STEADY, runs(TESTS)]), most=1) == [(2, "1", (A,))]
    script = Script([FAILS, STEADY, STEADY, STEADY])
    assert tripwires(script, most=0) == []
    assert len(script.jobs) == 4


def test_an_edit_that_the_reference_passes_is_replaced_by_the_next() -> None:
    tests = TESTS.replace("f() == 1", "f() == 1 or True").replace(
        "    assert f() == 1 or", "    if f() == 7:\n        assert f() == 7\n    assert f() == 1 or"
    )
    script = Script([FAILS, STEADY, STEADY, runs(tests)])
    assert tripwires(script, tests) == [(7, "2", (B,)), (4, "f() == 1 or True", (A,))]


def test_edits_that_end_the_session_are_tried_one_by_one_and_left_out() -> None:
    def broken(job: Job) -> Report:
        good = "f() == 1" in (job.files.get("test_m.py") or TESTS)
        return runs(TESTS)(job) if good else CRASHED

    script = Script([FAILS, STEADY, STEADY, broken])
    assert tripwires(script)[0] == (5, "2", (B,))


def test_a_sample_without_a_tripwire_is_still_proven() -> None:
    for answer in (STEADY, lambda job: CRASHED, lambda job: TIMED_OUT):
        script = Script([FAILS, STEADY, STEADY, last_steady(answer)])
        assert tripwires(script) == []
        assert len(script.jobs) <= 4 + 6
    assert tripwires(Script([FAILS, STEADY]), "not Python") == []


def test_an_edit_that_fails_tests_of_other_functions_names_them_too() -> None:
    tests = "def check(x, y):\n    assert x > y\n\n" + TESTS.replace("assert f() == 1", "check(f(), 0)").replace(
        "assert f() + 1 == 2\n    assert f() > 0", "check(f(), 0)"
    )
    assert tripwires(Script([FAILS, STEADY, STEADY, runs(tests)]), tests) == [(2, "x > y", (A, B))]
