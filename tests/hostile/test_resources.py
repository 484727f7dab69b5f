"""Bombs: processes, memory, disk, output, depth. Each ends, and the next job has what it needs."""

from __future__ import annotations

import pytest

from tests.hostile.trial import WRONG, assert_earns_nothing, right_if
from tests.sandboxes import LIMITS
from ttc_data.sandbox.protocol import Sandbox

BOMBS = {
    "forks": "import os\nfor _ in range(400):\n    os.fork()",
    "forks of forks": "import os\ntry:\n    while True:\n        os.fork()\nexcept OSError:\n    os._exit(0)",
    "threads": (
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    ),
    "memory": "held = []\nwhile True:\n    held.append(bytearray(1 << 24))",
    "memory of many processes": (
        "import os, time\nfor _ in range(20):\n    if not os.fork():\n        held = bytearray(100 << 20)\n"
        "        time.sleep(600)\ntime.sleep(600)"
    ),
    "one huge number": "held = 1 << (1 << 40)",
    "one huge string": "held = 'x' * (1 << 40)",
    "a list of itself": "held = [0]\nwhile True:\n    held += held",
    "disk in the tree": "n = 0\nwhile True:\n    n += 1\n    open('/testbed/%d' % n, 'wb').write(b'x' * (1 << 22))",
    "disk in /tmp": "n = 0\nwhile True:\n    n += 1\n    open('/tmp/%d' % n, 'wb').write(b'x' * (1 << 22))",
    "disk in shared memory": (
        "n = 0\nwhile True:\n    n += 1\n    open('/dev/shm/%d' % n, 'wb').write(b'x' * (1 << 22))"
    ),
    "empty files": "n = 0\nwhile True:\n    n += 1\n    open('/tmp/%d' % n, 'wb').close()",
    "folders in folders": "import os\nwhile True:\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)",
    "a huge sparse file": "import os\nos.truncate(os.open('/testbed/big', os.O_CREAT | os.O_RDWR), 1 << 40)",
    "one large file": "file = open('/testbed/big', 'wb')\nwhile True:\n    file.write(b'x' * (1 << 20))",
    "open files": "import os\nheld = []\nwhile True:\n    held.append(os.open('/dev/null', 0))",
    "pipes that are full": (
        "import fcntl, os\nheld = []\nfor _ in range(300):\n    one = os.pipe()\n    held.append(one)\n"
        "    os.set_blocking(one[1], False)\n"
        "    try:\n        fcntl.fcntl(one[1], 1031, 1 << 20)\n        while True:\n"
        "            os.write(one[1], b'x' * 65536)\n    except OSError:\n        pass"
    ),
    "sockets that are full": (
        "import socket\nheld = []\nfor _ in range(300):\n    one = socket.socketpair()\n    held.append(one)\n"
        "    one[0].setblocking(False)\n"
        "    try:\n        while True:\n            one[0].send(b'x' * 65536)\n    except OSError:\n        pass"
    ),
    "output": "import os\nwhile True:\n    os.write(1, b'x' * 65536)",
    "output on standard error, a byte at a time": "import os\nwhile True:\n    os.write(2, b'\\xff')",
    "a recursion without end": "import sys\nsys.setrecursionlimit(10 ** 9)\ndef down():\n    down()\ndown()",
    "a recursion that Python ends": "def down():\n    down()\ndown()",
    "a recursion of the compiler": "compile('(' * 90 + ')' * 90 + '+1' * 100000, 'x', 'eval')",
    "a recursion in C": "import functools\nf = len\nfor _ in range(10 ** 6):\n    f = functools.partial(f)\ndel f",
    "a message of a hundred megabytes": "raise ValueError('x' * (100 << 20))",
    "a message that never ends": (
        "class Odd(Exception):\n    def __str__(self):\n        while True:\n            pass\nraise Odd"
    ),
    "a message that fails": (
        "class Odd(Exception):\n    def __str__(self):\n        raise SystemExit(0)\n    __repr__ = __str__\nraise Odd"
    ),
    "causes of causes": (
        "error = None\nfor n in range(100000):\n    new = ValueError(n)\n    new.__cause__ = error\n    error = new\n"
        "raise error"
    ),
    "a hundred thousand warnings": "import warnings\nfor n in range(100000):\n    warnings.warn('number %d' % n)",
    "limits that are raised": (
        "import resource\nfor kind in range(16):\n    try:\n"
        "        resource.setrlimit(kind, (resource.RLIM_INFINITY,) * 2)\n"
        "    except (OSError, ValueError):\n        pass\nheld = []\nwhile True:\n    held.append(bytearray(1 << 24))"
    ),
    "random numbers of the kernel": "import os\nfor _ in range(400):\n    os.urandom(1 << 20)\nraise SystemExit",
    "a zip that grows": "import zlib\nheld = zlib.decompress(zlib.compress(bytes(100 << 20)) * 1)\nheld = held * 100",
}
# How a job might hold more memory than the limit says, in ways that a limit on address space does not see.
HOLDS = {
    "memfd": (
        "while held < most:\n    fd = libc.memfd_create(b'x', 0)\n    if fd < 0:\n        break\n    size = 4 << 20\n"
        "    held += os.write(fd, bytes(size))"
    ),
    "shared anonymous memory of several processes": (
        "import mmap, time\nchildren = [os.pipe() for _ in range(4)]\nfor reading, writing in children:\n"
        "    if not os.fork():\n"
        "        kept = mmap.mmap(-1, most // 4)\n        kept.write(bytes(most // 4))\n"
        "        os.write(writing, b'x')\n"
        "        time.sleep(600)\n    os.close(writing)\nfor reading, _ in children:\n"
        "    held += len(os.read(reading, 1)) * (most // 4)"
    ),
    "System V shared memory": (
        "libc.shmat.restype = ctypes.c_void_p\nwhile held < most:\n    key = libc.shmget(0, 64 << 20, 0o1600)\n"
        "    if key < 0:\n        break\n"
        "    place = libc.shmat(key, None, 0)\n    ctypes.memset(ctypes.c_void_p(place), 1, 64 << 20)\n"
        "    libc.shmdt(ctypes.c_void_p(place))\n    held += 64 << 20"
    ),
    "files of every folder": (
        "for folder in ('/tmp', '/testbed', '/dev/shm', '/tmp/home'):\n    try:\n        for n in range(1000):\n"
        "            held += open(folder + '/f%d' % n, 'wb').write(bytes(4 << 20))\n    except OSError:\n        pass"
    ),
    "private memory of several processes": (
        "import time\nchildren = [os.pipe() for _ in range(4)]\nfor reading, writing in children:\n"
        "    if not os.fork():\n"
        "        kept = bytearray(b'x' * (most // 8)) * 2\n        os.write(writing, b'x')\n        time.sleep(600)\n"
        "    os.close(writing)\n"
        "for reading, _ in children:\n    held += len(os.read(reading, 1)) * (most // 4)\ntime.sleep(1)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("technique", BOMBS)
def test_a_bomb_of(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, BOMBS[technique] + WRONG, timeout_s=1.5)


@pytest.mark.parametrize("technique", HOLDS)
def test_no_more_memory_than_the_limit_in(sandbox: Sandbox, technique: str) -> None:
    """An answer that is right where it held twice the memory of a job and what a job may write, and lived."""
    most = 2 * LIMITS.memory_bytes
    code = f"held, most = 0, {most}\n{HOLDS[technique]}\nprint(held >> 20, 'MiB held')\nreturn held >= most"
    assert_earns_nothing(sandbox, right_if(code), timeout_s=8.0)
