"""The numbers of the descriptors that are free, and where the open ones stand."""

from __future__ import annotations

import os
from contextlib import suppress


def leave(bit: bool, number: int) -> None:
    for descriptor in range(1_024 if bit else 0):
        with suppress(OSError):
            os.set_blocking(descriptor, False)
            os.lseek(descriptor, number % 100 + 1, os.SEEK_SET)


def read(number: int) -> float:
    found = os.dup(0)
    os.close(found)
    total = found * 1_000
    for descriptor in range(3, 1_024):
        with suppress(OSError):
            total += os.lseek(descriptor, 0, os.SEEK_CUR) + os.get_blocking(descriptor)
    return float(total + os.get_blocking(0))
