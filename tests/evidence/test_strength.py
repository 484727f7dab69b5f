"""Strength is what the tests notice: trivial bodies all, mutants at a stated rate, with as few tests as notice as much."""

from __future__ import annotations

import runpy
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scripted import CRASHED, TIMED_OUT, Script, environment, played
from tests.test_prove import case
from ttc_data.cover import fewest
from ttc_data.edits import unified_diff
from ttc_data.evidence.strength import Measuring, score
from ttc_data.extract import extract
from ttc_data.prove import Prover, ids_of, prove
from ttc_data.records import Environment, Evidence, FileText, Mutation, Reject, Sample, Source, Target, TestOutcome
from ttc_data.rules import ExtractRules, TestRules
from ttc_data.sandbox.protocol import Job, Report, RunVersions

TEXT = '''\
def clamp(x, low, high):
    """Give x, or the nearer of the two bounds that it lies outside of."""
    if x < low:
        return low
    if x > high:
        return high
    return x
'''
CHECKS: dict[str, Callable[[Callable[[int, int, int], int]], bool]] = {
    "test_m.py::inside": lambda clamp: clamp(3, 1, 5) == 3,
    "test_m.py::low": lambda clamp: clamp(0, 1, 5) == 1,
    "test_m.py::high": lambda clamp: clamp(9, 1, 5) == 5,
    "test_m.py::any": lambda clamp: clamp(3, 1, 5) is not None,
}
SOURCE = Source("git", "owner/name", "1", "MIT", "git:x", "0" * 64, 1, 1, "")
TARGET = next(
    one
    for one in extract(SOURCE, [("m.py", TEXT.encode())], ExtractRules(min_docstring_chars=1))
    if isinstance(one, Target)
)
RULES = TestRules(runs=2, redundancy=1)


