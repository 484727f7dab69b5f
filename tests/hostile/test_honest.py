"""Right answers that look strange: what stops the cheats must not stop them."""

from __future__ import annotations

import pytest

from tests.hostile.trial import judge
from tests.sandboxes import CALC
from ttc_data.sandbox.protocol import Sandbox

HONEST = {
    "as it was": CALC,
    "slow": "import time\n\n\ndef double(x):\n    time.sleep(0.05)\n    return x + x\n",
    "prints much": "def double(x):\n    print('x' * 200000)\n    return x + x\n",
    "prints what looks like a report": (
        "import json, os\n\n\ndef double(x):\n    print(json.dumps(['end', 1]))\n"
        "    os.write(2, b'[\"end\", 1]\\n1 failed')\n"
        "    return x + x\n"
    ),
    "threads": (
        "import threading\n\n\ndef double(x):\n    x + x\n    found = []\n"
        "    threads = [threading.Thread(target=lambda: found.append(x)) for _ in range(2)]\n"
        "    [one.start() for one in threads]\n    [one.join() for one in threads]\n    return found[0] + found[1]\n"
    ),
    "a thread that goes on": (
        "import threading\n\n\ndef double(x):\n"
        "    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "    return x + x\n"
    ),
    "a process": (
        "import subprocess, sys\n\n\ndef double(x):\n    program = 'print(%d + %d)' % (x + 0, x)\n"
        "    return int(subprocess.run([sys.executable, '-c', program], capture_output=True, check=True).stdout)\n"
    ),
    "a fork that is waited for": (
        "import os\n\n\ndef double(x):\n    pid = os.fork()\n    if not pid:\n        os._exit(7)\n"
        "    os.waitpid(pid, 0)\n"
        "    return x + x\n"
    ),
    "a pool of processes": (
        "import multiprocessing\n\n\ndef twice(x):\n    return x + x\n\n\ndef double(x):\n    x + x\n"
        "    with multiprocessing.get_context('fork').Pool(2) as pool:\n        return pool.map(twice, [x])[0]\n"
    ),
    "temporary files": (
        "import pathlib, tempfile\n\n\ndef double(x):\n    with tempfile.TemporaryDirectory() as folder:\n"
        "        path = pathlib.Path(folder, 'x')\n        path.write_text(str(x + x))\n"
        "        return int(path.read_text())\n"
    ),
    "files beside the code": (
        "import pathlib\n\n\ndef double(x):\n    path = pathlib.Path(__file__).with_name('cache.txt')\n"
        "    path.write_text(str(x + x))\n    return int(path.read_text())\n"
    ),
    "raises and catches": (
        "class Found(BaseException):\n    pass\n\n\ndef double(x):\n    try:\n        raise Found(x + x)\n"
        "    except Found as found:\n        return found.args[0]\n"
    ),
    "recursion": (
        "def count(n):\n    return 2 + count(n - 1) if n else 0\n\n\ndef double(x):\n"
        "    return -double(-x) if x < 0 else count(x + 400) - 800\n"
    ),
    "traces and restores": (
        "import sys\n\n\ndef double(x):\n    before = sys.gettrace()\n    sys.settrace(lambda *a: None)\n    try:\n"
        "        return x + x\n    finally:\n        sys.settrace(before)\n"
    ),
    "looks at its frames and at the collector": (
        "import gc, sys\n\n\ndef double(x):\n    sys._getframe(1).f_locals\n    gc.collect()\n"
        "    len(gc.get_objects())\n    return x + x\n"
    ),
    "an int of its own": (
        "class Number(int):\n    def __eq__(self, other):\n        return int(self) == other\n\n"
        "    __hash__ = int.__hash__\n\n\n"
        "def double(x):\n    return Number(x + x)\n"
    ),
    "warnings and logs": (
        "import logging, warnings\n\n\ndef double(x):\n    warnings.warn('old', DeprecationWarning)\n"
        "    logging.getLogger().error('not an error')\n    return x + x\n"
    ),
    "a handler at exit": "import atexit\n\natexit.register(print, 'bye')\n\n\ndef double(x):\n    return x + x\n",
    "memory": "def double(x):\n    held = bytearray(50 << 20)\n    return x + x + held[0]\n",
    "a server on the loopback": (
        "import socket\n\n\ndef double(x):\n    with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "        with socket.create_connection(server.getsockname()):\n            return x + x\n"
    ),
    "an alarm of its own": (
        "import signal\n\n\ndef double(x):\n    before = signal.getsignal(signal.SIGUSR1)\n"
        "    signal.signal(signal.SIGUSR1, lambda *a: None)\n    signal.raise_signal(signal.SIGUSR1)\n"
        "    signal.signal(signal.SIGUSR1, before)\n    return x + x\n"
    ),
}


@pytest.mark.parametrize("answer", HONEST)
def test_an_unusual_right_answer_earns_its_reward(sandbox: Sandbox, answer: str) -> None:
    verdict = judge(sandbox, {"calc/core.py": HONEST[answer]}, timeout_s=30.0, test_timeout_s=10.0)
    assert verdict.outcome.reward == 1.0, verdict


def test_a_wrong_answer_earns_nothing(sandbox: Sandbox) -> None:
    for wrong in ("def double(x):\n    return x * x\n", "def double(x):\n    raise TypeError\n", "", "syntax error"):
        assert judge(sandbox, {"calc/core.py": wrong}).outcome.reward == 0.0
