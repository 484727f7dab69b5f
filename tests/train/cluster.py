"""Slurm on this machine: `python -m tests.train.cluster` is what `make slurm` runs, and `cluster` starts one of three nodes."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ttc_data.errors import TtcError
from ttc_data.hosts.engine import Machine, install_packages
from ttc_data.llm.leashed import Leashed

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
PACKAGES = ("munge", "slurm-wlm")
NODES = ("first", "second", "third")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# What was seen on two idle cores is 3 s for a cluster and 2 s for a job.
START_LIMIT_S, JOB_LIMIT_S = 60.0, 300.0
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")


def slurm_problem() -> str:
    """Why no cluster can be started here, `""` where one can."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing:
        return f"there is no {', '.join(missing)}; run `make slurm`"
    return "" if os.geteuid() == 0 else "Slurm's daemons need root"


@dataclass(frozen=True)
class Cluster:
    """A running Slurm of three nodes, all of them this machine."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """What its commands need."""
        return {"PATH": PATH, "HOME": str(self.folder), "SLURM_CONF": str(self.folder / "slurm.conf")}

    def ask(self, *command: str, **env: str) -> str:
        """Run one of Slurm's commands; an error that is not expected is one of the test's."""
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**self.env, **env}, timeout=JOB_LIMIT_S
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def about(self, job: str) -> dict[str, str]:
        """What Slurm knows of a job."""
        return dict(re.findall(r"(\w+)=(\S*)", self.ask("scontrol", "--oneliner", "show", "job", job)))

    def wait_for(self, job: str, *states: str) -> dict[str, str]:
        """Wait until a job is in one of these states."""
        until = time.monotonic() + JOB_LIMIT_S
        while (found := self.about(job))["JobState"] not in states:
            assert found["JobState"] not in ENDED, found
            assert time.monotonic() < until, found
            time.sleep(0.1)
        return found


def _ports(count: int) -> list[int]:
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [int(one.getsockname()[1]) for one in opened]
    for one in opened:
        one.close()
    return found


def _cgroups() -> str:
    """Slurm before 23.02 opens a plugin even where nothing asks for one."""
    said = subprocess.run(["slurmctld", "-V"], capture_output=True, text=True, check=True, env={"PATH": PATH}).stdout
    major, minor = map(int, re.findall(r"\d+", said)[:2])
    if (major, minor) >= (23, 2):
        return "disabled"
    return "cgroup/v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "cgroup/v1"


def _configuration(folder: Path) -> str:
    control, *ports = _ports(1 + len(NODES))
    host = socket.gethostname().partition(".")[0]
    settings = {
        "ClusterName": "try", "SlurmctldHost": f"{host}(127.0.0.1)", "SlurmctldPort": control, "SlurmUser": "root",
        "AuthType": "auth/munge", "AuthInfo": f"socket={folder}/munge.socket", "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": f"{folder}/spool-%n", "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": f"{folder}/slurmd-%n.pid", "SlurmctldLogFile": folder / "slurmctld.log",
        "SlurmdLogFile": f"{folder}/slurmd-%n.log", "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none",
        "JobAcctGatherType": "jobacct_gather/none", "SelectType": "select/cons_tres", "MpiDefault": "none", "KillWait": 5,
    }  # fmt: skip
    lines = [f"{name}={value}" for name, value in settings.items()]
    cpus = os.cpu_count() or 1
    for name, port in zip(NODES, ports, strict=True):
        (folder / f"spool-{name}").mkdir()
        lines.append(f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus}")
    lines.append("PartitionName=try Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
    return "".join(f"{line}\n" for line in lines)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start one with daemons of its own, on free ports; they end with the test, or with whoever runs it."""
    (folder / "state").mkdir()
    (folder / "slurm.conf").write_text(_configuration(folder))
    (folder / "cgroup.conf").write_text(f"CgroupPlugin={_cgroups()}\n")
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    found = Cluster(folder)
    munge = [f"--{name}={folder}/munged.{name}" for name in ("pid-file", "log-file", "seed-file")]
    commands = {
        "munged": ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket", *munge],
        "slurmctld": ["slurmctld", "-D", "-i"],
        **{f"slurmd-{name}": ["slurmd", "-D", "-N", name] for name in NODES},
    }
    running: list[Leashed] = []
    try:
        for name, command in commands.items():
            running.append(Leashed(command, folder / f"{name}.out", found.env, grace_s=10))
            if name == "munged":
                _until(found.env, running, ["munge", f"--socket={folder}/munge.socket", "-n"])
        _until(found.env, running, ["srun", "--immediate=5", f"--nodes={len(NODES)}", "true"])
        yield found
        subprocess.run(["scancel", "--user=root", "--full", "--signal=KILL"], env=found.env, check=False, timeout=60)
    finally:
        for one in reversed(running):
            one.ask()
            one.close()


def _until(env: Mapping[str, str], running: list[Leashed], command: list[str]) -> None:
    """Wait until a command succeeds; a machine whose kernel or rights do not let the daemons run skips the tests and says why."""
    until = time.monotonic() + START_LIMIT_S
    while (done := subprocess.run(command, capture_output=True, text=True, check=False, env=env)).returncode:
        said = " | ".join(one.quoted(3) for one in running)
        if time.monotonic() > until or any(one.poll() is not None for one in running):
            pytest.skip(f"Slurm is here and cannot be started: {command}: {done.stderr}; {said}")
        time.sleep(0.2)


def main() -> int:
    """Make Slurm usable on this machine; 0 when it is."""
    machine = Machine.this()
    if slurm_problem() and machine.root and machine.distributions[0] == "debian":
        try:
            install_packages(PACKAGES)
        except TtcError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
    if problem := slurm_problem():
        print(f"error: {problem.partition(';')[0]}; install Slurm and munge, and run as root", file=sys.stderr)
        return 1
    print("jobs are tested in a Slurm of this machine's own", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
