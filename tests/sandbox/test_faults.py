"""Whatever breaks outside a job: it runs again elsewhere, or is an error that says so. Never a verdict, never a hang."""

from __future__ import annotations

import gc
import json
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.sandbox.engines import Wire
from tests.sandbox.fakes import within
from tests.sandboxes import LIMITS, Place, outcomes, session
from ttc_data.errors import EngineUnavailable, SandboxLost
from ttc_data.hosts import host as hosts
from ttc_data.hosts.base_image import ensure_base_image
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import DockerHost, EnvironmentStore
from ttc_data.rules import ImageRules
from ttc_data.sandbox import process, stream
from ttc_data.sandbox.docker import OWNER
from ttc_data.sandbox.owner import this_process
from ttc_data.sandbox.process import ProcessPipe
from ttc_data.sandbox.protocol import Job, Sandbox
from ttc_data.sandbox.scheduler import Scheduler
from ttc_data.sandbox.stream import StreamSandbox
from ttc_data.trees.store import TreeStore

RIGHT = Job(test_files=("tests/test_core.py",), timeout_s=20)
PASSED = {"test_positive": "passed", "test_negative": "passed"}
ON_DOCKER = pytest.mark.parametrize("place", [pytest.param("docker", marks=pytest.mark.docker)], indirect=True)
SLOW = "import time\n\ndef test_slow():\n    time.sleep(3)\n"


# A runner that answers nonsense


def frame(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


READY = frame(b'{"shared": []}')
ANSWER = {"exit": 0, "ended_by": "", "seconds": 0.1, "word": "w"}


def answer(**changes: object) -> bytes:
    return frame(json.dumps({**ANSWER, **changes}).encode()) + frame(b"") + frame(b"")


# What it writes, and whether it stays alive and silent then.
GARBAGE: dict[str, tuple[bytes, bool]] = {
    "nothing": (b"", False),
    "silence": (b"", True),
    "not a frame": (b"hello", False),
    "half a length": (b"\0\0", True),
    "half a frame": (struct.pack(">I", 100) + b"{", True),
    "half a frame and its end": (struct.pack(">I", 100) + b"{", False),
    "a huge length": (struct.pack(">I", 0xFFFFFFFF), True),
    "not JSON": (frame(b"{{{{"), True),
    "not text": (frame(b"\xff\xfe\xfd"), True),
    "nested": (frame(b"[" * 50_000), True),
    "a list": (frame(b"[]") * 3, True),
    "an empty answer": (frame(b"{}") * 3, True),
    "another's types": (answer(exit="zero"), True),
    "no number": (answer(exit=None), True),
    "an endless number": (frame(b'{"exit": 1e999, "ended_by": "", "seconds": 0, "word": ""}') + frame(b"") * 2, True),
    "a list for a word": (answer(word=["\u00e4"]), True),
    "seconds too many": (answer(seconds=10**400), True),
    "an answer without its report": (frame(json.dumps(ANSWER).encode()), True),
    "inexact for a job": (frame(b'{"inexact": "no"}') + frame(b"") * 2, True),
    "broken": (frame(b'{"broken": "out of luck"}') + frame(b"") * 2, True),
}
RUNNER = "import sys, time; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1])); sys.stdout.flush(); time.sleep({})"


def fake_runner(written: bytes, stays: bool) -> ProcessPipe:
    return ProcessPipe([sys.executable, "-c", RUNNER.format(30 if stays else 0), written.hex()])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "GRACE_S", 0.3)
    monkeypatch.setattr(stream, "START_S", 0.7)


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.usefixtures("impatient")
def test_a_runner_that_answers_nonsense_is_a_lost_sandbox(kind: str) -> None:
    written, stays = GARBAGE[kind]
    opened: list[ProcessPipe] = []

    def open_fake(_: str) -> Sandbox:
        opened.append(fake_runner(READY + written, stays))
        return StreamSandbox(opened[-1], "fake")

    scheduler: Scheduler[str] = Scheduler(open_fake, str, 1)
    started = time.monotonic()
    try:
        with pytest.raises(SandboxLost, match="sandbox fake"):
            scheduler.run("one", Job(test_files=("t.py",), timeout_s=0.2))
    finally:
        scheduler.close()
    assert scheduler.lost == len(opened) == 3
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("written", [b"", b"hello", struct.pack(">I", 0xFFFFFFFF), frame(b"[]"), frame(b"\xff")])
@pytest.mark.usefixtures("impatient")
def test_a_runner_that_begins_with_nonsense_is_a_lost_sandbox(written: bytes) -> None:
    for stays in (True, False):
        with pytest.raises(SandboxLost, match="sandbox fake was lost"):
            StreamSandbox(fake_runner(written, stays), "fake")


