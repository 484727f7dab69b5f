"""Ending early: the session stops before a wrong answer can be seen to be wrong."""

from __future__ import annotations

import pytest

from tests.hostile.trial import WRONG, assert_earns_nothing
from ttc_data.sandbox.protocol import Sandbox

AT_IMPORT = {
    "sys.exit(0)": "import sys\nsys.exit(0)",
    "os._exit(0)": "import os\nos._exit(0)",
    "os._exit(0) in a thread": (
        "import os, threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.1), os._exit(0)), daemon=True).start()\n"
        "import _pytest.runner\nreal = _pytest.runner.call_and_report\n"
        "_pytest.runner.call_and_report = lambda *a, **k: (time.sleep(0.2), real(*a, **k))[1]"
    ),
    "os._exit(0) in atexit": "import atexit, os\natexit.register(os._exit, 0)",
    "os._exit that always gives 0": "import os\nreal = os._exit\nos._exit = lambda code: real(0)",
    "exec of true": "import os\nos.execv('/bin/true', ['true'])",
    "exec of a Python that prints a log": (
        "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'print(\"6 passed in 0.01s\")'])"
    ),
    "SIGKILL to itself": "import os\nos.kill(os.getpid(), 9)",
    "SIGKILL to everything": "import os\nos.kill(-1, 9)",
    "SIGTERM to its group": "import os\nos.killpg(0, 15)",
    "SIGINT to the session": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)",
    "SIGALRM before any test": "import os, signal\nos.kill(os.getpid(), signal.SIGALRM)",
    "a segmentation fault": "import ctypes\nctypes.string_at(0)",
    "abort": "import os\nos.abort()",
    "a processor limit of one second": (
        "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True:\n    pass"
    ),
    "faulthandler that exits": (
        "import faulthandler, time\nfaulthandler.dump_traceback_later(0.1, exit=True)\ntime.sleep(1)"
    ),
    "pytest.exit with status 0": "import pytest\npytest.exit('all is well', returncode=0)",
    "pytest.skip of the module": "import pytest\npytest.skip('all is well', allow_module_level=True)",
    "unittest.SkipTest": "import unittest\nraise unittest.SkipTest('all is well')",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "a child goes on with the session, the parent exits": "import os\nif os.fork():\n    os._exit(0)",
    "a child goes on with the session, the parent waits and exits 0": (
        "import os\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\n    os._exit(0)"
    ),
    "a child fails in its place, the parent goes on": "import os\nif not os.fork():\n    raise SystemExit(0)",
    "every descriptor closed": "import os\nos.closerange(0, 1024)",
    "every descriptor turned to /dev/null": (
        "import os\nnull = os.open('/dev/null', os.O_RDWR)\n"
        "for name in os.listdir('/proc/self/fd'):\n    os.dup2(null, int(name))\nos._exit(0)"
    ),
}  # fmt: skip
WHEN_CALLED = {
    "SystemExit": "raise SystemExit(0)",
    "os._exit(0)": "import os; os._exit(0)",
    "pytest.exit with status 0": "import pytest; pytest.exit('done', returncode=0)",
    "pytest.skip": "import pytest; pytest.skip('not today')",
    "pytest.xfail": "import pytest; pytest.xfail('as expected')",
    "pytest.importorskip": "import pytest; pytest.importorskip('nothing_of_that_name')",
    "unittest.SkipTest": "import unittest; raise unittest.SkipTest('not today')",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "pytest's own Exit": "from _pytest.outcomes import Exit; raise Exit('done', 0)",
    "the session told to stop": (
        "import gc\n    for one in gc.get_objects():\n        if type(one).__name__ == 'Session':\n"
        "            one.shouldstop = 'enough'\n            one.exitstatus = 0"
    ),
}
STOPPED = {
    "SIGSTOP to itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "SIGSTOP to everything": (
        "import os, signal\nif not os.fork():\n    os.kill(-1, signal.SIGSTOP)\nos.kill(os.getpid(), signal.SIGSTOP)"
    ),
    "a thread that never ends": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\nraise SystemExit(0)"
    ),
    "an import that waits for ever": "import threading\nthreading.Event().wait()",
}


@pytest.mark.parametrize("technique", AT_IMPORT)
def test_at_import(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, AT_IMPORT[technique] + WRONG)


@pytest.mark.parametrize("technique", WHEN_CALLED)
def test_when_called(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, f"def double(x):\n    {WHEN_CALLED[technique]}\n")


@pytest.mark.parametrize("technique", STOPPED)
def test_stopped(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, STOPPED[technique] + WRONG, timeout_s=1.5, test_timeout_s=0.5)
