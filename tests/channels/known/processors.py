"""The processors that process 1 passes on."""

from __future__ import annotations

import os


def leave(bit: bool, number: int) -> None:
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(1, {min(every)} if bit else every)


def read(number: int) -> float:
    return float(len(os.sched_getaffinity(0)))
