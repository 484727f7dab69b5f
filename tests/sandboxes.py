"""Sandboxes on an environment that is made without the package index: this interpreter's own pytest and coverage."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from docker.errors import DockerException

from ttc_data.hosts.base_image import ensure_base_image, image_python
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import DockerHost, EnvironmentStore, Host, LocalHost, date_files
from ttc_data.interpreter import Interpreter
from ttc_data.keys import content_key
from ttc_data.records import Environment
from ttc_data.rules import ImageRules
from ttc_data.sandbox import local
from ttc_data.sandbox.protocol import Job, Limits, Report, Sandbox
from ttc_data.sandbox.stream import runner_arguments
from ttc_data.trees.store import TreeStore

MIB = 1024 * 1024
PACKAGES = ("pytest", "pluggy", "iniconfig", "packaging", "pygments", "coverage", "time-machine")
LIMITS = Limits(
    memory_bytes=512 * MIB,
    processes=64,
    file_bytes=8 * MIB,
    scratch_bytes=64 * MIB,
    output_bytes=64 * 1024,
    report_bytes=MIB,
)

CALC = '''"""A module with two functions."""


def double(x):
    """Twice x."""
    if x < 0:
        return -double(-x)
    return x + x


def never(x):
    """Nothing calls it."""
    return x
'''
TREE: dict[str, bytes] = {
    "calc/__init__.py": b"",
    "calc/core.py": CALC.encode(),
    "tests/test_core.py": (
        b"from calc.core import double\n\n\ndef test_positive():\n    assert double(2) == 4\n\n\n"
        b"def test_negative():\n    assert double(-2) == -4\n"
    ),
    "data/lines.txt": b"one\r\ntwo\rthree\n\x0cfour",
    "data/\u00fcn\u00ef.txt": "gr\u00fc\u00df dich \U0001f600".encode(),
    "bin/tool": b"#!/bin/sh\nexit 0\n",
}


@dataclass
class Place:
    """One transport with an environment prepared on it, and one sandbox that is kept warm."""

    host: Host
    environment: Environment
    _warm: list[Sandbox] = field(default_factory=list)

    def open(self) -> Sandbox:
        """A sandbox of the caller's own, to be closed by the caller."""
        return self.host.open(self.environment)

    def warm(self) -> Sandbox:
        """The shared sandbox: what one test leaves behind, another one meets."""
        if not self._warm:
            self._warm.append(self.open())
        return self._warm[0]

    def close(self) -> None:
        while self._warm:
            self._warm.pop().close()


def session(
    code: str = "",
    *,
    path: str = "test_job.py",
    files: dict[str, str | None] | None = None,
    tests: tuple[str, ...] | None = None,
    hash_seed: int = 0,
    timeout_s: float = 20.0,
    test_timeout_s: float = 5.0,
) -> Job:
    """A job that runs one test file of the test's own."""
    return Job(
        test_files=(path,),
        tests=tests,
        files={**({path: code} if code else {}), **(files or {})},
        hash_seed=hash_seed,
        timeout_s=timeout_s,
        test_timeout_s=test_timeout_s,
    )


def outcomes(report: Report) -> dict[str, str]:
    """Outcome by the test's name without its file."""
    return {test.id.partition("::")[2]: test.outcome for test in report.tests}


def fill(place: Path, tree: Mapping[str, bytes], packages: Sequence[str] = PACKAGES) -> None:
    """Make `site` and `tree` as an environment store would have."""
    fill_site(place, packages)
    for path, data in tree.items():
        target = place / "tree" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    if "bin/tool" in tree:
        (place / "tree/bin/tool").chmod(0o755)
    date_files(place / "tree")


def fill_site(place: Path, packages: Sequence[str] = PACKAGES) -> None:
    """Make `site` alone."""
    for package in packages:
        found = distribution(package)
        for file in found.files or []:
            if ".." in file.parts or file.suffix in (".pyc", ".pth"):
                continue
            target = place / "site" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(str(found.locate_file(file))), target)


class CopyingHost(LocalHost):
    """A local host on a kernel that does not let its sandboxes mount: every job gets a copy of the tree."""

    def open(self, environment: Environment) -> Sandbox:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(local, "runner_arguments", copying_arguments)
            return super().open(environment)


def copying_arguments(*given: Any, **named: Any) -> list[str]:
    *program, config = runner_arguments(*given, **named)
    return [*program, json.dumps({**json.loads(config), "spaces": None})]


@contextmanager
def opened(
    kind: str,
    folder: Path,
    tree: Mapping[str, bytes] = TREE,
    packages: Sequence[str] = PACKAGES,
    roots: tuple[str, ...] = ("",),
) -> Iterator[Place]:
    """The environment on one kind of sandbox; no other session has it, and nothing of it is left at the end."""
    store = EnvironmentStore(folder / "environments", TreeStore(folder / "trees"), 100 * MIB)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    environment = Environment(
        source_key=f"contract {os.getpid()} {folder.name}", repo="ours/contract", tree=content_key(dict(tree)), project="calc", version="1",
        python=version, platform="", lock="", roots=roots, metadata=(), generated=(),
        test_files=("tests/test_core.py",), pytest_args=(),
    )  # fmt: skip
    fill(store.path(environment), tree, packages)
    if kind != "docker":
        host = CopyingHost(store, LIMITS) if kind == "copying" else LocalHost(store, LIMITS)
        host.prepare(environment)
        place = Place(host, environment)
        yield place
        place.close()
        return
    client = connect()
    base = ensure_base_image(client, ImageRules().base)
    engine = DockerHost(client, base, Interpreter(*image_python(client, base)), store, LIMITS)
    engine.prepare(environment)
    place = Place(engine, environment)
    try:
        yield place
    finally:
        place.close()
        try:
            client.images.remove(engine.image(environment), force=True)
        except DockerException as error:
            raise AssertionError(f"the test image could not be removed: {error}") from error
        client.close()


LOCAL = pytest.param("local", marks=pytest.mark.local)
DOCKER = pytest.param("docker", marks=pytest.mark.docker)


@pytest.fixture(scope="session", params=[LOCAL, DOCKER])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The environment on one transport after the other."""
    with opened(request.param, tmp_path_factory.mktemp("sandboxes")) as place:
        yield place


@pytest.fixture
def sandbox(place: Place) -> Sandbox:
    """The warm sandbox of each transport."""
    return place.warm()
