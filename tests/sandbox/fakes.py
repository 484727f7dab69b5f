"""Sandboxes that run nothing: they obey the contract, and a test says when their jobs end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ttc_data.errors import SandboxLost
from ttc_data.records import TestOutcome
from ttc_data.sandbox.protocol import Inexact, Job, Report, TestResult


def report(**outcomes: TestOutcome) -> Report:
    tests = tuple(TestResult(name, outcome, 0.0, "") for name, outcome in outcomes.items())
    return Report(tests, (), (), 0, True, False, 0.0, "")


def job(name: str = "", hash_seed: int = 0) -> Job:
    return Job(test_files=(name,), hash_seed=hash_seed)


@dataclass
class Held:
    """A job that runs until it is let go, or its sandbox is closed."""

    job: Job
    sandbox: FakeSandbox
    ended: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        self.ended.set()


class FakeSandbox:
    """Runs one job at a time, on the seed of the last one or after a restart."""

    def __init__(self, stage: Stage, key: str) -> None:
        self.stage = stage
        self.key = key
        self.seed = 0
        self.restarts = 0
        self.closed = False
        self.broken = False
        self.running: list[Held] = []

    def run(self, job: Job) -> Report:
        assert not self.running, "one job at a time"
        if self.closed or self.broken:
            raise SandboxLost("it broke")
        self.restarts += job.hash_seed != self.seed
        self.seed = job.hash_seed
        if self.stage.holds:
            held = Held(job, self)
            self.running.append(held)
            self.stage.started(held)
            held.ended.wait()
            self.running.remove(held)
        else:
            self.stage.note(job)
        if self.closed or self.broken:
            raise SandboxLost("it broke")
        return report(test_it="passed")

    def run_versions(self, job: Job, versions: Sequence[Mapping[str, str]]) -> list[Report | Inexact]:
        self.run(job)
        return [replace(report(test_it="failed"), output=",".join(version.values())) for version in versions]

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.stage.closed.append(self)
        for held in self.running.copy():
            held.end()


class Stage:
    """Opens fake sandboxes and sees what happens to them."""

    def __init__(self, *, holds: bool = False, opens: Callable[[str], None] = lambda key: None) -> None:
        self.holds = holds
        self.opens = opens
        self.sandboxes: list[FakeSandbox] = []
        self.closed: list[FakeSandbox] = []
        self.order: list[str] = []
        self.held: list[Held] = []
        self.most_open = 0
        self._lock = threading.Lock()

    def open(self, key: str) -> FakeSandbox:
        self.opens(key)
        sandbox = FakeSandbox(self, key)
        with self._lock:
            self.sandboxes.append(sandbox)
            self.most_open = max(self.most_open, len(self.sandboxes) - len(self.closed))
        return sandbox

    def note(self, job: Job) -> None:
        with self._lock:
            self.order.append(job.test_files[0])

    def started(self, held: Held) -> None:
        self.note(held.job)
        self.held.append(held)

    def wait_for(self, count: int) -> Held:
        """The job that started as the `count`th."""
        assert within(lambda: len(self.held) >= count), f"{len(self.held)} of {count} jobs started"
        return self.held[count - 1]


def within(done: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(0.005)
    return done()