def checked(job: Job, text: str) -> Report:
    """Runs the named checks on a text of the module, up to so many failures as the job allows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "m.py")
        file.write_text(text, encoding="utf-8")
        clamp = runpy.run_path(str(file))["clamp"]
    outcomes: dict[str, TestOutcome] = {}
    for test in (*(job.tests or ()), *job.further):
        if test in job.further and "failed" in map(outcomes.get, job.tests or ()):
            break
        try:
            outcomes[test] = "passed" if CHECKS[test](clamp) else "failed"
        except (ArithmeticError, AssertionError, LookupError, NameError, RuntimeError, TypeError, ValueError):
            outcomes[test] = "failed"
        if job.most_failures and list(outcomes.values()).count("failed") == job.most_failures:
            break
    return played(job, outcomes)


def on_versions(environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
    return [checked(job, version["m.py"]) for version in versions]


def measuring(
    job: Job,
    rules: TestRules = RULES,
    took_s: float = 0.1,
    run: RunVersions = on_versions,
    further: tuple[str, ...] = (),
) -> Measuring:
    report = replace(played(job, dict.fromkeys(job.tests or (), "passed")), seconds=took_s)
    return Measuring(TARGET, environment(), job, further, frozenset(), report, rules, 0, run)


def measured(*tests: str, rules: TestRules = RULES) -> tuple[list[str], tuple[Mutation, ...]]:
    job = Job(test_files=("test_m.py",), tests=tests)
    strength = measuring(job, rules).measure(TEXT)
    return strength.passed(tests), strength.mutations(tests)


def test_tests_that_look_at_every_case_notice_every_change() -> None:
    stubs, mutations = measured("test_m.py::inside", "test_m.py::low", "test_m.py::high")
    assert stubs == []
    assert {one.operator for one in mutations} >= {"comparison", "return_value"}
    survivors = {(one.operator, one.old) for one in mutations if one.fate == "survived"}
    assert survivors <= {("boundary", "<"), ("boundary", ">")}, "at the bound itself both give the same"
    assert score(mutations) >= 0.7


def test_a_test_that_asks_for_anything_at_all_notices_little() -> None:
    stubs, mutations = measured("test_m.py::any")
    assert any("first_argument" in name for name in stubs)
    assert score(mutations) < 0.5


def test_a_version_that_hangs_or_crashes_is_noticed_by_a_limit_and_counted_apart() -> None:
    for report in (TIMED_OUT, CRASHED):
        job = Job(test_files=("test_m.py",), tests=("test_m.py::any",))
        strength = measuring(job, run=lambda *given, report=report: [report] * len(given[2])).measure(TEXT)
        mutations = strength.mutations(["test_m.py::any"])
        assert {one.fate for one in mutations} == {"limit"}
        assert score(mutations) == 1.0


def test_what_the_tests_expect_is_a_trivial_body() -> None:
    job = Job(test_files=("test_m.py",), tests=("test_m.py::inside", "test_m.py::low"))
    strength = replace(measuring(job), expected=("3", "3", "1", "low + 1", "'a'")).measure(TEXT)
    passed = {baseline.name: baseline.passed for baseline in strength.baselines(job.tests or ())}
    assert passed["return_expected:3"] == ("test_m.py::inside",)
    assert passed["return_expected:'a'"] == ()
    assert "return_expected:1" not in passed, "one of each type"


@given(st.integers(1, 8), st.lists(st.frozensets(st.integers(0, 7)), max_size=12), st.integers(1, 3))
def test_fewer_tests_notice_every_change_as_often_up_to_the_redundancy(
    count: int, changes: list[frozenset[int]], redundancy: int
) -> None:
    tests = [f"t{number}" for number in range(count)]
    notices = [frozenset(f"t{number}" for number in change) for change in changes]
    chosen = fewest(tests, notices, redundancy)
    assert list(chosen) == [test for test in tests if test in chosen]
    for noticed in notices:
        assert len(noticed & set(chosen)) >= min(redundancy, len(noticed & set(tests)))
    assert chosen == fewest(tests, notices, redundancy)


def test_a_test_that_adds_nothing_is_left_out() -> None:
    notices = [frozenset({"a", "b"}), frozenset({"b", "c"}), frozenset({"b"})]
    assert fewest(["a", "b", "c"], notices, 1) == ("b",)
    assert fewest(["a", "b", "c"], notices, 2) == ("a", "b", "c")
    assert fewest(["a", "b"], [], 2) == ("a", "b"), "nothing to tell them by"


def test_a_trivial_body_runs_to_the_end_and_what_it_passes_is_kept() -> None:
    names = ("low", "high", "any", "inside")
    tests = tuple(f"test_m.py::{name}" for name in names)
    found = {one.name: one.passed for one in measuring(Job(("test_m.py",), tests)).measure(TEXT).baselines(tests)}
    assert found["return_first_argument"] == ("test_m.py::any", "test_m.py::inside")
    assert found["raise_not_implemented"] == ()
    hung = measuring(Job(("test_m.py",), tests), run=lambda *given: [TIMED_OUT] * len(given[2])).measure(TEXT)
    assert {one.passed for one in hung.baselines(tests)} == {()}


def test_further_tests_meet_what_no_other_test_notices_and_nothing_else() -> None:
    near, further = ("test_m.py::low", "test_m.py::any"), ("test_m.py::high", "test_m.py::inside")
    jobs: list[tuple[tuple[str, ...] | None, tuple[str, ...], int]] = []

    def run(environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
        jobs.append((job.tests, job.further, len(versions)))
        return on_versions(environment, job, versions, key)

    strength = measuring(Job(("test_m.py",), (*near, *further)), run=run, further=further).measure(TEXT)
    (*mutants, _), (*bodies, count), (*passing, survivors) = jobs
    assert (mutants, bodies, passing) == ([near, further], [near, ()], [further, ()])
    assert 0 < survivors < count, "a trivial body that fails one of the near tests is not run on the others"
    met = [(set(near) & noticed, set(further) & noticed) for _, noticed, _ in strength.mutants if noticed]
    assert {(bool(one), bool(other)) for one, other in met} == {(True, False), (False, True)}
    assert score(strength.mutations((*near, *further))) > score(strength.mutations(near))


def test_what_a_trivial_body_passes_is_said_of_the_tests_that_it_met() -> None:
    near, further = ("test_m.py::low",), ("test_m.py::any",)
    measured = measuring(Job(("test_m.py",), (*near, *further)), further=further)
    strength = measured.measure(TEXT)
    name = "return_first_argument"
    assert {one.name: one.passed for one in strength.baselines((*near, *further))}[name] == ()
    more = measured.with_trivial_bodies_on(further, strength)
    assert {one.name: one.passed for one in more.baselines((*near, *further))}[name] == further


@pytest.mark.parametrize("hanging", ["", "return high"], ids=["none", "one"])
def test_a_trivial_body_says_the_same_of_tests_that_it_met_before_it_had_to(hanging: str) -> None:
    """One that hangs with the tests beside meets the others alone, as it would have."""
    near, further = ("test_m.py::low",), ("test_m.py::any", "test_m.py::high")
    jobs: list[Job] = []

    def run(environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
        jobs.append(job)
        last = [version["m.py"].rpartition('"""')[2].strip() for version in versions]
        done = zip(last, on_versions(environment, job, versions, key), strict=True)
        return [TIMED_OUT if body == hanging and job.tests == (*near, *further) else report for body, report in done]

    later = measuring(Job(("test_m.py",), (*near, *further)), run=run, further=further)
    told, sessions = [], []
    for measurer in (later, replace(later, likely=lambda notices: further)):
        strength = measurer.measure(TEXT)
        jobs.clear()
        told.append((strength.stubs, measurer.with_trivial_bodies_on(further[:1], strength).stubs))
        sessions.append(len(jobs))
    assert (told[0], sessions) == (told[1], [1, 1 if hanging else 0])


