"""Shared memory, queues and semaphores by number."""

from __future__ import annotations

import ctypes

LIBC = ctypes.CDLL(None)
CREATE = 0o1600


def leave(bit: bool, number: int) -> None:
    if bit:
        LIBC.shmget(number + 1, 4_096, CREATE)
        LIBC.msgget(number + 1, CREATE)
        LIBC.semget(number + 1, 1, CREATE)


def read(number: int) -> float:
    found = (LIBC.shmget(number + 1, 4_096, 0), LIBC.msgget(number + 1, 0), LIBC.semget(number + 1, 1, 0))
    return float(max(found) >= 0)
