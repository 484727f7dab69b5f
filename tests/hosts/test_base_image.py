"""The base image has what environments and graders start, and needs no network to show it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from ttc_data.doctor import examine
from ttc_data.errors import SandboxUnavailable
from ttc_data.hosts.base_image import (
    DEFAULT_SUITE,
    LOCAL_REPOSITORY,
    ensure_base_image,
    find_base_image,
    image_python,
    manylinux,
)
from ttc_data.hosts.debootstrap import why_not_here
from ttc_data.hosts.engine import connect
from ttc_data.hosts.pulls import ASK_AGAIN_S, FailedPulls

# Port 9 of this machine: refused at once, with and without a network.
UNREACHABLE = "localhost:9/nobody/nothing:1"
OURS = f"{LOCAL_REPOSITORY}:{DEFAULT_SUITE}"


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = connect()
    yield client
    client.close()


@pytest.fixture(scope="module")
def base(engine: docker.DockerClient) -> str:
    """The image made from packages: reused when it is there, made in a minute when it is not."""
    return ensure_base_image(engine, OURS)


def run(engine: docker.DockerClient, image: str, *command: str) -> str:
    output: bytes = engine.containers.run(
        image, command=list(command), network_mode="none", user="65534:65534", read_only=True, remove=True
    )
    return output.decode()


@pytest.mark.docker
def test_the_base_image_has_python_with_its_standard_library(engine: docker.DockerClient, base: str) -> None:
    code = (
        "import asyncio, curses, decimal, email, http.server, lzma, multiprocessing, sqlite3, ssl, sys;"
        "import unittest, zlib, zoneinfo;"
        "print(zoneinfo.ZoneInfo('Europe/Berlin'), sys.flags.utf8_mode, open('/etc/passwd').encoding.lower())"
    )
    assert run(engine, base, "python3", "-c", code) == "Europe/Berlin 0 utf-8\n"


@pytest.mark.docker
def test_the_base_image_has_git_and_both_names_of_python(engine: docker.DockerClient, base: str) -> None:
    assert run(engine, base, "git", "--version").startswith("git version 2.")
    assert run(engine, base, "python", "--version").startswith("Python 3.")


@pytest.mark.docker
def test_the_base_image_tells_nothing_of_the_machine_that_made_it(engine: docker.DockerClient, base: str) -> None:
    """Debootstrap copies the host's resolver and mirror, and an address in either may be private."""
    history = engine.images.get(base).attrs["Config"]["Env"]
    assert sorted(variable.partition("=")[0] for variable in history) == ["LANG", "PATH"]
    assert run(engine, base, "sh", "-c", "ls /etc/apt/sources.list /var/lib/apt/lists 2>/dev/null || true").strip() == (
        "/var/lib/apt/lists:"
    )


@pytest.mark.docker
def test_the_interpreter_of_an_image_is_asked_once(engine: docker.DockerClient, base: str) -> None:
    version, platform = image_python(engine, base)
    assert version.startswith("3.")
    assert platform.partition("-")[0] in ("x86_64", "aarch64")
    assert platform.partition("-")[2].startswith("manylinux_2_")
    start = time.monotonic()
    assert image_python(engine, base) == (version, platform)
    assert time.monotonic() - start < 0.2  # a container takes 0.4 s at least


@pytest.mark.docker
def test_an_image_that_is_there_is_neither_pulled_nor_made(engine: docker.DockerClient, base: str) -> None:
    told: list[str] = []
    assert ensure_base_image(engine, base, told.append) == base
    assert told == []


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache in which nothing is remembered."""
    monkeypatch.setenv("TTCDATA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


COMMAND = f"""
from pathlib import Path
from ttc_data.cache import Cache
from ttc_data.hosts.open import open_host
from ttc_data.recipe import Recipe

