"""The inode of a descriptor of a process: one count for the whole machine since Linux 6.9."""

from __future__ import annotations

import os

from tests.channels.align import align, half

SHARES = "processes"
PERIOD = 64


def count() -> int:
    pid = os.fork()
    if not pid:
        os._exit(0)
    held = -1
    try:
        held = os.pidfd_open(pid)
        return os.fstat(held).st_ino
    finally:
        os.waitpid(pid, 0)
        if held >= 0:
            os.close(held)


def advance() -> None:
    pass


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
