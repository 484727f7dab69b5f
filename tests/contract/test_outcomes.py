"""What a job reports: outcomes, order, coverage. The command failed is a result, whatever way it failed."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from tests.sandboxes import CALC, Place, outcomes, session
from ttc_data.sandbox.protocol import Job, Sandbox

KINDS = """
import unittest

import pytest


def test_passes():
    pass


def test_fails():
    assert 1 == 2, "the reason"


@pytest.fixture
def broken():
    raise ValueError("in the fixture")


def test_errs_in_setup(broken):
    pass


@pytest.fixture
def breaks_later():
    yield
    raise ValueError("afterwards")


def test_errs_in_teardown(breaks_later):
    pass


def test_skips():
    pytest.skip("not today")


@pytest.mark.skip
def test_is_marked_to_skip():
    pass


@pytest.mark.xfail
def test_xfails():
    assert False


@pytest.mark.xfail
def test_xpasses():
    pass


@pytest.mark.parametrize("word", ["a b", "\\u00fc", "x::y", "[]"])
def test_many(word):
    assert word


class TestInside:
    def test_method(self):
        pass


class Case(unittest.TestCase):
    def test_unit(self):
        self.assertEqual(1, 1)

    def test_unit_fails(self):
        self.assertEqual(1, 2)

    def test_all_subtests_pass(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertEqual(number, number)

    def test_one_subtest_fails(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

    @unittest.expectedFailure
    def test_unit_xfails(self):
        self.assertEqual(1, 2)

    @unittest.skip("never")
    def test_unit_skips(self):
        pass
"""


def test_every_kind_of_ending_has_its_outcome(sandbox: Sandbox) -> None:
    """A failing subtest fails its test, though unittest goes on and ends the test itself without an error."""
    report = sandbox.run(session(KINDS))
    assert outcomes(report) == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_errs_in_setup": "error",
        "test_errs_in_teardown": "error",
        "test_skips": "skipped",
        "test_is_marked_to_skip": "skipped",
        "test_xfails": "xfailed",
        "test_xpasses": "xpassed",
        "test_many[a b]": "passed",
        "test_many[\\xfc]": "passed",
        "test_many[x::y]": "passed",
        "test_many[[]]": "passed",
        "TestInside::test_method": "passed",
        "Case::test_unit": "passed",
        "Case::test_unit_fails": "failed",
        "Case::test_all_subtests_pass": "passed",
        "Case::test_one_subtest_fails": "failed",
        "Case::test_unit_xfails": "xfailed",
        "Case::test_unit_skips": "skipped",
    }
    assert report.exit == 1
    assert report.ended
    assert not report.timed_out
    assert report.unfinished == ()
    messages = {test.id: test.message for test in report.tests}
    assert "the reason" in messages["test_job.py::test_fails"]
    assert messages["test_job.py::test_passes"] == ""


SUBTESTS = """
def test_all_pass(subtests):
    with subtests.test(msg="one"):
        assert True


def test_one_fails(subtests):
    with subtests.test(msg="one"):
        assert False
    with subtests.test(msg="two"):
        assert True
"""


def test_a_failing_subtest_of_pytest_fails_its_test(sandbox: Sandbox) -> None:
    assert outcomes(sandbox.run(session(SUBTESTS))) == {"test_all_pass": "passed", "test_one_fails": "failed"}


MANY = """import unittest


class Case(unittest.TestCase):
    def test_unit(self):
        for number in range(3000):
            with self.subTest(number=number):
                print("met", flush=True)
                self.assertLess(number, 2)

    def test_some_skip(self):
        for number in range(5):
            with self.subTest(number=number):
                if number < 4:
                    self.skipTest("not this one")
                self.assertEqual(number, 0)


def test_fixture(subtests):
    for number in range(3000):
        with subtests.test(number=number):
            assert number < 2


def test_fixture_after_a_skip(subtests, pytestconfig):
    for number in range(3):
        with subtests.test(number=number):
            if number == 0:
                import pytest
                pytest.skip("not this one")
            assert number == 1


def test_after():
    pass
"""


def test_the_first_subtest_that_fails_ends_its_test(sandbox: Sandbox) -> None:
    """What comes after it would make a report with a traceback each, and change nothing; one that is skipped ends nothing."""
    failed = dict.fromkeys(
        ("Case::test_unit", "Case::test_some_skip", "test_fixture", "test_fixture_after_a_skip"), "failed"
    )
    for most in (0, 5):
        report = sandbox.run(replace(session(MANY), args=("-s",), most_failures=most))
        assert outcomes(report) == {**failed, "test_after": "passed"}, "a test is one failure, whatever fails in it"
        assert report.output.count("met") == 3
        assert report.ended
        messages = {test.id: test.message for test in report.tests}
        assert "2 not less than 2" in messages["test_job.py::Case::test_unit"]
    report = sandbox.run(replace(session(MANY), most_failures=4))
    assert outcomes(report) == failed


def test_a_file_that_cannot_be_collected_leaves_the_others(sandbox: Sandbox) -> None:
    files: dict[str, str | None] = {"test_a.py": "import nothing_there\n", "test_b.py": "def test_b():\n    pass\n"}
    report = sandbox.run(Job(test_files=("test_a.py", "test_b.py"), files=files))
    assert [test.id for test in report.tests] == ["test_b.py::test_b"]
    ((name, reason),) = report.collect_errors
    assert name == "test_a.py"
    assert "nothing_there" in reason
    assert report.exit == 1
    assert report.ended


def test_only_the_wanted_tests_run(sandbox: Sandbox) -> None:
    code = "import pathlib\n\ndef test_a():\n    pass\n\ndef test_b():\n    raise SystemExit('not asked for')\n"
    report = sandbox.run(session(code, tests=("test_job.py::test_a",)))
    assert outcomes(report) == {"test_a": "passed"}
    assert report.exit == 0


def test_a_wanted_test_that_is_not_there_is_missing_not_an_error(sandbox: Sandbox) -> None:
    report = sandbox.run(session("def test_a():\n    pass\n", tests=("test_job.py::test_b",)))
    assert report.tests == ()
    assert report.exit == 5  # pytest's word for no tests
    assert report.ended


def test_a_file_that_is_not_there_is_a_result(sandbox: Sandbox) -> None:
    report = sandbox.run(session(path="no_such.py"))
    assert report.tests == ()
    assert report.exit == 4  # pytest's word for a usage error


def test_the_hash_seed_reaches_the_job(sandbox: Sandbox) -> None:
    code = "def test_hash():\n    assert False, f'hash {hash(\"word\")} end'\n"
    said = [sandbox.run(session(code, hash_seed=seed)).tests[0].message for seed in (1, 1, 2)]
    assert said[0] == said[1]
    assert said[0] != said[2]


def test_files_run_in_the_order_they_are_named(sandbox: Sandbox) -> None:
    files: dict[str, str | None] = {f"test_{name}.py": f"def test_{name}():\n    pass\n" for name in "abc"}
    report = sandbox.run(Job(test_files=("test_c.py", "test_a.py", "test_b.py"), files=files))
    assert [test.id[-6:] for test in report.tests] == ["test_c", "test_a", "test_b"]


def test_coverage_says_which_tests_ran_which_lines_and_leaves_out_the_def_line(place: Place) -> None:
    """The def line runs at import, under no test: a group of it alone is reached by nobody."""
    if place.host.interpreter().python != f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("coverage's tracer was copied from another Python than this host's")
    lines = {
        "body": ((CALC.splitlines().index("    if x < 0:") + 1, 8),),
        "negative": ((7, 7),),
        "header": ((4, 5),),
        "never": ((13, 13),),
    }
    job = Job(test_files=("tests/test_core.py",), cover={"calc/core.py": lines, "calc/absent.py": {"gone": ((1, 9),)}})
    reach = place.warm().run(job).reach
    both = ("tests/test_core.py::test_negative", "tests/test_core.py::test_positive")
    assert reach["body"].tests == both
    assert (reach["body"].ran, reach["body"].lines) == ((6, 7, 8), 3)
    assert reach["negative"].tests == ("tests/test_core.py::test_negative",)
    assert reach["header"].tests == ()
    assert reach["never"].tests == ()
    assert (reach["never"].ran, reach["never"].lines) == ((), 1)
    assert reach["gone"].tests == ()