def test_a_runner_that_does_not_read_is_a_lost_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WRITE_S", 0.5)
    sandbox = StreamSandbox(fake_runner(READY, stays=True), "fake")
    with pytest.raises(SandboxLost, match=r"did not take its job in 0\.5 s"):
        sandbox.run(Job(test_files=("t.py",), files={"t.py": "x" * 1_000_000}))
    sandbox.close()


# A job that the sandbox has no room for


@pytest.mark.parametrize(
    "place",
    [pytest.param("local", marks=pytest.mark.local), pytest.param("docker", marks=pytest.mark.docker)],
    indirect=True,
)
def test_a_tree_that_does_not_fit_is_an_error_that_says_so(place: Place) -> None:
    text = "x" * LIMITS.scratch_bytes
    sandbox = place.open()
    try:
        with pytest.raises(SandboxLost, match=r"could not run the job.*No space left"):
            sandbox.run(Job(test_files=("t.py",), files={"a.txt": text, "b.txt": text}, timeout_s=20))
    finally:
        sandbox.close()


# A container or an image that goes away


class Engine:
    """What a test does to the engine behind our back."""

    def __init__(self, place: Place, client: docker.DockerClient) -> None:
        assert isinstance(place.host, DockerHost)
        self.place = place
        self.client = client
        self.image = place.host.image(place.environment)
        self.before = self.containers()

    def containers(self) -> set[str]:
        found = self.client.api.containers(all=True, filters={"label": f"{OWNER}={this_process()}"})
        return {container["Id"] for container in found}

    def new(self) -> str:
        (name,) = self.containers() - self.before
        return name

    def open(self, _: str) -> Sandbox:
        self.place.host.prepare(self.place.environment)
        return self.place.open()


@pytest.fixture
def engine(place: Place) -> Iterator[Engine]:
    client = connect()
    place.host.prepare(place.environment)
    yield Engine(place, client)
    place.host.prepare(place.environment)
    client.close()


def docker_says(*words: str) -> None:
    subprocess.run(["docker", *words], check=True, capture_output=True)


FAULTS = {
    "killed": ["kill"],
    "removed": ["rm", "--force"],
    "terminated": ["stop", "--time", "1"],
}


@ON_DOCKER
@pytest.mark.parametrize("fault", FAULTS)
def test_a_job_whose_container_goes_away_runs_in_another(engine: Engine, fault: str) -> None:
    scheduler: Scheduler[str] = Scheduler(engine.open, str, 1)
    try:
        future = scheduler.submit("one", session(SLOW, timeout_s=20))
        assert within(lambda: len(engine.containers() - engine.before) == 1, 10)
        time.sleep(1)
        docker_says(*FAULTS[fault], engine.new())
        assert outcomes(future.result(30)) == {"test_slow": "passed"}
        assert scheduler.lost == 1
    finally:
        scheduler.close()
    assert within(lambda: engine.containers() <= engine.before)


@ON_DOCKER
def test_a_container_that_is_killed_whenever_it_runs_is_an_error_with_the_status(engine: Engine) -> None:
    scheduler: Scheduler[str] = Scheduler(engine.open, str, 1)
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(0.05):
            for name in engine.containers() - engine.before:
                subprocess.run(["docker", "kill", name], check=False, capture_output=True)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        with pytest.raises(SandboxLost):
            scheduler.run("one", session(SLOW, timeout_s=20))
        assert scheduler.lost == 3
    finally:
        stop.set()
        thread.join()
    assert outcomes(scheduler.run("one", RIGHT)) == PASSED
    scheduler.close()


@ON_DOCKER
def test_a_container_out_of_memory_is_told_from_a_job(engine: Engine) -> None:
    """The engine's own limit is met only by what the runner's limits do not see; here it is made smaller than they are."""
    sandbox = engine.open("")
    try:
        name = engine.new()
        used = engine.client.api.stats(name, stream=False)["memory_stats"]["usage"]
        most = str(used + 30 * 1024 * 1024)
        docker_says("update", "--memory", most, "--memory-swap", most, name)
        code = "def test_hungry():\n    held = [bytes(1024) * 1024 for _ in range(200)]\n"
        try:
            ended = sandbox.run(session(code)).exit
        except SandboxLost as error:
            ended = -9 if "status 137" in str(error) else 0
        assert ended == -9
    finally:
        sandbox.close()


