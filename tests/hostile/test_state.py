"""What one job leaves for the next: each answer leaves something, the next one is right if it finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.hostile.trial import PATH, TESTS, WRONG, assert_earns_nothing, right_if
from tests.sandboxes import CALC, session
from ttc_data.sandbox.protocol import Sandbox

# Name: what the first does, what the second looks for.
LEFT: Mapping[str, tuple[str, str]] = {
    "files": (
        (
            "for place in ('/tmp', '/tmp/home', '/testbed', '/dev/shm', '/var/tmp', '/environment', '/', '/dev', "
            "'/run', '/etc'):\n"
        "    with contextlib.suppress(OSError):\n        open(place + '/.left', 'w').close()"),
        (
            "places = ('/tmp', '/tmp/home', '/testbed', '/dev/shm', '/var/tmp', '/environment', '/', '/dev', '/run', "
            "'/etc')\n"
        "return any(os.path.exists(place + '/.left') for place in places)"),
    ),
    "POSIX shared memory": (
        "libc.shm_open(b'/left', os.O_CREAT | os.O_RDWR, 0o600)",
        "return libc.shm_open(b'/left', os.O_RDWR, 0) >= 0",
    ),
    "POSIX semaphores": (
        "libc.sem_open.restype = ctypes.c_void_p\nlibc.sem_open(b'/left', os.O_CREAT, 0o600, 1)",
        "libc.sem_open.restype = ctypes.c_void_p\nreturn libc.sem_open(b'/left', 0)",
    ),
    "POSIX message queues": (
        "libc.mq_open(b'/left', os.O_CREAT | os.O_RDWR, 0o600, None)",
        "return libc.mq_open(b'/left', os.O_RDWR) >= 0",
    ),
    "System V shared memory": ("libc.shmget(77, 4096, 0o1600)", "return libc.shmget(77, 4096, 0) >= 0"),
    "System V queues": ("libc.msgget(77, 0o1600)", "return libc.msgget(77, 0) >= 0"),
    "System V semaphores": ("libc.semget(77, 1, 0o1600)", "return libc.semget(77, 1, 0) >= 0"),
    "an abstract socket": (
        (
            "if not os.fork():\n    os.setsid()\n    server = socket.socket(socket.AF_UNIX)\n"
            "    server.bind('\\0left')\n    server.listen()\n"
        "    signal.pause()"),
        "client = socket.socket(socket.AF_UNIX)\nclient.connect('\\0left')\nreturn True",
    ),
    "a server on the loopback": (
        ("if not os.fork():\n    os.setsid()\n    server = socket.create_server(('127.0.0.1', 7777))\n"
        "    signal.pause()"),
        "return socket.create_connection(('127.0.0.1', 7777), 1)",
    ),
    "a process": (
        "if not os.fork():\n    os.setsid()\n    signal.pause()",
        "return [name for name in os.listdir('/proc') if name.isdigit() and int(name) not in (1, os.getpid())]",
    ),
    "a key in a keyring": (
        "libc.syscall(248, b'user', b'left', b'x', 1, -4)",
        "return libc.syscall(250, 10, -4, b'user', b'left', 0) >= 0 or 'left' in open('/proc/keys').read()",
    ),
    "the environment and the umask": (
        "os.environ['LEFT'] = '1'\nos.umask(0o777)",
        "return 'LEFT' in os.environ or os.umask(0o22) == 0o777",
    ),
    "a low priority": ("os.nice(19)", "return os.nice(0) > 0"),
    "the runner's priority": (
        "os.setpriority(os.PRIO_PROCESS, 1, 19)\nos.setpriority(os.PRIO_USER, 0, 19)",
        "return os.nice(0) > 0",
    ),
    "the runner's processor": (
        "os.sched_setaffinity(1, {min(os.sched_getaffinity(0))})",
        "return len(os.sched_getaffinity(0)) == 1 and os.cpu_count() > 1",
    ),
    "the runner's limits": (
        ("import resource\nresource.prlimit(1, resource.RLIMIT_NOFILE, (20, 20))\n"
        "resource.prlimit(1, resource.RLIMIT_FSIZE, (0, 0))"),
        "import resource\nreturn resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 20",
    ),
    "the runner's badness": (
        "open('/proc/1/oom_score_adj', 'w').write('1000')",
        "return int(open('/proc/self/oom_score_adj').read()) == 1000",
    ),
    "the runner's name": (
        "open('/proc/1/comm', 'w').write('left')",
        "return open('/proc/1/comm').read().strip() == 'left' or open('/proc/self/comm').read().strip() == 'left'",
    ),
    "the runner's timer slack and coredump filter": (
        "open('/proc/1/coredump_filter', 'w').write('1')",
        "return int(open('/proc/self/coredump_filter').read(), 16) == 1",
    ),
    "signals that are ignored and blocked": (
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})",
        (
            "return signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN or signal.SIGUSR1 in "
            "signal.pthread_sigmask(signal.SIG_BLOCK, ())"
        ),
    ),
    "a patched interpreter": (
        ("import builtins, unittest, _pytest.runner\nbuiltins.left = _pytest.runner.left = unittest.left = 1\n"
        "sys.modules['left'] = sys"),
        (
            "import builtins, unittest, _pytest.runner\n"
            "return any(hasattr(one, 'left') for one in (builtins, unittest, _pytest.runner))"
        ),
    ),
    "a lock on a file of the environment": (
        ("import fcntl\nif not os.fork():\n    os.setsid()\n    held = open('/environment/tree/calc/core.py')\n"
        "    fcntl.flock(held, fcntl.LOCK_EX)\n    signal.pause()"),
        (
            "import fcntl\nheld = open('/environment/tree/calc/core.py')\ntry:\n"
            "    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError:\n    return True"),
    ),
    "bytecode beside the code": (
        ("import py_compile\nopen('/tmp/x.py', 'w').write('left = 1')\n"
        "py_compile.compile('/tmp/x.py', '/testbed/calc/__pycache__/never.cpython-311.pyc')"),
        "return os.path.exists('/testbed/calc/__pycache__/never.cpython-311.pyc')",
    ),
    "a host name": ("socket.sethostname('left')", "return socket.gethostname() == 'left'"),
    "a terminal in the foreground": (
        "held = os.open('/dev/ptmx', os.O_RDWR)\nif not os.fork():\n    os.setsid()\n    signal.pause()",
        "return [name for name in os.listdir('/dev/pts') if name.isdigit()]",
    ),
    "an extended attribute of the environment": (
        "os.setxattr('/environment/tree/calc/core.py', 'user.left', b'1')",
        "return os.listxattr('/environment/tree/calc/core.py')",
    ),
}  # fmt: skip


@pytest.mark.parametrize("technique", LEFT)
def test_left(sandbox: Sandbox, technique: str) -> None:
    leave, find = LEFT[technique]
    assert_earns_nothing(sandbox, right_if(leave) + WRONG, timeout_s=4.0)
    assert_earns_nothing(sandbox, right_if(find), timeout_s=4.0)


# What the first job is marked with. The second looks for it in its memory, and has it backwards: looking is no trace.
MARK = "qzx7f3a-mark-of-{}-9d1c44e0b2"
WHERE = ("answer", "test", "name", "output", "message", "collection")


def looking(mark: str) -> str:
    return right_if(
        f"mark = {mark[::-1]!r}[::-1].encode()\nmine = mark[::-1]\nfound = []\n"
        "with open('/proc/self/mem', 'rb', 0) as memory:\n    for line in open('/proc/self/maps'):\n"
        "        place, rights = line.split()[:2]\n        start, end = (int(one, 16) for one in place.split('-'))\n"
        "        if 'w' not in rights or 'stack' in line:\n            continue\n"
        "        with contextlib.suppress(OSError, ValueError, OverflowError):\n"
        "            while start < end:\n                memory.seek(start)\n"
        "                data = memory.read(min(end - start, 1 << 24))\n"
        "                at = data.find(mark)\n                while at >= 0:\n"
        "                    found.append(data[max(0, at - 30):at + 60])\n"
        "                    at = data.find(mark, at + 1)\n                start += len(data)\n"
        "                if not data:\n                    break\n"
        # Every copy that the first job makes stands between equals signs; the search's own copies stand beside whatever
        # the heap holds there, so that only these very neighbours tell one from the other.
        "left = [one for one in found if b'= ' + mark in one or mark + b' =' in one]\n"
        "print(len(found), left[:5])\nreturn left"
    )


@pytest.mark.parametrize("seed", [0, 1], ids=["same seed", "another seed"])
@pytest.mark.parametrize("where", WHERE)
def test_the_memory_of_the_next_job_holds_nothing_of_the_last(sandbox: Sandbox, where: str, seed: int) -> None:
    """The runner reads what a job tells, and later jobs are forks of the runner."""
    mark = MARK.format(where)
    texts = {
        "answer": "def test_it():\n    pass\n",
        "test": f"# == {mark} ==\ndef test_it():\n    pass\n",
        "name": (
            f"import pytest\n\n\n@pytest.mark.parametrize('x', [1], ids=['== {mark} =='])\ndef test_it(x):\n    pass\n"
        ),
        "output": f"import os\n\n\ndef test_it():\n    os.write(2, b'== {mark} ==' * 100)\n",
        "message": f"def test_it():\n    raise ValueError('== {mark} ==')\n",
        "collection": f"raise ValueError('== {mark} ==')\n",
    }
    answer = CALC + f"\n# == {mark} ==\n" if where == "answer" else CALC
    sandbox.run(replace(session(texts[where], path=PATH, files={"calc/core.py": answer}), hash_seed=seed))
    assert_earns_nothing(sandbox, looking(mark))


def test_the_search_of_memory_finds_what_is_there(sandbox: Sandbox) -> None:
    """Else the tests above would show nothing."""
    mark = MARK.format("itself")
    code = looking(mark).replace("return left", "assert left\nreturn left".replace("\n", "\n    "))
    report = sandbox.run(session(TESTS, path=PATH, files={"calc/core.py": f"HELD = b'== {mark} ==' * 2\n" + code}))
    assert len(report.passed) == len(report.tests) > 0, report
