"""The numbers that the kernel gives queues: they count on."""

from __future__ import annotations

import ctypes

LIBC = ctypes.CDLL(None)


def made() -> int:
    queue = int(LIBC.msgget(0, 0o600))
    LIBC.msgctl(queue, 0, None)
    return queue


def leave(bit: bool, number: int) -> None:
    for _ in range(64):
        if made() // 32_768 % 64 // 32 == bit:
            return


def read(number: int) -> float:
    return float(made() // 32_768 % 64 // 32)
