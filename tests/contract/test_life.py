"""A sandbox's own life: it is opened, lost, replaced, closed, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from tests.sandboxes import Place, outcomes, session
from ttc_data.errors import SandboxLost
from ttc_data.hosts.host import DockerHost
from ttc_data.sandbox.docker import LABEL
from ttc_data.sandbox.protocol import Job, Report, Sandbox
from ttc_data.sandbox.scheduler import Scheduler

RIGHT = Job(test_files=("tests/test_core.py",))
SLEEP = session("import time\n\ndef test_long():\n    time.sleep(60)\n", timeout_s=60, test_timeout_s=60)


def living(place: Place) -> set[str]:
    """What is alive of this environment's sandboxes: container ids, or bubblewrap's process ids."""
    if isinstance(place.host, DockerHost):
        client = docker.from_env()
        image = place.host.image(place.environment)
        found = client.api.containers(all=True, filters={"label": LABEL, "ancestor": image})
        client.close()
        return {container["Id"] for container in found}
    pids = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if words.split(b"\0")[0].endswith(b"bwrap") and place.environment.key.encode() in words:
            pids.add(folder.name)
    return pids


def end(place: Place, one: str) -> None:
    """Kill it from outside, as an engine that restarts or an out-of-memory killer does."""
    if isinstance(place.host, DockerHost):
        client = docker.from_env()
        client.api.kill(one)
        client.close()
    else:
        for runner in Path(f"/proc/{one}/task/{one}/children").read_text().split():
            os.kill(int(runner), signal.SIGKILL)


def within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(0.02)
    return done()


class Running:
    """A job in another thread."""

    def __init__(self, run: Callable[[Job], Report], job: Job) -> None:
        self.error: SandboxLost | None = None
        self.report: Report | None = None
        self._thread = threading.Thread(target=self._run, args=(run, job))
        self._thread.start()

    def _run(self, run: Callable[[Job], Report], job: Job) -> None:
        try:
            self.report = run(job)
        except SandboxLost as error:
            self.error = error

    def ended(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()


@pytest.fixture
def own(place: Place) -> tuple[Sandbox, str]:
    """A sandbox of the test's own, and its id."""
    before = living(place)
    sandbox = place.open()
    names = living(place) - before
    return sandbox, min(names) if isinstance(place.host, DockerHost) else min(names, key=int)


def test_a_killed_sandbox_is_lost_and_says_so(place: Place, own: tuple[Sandbox, str]) -> None:
    sandbox, name = own
    end(place, name)
    with pytest.raises(SandboxLost, match="was lost"):
        sandbox.run(RIGHT)
    sandbox.close()


def test_a_sandbox_killed_under_a_job_is_lost_at_once(place: Place, own: tuple[Sandbox, str]) -> None:
    sandbox, name = own
    running = Running(sandbox.run, SLEEP)
    time.sleep(0.5)
    end(place, name)
    assert running.ended(5)
    assert running.error is not None
    sandbox.close()


def test_the_pool_opens_another_for_a_lost_one(place: Place) -> None:
    pool: Scheduler[str] = Scheduler(lambda _: place.open(), str, 1)
    try:
        before = living(place)
        assert pool.run("one", RIGHT).exit == 0
        for name in living(place) - before:
            end(place, name)
        report = pool.run("one", RIGHT)
        assert report.exit == 0
        assert pool.lost == 1
    finally:
        pool.close()


def test_a_sandbox_opened_in_a_thread_outlives_the_thread(place: Place) -> None:
    """Each stage has threads of its own, the pool keeps sandboxes warm from stage to stage."""
    opened: list[Sandbox] = []
    thread = threading.Thread(target=lambda: opened.append(place.open()))
    thread.start()
    thread.join()
    time.sleep(0.1)
    try:
        assert opened[0].run(RIGHT).exit == 0
    finally:
        opened[0].close()


def test_closing_from_another_thread_ends_a_running_job_at_once(own: tuple[Sandbox, str]) -> None:
    sandbox, _ = own
    running = Running(sandbox.run, SLEEP)
    time.sleep(0.5)
    started = time.monotonic()
    sandbox.close()
    assert running.ended(5)
    assert time.monotonic() - started < 5
    assert running.error is not None


def test_closing_the_pool_ends_its_jobs_and_takes_no_more(place: Place) -> None:
    pool: Scheduler[str] = Scheduler(lambda _: place.open(), str, 2)
    running = Running(lambda job: pool.run("one", job), SLEEP)
    time.sleep(1)
    pool.close()
    assert running.ended(5)
    assert running.error is not None
    with pytest.raises(SandboxLost, match="closed"):
        pool.run("one", RIGHT)


def test_a_closed_sandbox_is_lost_and_closing_twice_is_fine(own: tuple[Sandbox, str]) -> None:
    sandbox, _ = own
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxLost):
        sandbox.run(RIGHT)


def test_nothing_is_left_after_close(place: Place) -> None:
    before = living(place)
    place.open().close()
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        sandbox = place.open()
        assert outcomes(sandbox.run(RIGHT)) == {"test_positive": "passed", "test_negative": "passed"}
        sandbox.close()
    assert within(5, lambda: living(place) <= before)
    assert len(os.listdir("/proc/self/fd")) == descriptors


OPENER = """
import sys
from tests.contract.test_life import SLEEP
from tests.sandboxes import LIMITS
from ttc_data.hosts.engine import connect
from ttc_data.sandbox.docker import Containers
from ttc_data.sandbox.local import open_local
from pathlib import Path

kind, where = sys.argv[1:]
if kind == "local":
    sandbox = open_local(Path(where), ("",), LIMITS)
else:
    sandbox = Containers(connect(), LIMITS).open(where, ("",))
print("open", flush=True)
sandbox.run(SLEEP)
"""


def test_nothing_is_left_when_we_are_killed_under_a_job(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The engine ends the container's input when nobody is attached, and the runner ends with its input."""
    before = living(place)
    host = place.host
    where = (
        host.image(place.environment)
        if isinstance(host, DockerHost)
        else str(next(tmp_path_factory.getbasetemp().glob(f"sandboxes*/environments/{place.environment.key}")))
    )
    opener = subprocess.Popen([sys.executable, "-c", OPENER, host.name, where], stdout=subprocess.PIPE)
    assert opener.stdout is not None
    with opener, opener.stdout as said:
        assert said.readline() == b"open\n"
        time.sleep(0.5)
        assert living(place) - before
        opener.kill()
    assert within(10, lambda: living(place) <= before)
