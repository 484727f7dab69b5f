"""The inode of a pipe: one count for the whole machine, in blocks for each processor."""

from __future__ import annotations

import os

from tests.channels.align import align, half

SHARES = "inodes"
OPEN = "the kernel counts the inodes of pipes and sockets for the whole machine"
PERIOD = 1024


def count() -> int:
    ends = os.pipe()
    found = os.fstat(ends[0]).st_ino
    for end in ends:
        os.close(end)
    return found


def advance() -> None:
    count()


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
