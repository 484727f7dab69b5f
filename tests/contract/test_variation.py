"""What may change between runs of the same tests changes when a job asks for it, and not otherwise."""

from __future__ import annotations

import datetime
import itertools
import sys
from dataclasses import replace

import pytest

from tests.sandboxes import Place, outcomes, session
from ttc_data.evidence.stability import varied
from ttc_data.records import Variation
from ttc_data.sandbox.protocol import Job, Report, Sandbox

MANY = "".join(
    f"class TestIn{group}:\n" + "".join(f"    def test_{number}(self):\n        pass\n" for number in range(4))
    for group in "ABC"
)


def order(sandbox: Sandbox, seed: int) -> list[str]:
    return [test.id for test in sandbox.run(replace(session(MANY), order=seed)).tests]


def test_a_shuffled_order_is_the_same_for_the_same_seed_and_keeps_classes_together(sandbox: Sandbox) -> None:
    plain, first, again, other = (order(sandbox, seed) for seed in (0, 1, 1, 2))
    assert sorted(plain) == sorted(first)
    assert plain != first == again != other
    groups = [test.split("::")[1] for test in first]
    assert sum(one != after for one, after in itertools.pairwise(groups)) == 2


DRAWS = """
import random

EARLY = random.random()


def test_it():
    print("DRAWN", EARLY, random.random())
    assert False
"""
VALUE = "import random\n\n\ndef value():\n    return {}\n"


def drawn(report: Report) -> list[str]:
    return [line for line in report.output.splitlines() if line.startswith("DRAWN")]


def test_what_is_drawn_at_random_belongs_to_the_run(sandbox: Sandbox) -> None:
    """Else a build would find other mutants killed each time, where the target or its tests draw something."""
    job = session(DRAWS)
    first, again, shuffled, seeded = (
        drawn(sandbox.run(one)) for one in (job, job, replace(job, order=1), replace(job, hash_seed=1))
    )
    assert first
    assert first == again
    assert len({*first, *shuffled, *seeded}) == 3


def test_versions_draw_what_a_job_of_their_own_draws(sandbox: Sandbox) -> None:
    code = "import value\n\n\ndef test_it():\n    print('DRAWN', value.value())\n    assert False\n"
    versions = [
        {"value.py": VALUE.format(text)} for text in ("random.random()", "random.random() + 1", "-random.random()")
    ]
    job = session(code, files={**versions[0]})
    reports = sandbox.run_versions(job, versions)
    for version, report in zip(versions, reports, strict=True):
        assert isinstance(report, Report), report
        assert drawn(report) == drawn(sandbox.run(replace(job, files={**job.files, **version})))


def test_time_zone_and_locale_reach_the_tests_and_what_they_start(sandbox: Sandbox) -> None:
    code = (
        "import locale, os, subprocess, sys, time\n"
        "ASK = 'import os, time; print(time.timezone, os.environ[\"LC_ALL\"])'\n"
        "def test_it():\n"
        "    there = subprocess.run([sys.executable, '-c', ASK], capture_output=True, text=True).stdout.split()\n"
        "    assert (time.timezone, os.environ['LC_ALL'], there) == (TZ, LC, [str(TZ), LC])\n"
    )
    for zone, shift, name in (("UTC", 0, "C.UTF-8"), ("NPT-5:45", -20_700, "C")):
        job = session(f"TZ, LC = {shift}, {name!r}\n{code}")
        assert outcomes(sandbox.run(varied(job, Variation(timezone=zone, locale=name)))) == {"test_it": "passed"}


def test_the_date_is_put_forward_for_one_job_alone(place: Place, sandbox: Sandbox) -> None:
    if place.host.interpreter().python != f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("time-machine was copied from another Python than this host's")
    day = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=400)
    code = f"import datetime, time\ndef test_it():\n    assert abs((datetime.date.today() - datetime.date({day.year}, {day.month}, {day.day})).days) <= 1\n"
    assert outcomes(sandbox.run(replace(session(code), days=400))) == {"test_it": "passed"}
    assert outcomes(sandbox.run(session(code))) == {"test_it": "failed"}


def test_the_branches_that_were_taken_are_counted(place: Place, sandbox: Sandbox) -> None:
    if place.host.interpreter().python != f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("coverage's tracer was copied from another Python than this host's")
    code = "def f(x):\n    if x:\n        return 1\n    for y in 'ab':\n        x += 1\n    return x\n"
    tests = "from many import f\ndef test_it():\n    assert f(1) == 1\n"
    job = Job(
        test_files=("test_job.py",), files={"many.py": code, "test_job.py": tests}, branches=True,
        cover={"many.py": {"f": ((2, 6),)}},
    )  # fmt: skip
    reach = sandbox.run(job).reach["f"]
    assert (reach.ran, reach.lines) == ((2, 3), 5)
    assert (reach.branches, reach.taken) == (4, 1)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_and_branches_are_those_of_the_whole_file(place: Place, sandbox: Sandbox, ends: str) -> None:
    """What is measured is read from the part of the file that was asked about."""
    if place.environment.python != "%d.%d" % sys.version_info[:2]:
        pytest.skip("coverage's tracer was copied from another Python than this host's")
    code = (
        "# -*- coding: latin-1 -*-\n'''Many\nlines \xe9.'''\nimport functools\nif True:\n    X = 1\n\n\n"
        "class C:\n    @functools.cache\n    def f(self, x):\n        '''Doc.'''\n        if x > 1:\n            return 'big'\n"
        "        return [\n            x for _ in range(2)\n        ]\n\n\ndef g(): return 3\n"
    ).replace("\n", ends)
    tests = "from many import C, g\n\n\ndef test_one():\n    assert C().f(1) == [1, 1]\n\n\ndef test_g():\n    assert g() == 3\n"
    job = Job(
        test_files=("test_job.py",), files={"many.py": code, "test_job.py": tests}, branches=True,
        cover={"many.py": {"f": ((13, 17),), "X": ((6, 6),)}},
    )  # fmt: skip
    reach = sandbox.run(job).reach
    assert (reach["f"].ran, reach["f"].lines, reach["f"].branches, reach["f"].taken) == ((13, 15), 3, 2, 1)
    assert reach["f"].tests == ()
    tests_of = sandbox.run(replace(job, branches=False)).reach["f"]
    assert (tests_of.ran, tests_of.lines, tests_of.tests) == ((13, 15), 3, ("test_job.py::test_one",))
    assert (reach["X"].ran, reach["X"].lines) == ((), 1)
