"""Semaphores by name."""

from __future__ import annotations

import ctypes
import os

LIBC = ctypes.CDLL(None)
LIBC.sem_open.restype = ctypes.c_void_p


def leave(bit: bool, number: int) -> None:
    if bit:
        LIBC.sem_open(f"/{number}".encode(), os.O_CREAT, 0o600, 1)


def read(number: int) -> float:
    return float(LIBC.sem_open(f"/{number}".encode(), 0) is not None)
