"""The processor that a job begins on: where the one before it was not busy."""

from __future__ import annotations

import os
import time
from pathlib import Path

SHARES = "processors"
BEGUN = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[36]  # before the others are tried


def leave(bit: bool, number: int) -> None:
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(every) if bit else min(every)})
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        pass


def read(number: int) -> float:
    return float(BEGUN)
