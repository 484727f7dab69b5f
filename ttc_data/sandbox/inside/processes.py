"""The processes below a runner: how much memory they hold, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any

KILL_S = 10.0
PAGE = os.sysconf("SC_PAGE_SIZE")


def memory_used(config: dict[str, Any]) -> int:
    """Bytes that the job's processes hold together, shared pages counted once where the quick sum is near the limit."""
    total = 0
    pids = processes(config)
    for pid in pids:
        with contextlib.suppress(OSError):
            with open("/proc/%d/statm" % pid, encoding="ascii") as file:
                words = file.read().split()
            total += (int(words[1]) - int(words[2])) * PAGE
    if total <= config["limits"]["memory_bytes"]:
        return total
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError), open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
            total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss_Anon:"))
    return total


def processes(config: dict[str, Any]) -> list[int]:
    """Every process that is not this one: of the namespace, or below us where we share one with others."""
    mine = os.getpid()
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    if config["alone"]:
        return [pid for pid in pids if pid != mine]
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
