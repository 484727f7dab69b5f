"""Message queues by name."""

from __future__ import annotations

import ctypes
import os

LIBC = ctypes.CDLL(None)


def leave(bit: bool, number: int) -> None:
    if bit:
        LIBC.mq_open(f"/{number}".encode(), os.O_CREAT | os.O_RDWR, 0o600, None)


def read(number: int) -> float:
    return float(LIBC.mq_open(f"/{number}".encode(), os.O_RDWR) >= 0 or os.path.exists(f"/dev/mqueue/{number}"))
