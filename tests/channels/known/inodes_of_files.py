"""The inodes of new files."""

from __future__ import annotations

import os


def leave(bit: bool, number: int) -> None:
    for folder in ("/tmp", "/dev/shm", "/testbed"):
        for one in range(100 * bit):
            os.close(os.open(f"{folder}/{number}-{one}", os.O_CREAT | os.O_WRONLY))


def read(number: int) -> float:
    found = 0
    for folder in ("/tmp", "/dev/shm", "/testbed"):
        with open(f"{folder}/{number}-new", "w") as file:
            found += os.fstat(file.fileno()).st_ino
    return float(found)
