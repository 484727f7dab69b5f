"""The program inside the sandbox: standard library only, Python 3.8 or later, started as `python -c`.

It is process 1 of its own process namespace, reads one job after another from its standard input and answers on
its standard output; both carry frames of a 4-byte big-endian length and that many bytes of JSON. Each job gets a
fresh copy of the tree and an interpreter of its own, because the hash seed is fixed when an interpreter starts and
because nothing that one job imported may be seen by the next. After a job every other process of the namespace is
killed. Words of a job and of its report: `ttc_data/sandbox/protocol.py`.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import resource
import select
import shutil
import signal
import struct
import sys
import time
from typing import Any, Iterator

# The program is handed over as text; every job's interpreter is started with the same text.
PROGRAM = globals().get("PROGRAM", "")
MAX_FRAME = 1 << 30
MAX_EVENTS = 1000000
KILL_S = 10.0
# A test that goes on this long after its timeout was raised in it has swallowed it.
LAST_WORDS_S = 2.0
# A test that holds the interpreter cannot be interrupted from within: silence this long after its timeout ends it.
SILENCE_S = 30.0
STUCK = 86
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
# Everywhere that a job can write; emptied before each one.
SCRATCH = (("/tmp", 0o1777), ("/dev/shm", 0o1777))


def serve(config: dict[str, Any]) -> None:
    """Answer jobs until the input ends."""
    if config["uid"] is not None:
        become(config["uid"], [config["work"], *(place for place, _ in SCRATCH)])
    # A job runs as the same user: it must not open our descriptors through /proc/1/fd, nor trace us. Its interrupt
    # must not reach us either: process 1 is only safe from signals that it has no handler for.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    write_frame(sink, {"ready": "%d.%d" % sys.version_info[:2]})
    while True:
        job = read_frame(source)
        if job is None:
            return
        try:
            report = run(job, config, (source, sink))
        except OSError as error:  # a full disk, say: the caller decides what it means
            report = {"broken": "%s: %s" % (type(error).__name__, error)}
        write_frame(sink, report)


def become(uid: int, places: list[str]) -> None:
    """Be another user for good, and own what a job may write."""
    for place in places:
        os.chown(place, uid, uid)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # A change of user forgets that we are to end with our parent.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def read_frame(fd: int) -> Any:
    header = read_exactly(fd, 4)
    if header is None:
        return None
    (length,) = struct.unpack(">I", header)
    if length > MAX_FRAME:
        raise ValueError("frame of %d bytes" % length)
    body = read_exactly(fd, length)
    return None if body is None else json.loads(body.decode("utf-8"))


def read_exactly(fd: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def write_frame(fd: int, value: object) -> None:
    data = json.dumps(value).encode("utf-8")
    data = struct.pack(">I", len(data)) + data
    while data:
        data = data[os.write(fd, data) :]


def run(job: dict[str, Any], config: dict[str, Any], private: tuple[int, int]) -> dict[str, Any]:
    """Lay the tree out, start an interpreter for the job, and collect what it reports."""
    work = config["work"]
    lay_out(config, job)
    report_read, report_write = os.pipe()
    output_read, output_write = os.pipe()
    job_read, job_write = os.pipe()
    failed_read, failed_write = os.pipe()  # closed by a successful exec
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            for fd in (*private, report_read, output_read, job_write, failed_read):
                os.close(fd)
            os.setsid()
            os.dup2(job_read, 0)
            os.dup2(output_write, 1)
            os.dup2(output_write, 2)
            os.dup2(report_write, 3)
            os.set_inheritable(3, True)
            os.closerange(4, failed_write)
            os.closerange(failed_write + 1, 256)
            os.chdir(work)
            limit(config["limits"])
            environment = job_environment(config, job)
            os.execve(sys.executable, [sys.executable, "-s", "-B", "-c", PROGRAM, "drive"], environment)
        except (OSError, ValueError) as error:
            os.write(failed_write, repr(error).encode("utf-8", "replace"))
        finally:
            os._exit(127)
    for fd in (report_write, output_write, job_read, failed_write):
        os.close(fd)
    try:
        failed = os.read(failed_read, 4096)
        if failed:
            os.waitpid(pid, 0)
            os.close(job_write)
            return {"broken": "the job could not be started: " + failed.decode("utf-8", "replace")}
        job = {**job, "roots": roots(config)}
        events, output, status, timed_out = watch(
            pid, job, (private[0], job_write, report_read, output_read), config["limits"]
        )
    finally:
        for fd in (report_read, output_read, failed_read):
            os.close(fd)
        kill_everything_else()
    return {
        "events": events,
        "output": output,
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status),
        "timed_out": timed_out,
        "seconds": round(time.monotonic() - started, 3),
    }


def lay_out(config: dict[str, Any], job: dict[str, Any]) -> None:
    """Make the working tree: the environment's files, then the job's own on top."""
    work = config["work"]
    for place, mode in ((work, 0o755), *SCRATCH):
        empty(place, mode)
    remove_ipc()
    copy_tree(config["tree"], work)
    for path, text in job["files"].items():
        if text is None:
            remove(work, path)
    for path, text in job["files"].items():
        if text is None:
            continue
        place = os.path.join(work, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
    os.mkdir("/tmp/home")


def remove_ipc() -> None:
    """Remove what System V IPC keeps without a process."""
    libc = ctypes.CDLL(None)
    for kind, control in (("shm", libc.shmctl), ("msg", libc.msgctl), ("sem", libc.semctl)):
        try:
            with open("/proc/sysvipc/" + kind, encoding="ascii") as table:
                numbers = [int(line.split()[1]) for line in table.readlines()[1:]]
        except FileNotFoundError:  # a kernel without it
            continue
        for number in numbers:
            if kind == "sem":
                control(number, 0, 0)  # 0 is IPC_RMID
            else:
                control(number, 0, None)


def remove(work: str, path: str) -> None:
    """Remove a file, and the folders that are empty without it, as git does: a file may take their place."""
    place = os.path.join(work, path)
    if os.path.lexists(place):
        os.unlink(place)
    folder = os.path.dirname(place)
    while len(folder) > len(work):
        try:
            os.rmdir(folder)
        except OSError:  # holds something else, or is not there
            return
        folder = os.path.dirname(folder)


def empty(place: str, mode: int) -> None:
    """Remove all that lies in a folder, whatever permissions and however deep a nesting a job left.

    Inner folders are moved to the top before they are emptied: a path never grows longer than the kernel takes, and
    nothing recurses.
    """
    with contextlib.suppress(PermissionError):  # not ours, so no job could change it
        os.chmod(place, mode)
    waiting = [os.path.join(place, name) for name in os.listdir(place)]
    number = 0
    while waiting:
        path = waiting.pop()
        if os.path.islink(path) or not os.path.isdir(path):
            os.unlink(path)
            continue
        os.chmod(path, 0o700)
        for name in os.listdir(path):
            inner = os.path.join(path, name)
            if os.path.islink(inner) or not os.path.isdir(inner):
                os.unlink(inner)
                continue
            os.chmod(inner, 0o700)  # moving a folder writes its "..", which takes permission to write it
            away = os.path.join(place, ".removed-%d" % number)
            while os.path.lexists(away):
                number += 1
                away = os.path.join(place, ".removed-%d" % number)
            os.rename(inner, away)
            waiting.append(away)
        os.rmdir(path)


def copy_tree(source: str, destination: str) -> None:
    for entry in os.scandir(source):
        target = os.path.join(destination, entry.name)
        if entry.is_dir(follow_symlinks=False):
            os.mkdir(target)
            copy_tree(entry.path, target)
        else:
            shutil.copyfile(entry.path, target)
            status = entry.stat()
            os.chmod(target, status.st_mode & 0o700 | 0o600)
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))  # the date that its bytecode belongs to


def limit(limits: dict[str, int]) -> None:
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_MSGQUEUE, 0),  # a queue would outlive the job
    ):
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def roots(config: dict[str, Any]) -> list[str]:
    """The folders of the working tree that are on `sys.path`."""
    return [os.path.join(config["work"], root) if root else config["work"] for root in config["roots"]]


def job_environment(config: dict[str, Any], job: dict[str, Any]) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp/home",
        "USER": "sandbox",
        "LOGNAME": "sandbox",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": "/tmp",
        "PYTHONPATH": config["site"],  # the tree follows when pytest is imported: see `import_tools`
        "PYTHONHASHSEED": str(job["hash_seed"]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COVERAGE_CORE": "ctrace",
    }


def watch(
    pid: int, job: dict[str, Any], streams: tuple[int, int, int, int], limits: dict[str, int]
) -> tuple[list[Any], str, int, bool]:
    """Feed the job its words, read what it says, and end it at its deadline."""
    source, job_write, report_read, output_read = streams
    deadline = time.monotonic() + job["timeout_s"]
    words = memoryview(json.dumps(job).encode("utf-8"))
    for fd in (report_read, output_read, job_write):
        os.set_blocking(fd, False)
    reports, output = Beginning(limits["report_bytes"]), Output(limits["output_bytes"])
    status: int | None = None
    timed_out = False
    told, heard = 0, 0.0
    while status is None:
        readable, writable, _ = select.select(
            [source, report_read, output_read], [job_write] if words else [], [], 0.01
        )
        if source in readable:
            os._exit(0)  # nobody writes while a job runs: whoever wanted it is gone
        if writable:
            try:
                words = words[os.write(job_write, words[:65536]) :]
            except BrokenPipeError:
                words = words[:0]
            if not words:
                os.close(job_write)
        drain(readable, report_read, reports, output)
        if len(reports.data) > told:
            told, heard = len(reports.data), time.monotonic()
        ended, ended_status = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = ended_status
        elif time.monotonic() > deadline:
            timed_out = True
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        elif told and time.monotonic() - heard > job["test_timeout_s"] + SILENCE_S:
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
    if words:
        os.close(job_write)
    kill_everything_else()
    while True:  # what was still in the pipes
        readable, _, _ = select.select([report_read, output_read], [], [], 0)
        if not drain(readable, report_read, reports, output):
            break
    events = []
    for line in io.BytesIO(reports.data):
        if not line.startswith(b'["'):
            continue
        try:
            event = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            continue  # torn by the end of the process, or not ours
        if is_event(event):
            events.append(event)
        if len(events) == MAX_EVENTS:
            break  # a flood, and without its end
    return events, output.text(), status, timed_out


def is_event(event: object) -> bool:
    """Whether it has the shape of what `say` is given: what a job writes itself must not break us or our caller."""
    return isinstance(event, list) and all(
        isinstance(part, (str, int, float)) or (isinstance(part, list) and all(isinstance(one, int) for one in part))
        for part in event
    )


def drain(readable: list[int], report_read: int, reports: Beginning, output: Output) -> int:
    took = 0
    for fd in readable:
        try:
            part = os.read(fd, 1 << 16)
        except BlockingIOError:
            continue
        took += len(part)
        if fd == report_read:
            reports.add(part)
        else:
            output.add(part)
    if readable and not took:
        time.sleep(0.005)  # both ends closed: wait for the exit without spinning
    return took


class Beginning:
    """The first part of what a job reports. What follows a gap is not taken: a flood must not hide what went before it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.data = bytearray()
        self.full = False

    def add(self, part: bytes) -> None:
        self.full = self.full or len(self.data) + len(part) > self.most
        if not self.full:
            self.data += part


