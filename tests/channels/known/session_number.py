"""The number of the scheduler's group of a session: each new session of the machine gets the next one."""

from __future__ import annotations

import os
from pathlib import Path

from tests.channels.align import align, half

SHARES = "processes"
PERIOD = 32


def count() -> int:
    ends = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setsid()
            os.write(ends[1], Path("/proc/self/autogroup").read_bytes())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(ends[1])
    told = os.read(ends[0], 100).split()
    os.close(ends[0])
    if not told:
        raise OSError("no more sessions")
    return int(told[0].rpartition(b"-")[2])


def advance() -> None:
    pass


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
