"""The byte stream between us and a runner, whatever carries it: frames out, frames in, reports from events."""

from __future__ import annotations

import json
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Protocol, cast, get_args

from ttc_data.errors import SandboxLost
from ttc_data.records import TestOutcome
from ttc_data.sandbox.inside.start import LOADER
from ttc_data.sandbox.protocol import Inexact, Job, Limits, Reach, Report, TestResult

MAX_FRAME = 256 * 1024 * 1024
GRACE_S = 30.0
START_S = 60.0
MAX_EVENTS = 1_000_000
REWRITING = ("texts", "codes", "rewritten")
STARTING = ("streams", "start")
INSIDE = (
    *REWRITING,
    "kernel",
    "calls",
    "procfs",
    "sessions",
    "scheduling",
    "answering",
    "spaces",
    "confine",
    "processes",
    "measuring",
    "properties",
    "choosing",
    "patience",
    "subtests",
    "copies",
    "session",
    "preload",
    *STARTING,
    "versions",
    "beginning",
    "numbers",
    "reading",
    "execution",
    "runner",
)
ENDED_BY = {
    "time": "it ran longer than it may",
    "silence": "a test held the interpreter",
    "memory": "its processes held more memory than they may",
}
OUTCOMES = frozenset(get_args(TestOutcome))


class Pipe(Protocol):
    """Carries bytes to a runner and back. Any failure is a `SandboxLost` or an `OSError`."""

    def write(self, data: bytes) -> None: ...

    def read(self, count: int, deadline: float) -> bytes:
        """Exactly `count` bytes, before `time.monotonic()` passes `deadline`."""
        ...

    def diagnosis(self) -> str:
        """What the runner said on its standard error, for the message of a `SandboxLost`."""
        ...

    def close(self) -> None:
        """End what is at the other end; a `read` that waits in another thread ends too."""
        ...

    def release(self) -> None:
        """Close the descriptors, once nobody reads."""
        ...


@cache
def program(*names: str) -> str:
    """Modules of `inside/` as one text that calls `main` of the last; inside, they go by the names they have here."""
    folder = files("ttc_data.sandbox") / "inside"
    modules = {f"ttc_data.sandbox.inside.{name}": (folder / f"{name}.py").read_text(encoding="utf-8") for name in names}
    return (
        f"import sys, types\nMODULES = {modules!r}\n"
        "for parent in ('ttc_data', 'ttc_data.sandbox', 'ttc_data.sandbox.inside'):\n"
        "    sys.modules[parent] = types.ModuleType(parent)\n"
        "for name, text in MODULES.items():\n"
        "    module = sys.modules[name] = types.ModuleType(name)\n"
        "    exec(compile(text, '<' + name.rpartition('.')[2] + '>', 'exec'), module.__dict__)\n"
        # The project under test may be this one.
        "for name in [name for name in sys.modules if name.partition('.')[0] == 'ttc_data']:\n"
        "    del sys.modules[name]\n"
        "module.main()\n"
    )


def bytecode_program() -> str:
    """What is run once for an installed environment."""
    return program(*REWRITING, "bytecode")


def with_arguments(program: str, *arguments: str) -> str:
    """A program for the standard input of an interpreter: a list of processes shows neither it nor its arguments."""
    return f"import sys\nsys.argv[1:] = {arguments!a}\n{program}"


@cache
def runner_program() -> bytes:
    """What a runner reads first on its standard input: the program that starts it, and its own."""
    return b"".join(_frame(program(*names).encode()) for names in (STARTING, INSIDE))


def runner_arguments(
    site: str,
    tree: str,
    work: str,
    roots: tuple[str, ...],
    limits: Limits,
    *,
    uid: int | None = None,
    home: str = "/tmp/home",
    alone: bool = True,
) -> list[str]:
    """What follows the interpreter's name on the command line that starts a runner; the program follows on its input.

    Args:
        site: the folder of installed packages.
        tree: the environment's read-only tree.
        work: where a job's tree is.
        roots: folders of the tree on `sys.path`.
        limits: of one job.
        uid: the user that the runner becomes.
        home: a job's home directory; it is made in an empty folder for temporary files.
        alone: the runner is process 1 of its own namespace, and `/tmp` and `/dev/shm` are its own.
    """
    config = {
        "site": site,
        "tree": tree,
        "work": work,
        "roots": roots,
        "limits": asdict(limits),
        "uid": uid,
        "home": home,
        "alone": alone,
    }
    return ["-s", "-B", "-c", LOADER, "0", json.dumps(config)]