def test_a_value_that_no_test_looks_at_is_unasserted() -> None:
    def unasserted(*tests: str) -> bool:
        return not measuring(Job(("test_m.py",), tests)).measure(TEXT).asserts_values(tests)

    CHECKS["test_m.py::runs"] = lambda clamp: clamp(3, 1, 5) is None or True
    CHECKS["test_m.py::whole"] = lambda clamp: isinstance(clamp(3, 1, 5), int)
    assert unasserted("test_m.py::runs")
    assert unasserted("test_m.py::any"), "another number is no None either"
    assert unasserted("test_m.py::whole"), "another number is a number too"
    assert not unasserted("test_m.py::any", "test_m.py::low")


# In the proof


@dataclass
class Written:
    """Calls that someone has made up."""

    file: FileText | None
    new_texts: tuple[str, ...] = ()
    """What stands in those changes that do what the reference does."""
    told: tuple[int, int] = (3, 2)
    meant: FileText | None = None
    """Of the calls that somebody means."""
    joining: FileText | None = None
    """Of these, and of the calls that tell a surviving mutant from the reference."""

    def tests(self) -> FileText | None:
        return self.file

    def written(self, versions: Sequence[str] = ()) -> FileText | None:
        assert not any(self.alike(versions))
        return self.joining if versions else self.meant

    def alike(self, versions: Sequence[str]) -> list[bool]:
        return [any(one in text for one in self.new_texts) for text in versions]


def proven(
    *candidates: str,
    rules: TestRules = RULES,
    written: FileText | None = None,
    alike: tuple[str, ...] = (),
    meant: FileText | None = None,
    joining: FileText | None = None,
) -> Evidence | Reject:
    sample = Sample(
        target_key=TARGET.key, source_key="source", environment_key=environment().key, spec_key="spec", mask="body",
        path="m.py", qualname="clamp", masked=MASKED_CLAMP, interface="",
        patch=unified_diff({"m.py": MASKED_CLAMP}, {"m.py": TEXT}), tests=(), candidates=candidates, neighbours=(),
        spec_overlap=0.0, needs="",
    )  # fmt: skip
    of = case(sample, rules, {})
    script = Script([in_session])
    prover = Prover(script, on_versions, rules, 0)
    calls = Written(written, alike, meant=meant, joining=joining)
    (found,) = prove(type(of)(sample, TARGET, of.environment, of.variations, {}, {}), prover, calls)
    return found


def in_session(job: Job) -> Report:
    """What a session tells; one with a test of that name hangs."""
    report = checked(job, job.files["m.py"] or "")
    return replace(report, timed_out=True) if any("hangs" in test for test in job.tests or ()) else report


def test_a_mutant_that_no_test_notices_and_that_does_the_same_is_marked_and_counts_as_before() -> None:
    tests = ("test_m.py::inside", "test_m.py::low", "test_m.py::high")
    plain, marked = proven(*tests), proven(*tests, alike=("x <= low",))
    assert isinstance(plain, Evidence)
    assert isinstance(marked, Evidence)
    fates = {(one.old, one.new): one.fate for one in marked.mutants}
    assert {one.fate for one in plain.mutants} == {"killed", "survived"}
    assert {change for change, fate in fates.items() if fate == "equivalent"} == {("<", "<=")}
    assert "survived" in fates.values()
    assert score(marked.mutants) == score(plain.mutants)


MASKED_CLAMP = TEXT.split("    if x <")[0] + "    raise NotImplementedError\n"


def test_a_row_keeps_every_test_and_says_which_few_notice_as_much() -> None:
    found = proven("test_m.py::any", "test_m.py::inside", "test_m.py::low", "test_m.py::high")
    assert isinstance(found, Evidence)
    assert found.fail_to_pass == ("test_m.py::any", "test_m.py::inside", "test_m.py::low", "test_m.py::high")
    assert {"test_m.py::low", "test_m.py::high"} <= set(found.first_look)
    assert set(found.first_look) < set(found.fail_to_pass)
    assert all(set(one.tests) <= set(found.fail_to_pass) for one in found.mutants)
    assert "return_first_argument" in found.stubs


