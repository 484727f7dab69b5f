"""Two ways to type a `ttcdata` command: in a process of its own, and, where that says the same, in this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from tests.publish.small import SmallBuild
from ttc_data.cli import main

PROGRAM = Path(sys.executable).parent / "ttcdata"
NOWHERE = "tcp://127.0.0.1:9"  # the discard port: nobody listens
REPOS = ("owner/alpha", "owner/beta")

Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    build = SmallBuild(tmp_path_factory.mktemp("small"), REPOS)
    build.write()
    return build


class Shell:
    """An empty folder in which commands are typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.environment = {
            **os.environ,
            "TTCDATA_CACHE": str(self.cache),
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "HF_HUB_OFFLINE": "1",
        }
        for name in ("FORCE_COLOR", "DOCKER_HOST", "HF_TOKEN"):
            self.environment.pop(name, None)

    def run(self, *arguments: str, **environment: str) -> Ran:
        return subprocess.run(
            [str(PROGRAM), *arguments],
            cwd=self.folder, env={**self.environment, **environment}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, encoding="utf-8", check=False, timeout=120,
        )  # fmt: skip

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def only(self, *programs: str) -> str:
        """A PATH with nothing but these programs."""
        folder = self.folder / "bin"
        folder.mkdir()
        for name in programs:
            (folder / name).symlink_to(shutil.which(name) or name)
        return str(folder)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


class Here(Protocol):
    """Runs a command in this process."""

    def __call__(self, *arguments: str, **environment: str) -> Ran: ...


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """The same in this process, in an empty folder: without the second that each process takes to import."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TTCDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("DOCKER_HOST", raising=False)

    def run(*arguments: str, **environment: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ttcdata", *arguments])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as exit_:
            main()
        said = capsys.readouterr()
        return Ran(arguments, int(exit_.value.code or 0), said.out, said.err)

    return run


def refused(ran: Ran, code: int, *words: str) -> str:
    """The one line that says what is wrong."""
    assert "Traceback" not in ran.stderr
    lines = ran.stderr.splitlines()
    assert len(lines) == 1, ran.stderr
    assert lines[0].startswith("error: ")
    assert ran.returncode == code
    for word in words:
        assert word in lines[0]
    return lines[0]
