"""`--sandbox local-unsafe`: right outcomes without bubblewrap, nothing left behind, and never by accident."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest

from tests.sandbox.fakes import within
from tests.sandboxes import LIMITS, MIB, PACKAGES, TREE, fill, outcomes, session
from ttc_data.cache import Cache
from ttc_data.errors import SandboxUnavailable
from ttc_data.hosts.host import EnvironmentStore, UnsafeHost
from ttc_data.hosts.open import SandboxKind, open_host
from ttc_data.keys import content_key
from ttc_data.recipe import Recipe
from ttc_data.records import Environment
from ttc_data.sandbox import unsafe
from ttc_data.sandbox.local import require_bubblewrap
from ttc_data.sandbox.owner import machine, this_process
from ttc_data.sandbox.protocol import Job, Sandbox
from ttc_data.sandbox.unsafe import OWNER, PREFIX, WARNING, remove_abandoned
from ttc_data.trees.store import TreeStore

RIGHT = Job(test_files=("tests/test_core.py",))
PASSED = {"test_positive": "passed", "test_negative": "passed"}


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment(
        source_key="unsafe", repo="ours/unsafe", tree=content_key(TREE), project="calc", version="1",
        python=f"{sys.version_info.major}.{sys.version_info.minor}", platform="", lock="", roots=("",), metadata=(),
        generated=(), test_files=("tests/test_core.py",), pytest_args=(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def host(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> UnsafeHost:
    folder = tmp_path_factory.mktemp("unsafe")
    store = EnvironmentStore(folder / "environments", TreeStore(folder / "trees"), 100 * MIB)
    fill(store.path(environment), TREE)
    made = UnsafeHost(store, LIMITS)
    made.prepare(environment)
    return made


@pytest.fixture
def unsafe_sandbox(host: UnsafeHost, environment: Environment) -> Iterator[Sandbox]:
    opened = host.open(environment)
    yield opened
    opened.close()


def folders() -> set[Path]:
    return {
        folder for folder in Path(gettempdir()).glob(f"{PREFIX}*") if (folder / OWNER).read_text() == this_process()
    }


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine whose PATH has no `bwrap`, and no engine."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    require_bubblewrap.cache_clear()
    yield
    require_bubblewrap.cache_clear()


def opened(kind: SandboxKind, tmp_path: Path) -> str:
    recipe = Recipe.model_validate({"sources": [{"kind": "pypi", "projects": ["calc"]}]})
    host = open_host(kind, cache=Cache(tmp_path), recipe=recipe, say=print)
    host.close()
    return host.name


@pytest.mark.usefixtures("no_bubblewrap")
def test_local_refuses_and_names_the_unsafe_way_which_auto_does_not_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused: tuple[SandboxKind, ...] = ("local", "auto")
    for kind in refused:
        with pytest.raises(
            SandboxUnavailable, match=r"no bubblewrap.*--sandbox local-unsafe runs without any isolation"
        ):
            opened(kind, tmp_path)
    assert "local-unsafe: tests" not in capsys.readouterr().err
    for _ in range(2):
        assert opened("local-unsafe", tmp_path) == "local-unsafe"
        assert capsys.readouterr().err == f"{WARNING}\n"
    assert "\n" not in WARNING


@pytest.mark.usefixtures("no_bubblewrap")
def test_jobs_run_right_without_bubblewrap(host: UnsafeHost, environment: Environment) -> None:
    """Each in a tree and a home of its own, on the environment's packages and no others."""
    sandbox = host.open(environment)
    code = """
import importlib.metadata, os, pathlib, tempfile

def test_fresh():
    assert not pathlib.Path("left.txt").exists()
    assert os.listdir(os.environ["HOME"]) == []
    assert os.listdir(tempfile.gettempdir()) == ["home"]
    pathlib.Path("left.txt").touch()
    pathlib.Path(os.environ["HOME"], "left.txt").touch()
    os.mkdir(pathlib.Path(tempfile.gettempdir(), "left"), 0o500)

def test_packages():
    names = {found.name.lower() for found in importlib.metadata.distributions()}
    assert names == PACKAGES, names
"""
    try:
        for seed in (0, 1, 1):
            assert outcomes(sandbox.run(RIGHT)) == PASSED
            report = sandbox.run(session(code.replace("PACKAGES", repr(set(PACKAGES))), hash_seed=seed))
            assert outcomes(report) == {"test_fresh": "passed", "test_packages": "passed"}, report.output
    finally:
        sandbox.close()


def test_what_a_job_starts_ends_with_it(unsafe_sandbox: Sandbox, tmp_path: Path) -> None:
    code = f"""
import subprocess, sys

def test_leaves_processes():
    for new in (True, False):
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=new)
        with open("{tmp_path}/pids", "a") as file:
            print(process.pid, file=file)
"""
    assert outcomes(unsafe_sandbox.run(session(code))) == {"test_leaves_processes": "passed"}
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    assert within(lambda: not any(Path("/proc", pid).exists() for pid in pids))
    assert outcomes(unsafe_sandbox.run(RIGHT)) == PASSED


def test_nobody_else_is_killed(unsafe_sandbox: Sandbox) -> None:
    with subprocess.Popen(["sleep", "60"]) as mine:
        assert outcomes(unsafe_sandbox.run(RIGHT)) == PASSED
        assert mine.poll() is None
        mine.kill()


def test_its_folder_goes_when_it_is_closed(host: UnsafeHost, environment: Environment) -> None:
    before = folders()
    sandbox = host.open(environment)
    (new,) = folders() - before
    code = "import os\n\ndef test_closed():\n    os.makedirs('deep/er')\n    os.chmod('deep', 0)\n"
    assert outcomes(sandbox.run(session(code))) == {"test_closed": "passed"}
    assert (new / "testbed/deep").exists()
    sandbox.close()
    sandbox.close()
    assert folders() == before


def test_a_folder_of_a_killed_process_goes_when_the_next_host_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsafe, "gettempdir", lambda: str(tmp_path))
    for name, owner in (("left", f"{machine()}:{os.getpid()}:1"), ("mine", this_process()), ("far", "away:1:1")):
        (tmp_path / f"{PREFIX}{name}" / "testbed").mkdir(parents=True)
        (tmp_path / f"{PREFIX}{name}" / OWNER).write_text(owner)
    remove_abandoned()
    assert {path.name for path in tmp_path.iterdir()} == {f"{PREFIX}mine", f"{PREFIX}far"}
