"""What the scheduler counts for a group of processes, as each of them is told in its own `/proc/PID/sched`."""

from __future__ import annotations

import os
import time
from pathlib import Path

PERIOD = 400.0
SHARES = "processors"


def count() -> float:
    for line in Path("/proc/self/sched").read_text().splitlines():
        if line.startswith("se.vruntime"):
            return float(line.split(":")[1])
    raise OSError("no such line")


def leave(bit: bool, number: int) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if 0.1 < count() / PERIOD % 1 - bit / 2 < 0.2:
            return


def read(number: int) -> float:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return count() / PERIOD % 1