class Output:
    """The first and the last part of what a job printed."""

    def __init__(self, most: int) -> None:
        self.half = most // 2
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def add(self, part: bytes) -> None:
        self.total += len(part)
        room = self.half - len(self.head)
        self.head += part[:room]
        self.tail += part[room:] if room > 0 else part
        del self.tail[: -self.half]

    def text(self) -> str:
        cut = self.total - len(self.head) - len(self.tail)
        middle = b"\n[... %d bytes cut ...]\n" % cut if cut else b""
        return (bytes(self.head) + middle + bytes(self.tail)).decode("utf-8", "replace")


def kill_everything_else() -> None:
    """As process 1 this reaches every process of the namespace and nothing else."""
    if os.getpid() != 1:
        raise SystemExit("the runner must be process 1 of its own namespace")
    deadline = time.monotonic() + KILL_S
    while time.monotonic() < deadline:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.002)
        except ChildProcessError:
            return
    raise OSError("processes of the job outlived SIGKILL for %g s" % KILL_S)


def drive() -> None:
    """Run pytest for one job, in the job's own interpreter. Events go to descriptor 3, one JSON list a line."""
    job = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.set_inheritable(3, False)
    sys.path[:] = [path for path in sys.path if path]  # `-c` puts the working folder first
    sys.argv = ["pytest"]
    work = os.getcwd()
    cover = None
    import_tools(job)
    if job["cover"]:
        import coverage

        files = [os.path.join(work, path) for path in job["cover"]]
        cover = coverage.Coverage(data_file=None, config_file=False, include=files, messages=False)
        cover.start()
    import pytest

    reporter = Reporter(job, cover)
    code = pytest.main(
        [
            "-p", "no:cacheprovider", "-q", "--rootdir", work, "-o", "addopts=", "-o", "required_plugins=",
            "-o", "xfail_strict=false", "--tb=line", "--continue-on-collection-errors", *job["args"], *job["test_files"],
        ],
        plugins=[reporter],
    )  # fmt: skip
    if cover is not None:
        cover.stop()
        for event in reached(job["cover"], cover, work):
            say(event)
    say(["end", int(code)])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code))  # threads that a test left running must not keep the job open


