"""What a container is started with, that its jobs are isolated from each other, and that none is left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from tests.sandbox.fakes import within
from tests.sandboxes import LIMITS, Place, outcomes, session
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import DockerHost
from ttc_data.sandbox import docker as transport
from ttc_data.sandbox.docker import LABEL, OWNER, RUNNER_BYTES, Containers, seccomp
from ttc_data.sandbox.inside.calls import DENIED
from ttc_data.sandbox.owner import gone, machine, started, this_process
from ttc_data.sandbox.protocol import Sandbox

pytestmark = [pytest.mark.docker, pytest.mark.parametrize("place", ["docker"], indirect=True)]
MOUNTED = """
def test_mounted():
    lines = [line.split() for line in open("/proc/self/mountinfo")]
    kinds = [line[line.index("-") + 1] for line in lines if line[4] == "/testbed"]
    assert kinds[-1] == "{kind}", kinds


def test_a_sum():
    assert sum((1, 2)) == 3
"""
BOTH = {"test_mounted": "passed", "test_a_sum": "passed"}


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    opened = connect()
    yield opened
    opened.close()


@pytest.fixture
def image(place: Place) -> str:
    assert isinstance(place.host, DockerHost)
    place.host.prepare(place.environment)
    return place.host.image(place.environment)


def ours(client: docker.DockerClient, owner: str) -> set[str]:
    """Ids of the containers with this owner."""
    found = client.api.containers(all=True, filters={"label": f"{OWNER}={owner}"})
    return {container["Id"] for container in found}


def run_mounted(client: docker.DockerClient, image: str, kind: str) -> dict[str, str]:
    containers = Containers(client, LIMITS)
    try:
        sandbox: Sandbox = containers.open(image, ("",))
        try:
            return outcomes(sandbox.run(session(MOUNTED.format(kind=kind))))
        finally:
            sandbox.close()
    finally:
        containers.close()


def test_the_engine_shows_a_container_without_rights_and_with_bounds(client: docker.DockerClient, image: str) -> None:
    before = ours(client, this_process())
    containers = Containers(client, LIMITS)
    sandbox = containers.open(image, ("",))
    try:
        (name,) = ours(client, this_process()) - before
        shown: dict[str, Any] = client.api.inspect_container(name)
    finally:
        sandbox.close()
    host = shown["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["NetworkMode"] == "none"
    assert host["PidsLimit"] == LIMITS.processes + 16
    assert host["Memory"] == host["MemorySwap"] == LIMITS.memory_bytes + LIMITS.scratch_bytes + RUNNER_BYTES
    assert host["NanoCpus"] == min(LIMITS.cpus, client.info()["NCPU"]) * 1e9
    assert host["AutoRemove"] is True
    assert not host["Binds"]
    assert shown["Mounts"] == []
    assert shown["Config"]["User"] == "65534:65534"
    assert shown["Config"]["Labels"][LABEL] == "1"
    assert shown["Config"]["Labels"][OWNER] == this_process()


def test_a_part_of_a_processor_can_be_given(client: docker.DockerClient, image: str) -> None:
    before = ours(client, this_process())
    sandbox = Containers(client, replace(LIMITS, cpus=0.5)).open(image, ("",))
    try:
        (name,) = ours(client, this_process()) - before
        assert client.api.inspect_container(name)["HostConfig"]["NanoCpus"] == 500_000_000
    finally:
        sandbox.close()


# Seccomp


def test_the_profile_refuses_what_jobs_are_refused_but_what_the_runner_needs(place: Place) -> None:
    profile = seccomp("x86_64")
    assert '"SCMP_ARCH_X86_64"' in profile
    for name in DENIED:
        assert (f'"{name}"' in profile) == (name not in ("mount", "umount2", "unshare"))
    assert '"SCMP_ARCH_AARCH64"' in seccomp("aarch64")
    assert seccomp("riscv64") == ""


def test_jobs_have_an_overlay_where_the_engine_filters_calls(client: docker.DockerClient, image: str) -> None:
    if not any("name=seccomp" in option for option in client.info()["SecurityOptions"]):
        pytest.skip("this engine has no seccomp")
    assert run_mounted(client, image, "overlay") == BOTH


def test_jobs_have_a_copy_under_the_engine_s_own_profile(
    client: docker.DockerClient, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MACHINES", {})
    assert run_mounted(client, image, "tmpfs") == BOTH


def test_jobs_have_a_copy_on_an_engine_without_seccomp(
    client: docker.DockerClient, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = client.info()
    monkeypatch.setattr(client, "info", lambda: {**info, "SecurityOptions": None})
    assert run_mounted(client, image, "tmpfs") == BOTH


def test_jobs_have_a_copy_where_nothing_can_be_mounted(
    client: docker.DockerClient, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "RUNNER_NEEDS", ("unshare",))
    assert run_mounted(client, image, "tmpfs") == BOTH


def test_jobs_have_a_copy_on_an_engine_that_refuses_the_profile(
    client: docker.DockerClient, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ours(client, this_process())
    monkeypatch.setattr(transport, "seccomp", lambda machine: "no JSON")
    assert run_mounted(client, image, "tmpfs") == BOTH
    assert within(lambda: ours(client, this_process()) <= before)


# What is left behind


def test_an_owner_is_gone_when_its_process_is_and_never_where_we_cannot_know(place: Place) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = f"{machine()}:{process.pid}:{started(process.pid)}"
        assert not gone(owner)
        assert gone(f"{machine()}:{process.pid}:1")  # the number is another process's by now
        process.kill()
        process.wait()
        assert gone(owner)
    assert not gone(this_process())
    assert not gone(f"elsewhere/pid:[1]:{process.pid}:1")
    assert not gone("")


OPENER = """
import sys, time
from tests.sandboxes import LIMITS
from ttc_data.hosts.engine import connect
from ttc_data.sandbox.docker import Containers
from ttc_data.sandbox.owner import this_process