class StreamSandbox:
    """A `Sandbox` over a `Pipe`.

    Args:
        pipe: to what `runner_arguments` started.
        name: for messages.
        program: what is written first; see `runner_program`.

    Raises:
        SandboxLost: no runner answers.
    """

    shared: tuple[str, ...]
    """What a job has in common with the jobs before it, because the kernel or the engine does not let it have its own."""

    def __init__(self, pipe: Pipe, name: str, program: bytes = b"") -> None:
        self._pipe = pipe
        self._name = name
        self._lock = threading.RLock()
        with self._lost_when_broken():
            with suppress(ConnectionError):  # it has ended: reading tells how
                self._pipe.write(program)
            shared = self._read_json(time.monotonic() + START_S)["shared"]
            self.shared = tuple(str(space) for space in shared)

    def run(self, job: Job) -> Report:
        """Run one job; see `Sandbox.run`."""
        (report,) = self._answers(job, [])
        if not isinstance(report, Report):
            raise SandboxLost(f"sandbox {self._name} answered a job with {report}, not a report")
        return report

    def run_versions(self, job: Job, versions: Sequence[Mapping[str, str]]) -> list[Report | Inexact]:
        """Run a job's tests on many versions; see `Sandbox.run_versions`."""
        done: list[Report | Inexact] = []
        while len(done) < len(versions):
            answers = self._answers(job, versions[len(done) :])
            ran = [answer for answer in answers if answer is not None]
            # One version that changed the tree ends a collection; that none ran at all ends us.
            done += ran or [Inexact("the tests could not be collected for it")]
        return done

    def close(self) -> None:
        """End the runner and all that it started."""
        self._pipe.close()
        with self._lock:  # a job that runs in another thread has ended by now, with `SandboxLost`
            self._pipe.release()

    def _answers(self, job: Job, versions: Sequence[Mapping[str, str]]) -> list[Report | Inexact | None]:
        """Send a job; give its report, or one answer a version (None: ask for it again)."""
        head = {
            "seed": job.hash_seed,
            "timeout_s": job.timeout_s,
            "test_timeout_s": job.test_timeout_s,
            "versions": len(versions),
        }
        body = {
            "test_files": job.test_files,
            "tests": job.tests,
            "further": job.further,
            "skip": job.skip,
            "files": dict(job.files),
            "args": job.args,
            "cover": dict(job.cover),
            "branches": job.branches,
            "properties": job.properties,
            "order": job.order,
            "most_failures": job.most_failures,
            "most_endless": job.most_endless,
            "timezone": job.timezone,
            "locale": job.locale,
            "days": job.days,
            "test_cpu_s": job.test_cpu_s,
            "more_cpu_s": dict(job.more_cpu_s),
            "from_start": job.from_start,
            "own_copy": job.own_copy,
            "begin_until_s": job.begin_until_s,
            "versions": [dict(version) for version in versions],
        }
        data = b"".join(_frame(json.dumps(part).encode("utf-8", "surrogateescape")) for part in (head, body))
        found: list[Report | Inexact | None] = []
        with self._lock, self._lost_when_broken():
            self._pipe.write(data)
            for _ in range(len(versions) or 1):
                deadline = time.monotonic() + job.timeout_s + GRACE_S + (0 if found else START_S)
                answer = self._read_json(deadline)
                report, output = self._read(deadline), self._read(deadline)
                if "broken" in answer:
                    raise SandboxLost(f"it could not run the job: {answer['broken']}")
                if "inexact" in answer:
                    found.append(Inexact(str(answer["inexact"])))
                elif "again" in answer:
                    found.append(None)
                else:
                    found.append(report_from(answer, report, output))
        return found

    @contextmanager
    def _lost_when_broken(self) -> Iterator[None]:
        """Whatever goes wrong in an exchange, the sandbox is of no more use."""
        try:
            yield
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError, SandboxLost) as error:
            self._pipe.close()
            said = " ".join(self._pipe.diagnosis().split())[-400:]
            self._pipe.release()
            raise SandboxLost(
                f"sandbox {self._name} was lost ({error or type(error).__name__}) {said}".strip()
            ) from error

    def _read_json(self, deadline: float) -> dict[str, Any]:
        answer = json.loads(self._read(deadline))
        if not isinstance(answer, dict):
            raise SandboxLost(f"it answered {type(answer).__name__}, not a report")
        return answer

    def _read(self, deadline: float) -> bytes:
        (length,) = struct.unpack(">I", self._pipe.read(4, deadline))
        if length > MAX_FRAME:
            raise SandboxLost(f"an answer of {length} bytes, at most {MAX_FRAME} are read")
        return self._pipe.read(length, deadline)


