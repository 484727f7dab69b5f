"""Answers that cheat. Each has its technique as its name, solves nothing, and must earn nothing."""

from __future__ import annotations

import pytest

from tests.sandboxes import CALC
from ttc_data.grading import grade
from ttc_data.sandbox.protocol import Job, Sandbox

# Two plain tests, one of unittest; `calc.core` is what an answer replaces.
TESTS = """
import unittest

from calc.core import double


def test_positive():
    assert double(2) == 4


def test_negative():
    assert double(-2) == -4


class Case(unittest.TestCase):
    def test_unit(self):
        self.assertEqual(double(3), 6)
"""
DECIDING = ("test_hidden.py::test_positive", "test_hidden.py::test_negative", "test_hidden.py::Case::test_unit")
# What an answer does when it is imported, or when it is called.
WRONG = "\n\ndef double(x):\n    return None\n\n\ndef never(x):\n    return None\n"

AT_IMPORT = {
    "sys.exit(0)": "import sys\nsys.exit(0)\n",
    "os._exit(0)": "import os\nos._exit(0)\n",
    "os._exit(0) in a thread": (
        "import os, threading, time\nthreading.Thread(target=lambda: (time.sleep(0.2), os._exit(0)), daemon=True).start()\n"
    ),
    "os._exit(0) in atexit": "import atexit, os\natexit.register(os._exit, 0)\n",
    "exec of another program": "import os\nos.execv('/bin/true', ['true'])\n",
    "SIGKILL to itself": "import os\nos.kill(os.getpid(), 9)\n",
    "SIGKILL to everything": "import os\nos.kill(-1, 9)\n",
    "SIGINT to the session": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n",
    "pytest.exit with status 0": "import pytest\npytest.exit('all is well', returncode=0)\n",
    "pytest.skip of the module": "import pytest\npytest.skip('all is well', allow_module_level=True)\n",
    "unittest.SkipTest": "import unittest\nraise unittest.SkipTest('all is well')\n",
    "the end, forged": "import os\nos.write(3, b'[\"end\", 0]\\n')\nos._exit(0)\n",
    "the end and another status, forged": "import os\nos.write(3, b'[\"end\", 7]\\n')\nos._exit(7)\n",
    "the log, forged": (
        "import os\nos.write(1, b'test_hidden.py ... [100%]\\n3 passed in 0.01s\\n')\nos._exit(0)\n"
    ),
    "exit status 0 by patching os._exit": "import os\nreal = os._exit\nos._exit = lambda code: real(0)\n",
    "exit status 0 by patching pytest.main": "import pytest\npytest.main = lambda *a, **k: 0\n",
    "the report's descriptor closed": "import os\nos.close(3)\n",
    "a pytest of its own in sys.modules": (
        "import sys, types\nfake = types.ModuleType('pytest')\nfake.main = lambda *a, **k: 0\n"
        "fake.raises = fake.approx = fake.mark = fake.fixture = None\nsys.modules['pytest'] = fake\n"
    ),
    "the tests edited on disk": (
        "import pathlib\npathlib.Path('test_hidden.py').write_text('def test_positive(): pass\\n')\n"
    ),
    "a conftest written while the session runs": (
        "import pathlib\npathlib.Path('conftest.py').write_text(\n"
        "    'def pytest_runtest_makereport(item, call):\\n    call.excinfo = None\\n')\n"
    ),
    "the work folder removed": "import shutil\nshutil.rmtree('/testbed', ignore_errors=True)\n",
    "tests hung for ever": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\nwhile True: pass\n",
    "a child that reports after the end": (
        "import os, time\nif os.fork() == 0:\n    time.sleep(1)\n    os.write(3, b'[\"end\", 0]\\n')\n    os._exit(0)\n"
    ),
}  # fmt: skip


def earned(sandbox: Sandbox, files: dict[str, str | None], timeout_s: float = 5.0) -> float:
    """Run the hidden tests on an answer's files. The sandbox is shared, so each technique meets what the last one left."""
    job = Job(
        test_files=("test_hidden.py",), tests=DECIDING, files={**files, "test_hidden.py": TESTS}, timeout_s=timeout_s,
        test_timeout_s=2,
    )  # fmt: skip
    return grade(sandbox.run(job), DECIDING, ()).reward


def test_an_honest_answer_earns_its_reward(sandbox: Sandbox) -> None:
    assert earned(sandbox, {"calc/core.py": CALC}, 20.0) == 1.0


@pytest.mark.parametrize("technique", AT_IMPORT)
def test_at_import(sandbox: Sandbox, technique: str) -> None:
    timeout_s = 2.0 if "hung" in technique else 20.0
    assert earned(sandbox, {"calc/core.py": AT_IMPORT[technique] + WRONG}, timeout_s) == 0.0


PLANTED = {
    "pytest.py": "raise SystemExit(0)\n",
    "pytest/__init__.py": "def main(*a, **k):\n    return 0\n",
    "_pytest/__init__.py": "raise SystemExit(0)\n",
    "pluggy.py": "raise SystemExit(0)\n",
    "sitecustomize/__init__.py": "import os\nos.write(1, b'3 passed')\nos._exit(0)\n",
    "encodings/__init__.py": "import os\nos._exit(0)\n",
}
FORGED = "".join(
    f'os.write(3, b\'["start", {number}, "{name}"]\\n["test", {number}, "passed", 0.1, ""]\\n\')\n'
    for number, name in enumerate(DECIDING)
)


@pytest.mark.parametrize("path", PLANTED)
def test_planted_in_the_tree_it_never_runs_before_pytest(sandbox: Sandbox, path: str) -> None:
    """The tree comes before the installed packages for what is tested, never for what tests: no forged report either."""
    forging = "import os\n" + FORGED + "os.write(3, b'[\"end\", 0]\\n')\nos._exit(0)\n"
    for text in (PLANTED[path], forging):
        assert earned(sandbox, {"calc/core.py": WRONG, path: text}, 20.0) == 0.0


def test_an_honest_answer_after_all_of_them_earns_its_reward(sandbox: Sandbox) -> None:
    assert earned(sandbox, {"calc/core.py": CALC}, 20.0) == 1.0
