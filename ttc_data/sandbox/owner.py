"""Who opened a sandbox, in a word that another process can check: what an owner that is gone left behind is removed."""

from __future__ import annotations

import os
import platform
import subprocess
import uuid
from functools import cache
from pathlib import Path

from ttc_data.programs import environment

PROC = Path("/proc")


@cache
def machine() -> str:
    """This machine since it was started, and the part of it whose process numbers are ours."""
    try:
        return f"{(PROC / 'sys/kernel/random/boot_id').read_text().strip()}/{os.readlink(PROC / 'self/ns/pid')}"
    except OSError:  # not Linux
        return f"{platform.node()}/{uuid.getnode():x}"


def started(pid: int) -> str:
    """When a process started, as the system words it; `""` when there is none."""
    if not (PROC / "self").exists():
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        return "-".join(
            subprocess.run(command, capture_output=True, text=True, check=False, env=environment()).stdout.split()
        )
    try:
        state, *rest = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in ("Z", "X") else rest[18]


def this_process() -> str:
    """The owner of what this process opens: machine, process id and start, without which an id could be another's."""
    return f"{machine()}:{os.getpid()}:{started(os.getpid())}"


def gone(owner: str) -> bool:
    """Whether an owner is a process of this machine that ended; False for one that we know nothing about."""
    if not owner.startswith(f"{machine()}:"):
        return False
    pid, _, start = owner.removeprefix(f"{machine()}:").partition(":")
    return not pid.isdigit() or started(int(pid)) != start
