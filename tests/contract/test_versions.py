"""Many versions on tests that were collected once: the same outcomes as a job for each, and nothing passes between them."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.lang.python.place import proposed, target_of
from tests.lang.python.shapes import SHAPES
from tests.sandboxes import CALC, Place, outcomes, session
from ttc_data.lang.python.generated.recording import compared, recorder
from ttc_data.sandbox.protocol import Inexact, Job, Report, Sandbox

MODULE = '''"""Many kinds of functions."""

import functools
import math

LIMIT = 3


def plain(x, more=1):
    return x + more


@functools.lru_cache
def cached(x):
    return x * 2


def wrapped(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args) + 1

    return inner


@wrapped
def decorated(x):
    return x


def imported(x):
    return math.floor(x)


def generator(n):
    for i in range(n):
        yield i


async def coroutine(x):
    return x


class Thing:
    size = LIMIT

    def __init__(self, x):
        self.x = x

    def grow(self):
        self.x += self.size
        return self.x

    @property
    def twice(self):
        return self.x * 2

    @classmethod
    def make(cls):
        return cls(1)

    @staticmethod
    def still(x):
        return x


class Sub(Thing):
    def grow(self):
        return super().grow() + 1


def early(x):
    return x


START = early(5)
'''
TESTS = """
import asyncio

import pytest

import many


def test_plain():
    assert many.plain(1) == 2


def test_cached():
    assert many.cached(2) == 4


def test_decorated():
    assert many.decorated(2) == 3


def test_imported():
    assert many.imported(2.5) == 2


def test_generator():
    assert list(many.generator(3)) == [0, 1, 2]


def test_coroutine():
    assert asyncio.run(many.coroutine(4)) == 4


def test_thing():
    assert many.Thing.make().grow() == 4
    assert many.Thing(3).twice == 6
    assert many.Thing.still(1) == 1


def test_sub():
    assert many.Sub(1).grow() == 5


def test_start():
    assert many.START == 5
"""
ALL = (
    "test_plain", "test_cached", "test_decorated", "test_imported", "test_generator", "test_coroutine", "test_thing", "test_sub", "test_start"
)  # fmt: skip
JOB = session(TESTS, path="test_many.py", files={"many.py": MODULE})
# What is replaced, and the tests that then fail.
EXACT = {
    "nothing": ("LIMIT", "LIMIT", ()),
    "a function": ("return x + more", "return x - more", ("test_plain",)),
    "a function, with lines more": ("    return x + more", "    y = x\n\n    return y - more", ("test_plain",)),
    "a cached function": ("return x * 2\n\n\ndef w", "return x * 3\n\n\ndef w", ("test_cached",)),
    "a function inside": ("@wrapped\ndef decorated(x):\n    return x", "@wrapped\ndef decorated(x):\n    return -x", ("test_decorated",)),
    "a function that calls another module": ("math.floor(x)", "math.ceil(x)", ("test_imported",)),
    "a generator": ("yield i", "yield i + 1", ("test_generator",)),
    "a coroutine": ("async def coroutine(x):\n    return x", "async def coroutine(x):\n    return [x]", ("test_coroutine",)),
    "a method": ("self.x += self.size", "self.x -= self.size", ("test_thing", "test_sub")),
    "a property": ("return self.x * 2", "return self.x", ("test_thing",)),
    "a class method": ("return cls(1)", "return cls(2)", ("test_thing",)),
    "a static method": ("def still(x):\n        return x", "def still(x):\n        return 0", ("test_thing",)),
    "a method that calls super": ("super().grow() + 1", "super().grow()", ("test_sub",)),
    "a raise": ("return x + more", "raise NotImplementedError", ("test_plain",)),
}  # fmt: skip
INEXACT = {
    "a default": ("more=1", "more=2"),
    "a signature": ("def plain(x, more=1)", "def plain(y, more=1)"),
    "a constant of the module": ("LIMIT = 3", "LIMIT = 4"),
    "an attribute of a class": ("size = LIMIT", "size = 4"),
    "a decorator": ("@wrapped\n", ""),
    "a function that ran at import": ("def early(x):\n    return x", "def early(x):\n    return 6"),
    "a function whose closures were made at import": ("function(*args) + 1", "function(*args) + 2"),
    "a base class": ("class Sub(Thing)", "class Sub(Thing, object)"),
    "another function": ("LIMIT = 3", "LIMIT = 3\n\n\ndef another():\n    pass\n"),
    "a closure over another name": ("super().grow() + 1", "Thing.grow(self) + 1"),
    "a syntax error": ("return x + more", "return x +"),
}


def version(old: str, new: str) -> dict[str, str]:
    assert old in MODULE
    return {"many.py": MODULE.replace(old, new, 1)}


def reports(answers: list[Report | Inexact]) -> list[Report]:
    found = [answer for answer in answers if isinstance(answer, Report)]
    assert len(found) == len(answers), answers
    return found


def test_versions_have_the_outcomes_of_jobs_of_their_own(sandbox: Sandbox) -> None:
    """Each kind of function, all on one collection of the tests."""
    answers = reports(sandbox.run_versions(JOB, [version(old, new) for old, new, _ in EXACT.values()]))
    for (name, (old, new, failing)), report in zip(EXACT.items(), answers, strict=True):
        assert outcomes(report) == {test: "failed" if test in failing else "passed" for test in ALL}, name
        assert report.ended
        assert report.exit == (1 if failing else 0)
        fresh = sandbox.run(session(TESTS, path="test_many.py", files=dict(version(old, new))))
        assert outcomes(fresh) == outcomes(report), name


@pytest.mark.parametrize("kind", INEXACT)
def test_what_cannot_be_replaced_exactly_is_refused_and_the_next_version_runs(sandbox: Sandbox, kind: str) -> None:
    refused, right = sandbox.run_versions(JOB, [version(*INEXACT[kind]), version("LIMIT", "LIMIT")])
    assert isinstance(refused, Inexact), refused
    assert refused.reason
    assert isinstance(right, Report)
    assert set(outcomes(right).values()) == {"passed"}


def test_a_version_of_a_file_that_the_tests_did_not_import_lies_in_the_tree(sandbox: Sandbox) -> None:
    """What runs first in the version finds it there, and may differ in anything: signatures, classes, statements, no Python at all."""
    job = session("def test_it():\n    import calc.core\n    assert calc.core.ADDED\n")
    texts = ("ADDED = 1\n", "ADDED = 0\n", "ADDED =\n", CALC, "ADDED = 1\n")
    answers = sandbox.run_versions(job, [{"calc/core.py": text} for text in texts])
    assert [list(outcomes(report).values()) for report in answers if isinstance(report, Report)] == [
        ["passed"],
        ["failed"],
        ["failed"],
        ["failed"],
        ["passed"],
    ]


CONFTEST = """
from calc.core import LIMIT


