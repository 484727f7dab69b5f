"""The number of a new terminal."""

from __future__ import annotations

import os
import signal
from contextlib import suppress


def leave(bit: bool, number: int) -> None:
    if bit and not os.fork():
        os.setsid()
        with suppress(OSError):
            for _ in range(8):
                os.openpty()
        signal.pause()


def read(number: int) -> float:
    ends = os.openpty()
    name = os.ttyname(ends[1])
    for end in ends:
        os.close(end)
    return float(name.rpartition("/")[2])
