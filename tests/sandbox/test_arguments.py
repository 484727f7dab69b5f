"""What a list of processes shows of us: short command lines, with no program of ours in them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandboxes import LIMITS, TREE, Place, fill, outcomes, session
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import COMPILING, DockerHost
from ttc_data.sandbox import unsafe
from ttc_data.sandbox.local import compile_environment, open_local, require_bubblewrap
from ttc_data.sandbox.protocol import Job
from ttc_data.sandbox.unsafe import compile_unsafe, open_unsafe

MOST_BYTES = 6_000
TESTS = ("tests/test_core.py", *(f"tests/test_not_there_{number}.py" for number in range(1000)))
RIGHT = Job(test_files=("tests/test_core.py",))
PASSED = {"test_positive": "passed", "test_negative": "passed"}
# Notes the length of its command line and becomes what it stands for.
NOTING = '#!/bin/sh\nwc -c < /proc/$$/cmdline >> {log}\nexec {program} "$@"\n'


class Noted:
    """A program in another one's place, which notes how long its command lines are."""

    def __init__(self, folder: Path, name: str, program: Path) -> None:
        self.place = folder / name
        self.log = folder / "lengths"
        self.place.write_text(NOTING.format(log=self.log, program=program), encoding="utf-8")
        self.place.chmod(0o755)

    def lengths(self) -> list[int]:
        return [int(line) for line in self.log.read_text(encoding="ascii").split()]


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    folder = tmp_path / "environment"
    fill(folder, TREE)
    return folder


@pytest.fixture
def bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Noted]:
    real = shutil.which("bwrap")
    assert real is not None
    (tmp_path / "bin").mkdir()
    noted = Noted(tmp_path / "bin", "bwrap", Path(real))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    require_bubblewrap.cache_clear()
    yield noted
    require_bubblewrap.cache_clear()


def is_compiled(folder: Path) -> bool:
    return any((folder / "tree/calc/__pycache__").glob("core.*.pyc")) and (folder / "site/.ttcdata-imports").is_file()


@pytest.mark.local
def test_bubblewrap_is_given_short_arguments(bubblewrap: Noted, environment: Path) -> None:
    """However many test files there are to compile."""
    compile_environment(environment, TESTS)
    assert is_compiled(environment)
    sandbox = open_local(environment, ("",), LIMITS)
    try:
        assert outcomes(sandbox.run(RIGHT)) == PASSED
    finally:
        sandbox.close()
    assert len(bubblewrap.lengths()) >= 2
    assert max(bubblewrap.lengths()) < MOST_BYTES


def test_an_interpreter_without_a_sandbox_is_given_short_arguments(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Noted(tmp_path, "python", Path(sys.executable).resolve())
    with monkeypatch.context() as patch:
        patch.setattr(unsafe, "interpreter", lambda: noted.place)
        compile_unsafe(environment, TESTS)
    assert is_compiled(environment)
    assert len(noted.lengths()) == 1
    assert max(noted.lengths()) < MOST_BYTES


def test_a_runner_without_a_sandbox_shows_no_program(environment: Path) -> None:
    """Started and started again: its command line is what every user of the machine can read."""
    sandbox = open_unsafe(environment, ("",), LIMITS)
    code = 'import os\n\ndef test_it():\n    print("LINE", open(f"/proc/{os.getppid()}/cmdline").read())\n    assert False\n'
    try:
        for seed in (0, 1):
            report = sandbox.run(session(code, hash_seed=seed))
            (line,) = (line for line in report.output.splitlines() if line.startswith("LINE"))
            assert "python" in line
            assert str(environment) in report.output
            assert len(report.output) < MOST_BYTES
    finally:
        sandbox.close()


@pytest.mark.docker
@pytest.mark.parametrize("place", ["docker"], indirect=True)
def test_the_steps_of_an_image_and_its_containers_have_short_arguments(place: Place) -> None:
    assert isinstance(place.host, DockerHost)
    place.host.prepare(place.environment)
    client = connect()
    steps = client.images.get(place.host.image(place.environment)).history()
    sandbox = place.open()
    try:
        listed = subprocess.run(
            ["docker", "ps", "--no-trunc", "--format", "{{.Command}}", "--filter", f"ancestor={place.host.image(place.environment)}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    finally:
        sandbox.close()
        client.close()
    lines = listed.stdout.splitlines()
    assert lines
    assert max(map(len, [*lines, *(step["CreatedBy"] for step in steps)])) < MOST_BYTES
    assert not has(place, f"/{COMPILING}")
    assert has(place, "/environment/site/.ttcdata-imports")


def has(place: Place, path: str) -> bool:
    code = f"import os\n\ndef test_it():\n    assert os.path.lexists({path!r})\n"
    return outcomes(place.warm().run(session(code))) == {"test_it": "passed"}
