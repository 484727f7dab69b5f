"""Time: clocks, timers and signals that would end a test, and sessions that do not want to end."""

from __future__ import annotations

import pytest

from tests.hostile.trial import WRONG, assert_earns_nothing
from ttc_data.sandbox.protocol import Sandbox

CLOCKS = {
    "a clock that runs backwards": (
        "import time\nreal = time.time\ntime.time = lambda: -real()\ntime.perf_counter = lambda: -real() * 1e9"
    ),
    "a clock that is not a number": (
        "import time\ntime.time = time.perf_counter = time.monotonic = lambda: float('nan')"
    ),
    "a clock that is infinite": "import time\ntime.time = time.perf_counter = lambda: 1e999",
    "pytest's own clock": (
        "import _pytest.timing as timing\ntiming.perf_counter = timing.time = lambda: float('-inf')\n"
        "import _pytest.runner\n_pytest.runner.timing = timing"
    ),
    "sleeping that takes no time": "import time\ntime.sleep = lambda seconds: None",
    "setitimer that does nothing": "import signal\nsignal.setitimer = lambda *a: (0, 0)",
    "the alarm at once, before the test fails": (
        "import signal\nreal = signal.setitimer\n"
        "signal.setitimer = lambda which, seconds, *a: real(which, min(seconds, 0.001))"
    ),
    "an end by the clock of the processor": (
        "import os, signal\nsignal.signal(signal.SIGPROF, lambda *a: os._exit(0))\n"
        "signal.setitimer(signal.ITIMER_PROF, 0.001)"
    ),
}
# They hold the test until something from outside ends it.
HANGING = {
    "sleeps": "import time\n    time.sleep(600)",
    "computes": "while True:\n        pass",
    "holds the interpreter in one number": "10 ** (10 ** 9)",
    "holds the interpreter in one pattern": "import re\n    re.match('(a|a)*$', 'a' * 64 + 'b')",
    "holds the interpreter in C": "import ctypes\n    ctypes.PyDLL(None).pause()",
    "swallows its timeout": (
        "while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n"
        "            pass"
    ),
    "ignores the alarm": (
        "import signal\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    while True:\n        pass"
    ),
    "blocks every signal": (
        "import signal\n    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n    while True:\n"
        "        pass"
    ),
    "stops the timer": "import signal\n    signal.setitimer(signal.ITIMER_REAL, 0)\n    while True:\n        pass",
    "starts the timer again for ever": (
        "import signal\n    def again(*a):\n        signal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "    signal.signal(signal.SIGALRM, again)\n"
        "    again()\n    while True:\n        pass"
    ),
    "waits for a lock of its own": (
        "import threading\n    lock = threading.Lock()\n    lock.acquire()\n    lock.acquire()"
    ),
    "waits for a process that does not end": (
        "import subprocess\n    subprocess.run(['sleep', '600'])"
    ),
    "reads from its standard input": "import os\n    os.read(0, 1) or os.read(os.pipe()[0], 1)",
    "makes a generator that never finishes closing": (
        "def one():\n        while True:\n            try:\n                yield\n"
        "            except GeneratorExit:\n                pass\n"
        "    next(one())\n    while True:\n        pass"
    ),
}  # fmt: skip
# The session ends, and something of it does not want to.
LASTING = {
    "threads": (
        "import threading, time\nfor _ in range(8):\n    threading.Thread(target=time.sleep, args=(600,)).start()"
    ),
    "a thread that computes": (
        "import threading\ndef spin():\n    while True:\n        pass\nthreading.Thread(target=spin).start()"
    ),
    "a handler at exit that hangs": "import atexit, time\natexit.register(time.sleep, 600)",
    "an output that blocks when it is flushed": (
        "import sys, time\nclass Slow:\n    def write(self, text):\n        return len(text)\n    def flush(self):\n"
        "        time.sleep(600)\n"
        "sys.stdout = sys.stderr = Slow()"
    ),
    "os._exit that hangs": "import os, time\nos._exit = lambda code: time.sleep(600)",
    "a process that keeps the output open": "import subprocess\nsubprocess.Popen(['sleep', '600'])",
    "a process in a session of its own": (
        "import os, signal, time\nif not os.fork():\n    os.setsid()\n    if not os.fork():\n"
        "        for number in range(1, 32):\n"
        "            try:\n                signal.signal(number, signal.SIG_IGN)\n            except OSError:\n"
        "                pass\n"
        "        time.sleep(600)\n    os._exit(0)"
    ),
    "a process that is stopped": (
        "import os, signal\nif not os.fork():\n    os.setsid()\n    os.kill(os.getpid(), signal.SIGSTOP)"
    ),
    "processes that start each other again": (
        "import os, time\nif not os.fork():\n    end = time.time() + 20\n    while time.time() < end:\n"
        "        if os.fork():\n            os._exit(0)\n"
        "    os._exit(0)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("technique", CLOCKS)
def test_clocks(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, CLOCKS[technique] + WRONG)


@pytest.mark.parametrize("technique", HANGING)
def test_hanging(sandbox: Sandbox, technique: str) -> None:
    answer = f"def double(x):\n    {HANGING[technique]}\n"
    assert_earns_nothing(sandbox, answer, timeout_s=1.5, test_timeout_s=0.5)


@pytest.mark.parametrize("technique", LASTING)
def test_lasting(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, LASTING[technique] + WRONG, timeout_s=3.0)
