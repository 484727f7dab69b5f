"""Whoever has no engine is told what to do on the machine in front of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ttc_data.errors import EngineUnavailable
from ttc_data.hosts.engine import Machine, advice, connect, forget_if_dead, main, missing_packages, root_cause

DEBIAN_ROOT = Machine(
    system="Linux", distributions=("debian",), root=True, docker_host="", socket_denied=False
)  # fmt: skip


def test_root_on_debian_or_ubuntu_needs_no_advice() -> None:
    assert advice(DEBIAN_ROOT) == ""
    assert advice(replace(DEBIAN_ROOT, distributions=("ubuntu", "debian"))) == ""
    assert advice(replace(DEBIAN_ROOT, distributions=("linuxmint", "ubuntu", "debian"))) == ""


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (replace(DEBIAN_ROOT, docker_host="tcp://10.0.0.1:2375"), "DOCKER_HOST=tcp://10.0.0.1:2375 does not answer"),
        (replace(DEBIAN_ROOT, system="Darwin", distributions=("",)), "Docker Desktop"),
        (replace(DEBIAN_ROOT, system="Windows", distributions=("",)), "WSL"),
        (replace(DEBIAN_ROOT, system="FreeBSD"), "no Docker engine for FreeBSD"),
        (replace(DEBIAN_ROOT, distributions=("fedora",)), "on fedora install and start Docker"),
        (replace(DEBIAN_ROOT, distributions=("",)), "on this distribution install"),
        (replace(DEBIAN_ROOT, root=False), "needs root: `sudo "),
        (replace(DEBIAN_ROOT, root=False, socket_denied=True), "usermod -aG docker"),
    ],
)
def test_other_machines_are_told_what_to_do_in_one_line(machine: Machine, said: str) -> None:
    assert said in advice(machine)
    assert "\n" not in advice(machine)


def test_an_engine_that_somebody_named_is_never_replaced_by_one_of_ours() -> None:
    """Root on Debian could start one, but `DOCKER_HOST` says where the user's images are."""
    assert "unset DOCKER_HOST" in advice(replace(DEBIAN_ROOT, docker_host="unix:///run/user/1000/docker.sock"))


def test_only_what_is_missing_is_installed() -> None:
    assert missing_packages(lambda _program: True, debian_keys=True) == []
    assert missing_packages(lambda program: program != "bwrap", debian_keys=True) == ["bubblewrap"]
    everything = missing_packages(lambda _program: False, debian_keys=False)
    assert everything == ["docker.io", "debootstrap", "bubblewrap", "debian-archive-keyring"]


def test_a_missing_engine_names_its_address_the_cause_and_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"unix://{tmp_path}/no.sock"
    monkeypatch.setenv("DOCKER_HOST", url)
    with pytest.raises(EngineUnavailable) as caught:
        connect()
    assert str(caught.value) == (
        f"no Docker engine at {url} (No such file or directory); start one (`make engine`), or run with --sandbox local"
    )


def test_a_docker_host_that_is_no_address_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "nonsense")
    with pytest.raises(EngineUnavailable, match=r"no Docker engine at nonsense \(Invalid bind address") as caught:
        connect()
    assert "\n" not in str(caught.value)


def test_make_engine_without_an_engine_prints_one_line_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert main([]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: no Docker engine answers; DOCKER_HOST=unix://")
    assert printed.err.count("\n") == 1


def test_the_root_cause_is_the_innermost_system_error() -> None:
    wrapped = RuntimeError("four wrappers")
    wrapped.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert root_cause(wrapped) == "Connection refused"
    assert root_cause(RuntimeError("two\nlines")) == "two lines"


@pytest.mark.docker
def test_a_running_engine_is_opened() -> None:
    client = connect()
    try:
        assert client.ping()
    finally:
        client.close()


@pytest.mark.docker
def test_make_engine_twice_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    first = capsys.readouterr().err.splitlines()[-1]
    assert main([]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == first
    assert first.startswith("environments are built on ")


def test_the_pid_file_of_an_engine_that_was_killed_does_not_keep_the_next_one_from_starting(tmp_path: Path) -> None:
    """After a power cut its number may be another program's, which the engine would take for itself."""
    pid_file = tmp_path / "docker.pid"
    processes = tmp_path / "proc"
    (processes / "7").mkdir(parents=True)
    for name, forgotten in (("bash", True), ("dockerd", False)):
        (processes / "7" / "comm").write_text(f"{name}\n")
        pid_file.write_text("7")
        assert forget_if_dead(pid_file, "dockerd", processes) is forgotten
        assert pid_file.exists() is not forgotten
    pid_file.write_text("8")
    assert forget_if_dead(pid_file, "dockerd", processes)
    assert not forget_if_dead(pid_file, "dockerd", processes)