def test_tests_that_a_trivial_body_passes_decide_nothing() -> None:
    found = proven("test_m.py::any")
    assert isinstance(found, Reject)
    assert found.reason == "stub_passes"


def test_tests_below_the_bar_decide_nothing() -> None:
    found = proven("test_m.py::low", rules=TestRules(runs=2, min_mutation_score=1.0))
    assert isinstance(found, Reject)
    assert found.reason in ("weak_tests", "stub_passes")


def test_tests_that_look_at_no_value_decide_nothing_unless_written_ones_do() -> None:
    """`semver.match` was a row whose tests asked only for its deprecation warning: `raise ValueError` passed too."""

    def refuses(clamp: Callable[..., int]) -> bool:
        with suppress(TypeError):
            clamp(3, None, 5)
            return False
        return clamp(3, 1, 5) is not None

    CHECKS["test_m.py::shape"] = refuses
    CHECKS["ttc_generated/test_m.py::test_low"] = CHECKS["test_m.py::low"]
    rules = TestRules(runs=2, redundancy=1, min_mutation_score=0)
    found = proven("test_m.py::shape", rules=rules)
    assert isinstance(found, Reject)
    assert (found.reason, found.detail.partition(":")[0]) == ("weak_tests", "no test asserts the value that it gives")
    file = FileText("ttc_generated/test_m.py", "def test_low():\n    pass\n")
    mended = proven("test_m.py::shape", rules=rules, written=file)
    assert isinstance(mended, Evidence)
    assert mended.fail_to_pass == ("test_m.py::shape", "ttc_generated/test_m.py::test_low")


def test_written_tests_take_the_place_of_weak_ones() -> None:
    tests = ("inside", "low", "high")
    file = written_of(*tests)
    assert ids_of(file) == [f"ttc_generated/test_m.py::test_{name}" for name in tests]
    for candidates in ((), ("test_m.py::any",)):
        found = proven(*candidates, written=file)
        assert isinstance(found, Evidence)
        assert found.tests == (file,)
        assert found.test_origin == "generated"
    nothing = proven()
    assert isinstance(nothing, Reject)
    assert nothing.reason == "no_test_reaches_it"


def written_of(*names: str) -> FileText:
    CHECKS.update({f"ttc_generated/test_m.py::test_{name}": CHECKS.get(f"test_m.py::{name}", bool) for name in names})
    return FileText("ttc_generated/test_m.py", "".join(f"def test_{name}():\n    pass\n\n\n" for name in names))


def test_a_written_test_joins_strong_ones_where_a_call_tells_a_survivor_from_the_reference() -> None:
    tests, same = ("test_m.py::low", "test_m.py::high"), ("x <= low", "x >= high")
    file = written_of("inside")
    alone, joined = proven(*tests, alike=same), proven(*tests, alike=same, joining=file)
    assert isinstance(alone, Evidence)
    assert isinstance(joined, Evidence)
    assert (alone.test_origin, alone.tests) == ("repository", ())
    assert (joined.test_origin, joined.tests) == ("repository", (file,)), "they were strong enough without"
    assert set(joined.fail_to_pass) == {*tests, "ttc_generated/test_m.py::test_inside"}
    assert {one.fate for one in alone.mutants} == {"killed", "survived", "equivalent"}
    assert {one.fate for one in joined.mutants} == {"killed", "equivalent"}
    assert joined.key == alone.key


def test_tests_of_meant_calls_decide_beside_those_that_there_are() -> None:
    """No mutant may resemble the mistake that somebody makes: `text.lstrip(prefix)` was a right `removeprefix`."""
    tests, file = ("test_m.py::low", "test_m.py::high"), written_of("inside", "high")
    found = proven(*tests, meant=file)
    assert isinstance(found, Evidence)
    assert (found.test_origin, found.tests) == ("repository", (file,))
    assert found.fail_to_pass == (*tests, "ttc_generated/test_m.py::test_inside", "ttc_generated/test_m.py::test_high")
    assert not any(
        "ttc_generated" in test for one in found.mutants if set(one.tests) & set(tests) for test in one.tests
    )
    needed = proven("test_m.py::any", meant=written_of("inside", "low", "high"))
    assert isinstance(needed, Evidence)
    assert needed.test_origin == "generated"


def test_tests_of_meant_calls_whose_session_hangs_stay_away() -> None:
    tests, file = ("test_m.py::inside", "test_m.py::low", "test_m.py::high"), written_of("hangs")
    assert proven(*tests, meant=file) == proven(*tests)


def test_a_written_test_that_notices_nothing_more_stays_away() -> None:
    tests = ("test_m.py::low", "test_m.py::high")
    assert proven(*tests, joining=written_of("high")) == proven(*tests)