recipe = Recipe.model_validate({{"sources": [{{"kind": "pypi", "projects": ["a"]}}], "image": {{"base": "{UNREACHABLE}"}}}})
open_host("docker", cache=Cache.default(), recipe=recipe, say=print).close()
"""


def said_by_a_command() -> list[str]:
    """What opening a host says, in a process of its own."""
    ran = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, check=True)
    return [*ran.stdout.splitlines(), *ran.stderr.splitlines()]


@pytest.mark.docker
@pytest.mark.usefixtures("base")
def test_a_registry_that_does_not_answer_one_command_is_not_asked_by_the_next(cache: Path) -> None:
    """What is remembered is said once, with its place; without it the registry is asked again."""
    file = cache / "failed-pulls.json"
    pulling, failed = said_by_a_command()
    assert pulling == f"pulling {UNREACHABLE}"
    assert f"cannot pull {UNREACHABLE}" in failed
    assert f"sooner: `docker pull {UNREACHABLE}`, or remove {file}" in failed
    assert said_by_a_command() == []
    file.unlink()
    assert said_by_a_command()[0] == pulling


@pytest.mark.docker
@pytest.mark.usefixtures("cache")
def test_doctor_names_the_image_that_builds_take_and_why(
    engine: docker.DockerClient, base: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    taken = ensure_base_image(engine, UNREACHABLE)
    capsys.readouterr()
    (finding,) = (finding for finding in examine(base=UNREACHABLE) if finding.name == "base image")
    assert finding.works
    assert finding.detail.startswith(f"{taken}: Python 3")
    assert f"in place of {UNREACHABLE}, which cannot be pulled (" in finding.detail
    assert capsys.readouterr().err == ""
    (finding,) = (finding for finding in examine(base=base) if finding.name == "base image")
    assert finding.detail.startswith(f"{base}: Python 3")
    assert "in place of" not in finding.detail


@pytest.mark.docker
@pytest.mark.usefixtures("cache")
def test_a_base_that_cannot_be_pulled_gives_way_to_one_made_here_and_is_tried_once(
    engine: docker.DockerClient, base: str
) -> None:
    told: list[str] = []
    assert find_base_image(engine, UNREACHABLE, told.append) == base
    assert told[0] == f"pulling {UNREACHABLE}"
    assert "cannot pull" in told[1]
    assert find_base_image(engine, UNREACHABLE, told.append) == base
    assert len(told) == 2


def test_a_failed_pull_is_forgotten_after_a_day_and_holds_for_one_engine(tmp_path: Path) -> None:
    file = tmp_path / "cache/failed-pulls.json"
    noted = FailedPulls(file).note("engine", "python:3.11-slim", "no such host")
    assert FailedPulls(file).recent("engine", "python:3.11-slim") == noted
    assert FailedPulls(file).recent("engine", "python:3.12-slim") is None
    assert FailedPulls(file).recent("another", "python:3.11-slim") is None
    for age, known in ((ASK_AGAIN_S - 60, True), (ASK_AGAIN_S, False), (-60, False)):
        file.write_text(json.dumps({"engine": {"python:3.11-slim": ["no such host", time.time() - age]}}))
        assert (FailedPulls(file).recent("engine", "python:3.11-slim") is not None) == known


@pytest.mark.parametrize("text", ["", "[]", '{"engine": 1}', '{"engine": {"image": ["only a reason"]}}', "\x00"])
def test_a_damaged_memory_of_failed_pulls_is_none_and_is_written_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "failed-pulls.json"
    file.write_text(text)
    pulls = FailedPulls(file)
    assert pulls.recent("engine", "image") is None
    pulls.note("engine", "image", "refused")
    assert FailedPulls(file).recent("engine", "image")


def test_where_nothing_can_be_written_a_failed_pull_is_remembered_by_the_process(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the folder's place")
    pulls = FailedPulls(tmp_path / "cache/failed-pulls.json")
    noted = pulls.note("engine", "image", "refused")
    assert pulls.recent("engine", "image") == noted


@pytest.mark.docker
def test_an_image_that_does_not_exist_has_no_python(engine: docker.DockerClient) -> None:
    with pytest.raises(SandboxUnavailable, match="no image 'nobody/nothing:1' in the engine; pull it, or run"):
        image_python(engine, "nobody/nothing:1")


@pytest.mark.docker
def test_a_name_that_is_no_image_name_is_one_line(engine: docker.DockerClient) -> None:
    with pytest.raises(SandboxUnavailable, match=r"image 'No Image': .*give NAME"):
        ensure_base_image(engine, "No Image")


@pytest.mark.parametrize(
    ("platform", "version", "named"),
    [
        ("linux-x86_64", "2.36", "x86_64-manylinux_2_36"),
        ("linux-aarch64", "2.17", "aarch64-manylinux_2_17"),
        ("linux-x86_64", "2.29", "x86_64-manylinux_2_28"),
        ("linux-x86_64", "2.41", "x86_64-manylinux_2_40"),  # Debian 13: newer than any level uv knows
    ],
)
def test_a_platform_is_named_by_the_newest_level_its_glibc_runs(platform: str, version: str, named: str) -> None:
    assert manylinux(platform, "glibc", version) == named


@pytest.mark.parametrize(
    ("platform", "libc", "version"),
    [
        ("linux-x86_64", "", ""),
        ("linux-x86_64", "musl", "1.2.5"),
        ("linux-i686", "glibc", "2.36"),
        ("linux-x86_64", "glibc", "2.12"),
    ],
)
def test_an_image_that_runs_no_manylinux_wheel_is_refused(platform: str, libc: str, version: str) -> None:
    with pytest.raises(SandboxUnavailable, match=r"wheels need glibc 2\.17 or newer"):
        manylinux(platform, libc, version)


def test_a_machine_that_cannot_make_an_image_is_told_why_and_what_to_do() -> None:
    assert why_not_here(0, []) == ""
    assert "apt-get install debootstrap" in why_not_here(0, ["debootstrap"])
    assert "there is no tar and no unshare" in why_not_here(0, ["tar", "unshare"])
    assert "this is user 1000; run `ttcdata image base` as root" in why_not_here(1000, [])
