"""The numbers of the file systems: those of a job that is still being cleared away are taken."""

from __future__ import annotations

import os


def leave(bit: bool, number: int) -> None:
    for one in range(1_000 * bit):
        os.close(os.open(f"/dev/shm/{number}-{one}", os.O_CREAT | os.O_WRONLY))


def read(number: int) -> float:
    return float(sum(os.stat(place).st_dev for place in ("/testbed", "/tmp", "/dev/shm", "/proc", "/dev/pts")))
