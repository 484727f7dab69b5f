"""The number of the scheduler's group of a session: each new session of the machine gets the next one."""

from __future__ import annotations

import os
from pathlib import Path

from tests.channels.align import align, half

SHARES = "processes"
PERIOD = 32
OPEN = "the kernel counts sessions for the whole machine and shows the count in /proc/PID/autogroup"


def count() -> int:
    ends = os.pipe()
    pid = os.fork()
    if not pid:
        os.setsid()
        os.write(ends[1], Path("/proc/self/autogroup").read_bytes())
        os._exit(0)
    os.waitpid(pid, 0)
    told = os.read(ends[0], 100).split()
    for end in ends:
        os.close(end)
    return int(told[0].rpartition(b"-")[2])


def advance() -> None:
    pass


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
