"""Shared memory by name."""

from __future__ import annotations

import os


def leave(bit: bool, number: int) -> None:
    if bit:
        os.close(os.open(f"/dev/shm/x{number}", os.O_CREAT | os.O_RDWR))


def read(number: int) -> float:
    return float(os.path.exists(f"/dev/shm/x{number}"))
