"""A key in the keyring of the user or the session."""

from __future__ import annotations

import ctypes

LIBC = ctypes.CDLL(None)
RINGS = (-3, -4, -5)


def leave(bit: bool, number: int) -> None:
    for ring in RINGS * bit:
        LIBC.syscall(248, b"user", f"x{number}".encode(), b"x", 1, ring)


def read(number: int) -> float:
    return float(any(LIBC.syscall(250, 10, ring, b"user", f"x{number}".encode(), 0) >= 0 for ring in RINGS))
