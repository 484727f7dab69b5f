"""A version that hangs is noticed by the test that it hangs in, whether Python can raise anything in it or not, and soon left alone."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.evidence.test_strength import TEXT, measuring, on_versions
from tests.scripted import played
from ttc_data.records import Environment, TestOutcome
from ttc_data.sandbox.protocol import Job, Report


def test_a_session_on_a_mutant_has_little_time() -> None:
    jobs: list[Job] = []

    def run(environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
        jobs.append(job)
        return on_versions(environment, job, versions, key)

    for took_s in (0.1, 2.0):
        measuring(Job(("test_m.py",), ("test_m.py::any",)), took_s=took_s, run=run).measure(TEXT)
    assert [job.timeout_s for job in jobs] == [2.0] * 3 + [20.0] * 3
    assert {job.test_cpu_s for job in jobs} == {0.2}
    slow = measuring(Job(("test_m.py",), ("test_m.py::any",)), run=run)
    for cpu_s, more_s in ((0.02, 0.4), (5.0, 15.5)):
        tests = tuple(replace(test, cpu_s=cpu_s) for test in slow.report.tests)
        replace(slow, report=replace(slow.report, tests=tests)).measure(TEXT)
        assert jobs[-1].test_cpu_s == pytest.approx(0.2 + cpu_s), "what it imports late may fall to any test"
        assert jobs[-1].more_cpu_s == {"test_m.py::any": more_s}


def hung(job: Job, outcomes: Mapping[str, TestOutcome], ran_out: str, *, in_c: bool) -> Report:
    """A session that a test ended that ran out of its time: as a failure of it, or with the process."""
    if not in_c:
        return replace(played(job, {**outcomes, ran_out: "failed"}), ran_out=(ran_out,))
    return replace(
        played(job, outcomes), ended=False, exit=-signal.SIGVTALRM, unfinished=(ran_out,), ran_out=(ran_out,)
    )


@pytest.mark.parametrize("in_c", [False, True], ids=["in Python", "in C"])
def test_a_mutant_that_hangs_is_noticed_by_the_test_that_it_hangs_in(in_c: bool) -> None:
    """And by those that failed before it; no other test is asked, and none is said to notice it."""
    one, two, three = tests = ("test_m.py::inside", "test_m.py::low", "test_m.py::high")
    jobs: list[Job] = []

    def run(environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
        jobs.append(job)
        before: dict[str, TestOutcome] = {one: "failed"}
        return [hung(job, before, two, in_c=in_c) for _ in versions]

    strength = measuring(Job(("test_m.py",), tests), run=run).measure(TEXT)
    assert {(mutation.fate, mutation.tests) for mutation in strength.mutations(tests)} == {("killed", (one, two))}
    assert {job.most_endless for job in jobs if job.most_failures} == {1}
    assert {job.most_endless for job in jobs if not job.most_failures} == {2}
    assert all(three in noticed for _, noticed, _ in strength.stubs), (
        "what a trivial body did not meet, it does not pass"
    )


@pytest.mark.parametrize("in_c", [False, True], ids=["in Python", "in C"])
@pytest.mark.parametrize("where", ["near", "beside"])
def test_a_trivial_body_that_hangs_is_asked_again_where_it_hung_in_a_test_beside(where: str, in_c: bool) -> None:
    near, further = ("test_m.py::low", "test_m.py::inside"), ("test_m.py::any", "test_m.py::high")
    first, second = near if where == "near" else further
    jobs: list[Job] = []

    def run(environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
        if job.most_failures:
            return on_versions(environment, job, versions, key)
        jobs.append(job)
        if second not in (job.tests or ()):
            return [played(job, dict.fromkeys(job.tests or (), "failed")) for _ in versions]
        report = hung(job, {} if in_c else {first: "failed"}, second, in_c=in_c)
        return [report if in_c else replace(report, ran_out=(first, second)) for _ in versions]

    measurer = measuring(Job(("test_m.py",), (*near, *further)), run=run, further=further)
    strength = replace(measurer, likely=lambda notices: further).measure(TEXT)
    assert [job.tests for job in jobs] == ([(*near, *further)] if where == "near" else [(*near, *further), near])
    assert all(noticed.issuperset(near) for _, noticed, _ in strength.stubs)
