"""The base image has what environments and graders start, and needs no network to show it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import docker
import pytest

from ttc_data.environments.base_image import (
    DEFAULT_SUITE,
    LOCAL_REPOSITORY,
    ensure_base_image,
    find_base_image,
    image_python,
    manylinux,
)
from ttc_data.environments.debootstrap import why_not_here
from ttc_data.environments.engine import connect
from ttc_data.errors import SandboxUnavailable

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


@pytest.mark.docker
def test_a_base_that_cannot_be_pulled_gives_way_to_one_made_here_and_is_tried_once(
    engine: docker.DockerClient, base: str
) -> None:
    # Port 9 of this machine: refused at once, with and without a network.
    unreachable = "localhost:9/nobody/nothing:1"
    told: list[str] = []
    assert find_base_image(engine, unreachable, told.append) == base
    assert told[0] == f"pulling {unreachable}"
    assert "cannot pull" in told[1]
    assert find_base_image(engine, unreachable, told.append) == base
    assert len(told) == 2


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