def _frame(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


class _JobEvents:
    """What a job's events say, kept as they come."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.results: dict[int, TestResult] = {}
        self.collect_errors: list[tuple[str, str]] = []
        self.reach: dict[str, Reach] = {}
        self.untraced: list[str] = []
        self.starting: list[str] = []
        self.late = 0
        self.ran_out: list[str] = []
        self.end: int | None = None
        self._handlers: dict[str, Callable[..., object]] = {
            "start": self._started,
            "test": self._tested,
            "reach": self._reached,
            "end": self._ended,
            "late": self._left_out,
            "untraced": lambda number: self.untraced.append(self.names[number]),
            "starting": lambda number: self.starting.append(self.names[number]),
            "ran_out": lambda number: self.ran_out.append(self.names[number]),
            "collect_error": lambda name, reason: self.collect_errors.append((str(name), str(reason))),
        }

    def take(self, event: Sequence[Any]) -> None:
        """Keep what one event says; nothing where it does not fit."""
        with suppress(KeyError, TypeError, IndexError, ValueError, OverflowError):
            self._handlers[event[0]](*event[1:])

    def unfinished(self) -> tuple[str, ...]:
        """Tests that were begun and have no result."""
        return tuple(name for number, name in self.names.items() if number not in self.results)

    def _started(self, number: int, name: str) -> None:
        self.names[number] = str(name)

    def _tested(self, number: int, outcome: str, seconds: float, message: str, cpu: float) -> None:
        if outcome in OUTCOMES:
            told = cast("TestOutcome", outcome)
            self.results[number] = TestResult(self.names[number], told, float(seconds), str(message), float(cpu))

    def _reached(self, key: str, tests: list[int], ran: list[int], *counts: int) -> None:
        self.reach[key] = Reach(tuple(sorted(self.names[number] for number in tests)), tuple(ran), *counts)

    def _ended(self, code: int) -> None:
        self.end = code

    def _left_out(self, count: int) -> None:
        self.late = int(count)


def report_from(answer: Mapping[str, Any], report: bytes, output: bytes) -> Report:
    """Make a report of a runner's answer; events that do not fit are left out, never raised.

    Args:
        answer: exit status, what ended the job, seconds, and the word that the job's own lines begin with.
        report: the lines, as they came out of the job.
        output: what it printed.
    """
    told = _JobEvents()
    for event in _events(report, str(answer["word"]).encode("ascii")):
        told.take(event)
    ended_by = str(answer["ended_by"])
    unfinished = told.unfinished()
    ran_out = tuple(told.ran_out)
    if answer["exit"] == -signal.SIGVTALRM and not ended_by:
        ran_out += unfinished
    text = output.decode("utf-8", "replace")
    return Report(
        tests=tuple(told.results.values()),
        unfinished=unfinished,
        collect_errors=tuple(told.collect_errors),
        exit=int(answer["exit"]),
        ended=told.end is not None and told.end == answer["exit"] and not ended_by,
        timed_out=ended_by == "time",
        seconds=float(answer["seconds"]),
        output=f"{text}\n[killed: {ENDED_BY[ended_by]}]\n" if ended_by in ENDED_BY else text,
        reach=told.reach,
        untraced=tuple(told.untraced),
        starting=tuple(told.starting),
        late=told.late,
        ran_out=tuple(dict.fromkeys(ran_out)),
    )


def _events(report: bytes, word: bytes) -> Iterator[list[Any]]:
    """The lists of plain values among a job's lines."""
    for number, line in enumerate(BytesIO(report)):
        if number == MAX_EVENTS:
            return  # a flood, and without its end
        if not line.startswith(word + b" ["):
            continue
        try:
            event = json.loads(line[len(word) :].decode("utf-8"))
        except (ValueError, RecursionError):
            continue  # torn by the end of the process, or not ours
        if all(
            isinstance(part, (str, int, float))
            or (isinstance(part, list) and all(isinstance(one, int) for one in part))
            for part in event
        ):
            yield event
