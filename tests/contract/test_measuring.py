"""Which lines run is measured to the end, whatever a test does to the means of it."""

from __future__ import annotations

import sys

import pytest

from tests.sandboxes import CALC, Place, outcomes
from ttc_data.sandbox.protocol import Job, Report

BODY = {"calc/core.py": {"body": ((CALC.splitlines().index("    if x < 0:") + 1, 8),)}}
SWITCHING_OFF = {
    "no_trace_function": "sys.settrace(None)",
    "a_trace_function_of_its_own": "sys.settrace(lambda frame, event, arg: None)",
    "none_for_new_threads": "threading.settrace(None)",
    "a_debugger": "bdb.Bdb().runcall(len, [])",
    "a_coverage_that_ends": "cover = coverage.Coverage(data_file=None); cover.start(); cover.stop(); sys.settrace(None)",
    "a_coverage_that_goes_on": "coverage.Coverage(data_file=None).start()",
    "the_coverage_that_runs": "coverage.Coverage.current().stop()",
}
TEST = """\
import bdb
import sys
import threading

import coverage

from calc.core import double


def test_a_before():
    assert double(1) == 2


def test_b_switches_off():
    {statement}


def test_c_after():
    assert double(2) == 4


def test_d_in_a_thread():
    thread = threading.Thread(target=double, args=(3,))
    thread.start()
    thread.join()
"""


def measured(place: Place, job: Job) -> Report:
    if place.host.interpreter().python != f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("coverage's tracer was copied from another Python than this host's")
    return place.warm().run(job)


@pytest.mark.parametrize("statement", SWITCHING_OFF.values(), ids=SWITCHING_OFF)
def test_a_test_that_switches_measurement_off_is_named_and_the_next_ones_are_measured(
    place: Place, statement: str
) -> None:
    files: dict[str, str | None] = {"test_off.py": TEST.format(statement=statement)}
    report = measured(place, Job(test_files=("test_off.py",), files=files, cover=BODY))
    assert len(report.passed) == 4
    assert report.untraced == ("test_off.py::test_b_switches_off",)
    assert report.reach["body"].tests == (
        "test_off.py::test_a_before", "test_off.py::test_c_after", "test_off.py::test_d_in_a_thread",
    )  # fmt: skip


def test_branches_are_counted_after_a_test_that_switches_measurement_off(place: Place) -> None:
    files: dict[str, str | None] = {"test_off.py": TEST.format(statement="sys.settrace(None)")}
    tests = ("test_off.py::test_b_switches_off", "test_off.py::test_c_after")
    report = measured(place, Job(test_files=("test_off.py",), tests=tests, files=files, cover=BODY, branches=True))
    assert (report.reach["body"].branches, report.reach["body"].taken) == (2, 1)


def test_a_profiler_of_the_tests_own_takes_nothing_from_the_measurement(place: Place) -> None:
    code = TEST.format(statement="sys.setprofile(lambda *_: None); sys.setprofile(None)")
    report = measured(place, Job(test_files=("test_off.py",), files={"test_off.py": code}, cover=BODY))
    assert report.untraced == ()
    assert len(report.reach["body"].tests) == 3


HANGS = """\
import os
import shutil
import tempfile
import time

from calc.core import double


def test_a():
    assert double(1) == 2


def test_b_leaves_and_never_lets_go():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    shutil.rmtree(folder)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""


def test_what_was_measured_before_a_test_left_the_folder_and_hung_is_told(place: Place) -> None:
    files: dict[str, str | None] = {"test_hangs.py": HANGS}
    report = measured(place, Job(test_files=("test_hangs.py",), files=files, cover=BODY, test_timeout_s=0.5))
    assert report.unfinished == ("test_hangs.py::test_b_leaves_and_never_lets_go",)
    assert report.reach["body"].tests == ("test_hangs.py::test_a",)
    assert report.reach["body"].lines == 3


ENDLESS = """
from calc.core import double


def test_loops():
    while True:
        double(1)


def test_after():
    assert double(2) == 4
"""


def test_a_test_that_is_ended_while_its_lines_are_measured_holds_up_no_other(place: Place) -> None:
    """The tracer holds a lock for each line: an exception that a signal raises there would leave it held for good."""
    for _ in range(3):
        job = Job(test_files=("test_loops.py",), files={"test_loops.py": ENDLESS}, cover=BODY, test_timeout_s=0.5)
        report = measured(place, job)
        assert outcomes(report) == {"test_loops": "failed", "test_after": "passed"}, report
        assert "test_loops.py::test_after" in report.reach["body"].tests


PROCESSES = """\
import os
import subprocess
import sys

from calc.core import double


def test_program():
    assert subprocess.run([sys.executable, "-c", "import calc.core"]).returncode == 0


def test_fork():
    pid = os.fork()
    if pid == 0:
        os._exit(double(2))
    assert os.waitpid(pid, 0)[1] == 4 << 8


def test_another_program():
    assert subprocess.run(["true"]).returncode == 0


def test_within():
    assert double(2) == 4
"""


def test_tests_that_start_processes_of_python_are_named(place: Place) -> None:
    """What these run is not measured, so a target that only they run has no test, and the reject says why."""
    report = measured(place, Job(test_files=("test_many.py",), files={"test_many.py": PROCESSES}, cover=BODY))
    assert len(report.passed) == 4
    assert report.starting == ("test_many.py::test_program", "test_many.py::test_fork")
    assert report.reach["body"].tests == ("test_many.py::test_within",)


LONG = """\
import time

from calc.core import double


def test_a_long():
    assert double(1) == 2
    time.sleep(4)


def test_b_late():
    assert double(2) == 4


def test_c_late():
    assert double(3) == 6
"""


def test_a_session_whose_time_is_nearly_up_tells_which_lines_ran(place: Place) -> None:
    """One that is killed when its time is up tells of tests alone, and a whole suite would be mapped to nothing."""
    job = Job(("test_long.py",), files={"test_long.py": LONG}, cover=BODY, begin_until_s=3.0, timeout_s=60)
    report = measured(place, job)
    assert report.ended
    assert outcomes(report) == {"test_a_long": "passed"}
    assert report.reach["body"].tests == ("test_long.py::test_a_long",)
    assert report.late == 2
