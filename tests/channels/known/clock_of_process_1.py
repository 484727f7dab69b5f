"""The processor time of process 1 itself, which the kernel shows to everybody as a clock."""

from __future__ import annotations

import sys
import time

SHARES = "processor"
PERIOD = 0.4
CLOCK = (~1 << 3) | 2


def leave(bit: bool, number: int) -> None:
    while (time.clock_gettime(CLOCK) % PERIOD >= PERIOD / 2) is not bit:
        print("x" * 1_000, file=sys.stderr)


def read(number: int) -> float:
    return time.clock_gettime(CLOCK) % PERIOD