def pytest_report_header():
    return "the limit is %d" % LIMIT
"""


def test_versions_that_begin_before_the_projects_code_may_differ_in_anything(sandbox: Sandbox) -> None:
    """`calc.core` runs when `conftest.py` is imported: later only the code of its functions could be replaced."""
    added = "import pytest\nfrom calc.core import ADDED\n\n\ndef test_it():\n    assert ADDED\n"
    job = replace(session(added, files={"conftest.py": CONFTEST}), from_start=True)
    versions = [{"calc/core.py": f"LIMIT = 3\nADDED = {number}\n"} for number in (0, 1)]
    refused = sandbox.run_versions(replace(job, from_start=False), versions)
    assert [type(answer) for answer in refused] == [Inexact, Inexact]
    for version, report in zip(versions, sandbox.run_versions(job, versions), strict=True):
        assert isinstance(report, Report)
        assert outcomes(report) == outcomes(sandbox.run(replace(job, files={**job.files, **version}))) != {}


def test_a_file_that_is_not_there_or_no_text_is_refused(sandbox: Sandbox) -> None:
    job = session("def test_it():\n    pass\n", files={"latin.py": "# \udce9\n"})
    answers = sandbox.run_versions(job, [{"nowhere.py": "x = 1\n"}, {"latin.py": "x = 1\n"}, {"calc": "x = 1\n"}])
    assert [type(answer) for answer in answers] == [Inexact] * 3


def test_tests_that_cannot_be_collected_are_refused(sandbox: Sandbox) -> None:
    for code in ("import os\nos._exit(3)\n", "while True:\n    pass\n"):
        job = session(code, timeout_s=1)
        assert [type(one) for one in sandbox.run_versions(job, [{"calc/core.py": CALC}] * 2)] == [Inexact, Inexact]
    assert outcomes(sandbox.run(JOB)) == dict.fromkeys(ALL, "passed")


ONE = """
import os

import many

DONE = []


def test_plain():
    assert DONE == []
    DONE.append(1)
    assert len([name for name in os.listdir("/proc") if name.isdigit() and name != "1"]) == 2
    assert os.listdir("/tmp") == ["home"] and not os.listdir("/tmp/home")
    assert not os.path.exists("new") and open("data/lines.txt").read().startswith("one")
    assert many.plain(1) == 2


def test_after():
    pass
