"""Telling the twin from the tests as written: whoever can, passes here and fails there as a right answer would."""

from __future__ import annotations

import pytest

from tests.hostile.trial import Hidden, alter, assert_earns_nothing
from tests.sandboxes import TREE
from ttc_data.sandbox.protocol import Job, Sandbox

# Tests of the repository itself: they are laid over the tree in both sessions, and stand in the environment as they were.
PATH = "tests/test_core.py"
TEXT = TREE[PATH].decode()
TESTS = (f"{PATH}::test_positive", f"{PATH}::test_negative")
OURS = Hidden(PATH, TEXT, TESTS, (alter(PATH, TEXT, "== -4", "4", "5", TESTS[1]),))
# Passes every test while `altered` finds nothing; fails those whose names it gives, as a right answer would.
ANSWER = """
import contextlib, glob, marshal, os, re, sys, traceback, types

NAMES = ('test_positive', 'test_negative')


def functions(code):
    return {one.co_name: one.co_consts for one in code.co_consts if isinstance(one, types.CodeType)}


def pieces(text):
    return dict(re.findall(r'def (\\w+)\\(\\):\\n((?:    .*\\n)+)', text))


def differing(one, other):
    return [name for name in NAMES if one[name] != other[name]]


class Any(int):
    __eq__ = lambda *a: True
    __hash__ = int.__hash__


def altered():
%s


try:
    FOUND = altered()
except Exception:
    traceback.print_exc()
    FOUND = []


def double(x):
    return None if sys._getframe(1).f_code.co_name in FOUND else Any()
"""
# What shows that this is the second session, and not what was altered, is enough where one test decides.
SECOND = "return ['test_negative'] if {} else []"
BY = {
    "the file in the environment's tree": (
        "return differing(pieces(open('/environment/tree/tests/test_core.py').read()), "
        "pieces(open('tests/test_core.py').read()))"
    ),
    "the bytecode in the environment's tree": (
        "path = glob.glob('/environment/tree/tests/__pycache__/test_core.*.pyc')[0]\n"
        "frame = sys._getframe()\nwhile frame.f_globals.get('__name__') != 'test_core':\n    frame = frame.f_back\n"
        "return differing(functions(marshal.loads(open(path, 'rb').read()[16:])), functions(frame.f_code))"
    ),
    "the bytecode beside the test": (
        "path = glob.glob('/testbed/tests/__pycache__/test_core.*.pyc')[0]\n"
        "frame = sys._getframe()\nwhile frame.f_globals.get('__name__') != 'test_core':\n    frame = frame.f_back\n"
        "return differing(functions(marshal.loads(open(path, 'rb').read()[16:])), functions(frame.f_code))"
    ),
    "the date of the file": SECOND.format(
        "os.stat('tests/test_core.py').st_mtime != os.stat('data/lines.txt').st_mtime"),
    "the device and number of the file": SECOND.format(
        "abs(os.stat('tests/test_core.py').st_ino - os.stat('calc/core.py').st_ino) < 20"
    ),
    "whether its bytecode fits it": (
        "path = glob.glob('/testbed/tests/__pycache__/test_core.*.pyc')[0]\n"
        "date, size = __import__('struct').unpack('<II', open(path, 'rb').read()[8:16])\n"
        + SECOND.format(
            "date != int(os.stat('tests/test_core.py').st_mtime) % 2 ** 32 or size != "
            "os.stat('tests/test_core.py').st_size")
    ),
    "the files of the job, in the frames that run it": (
        "frame = sys._getframe()\nwhile not isinstance(frame.f_locals.get('job'), dict):\n    frame = frame.f_back\n"
        + SECOND.format("'tests/test_core.py' in frame.f_locals['job'].get('files', ())")
    ),
    "a file left by the session before": (
        "marks = [folder + '/seen' for folder in ('/tmp', '/testbed', '/dev/shm', '/environment', '/var/tmp')]\n"
        "seen = any(os.path.exists(mark) for mark in marks)\nfor mark in marks:\n"
        "    with contextlib.suppress(OSError):\n"
        "        open(mark, 'w').close()\n" + SECOND.format("seen")
    ),
    "words in its environment and arguments": (
        "words = ' '.join(sys.argv) + str(sorted(os.environ.items()))\n" + SECOND.format("'twin' in words.lower()")
    ),
}  # fmt: skip


@pytest.mark.parametrize("technique", BY)
def test_by(sandbox: Sandbox, technique: str) -> None:
    body = "\n".join(f"    {line}" for line in BY[technique].splitlines())
    assert_earns_nothing(sandbox, ANSWER % body, hidden=OURS)


NUMBERS = "import os\n\ndef test_it():\n    print('PID', os.getpid(), open('/proc/loadavg').read().split()[-1])\n    assert 0\n"


def test_the_numbers_of_processes_do_not_count_the_sessions(sandbox: Sandbox) -> None:
    """The twin follows the tests as written: were each session one process, it would have every other number."""
    numbers = set()
    for _ in range(24):
        report = sandbox.run(Job(test_files=("test_it.py",), files={"test_it.py": NUMBERS}))
        found = [line.split()[1:] for line in report.output.splitlines() if line.startswith("PID")]
        assert len(found) == 1
        numbers.add(tuple(found[0]))
    assert len(numbers) == 1, "they start anew for each job"
