"""A process that outlives its job."""

from __future__ import annotations

import os
import signal


def leave(bit: bool, number: int) -> None:
    if bit and not os.fork():
        os.setsid()
        signal.pause()


def read(number: int) -> float:
    return float(len([name for name in os.listdir("/proc") if name.isdigit()]))
