"""What the scheduler counts for a group, advanced by more than a job runs: by low weights, long slices, and yielding them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import time

from tests.channels.known.scheduler_clock import count

LIBC = ctypes.CDLL(None, use_errno=True)
PERIOD = 40_000_000.0
SHARES = "processors"


def leave(bit: bool, number: int) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    LIBC.syscall(314, 0, struct.pack("=IIQiIQQQ", 48, 0, 0, 0, 0, 100_000_000, 0, 0), 0)  # sched_setattr
    with contextlib.suppress(OSError):
        os.nice(19)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    until = time.monotonic() + 0.3
    while time.monotonic() < until and not 0.1 < count() / PERIOD % 1 - bit / 2 < 0.4:
        for _ in range(64):
            os.sched_yield()


def read(number: int) -> float:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return count() / PERIOD % 1
