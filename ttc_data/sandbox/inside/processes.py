"""The processes below a runner: how much memory they hold, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any

KILL_S = 10.0


def memory_used(config: dict[str, Any]) -> int:
    """Bytes that the job's processes hold together, shared pages counted once where the quick sum is near the limit."""
    held = {pid: kibibytes("/proc/%d/status" % pid, ("RssAnon:", "RssShmem:")) for pid in processes(config)}
    if sum(held.values()) * 1024 > config["limits"]["memory_bytes"]:
        for pid, all_of_it in held.items():  # which a process can keep us from dividing
            held[pid] = kibibytes("/proc/%d/smaps_rollup" % pid, ("Pss_Anon:", "Pss_Shmem:")) or all_of_it
    return sum(held.values()) * 1024


def kibibytes(path: str, names: tuple[str, ...]) -> int:
    """The sum of the named lines of a process; 0 when it is gone, or does not let us look."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(names))
    return 0


def processes(config: dict[str, Any]) -> list[int]:
    """Every process but this one and the reader: of the namespace, or below us where we share one with others."""
    mine = os.getpid()
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    if config["alone"]:
        return [pid for pid in pids if pid not in (mine, config["reader"])]
    parents = {}
    for pid in pids:
        with contextlib.suppress(OSError), open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            parents[pid] = int(file.read().rpartition(")")[2].split()[1])
    below = {mine}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        grown = bool(more)
        below |= more
    return sorted(below - {mine})


def child_numbered(parent: int, number: int) -> int:
    """The child of a process that has a number in its own namespace; 0 when there is none."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with (
                contextlib.suppress(OSError),
                open("/proc/%s/status" % name, encoding="utf-8", errors="replace") as file,
            ):
                lines = dict(line.split(":", 1) for line in file if line.startswith(("PPid:", "NSpid:")))
                if int(lines["PPid"]) == parent and int(lines["NSpid"].split()[-1]) == number:
                    return int(name)
    return 0


def kill_all_but(config: dict[str, Any], kept: tuple[int, ...]) -> None:
    """Kill every other process of the namespace, of the job where there is none, but those that are kept."""
    deadline = time.monotonic() + KILL_S
    while time.monotonic() < deadline:
        if config["alone"] and not kept:
            if os.getpid() != 1:
                raise SystemExit("the runner must be process 1 of its own namespace")
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # at once, whatever is started meanwhile
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
        else:
            left = [pid for pid in processes(config) if pid not in kept]
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):  # its parent is another one that is about to end
                    os.waitpid(pid, os.WNOHANG)
        time.sleep(0.001)
    raise OSError("processes of the job outlived SIGKILL for %g s" % KILL_S)