def import_tools(job: dict[str, Any]) -> None:
    """Import pytest, and only then let the tree in: a `pytest.py` or `sitecustomize` in it is not what runs the tests."""
    trees = job["roots"]
    names = ["pytest", "coverage"] if job["cover"] else ["pytest"]
    with contextlib.suppress(ImportError):  # the tree itself may be a project that pytest needs
        for name in names:
            __import__(name)
    sys.path[:0] = trees
    os.environ["PYTHONPATH"] = os.pathsep.join([*trees, os.environ["PYTHONPATH"]])  # of what the tests start


def say(event: list[Any]) -> None:
    data = json.dumps(event).encode("utf-8") + b"\n"
    while data:
        data = data[os.write(3, data) :]


def reached(cover_lines: dict[str, Any], cover: Any, work: str) -> Iterator[list[Any]]:
    """For each group of lines: the tests (by number) that ran one of them, lines run, lines that could run."""
    import coverage

    data = cover.get_data()
    for path, groups in cover_lines.items():
        full = os.path.join(work, path)
        contexts = data.contexts_by_lineno(full)
        try:
            statements = set(cover.analysis2(full)[1])
        except coverage.exceptions.CoverageException:
            statements = set()
        for key, spans in groups.items():
            lines = {line for first, last in spans for line in range(first, last + 1)}
            tests = {int(name) for line in lines for name in contexts.get(line, ()) if name}
            ran = sorted(line for line in lines & statements if any(contexts.get(line, ())))
            yield ["reach", key, sorted(tests), ran, len(lines & statements)]


