"""What a job can see and change: its own tree, and nothing of the host or of the jobs before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandboxes import TREE, Place, outcomes, session
from ttc_data.sandbox.protocol import Sandbox

TREE_IS_WHOLE = f"""
import os
import pathlib

TREE = {TREE!r}


def test_tree():
    found = {{}}
    for folder, names, files in os.walk("."):
        names[:] = [name for name in names if name != "__pycache__"]
        for name in files:
            path = pathlib.Path(folder, name)
            found[path.as_posix()] = path.read_bytes()
    del found["test_tree.py"]
    assert found == TREE
    assert os.access("bin/tool", os.X_OK)
    assert not os.access("data/lines.txt", os.X_OK)
    assert os.listdir("/tmp") == ["home"] and os.listdir("/tmp/home") == []
"""

VANDAL = """
import os
import shutil


def test_vandal():
    os.unlink("calc/core.py")
    shutil.rmtree("tests")
    with open("data/lines.txt", "a") as file:
        file.write("more")
    os.chmod("bin/tool", 0)
    for place in ("new", "/tmp/new", "/tmp/home/new"):
        os.makedirs(place + "/inner/.removed-0")
        open(place + "/.removed-1", "w").close()
        os.symlink("/usr", place + "/link")
        os.symlink("nowhere", place + "/dangling")
        os.mkfifo(place + "/fifo")
        os.chmod(place + "/inner/.removed-0", 0)
        os.chmod(place + "/inner", 0)
        os.chmod(place, 0)
    for place in (".", "/tmp"):
        os.chmod(place, 0o555)
"""

DEEP = """
import os


def test_deep():
    for _ in range(3000):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
"""

MARK = """
import os

SKIP = ("/proc", "/sys")


def writable():
    for folder, names, _ in os.walk("/"):
        names[:] = [name for name in names if os.path.join(folder, name) not in SKIP and folder.count("/") < 4]
        try:
            open(os.path.join(folder, "ttc-marker"), "x").close()
        except OSError:
            continue
        yield folder


def test_mark():
    places = [place for place in writable() if not place.startswith(("/testbed", "/tmp"))]
    assert set(places) <= {"/dev/shm"}, places


def test_find():
    for folder, names, files in os.walk("/"):
        names[:] = [name for name in names if os.path.join(folder, name) not in SKIP and folder.count("/") < 4]
        assert "ttc-marker" not in files, folder
"""


@pytest.mark.parametrize("code", [VANDAL, DEEP], ids=["vandal", "deep"])
def test_every_job_starts_from_a_fresh_tree(sandbox: Sandbox, code: str) -> None:
    """Deleted, edited, added, without permissions, or nested so deep that a recursive removal fails."""
    assert set(outcomes(sandbox.run(session(code))).values()) == {"passed"}
    report = sandbox.run(session(TREE_IS_WHOLE, path="test_tree.py"))
    assert outcomes(report) == {"test_tree": "passed"}, report.tests


def test_nothing_that_a_job_writes_anywhere_is_there_for_the_next(sandbox: Sandbox) -> None:
    """Shared memory is a place too; the root folder and /dev would also be memory without a limit."""
    marked = sandbox.run(session(MARK, tests=("test_job.py::test_mark",)))
    assert outcomes(marked) == {"test_mark": "passed"}, marked.tests
    found = sandbox.run(session(MARK, tests=("test_job.py::test_find",)))
    assert outcomes(found) == {"test_find": "passed"}, found.tests


def test_files_are_laid_over_the_tree_byte_by_byte(sandbox: Sandbox) -> None:
    """A file may be removed, replaced by a folder, or take the place of a folder whose files were all removed."""
    texts = {
        "crlf.py": "x = 1\r\ny = 2\r",
        "deep/er/\u00e4\u4e2d.txt": "\ufefftabs\t\x0c \u2028 \U0001f600 \x00 end",
        "empty.txt": "",
        "data/lines.txt": "replaced\r\n",
        "bin": "now a file",
        "calc/core.py/inner.txt": "now a folder",
    }
    files: dict[str, str | None] = {
        **texts, "bin/tool": None, "calc/core.py": None, "calc/__init__.py": None, "never/was/there.txt": None
    }  # fmt: skip
    code = f"""
import pathlib


def test_bytes():
    for path, data in { ({path: text.encode() for path, text in texts.items()})!r}.items():
        assert pathlib.Path(path).read_bytes() == data
    assert not pathlib.Path("calc/__init__.py").exists()
    assert not pathlib.Path("never").exists()
    assert pathlib.Path("tests/test_core.py").exists()
"""
    report = sandbox.run(session(code, files=files))
    assert outcomes(report) == {"test_bytes": "passed"}, report.tests


IPC = """
import ctypes

libc = ctypes.CDLL(None, use_errno=True)


def test_nothing_is_there():
    for kind in ("shm", "msg", "sem"):
        with open("/proc/sysvipc/" + kind) as table:
            assert len(table.readlines()) == 1


def test_leave():
    assert libc.shmget(7, 4096, 0o1600) == -1  # memory that no process need hold
    assert libc.msgget(7, 0o1600) >= 0
    assert libc.semget(7, 1, 0o1600) >= 0
