"""Tests of Hypothesis's: how they fail on versions that are known to be wrong, and that answers fail the same ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandboxes import CALC, PACKAGES, TREE, Place, opened, outcomes
from ttc_data.sandbox.protocol import Job, Properties, Report
from ttc_data.sandbox.versions import run_versions

pytestmark = pytest.mark.local

TEST = """\
import time
import unittest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from calc.core import double

COUNTED, FAILED = [], set()


@pytest.fixture(autouse=True)
def counts():
    yield
    print("COUNTED", len(COUNTED), sum(COUNTED), len(FAILED))


def check(x):
    COUNTED.append(x)
    if double(x) != 2 * x:
        FAILED.add(x)
        raise AssertionError(x)


@settings(max_examples=300)
@given(st.integers())
def test_function(x):
    check(x)


@settings(deadline=1)
@given(st.just(1))
def test_slow(x):
    time.sleep(0.02)
    assert double(x) == 2 * x


class Case(unittest.TestCase):
    @given(st.lists(st.integers(1000), min_size=3))
    def test_method(self, xs):
        for x in xs:
            check(x)


class Machine(RuleBasedStateMachine):
    @rule(x=st.integers())
    def step(self, x):
        check(x)


TestMachine = Machine.TestCase
"""
WRONG = CALC.replace("x + x", "x + x if x < 50 else 0")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An environment that has Hypothesis."""
    packages = (*PACKAGES, "hypothesis", "sortedcontainers")
    tree = {**TREE, "tests/test_drawn.py": b"import hypothesis\n"}
    with opened("local", tmp_path_factory.mktemp("drawn"), tree, packages) as place:
        yield place


def ran(place: Place, text: str, name: str, properties: Properties = "as_written") -> Report:
    files: dict[str, str | None] = {"test_drawn.py": TEST, "calc/core.py": text}
    job = Job(("test_drawn.py",), (f"test_drawn.py::{name}",), files=files, args=("-s",), properties=properties)
    return place.warm().run(job)


def drawn_values(report: Report) -> tuple[str, ...]:
    """How many values were tried, their sum, and how many of them failed."""
    (line,) = [line for line in report.output.splitlines() if "COUNTED" in line]
    return tuple(line.split("COUNTED ")[1].split())


@pytest.mark.parametrize("name", ["test_function", "Case::test_method", "TestMachine::runTest"])
def test_a_wrong_version_ends_at_the_first_counterexample_and_draws_the_same_each_time(drawn: Place, name: str) -> None:
    explained = ran(drawn, WRONG, name)
    hurried = [ran(drawn, WRONG, name, properties="hurried") for _ in range(2)]
    assert [outcomes(report) for report in (explained, *hurried)] == 3 * [{name: "failed"}]
    assert drawn_values(hurried[0]) == drawn_values(hurried[1])
    assert (int(drawn_values(explained)[2]) > 1, drawn_values(hurried[0])[2]) == (True, "1")


def test_an_answer_is_not_shrunk_and_draws_what_the_project_says(drawn: Place) -> None:
    right = ran(drawn, CALC, "test_function", properties="unshrunk")
    assert outcomes(right) == {"test_function": "passed"}
    assert int(drawn_values(right)[0]) == 300
    wrong = ran(drawn, WRONG, "test_function", properties="unshrunk")
    assert outcomes(wrong) == {"test_function": "failed"}
    assert drawn_values(wrong)[2] == "1"


def test_the_project_s_deadline_holds_but_for_versions_that_are_known_to_be_wrong(drawn: Place) -> None:
    ways: tuple[Properties, ...] = ("as_written", "unshrunk", "hurried")
    said = [outcomes(ran(drawn, CALC, "test_slow", properties=how))["test_slow"] for how in ways]
    assert said == ["failed", "failed", "passed"]


def test_versions_of_a_file_are_hurried(drawn: Place) -> None:
    jobs: list[Job] = []

    def fresh(job: Job) -> Report:
        jobs.append(job)
        return drawn.warm().run(job)

    job = Job(("test_drawn.py",), ("test_drawn.py::test_function",), files={"test_drawn.py": TEST})
    run_versions(job, [{"calc/core.py": WRONG}], fresh=fresh, many=drawn.warm().run_versions, seed=0, key="")
    assert [job.properties for job in jobs] == ["hurried"]


def test_what_hypothesis_reads_is_read_before_a_job_begins_and_no_package_is_taken_for_the_project(
    drawn: Place,
) -> None:
    """The first property test of a job took 3 s for the constants of all packages, the first text of one 2.5 s more."""
    code = """\
from pathlib import Path

import pytest
from hypothesis import configuration
from hypothesis.internal import charmap, constants_ast

import calc.core


def test_tables():
    assert charmap.intervals_from_codec.cache_info().currsize == 1


def test_local_modules():
    assert constants_ast.is_local_module_file(calc.core.__file__)
    assert not constants_ast.is_local_module_file(pytest.__file__)


def test_the_project_s_folder():
    assert configuration.storage_directory().path.name == ".hypothesis"
"""
    report = drawn.warm().run(Job(("test_tables.py",), files={"test_tables.py": code}))
    names = ("test_tables", "test_local_modules", "test_the_project_s_folder")
    assert outcomes(report) == dict.fromkeys(names, "passed")
