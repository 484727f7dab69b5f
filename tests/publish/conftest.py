"""A Hub on a socket, two ways to type `ttcdata push` at it, and a set whose rows can be run, with its images."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from docker.errors import DockerException
from huggingface_hub import constants

from tests.hub import Account, Hub, running
from tests.publish.shapes_set import ShapesSet, shapes_set
from tests.publish.small import SmallBuild
from ttc_data.cli import main
from ttc_data.dataset import Dataset
from ttc_data.hosts.engine import connect
from ttc_data.publish.images import RowImage, build_images

PROGRAM = Path(sys.executable).parent / "ttcdata"
WRITES, READS, STRANGER = "hf_writes", "hf_reads", "hf_stranger"
NAME = "org/set"

Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    """The first version of a set."""
    build = SmallBuild(tmp_path_factory.mktemp("first"), ["owner/alpha", "owner/beta"])
    build.write()
    return build


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    """The next version: a repository is gone, two are new."""
    build = SmallBuild(tmp_path_factory.mktemp("second"), ["owner/beta", "owner/gamma", "owner/delta"])
    build.write()
    return build


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    made.accounts = {
        WRITES: Account("me", orgs=("org",)),
        READS: Account("me", "read", orgs=("org",)),
        STRANGER: Account("stranger"),
    }
    with running(made):
        yield made


class User:
    """Somebody with a token who types commands in a shell; large files go by the client's first choice, `hf_xet`.

    Args:
        hub: that is typed at.
        home: for the client's caches.
        token: in HF_TOKEN; none where empty.
        lfs: without `hf_xet`, as on machines that have none.
    """

    def __init__(self, hub: Hub, home: Path, token: str = WRITES, *, lfs: bool = False) -> None:
        self.environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(home / "hf"), "NO_COLOR": "1"}
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET", "FORCE_COLOR"):
            self.environment.pop(name, None)
        self.environment["TTCDATA_CACHE"] = str(home / "cache")
        if token:
            self.environment["HF_TOKEN"] = token
        if lfs:
            self.environment["HF_HUB_DISABLE_XET"] = "1"

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(word) for word in command],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *command: str | Path) -> Ran:
        with self.start(*command) as process:
            out, err = process.communicate(timeout=120)
        return Ran(command, process.returncode, out, err)

    def push(self, build: SmallBuild, *options: str) -> Ran:
        return self.run(PROGRAM, "push", build.out, NAME, *options)


class Here(Protocol):
    """Pushes in this process."""

    def __call__(self, out: Path, *words: str, token: str = WRITES) -> Ran: ...


@pytest.fixture
def here(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """The same without the seconds that a process takes to import, by LFS."""
    files = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.endpoint + files)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

    def run(out: Path, *words: str, token: str = WRITES) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ttcdata", "push", str(out), *(words or (NAME,))])
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(SystemExit) as exit_:
            main()
        said = capsys.readouterr()
        return Ran(words, int(exit_.value.code or 0), said.out, said.err)

    return run


class Waits:
    """The client's waits, which tests do not sit through: how long each would have been, and what happens meanwhile."""

    SHORTEST = 0.5  # seconds; shorter ones are those of subprocess between two looks at its child

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self._sleep = time.sleep

    def __call__(self, seconds: float) -> None:
        if seconds < self.SHORTEST:
            self._sleep(seconds)
        else:
            self.seconds.append(seconds)
            self.meanwhile()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    taken = Waits()
    monkeypatch.setattr("time.sleep", taken)
    return taken


def contents(build: SmallBuild) -> dict[str, bytes]:
    """The files of a build's dataset."""
    folder = build.out / "dataset"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(ran: Ran, *words: str) -> str:
    """The one line that says why nothing was published; what the client and we said of our patience may stand above."""
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 1, ran.stdout + ran.stderr
    lines = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert lines == ran.stderr.splitlines()[-1:]
    for word in words:
        assert word in lines[0]
    return lines[0]


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> ShapesSet:
    return shapes_set(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="session")
def images(shapes: ShapesSet) -> Iterator[dict[str, RowImage]]:
    """By target; gone from the engine when the tests end."""
    targets = {row.instance_id: row.ttc_target for row in Dataset(shapes.out).rows()}
    keys = {row.ttc_environment for row in shapes.rows.values()}
    yield {targets[one.instance_id]: one for one in build_images(shapes.out, cache=shapes.cache)}
    client = connect()
    tags = [tag for image in client.images.list() for tag in image.tags]
    ours = [tag for tag in tags if any(key in tag for key in keys) or tag.rpartition(":")[2] in targets]
    for tag in sorted(ours, key=lambda tag: (":" not in tag, tag.startswith("ttcdata/environment"), tag)):
        with contextlib.suppress(DockerException):
            client.images.remove(tag, force=True)
    client.close()
