"""The byte stream between us and a runner, whatever carries it: frames out, frames in, reports from events."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, cast, get_args

from ttc_data.errors import SandboxLost
from ttc_data.records import Outcome
from ttc_data.sandbox.protocol import Job, Limits, Reach, Report, TestResult

MAX_FRAME = 256 * 1024 * 1024
GRACE_S = 30.0
START_S = 60.0
OUTCOMES = frozenset(get_args(Outcome))


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
def program(name: str) -> str:
    """The text of a program that runs inside the sandbox."""
    return (files("ttc_data.sandbox") / name).read_text(encoding="utf-8")


@cache
def runner_program() -> str:
    """The runner as text that names itself, so that it can start itself again for each job."""
    text = program("runner.py")
    return f"PROGRAM = {text!r}\nexec(compile(PROGRAM, '<runner>', 'exec'))\n"


def runner_arguments(
    site: str, tree: str, work: str, roots: tuple[str, ...], limits: Limits, uid: int | None = None
) -> list[str]:
    """What follows the interpreter's name on the command line that starts a runner, which becomes user `uid`."""
    config = {"site": site, "tree": tree, "work": work, "roots": roots, "limits": asdict(limits), "uid": uid}
    return ["-s", "-B", "-c", runner_program(), json.dumps(config)]


class StreamSandbox:
    """A `Sandbox` over a `Pipe`."""

    def __init__(self, pipe: Pipe, name: str) -> None:
        self._pipe = pipe
        self._name = name
        self._lock = threading.RLock()
        self._exchange(None, time.monotonic() + START_S)

    def run(self, job: Job) -> Report:
        """Run one job; see `Sandbox.run`."""
        answer = self._exchange(asdict(job), time.monotonic() + job.timeout_s + GRACE_S)
        if "broken" in answer:
            raise SandboxLost(f"sandbox {self._name} could not run the job ({answer['broken']}); it will be replaced")
        return report_from(answer)

    def close(self) -> None:
        """End the runner and all that it started."""
        self._pipe.close()
        with self._lock:  # a job that runs in another thread has ended by now, with `SandboxLost`
            self._pipe.release()

    def _exchange(self, message: Mapping[str, Any] | None, deadline: float) -> dict[str, Any]:
        with self._lock:
            try:
                if message is not None:
                    data = json.dumps(message).encode("utf-8", "surrogateescape")
                    self._pipe.write(struct.pack(">I", len(data)) + data)
                (length,) = struct.unpack(">I", self._pipe.read(4, deadline))
                if length > MAX_FRAME:
                    raise SandboxLost(f"an answer of {length} bytes, at most {MAX_FRAME} are read")
                answer = json.loads(self._pipe.read(length, deadline))
            except (OSError, ValueError, RecursionError, SandboxLost) as error:
                self._pipe.close()
                said = " ".join(self._pipe.diagnosis().split())[-400:]
                self._pipe.release()
                raise SandboxLost(
                    f"sandbox {self._name} was lost ({error or type(error).__name__}) {said}".strip()
                ) from error
            if not isinstance(answer, dict):
                raise SandboxLost(f"sandbox {self._name} answered {type(answer).__name__}, not a report")
            return answer


def report_from(answer: Mapping[str, Any]) -> Report:
    """Make a report of a runner's answer; events that do not fit are left out, never raised."""
    names: dict[int, str] = {}
    results: dict[int, TestResult] = {}
    collect_errors: list[tuple[str, str]] = []
    reach: dict[str, Reach] = {}
    end: int | None = None
    handlers: dict[str, Callable[..., object]] = {}

    def started(number: int, name: str) -> None:
        names[number] = str(name)

    def tested(number: int, outcome: str, seconds: float, message: str) -> None:
        if outcome in OUTCOMES:
            results[number] = TestResult(names[number], cast("Outcome", outcome), float(seconds), str(message))

    def reached(key: str, tests: list[int], ran: list[int], lines: int) -> None:
        reach[key] = Reach(tuple(sorted(names[number] for number in tests)), tuple(ran), lines)

    def ended(code: int) -> None:
        nonlocal end
        end = code

    handlers.update(start=started, test=tested, reach=reached, end=ended)
    handlers["collect_error"] = lambda name, reason: collect_errors.append((str(name), str(reason)))
    for event in answer["events"]:
        try:
            handlers[event[0]](*event[1:])
        except (KeyError, TypeError, IndexError, ValueError, OverflowError):
            continue
    return Report(
        tests=tuple(results.values()),
        unfinished=tuple(name for number, name in names.items() if number not in results),
        collect_errors=tuple(collect_errors),
        exit=answer["exit"],
        ended=end is not None and end == answer["exit"] and not answer["timed_out"],
        timed_out=bool(answer["timed_out"]),
        seconds=float(answer["seconds"]),
        output=str(answer["output"]),
        reach=reach,
    )
