"""The same through a descriptor that a job was started with."""

from __future__ import annotations

import os
import time
from contextlib import suppress


def leave(bit: bool, number: int) -> None:
    for descriptor in range(3 * bit):
        with suppress(OSError):
            os.utime(descriptor)


def read(number: int) -> float:
    return time.time() - os.fstat(0).st_mtime
