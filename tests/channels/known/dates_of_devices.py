"""The dates of the device files, which anybody may set to now who may write to them."""

from __future__ import annotations

import os
import time
from contextlib import suppress

DEVICES = ("full", "zero", "random", "urandom", "tty")


def leave(bit: bool, number: int) -> None:
    for name in DEVICES * bit:
        with suppress(OSError):
            os.utime(f"/dev/{name}")


def read(number: int) -> float:
    return time.time() - max(os.stat(f"/dev/{name}").st_mtime for name in DEVICES)
