"""What the scheduler counts for a control group, which every process reads in its own `/proc/PID/sched`.

All jobs of a container are in one group, and nothing can cover that file. So the count is advanced when a job has ended, on every
processor, by an amount that is drawn anew and that no job could add in its time. Who yields the processor forfeits what is
left of a slice: with the longest slice (100 ms) and the lowest weight (3 of 1024) that is 34 s of the count, for 2 us. A job
itself can do neither; see `calls.py`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import threading
from random import SystemRandom

from ttc_data.sandbox.inside.calls import MACHINES, SCHEDULING
from ttc_data.sandbox.inside.kernel import LIBC

SCHED_NORMAL, SCHED_IDLE = 0, 5
# Seconds of a job that runs alone on a processor are as many of the count: of 8,700 s that are drawn from, a minute is 0.7 %.
MOST_YIELDS, SLICES_NS = 256, (50_000_000, 100_000_000)
# Each waits for its turn on one processor after the other.
THREADS = 8


def begin_anywhere() -> None:
    """Go on on a processor that is drawn: else a job begins where the one before it was not busy."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SystemRandom().choice(sorted(processors))})
    os.sched_setaffinity(0, processors)


def blur() -> None:
    """Advance the count of our group on every processor that we may use."""
    processors = sorted(os.sched_getaffinity(0))
    threads = [
        threading.Thread(target=_advance, args=(processors[number::THREADS],))
        for number in range(min(THREADS, len(processors)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _advance(processors: list[int]) -> None:
    """In a thread of its own, which cannot go back to a higher weight."""
    draw = SystemRandom()
    # Size, policy, flags, nice, priority; the slice takes the place of a deadline policy's runtime.
    asked = struct.pack("=IIQiIQQQ", 48, SCHED_NORMAL, 0, 0, 0, draw.randrange(*SLICES_NS), 0, 0)
    LIBC.syscall(ctypes.c_long(SCHEDULING["sched_setattr"][MACHINES[platform.machine()][0]]), 0, asked, 0)
    os.sched_setscheduler(0, SCHED_IDLE, os.sched_param(0))
    for processor in processors:
        mask = struct.pack("=128s", (1 << processor).to_bytes(128, "little"))
        LIBC.sched_setaffinity(0, len(mask), mask)  # unlike Python's own, lets other threads run meanwhile
        for _ in range(draw.randrange(1, MOST_YIELDS)):
            LIBC.sched_yield()