class TestTimeout(BaseException):
    """A test ran longer than it may."""


class Reporter:
    """The pytest plugin that tells of each test as it ends."""

    def __init__(self, job: dict[str, Any], cover: Any) -> None:
        self.wanted = set(job["tests"]) if job["tests"] is not None else None
        self.skip = set(job["skip"])
        self.cover_lines = job["cover"]
        self.seconds = job["test_timeout_s"]
        self.cover = cover
        self.numbers: dict[str, int] = {}
        self.phases: dict[str, dict[str, Any]] = {}

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        kept = [item for item in items if self.wanted is None or item.nodeid in self.wanted]
        kept = [item for item in kept if item.nodeid not in self.skip]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            say(["collect_error", report.nodeid, str(report.longrepr)[-4000:]])

    def pytest_runtest_logstart(self, nodeid: str, location: object) -> None:
        number = self.numbers.setdefault(nodeid, len(self.numbers))
        self.phases[nodeid] = {"seconds": 0.0, "message": "", "outcome": "skipped"}
        say(["start", number, nodeid])
        if self.cover is not None:
            self.cover.switch_context(str(number))

        expired: list[int] = []

        def expire(signum: int, frame: object) -> None:
            expired.append(signum)
            if len(expired) > 1:
                self.give_up()
            raise TestTimeout("the test ran longer than %g s" % self.seconds)

        signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, self.seconds, LAST_WORDS_S)

    def give_up(self) -> None:
        """End the session in the middle of a test that swallows its timeout; what was measured so far is told."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self.cover is not None:
            self.cover.stop()
            for event in reached(self.cover_lines, self.cover, os.getcwd()):
                say(event)
        os._exit(STUCK)

    def pytest_runtest_logreport(self, report: Any) -> None:
        state = self.phases.setdefault(report.nodeid, {"seconds": 0.0, "message": "", "outcome": "skipped"})
        state["seconds"] += report.duration
        expected = hasattr(report, "wasxfail")
        if report.failed:
            state["outcome"] = "failed" if report.when == "call" else "error"
            state["message"] = state["message"] or str(report.longrepr)[-2000:]
        elif state["outcome"] in ("failed", "error"):
            return  # a subtest failed; that the rest of the test passed or was skipped makes it no better
        elif report.when == "call" and report.passed:
            state["outcome"] = "xpassed" if expected else "passed"
        elif report.skipped:
            state["outcome"] = "xfailed" if expected else "skipped"

    def pytest_runtest_logfinish(self, nodeid: str, location: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self.cover is not None:
            self.cover.switch_context("")
        state = self.phases.pop(nodeid)
        say(["test", self.numbers[nodeid], state["outcome"], round(state["seconds"], 4), state["message"]])


if __name__ == "__main__":
    if sys.argv[1] == "drive":
        drive()
    else:
        serve(json.loads(sys.argv[1]))