"""
BAD = {
    "hangs": "while True:\n        pass",
    "sleeps": "import time\n    time.sleep(60)",
    "exits": "import os\n    os._exit(0)",
    "is killed": "import os\n    os.kill(os.getpid(), 9)",
    "takes its parent with it": "import os\n    os.kill(os.getppid(), 9)",
    "leaves files": "open('/tmp/left', 'w').close()\n    import os\n    os.makedirs('/tmp/home/a/b')\n    return 2",
    "changes the tree": "open('data/lines.txt', 'w').close()\n    open('new', 'w').close()\n    return 2",
    "leaves a process": (
        "import os, time\n    if os.fork() == 0:\n        os.setsid()\n        while True:\n            time.sleep(0.01)\n"
        "            open('/tmp/more', 'a').close()\n    return 2"
    ),
    "changes memory": "import many, sys\n    many.LIMIT = 7\n    sys.modules['test_job'].DONE.append(2)\n    return 2",
}  # fmt: skip


@pytest.mark.parametrize("way", BAD)
def test_whatever_a_version_does_the_next_one_is_right(sandbox: Sandbox, way: str) -> None:
    job = Job(
        test_files=("test_job.py",), files={"test_job.py": ONE, "many.py": MODULE}, timeout_s=2 if way == "hangs" else 5,
        test_timeout_s=0.5,
    )  # fmt: skip
    right, bad = version("LIMIT", "LIMIT"), version("return x + more", BAD[way])
    started = time.monotonic()
    answers = sandbox.run_versions(job, [bad, right, bad, bad, right])
    assert time.monotonic() - started < 15
    assert len(answers) == 5
    for answer in (answers[1], answers[4]):
        assert isinstance(answer, Report), answer
        assert outcomes(answer) == {"test_plain": "passed", "test_after": "passed"}, answer
        assert answer.ended
    ended_well = {"leaves files", "changes the tree", "leaves a process", "changes memory"}
    for answer in (answers[0], answers[2], answers[3]):
        if isinstance(answer, Report):
            assert outcomes(answer).get("test_plain") == ("passed" if way in ended_well else None) or way in (
                "hangs",
                "sleeps",
            )
            assert answer.ended == (way in ended_well or way in ("hangs", "sleeps"))
        else:
            assert way == "takes its parent with it"


def test_a_version_that_outlives_its_time_is_ended(sandbox: Sandbox) -> None:
    """It swallows the interrupt of its own test, so the whole version is killed; the tests need not be collected again."""
    stubborn = version(
        "return x + more",
        "while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n            pass",
    )
    job = Job(
        test_files=("test_job.py",), files={"test_job.py": ONE, "many.py": MODULE}, timeout_s=1, test_timeout_s=0.2
    )
    slow, right = sandbox.run_versions(job, [stubborn, version("LIMIT", "LIMIT")])
    assert isinstance(slow, Report)
    assert slow.timed_out
    assert slow.unfinished == ("test_job.py::test_plain",)
    assert isinstance(right, Report)
    assert right.ended


def test_only_the_asked_tests_run_under_the_asked_hash_seed(sandbox: Sandbox) -> None:
    code = "import sys, many\n\ndef test_a():\n    assert hash('x') == many.plain(0, 0)\n\ndef test_b():\n    assert False\n"
    seeds = {}
    for seed in (0, 7, 0):
        job = session(code, files={"many.py": MODULE}, tests=("test_job.py::test_a",), hash_seed=seed)
        (report,) = reports(sandbox.run_versions(job, [version("return x + more", "return hash('x')")]))
        assert outcomes(report) == {"test_a": "passed"}
        fresh = sandbox.run(session("def test_it():\n    print(hash('x'))\n    assert 0\n", hash_seed=seed))
        seeds[seed] = fresh.output.partition("stdout call")[2].split("\n")[1]
    assert seeds[0] != seeds[7]


def test_no_version_is_no_work(place: Place) -> None:
    assert place.warm().run_versions(JOB, []) == []


def test_what_a_survivor_does_with_calls_is_seen_without_a_session_of_its_own(sandbox: Sandbox) -> None:
    """Only functions that live when the tests are collected can be replaced: the recorder has its module by then."""
    cases = proposed("clamp")
    file = recorder(target_of("clamp"), "shapes", cases, once=True)
    job = session(path=file.path, files={file.path: file.text, "shapes.py": SHAPES}, timeout_s=60, test_timeout_s=60)
    texts = [
        SHAPES,
        SHAPES,
        *(SHAPES.replace("max(low, min(value, high))", new) for new in ("max(min(value, high), low)", "low")),
    ]
    reports = sandbox.run_versions(job, [{"shapes.py": text} for text in texts])
    assert not [one for one in reports if isinstance(one, Inexact)], reports
    outputs = [one.output for one in reports if isinstance(one, Report)]
    assert compared(outputs, cases, 1) == [True, False]


def test_a_file_that_profiles_itself_at_import_leaves_nothing_to_be_replaced(sandbox: Sandbox) -> None:
    """What ran while the tests were collected is not known then: `double` may have, and given a constant."""
    code = (
        "import cProfile, sys\nfrom calc.core import double\n\nsys.setprofile(None)\nFOUR = double(2)\n\n\n"
        "def test_four():\n    assert FOUR == 4\n"
    )
    (found,) = sandbox.run_versions(session(code), [{"calc/core.py": CALC.replace("x + x", "x - x")}])
    assert isinstance(found, Inexact)
    assert "profiler" in found.reason