containers = Containers(connect(), LIMITS)
warm = [containers.open(sys.argv[1], ("",)) for _ in range(2)]
print(this_process(), flush=True)
if sys.argv[2] == "wait":
    time.sleep(60)
"""


def test_an_interpreter_that_ends_leaves_no_container(client: docker.DockerClient, image: str) -> None:
    ran = subprocess.run([sys.executable, "-c", OPENER, image, "end"], capture_output=True, text=True, check=True)
    assert ours(client, ran.stdout.strip()) == set()


def test_the_next_start_removes_what_a_killed_process_could_not(client: docker.DockerClient, image: str) -> None:
    """Paused, a container cannot end by itself."""
    opener = subprocess.Popen([sys.executable, "-c", OPENER, image, "wait"], stdout=subprocess.PIPE, text=True)
    assert opener.stdout is not None
    with opener, opener.stdout as said:
        owner = said.readline().strip()
        left = ours(client, owner)
        assert len(left) == 2
        for name in left:
            client.api.pause(name)
        Containers(client, LIMITS).close()
        assert ours(client, owner) == left  # its process lives
        opener.kill()
    assert ours(client, owner) == left
    Containers(client, LIMITS).close()
    assert within(lambda: ours(client, owner) == set())


def test_containers_of_another_machine_are_left_alone(client: docker.DockerClient, image: str) -> None:
    owner = "another machine/pid:[4026531836]:1:1"
    command = ["python3", "-c", "import time; time.sleep(60)"]
    container = client.containers.run(
        image, command, detach=True, network_mode="none", labels={LABEL: "1", OWNER: owner}, remove=True
    )
    try:
        Containers(client, LIMITS).close()
        container.reload()
        assert container.status == "running"
    finally:
        container.remove(force=True)
    with pytest.raises(NotFound):
        client.containers.get(str(container.id))