"""


def test_shared_memory_and_queues_do_not_outlive_their_job(sandbox: Sandbox) -> None:
    """System V objects need no process and no file to stay."""
    for _ in range(2):
        report = sandbox.run(session(IPC))
        assert outcomes(report) == {"test_nothing_is_there": "passed", "test_leave": "passed"}, report.tests


NETWORK = """
import socket

import pytest


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "169.254.169.254", "172.17.0.1"])
def test_no_way_out(address):
    with pytest.raises(OSError):
        socket.create_connection((address, 80), timeout=2)


def test_no_names():
    with pytest.raises(OSError):
        socket.getaddrinfo("example.org", 443)


def test_loopback_works():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname(), timeout=2) as client:
            client.sendall(b"hello")
            with server.accept()[0] as peer:
                assert peer.recv(5) == b"hello"


def test_localhost_is_loopback():
    assert ("127.0.0.1", 80) in [found[4] for found in socket.getaddrinfo("localhost", 80)]


def test_only_loopback_is_there():
    assert [name for _, name in socket.if_nameindex() if not name.startswith(("tunl", "sit", "ip6", "gre", "erspan"))] == ["lo"]
"""


def test_there_is_no_network_but_loopback(sandbox: Sandbox) -> None:
    report = sandbox.run(session(NETWORK))
    assert set(outcomes(report).values()) == {"passed"}, report.tests
    assert len(report.tests) == 8


def test_nothing_of_the_host_is_visible(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = "token-7d1f"
    monkeypatch.setenv("TTC_TEST_SECRET", planted)
    (tmp_path / "secret.txt").write_text(planted)
    ours = [str(tmp_path / "secret.txt"), str(Path(__file__)), str(Path.home() / ".bashrc"), "/etc/shadow-"]
    code = f"""
import glob
import os

import pytest

KNOWN = {{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONHASHSEED",
         "PYTHONDONTWRITEBYTECODE", "COVERAGE_CORE"}}


def test_environment():
    assert {{name for name in os.environ if not name.startswith("PYTEST_")}} == KNOWN
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            assert b"TTC_TEST_SECRET" not in open(path, "rb").read()
        except PermissionError:
            pass


@pytest.mark.parametrize("path", {ours!r})
def test_files(path):
    with pytest.raises(OSError):
        open(path)


def test_docker_socket():
    assert not os.path.exists("/var/run/docker.sock") and not os.path.exists("/run/docker.sock")


def test_processes():
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    assert [pid for pid in pids if pid != 1] == [os.getpid()]  # of the runner no more than its number
"""
    sandbox = place.open()
    try:
        report = sandbox.run(session(code))
    finally:
        sandbox.close()
    assert set(outcomes(report).values()) == {"passed"}, report.tests
    assert planted not in report.output


PRIVILEGES = """
import os

import pytest


def status(name):
    with open("/proc/self/status") as lines:
        return next(line.split()[1] for line in lines if line.startswith(name + ":"))


def test_is_not_root():
    assert os.getuid() != 0 and os.geteuid() != 0 and os.getgid() != 0
    with pytest.raises(OSError):
        os.setuid(0)


def test_has_no_capability():
    assert all(int(status(name), 16) == 0 for name in ("CapEff", "CapPrm", "CapAmb"))


def test_cannot_gain_any():
    assert status("NoNewPrivs") == "1"


@pytest.mark.parametrize("path", ["/usr/ttc", "/etc/ttc", "/environment/site/ttc", "/environment/tree/ttc", "/ttc"])
def test_cannot_write(path):
    with pytest.raises(OSError):
        open(path, "w")
"""


def test_a_job_is_an_ordinary_user_without_privileges(sandbox: Sandbox) -> None:
    report = sandbox.run(session(PRIVILEGES))
    assert set(outcomes(report).values()) == {"passed"}, report.tests


RUNNER = """
import os
import signal

import pytest


def test_its_descriptors_are_closed_to_us():
    for fd in range(20):
        with pytest.raises(OSError):
            os.open(f"/proc/1/fd/{fd}", os.O_WRONLY)


def test_its_memory_is_closed_to_us():
    with pytest.raises(OSError):
        open("/proc/1/mem", "r+b")


def test_its_program_is_closed_to_us():
    # The next interpreter is started from it.
    held = ["/proc/self/fd/" + fd for fd in os.listdir("/proc/self/fd")]
    assert not [link for link in held if os.path.lexists(link) and "program" in os.readlink(link)]
    assert not os.path.lexists("/tmp/program")


def test_its_arguments_are_short():
    # Every user of the machine can read them.
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with open("/proc/" + pid + "/cmdline", "rb") as words:
            line = words.read()
        assert len(line) < 2000 and b"SandboxLost" not in line and b"seccomp" not in line, line


def test_signals_do_not_reach_it():
    for number in signal.valid_signals():
        os.kill(1, number)
"""


def test_a_job_cannot_reach_the_runner(sandbox: Sandbox) -> None:
    """The runner is a process of the same user: through its descriptors a job could write its own report."""
    for seed in (0, 0, 7):  # a new one starts the runner again
        report = sandbox.run(session(RUNNER, hash_seed=seed))
        assert set(outcomes(report).values()) == {"passed"}, report.tests
        assert len(report.tests) == 5