@ON_DOCKER
def test_an_image_that_is_removed_under_a_container_is_built_again_for_the_next(engine: Engine) -> None:
    scheduler: Scheduler[str] = Scheduler(engine.open, str, 1)
    try:
        assert outcomes(scheduler.run("one", RIGHT)) == PASSED
        docker_says("rmi", "--force", engine.image)
        assert outcomes(scheduler.run("one", RIGHT)) == PASSED
        docker_says("rm", "--force", engine.new())
        assert outcomes(scheduler.run("one", RIGHT)) == PASSED
        assert scheduler.lost == 1
    finally:
        scheduler.close()


@ON_DOCKER
def test_an_image_that_is_removed_after_it_was_prepared_is_built_again(engine: Engine) -> None:
    removed: list[str] = []

    def open_late(key: str) -> Sandbox:
        engine.place.host.prepare(engine.place.environment)
        if not removed:
            docker_says("rmi", "--force", engine.image)
            removed.append(engine.image)
        return engine.place.open()

    scheduler: Scheduler[str] = Scheduler(open_late, str, 1)
    try:
        assert outcomes(scheduler.run("one", RIGHT)) == PASSED
        assert scheduler.lost == 1
    finally:
        scheduler.close()


# An engine that goes away

# docker-py leaves a socket open when nobody listens, until it is collected.
LEAVES_SOCKETS = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def wired(place: Place, tmp_path: Path) -> Iterator[tuple[Wire, DockerHost]]:
    """A host of the same environment whose engine can be stopped."""
    assert isinstance(place.host, DockerHost)
    place.host.prepare(place.environment)
    wire = Wire(tmp_path / "engine.sock")
    store = EnvironmentStore(tmp_path / "environments", TreeStore(tmp_path / "trees"), 1)
    client = wire.client()
    base = ensure_base_image(client, ImageRules().base)
    host = DockerHost(client, base, place.host.interpreter(), store, LIMITS)
    assert host.image(place.environment) == place.host.image(place.environment)
    yield wire, host
    host.close()
    wire.cut()
    gc.collect()


def opener(place: Place, host: DockerHost) -> Callable[[str], Sandbox]:
    def open_one(_: str) -> Sandbox:
        host.prepare(place.environment)
        return host.open(place.environment)

    return open_one


@ON_DOCKER
@LEAVES_SOCKETS
def test_a_job_outlives_an_engine_that_is_started_again(place: Place, wired: tuple[Wire, DockerHost]) -> None:
    wire, host = wired
    scheduler: Scheduler[str] = Scheduler(opener(place, host), str, 2)
    try:
        assert outcomes(scheduler.run("one", RIGHT)) == PASSED
        futures = [scheduler.submit("one", session(SLOW, timeout_s=20)) for _ in range(2)]
        time.sleep(1)
        wire.cut()
        time.sleep(2)
        wire.resume()
        assert [outcomes(future.result(30)) for future in futures] == [{"test_slow": "passed"}] * 2
        assert scheduler.lost == 2
    finally:
        scheduler.close()


@ON_DOCKER
@LEAVES_SOCKETS
def test_an_engine_that_stays_away_is_named(
    place: Place, wired: tuple[Wire, DockerHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    wire, host = wired
    monkeypatch.setattr(hosts, "PATIENCE_S", 1.0)
    scheduler: Scheduler[str] = Scheduler(opener(place, host), str, 1)
    try:
        assert outcomes(scheduler.run("one", RIGHT)) == PASSED
        wire.cut()
        with pytest.raises(EngineUnavailable, match=r"stopped answering .*; start it again"):
            scheduler.run("one", RIGHT)
        wire.resume()
        assert outcomes(scheduler.run("one", RIGHT)) == PASSED
    finally:
        scheduler.close()


@ON_DOCKER
@LEAVES_SOCKETS
def test_closing_does_not_wait_for_an_engine_that_stays_away(place: Place, wired: tuple[Wire, DockerHost]) -> None:
    wire, host = wired
    scheduler: Scheduler[str] = Scheduler(opener(place, host), str, 1)
    assert outcomes(scheduler.run("one", RIGHT)) == PASSED
    wire.cut()
    future = scheduler.submit("one", RIGHT)
    time.sleep(0.5)
    started = time.monotonic()
    scheduler.close()
    host.close()
    assert isinstance(future.exception(5), SandboxLost | EngineUnavailable)
    assert time.monotonic() - started < 3
