"""The processor time of the processes that process 1 has waited for."""

from __future__ import annotations

import time
from pathlib import Path

SHARES = "processor"
PERIOD = 1.6


def used() -> float:
    words = Path("/proc/1/stat").read_text().rpartition(")")[2].split()
    return (int(words[13]) + int(words[14])) / 100


def leave(bit: bool, number: int) -> None:
    before, begun = used(), time.process_time()
    while (before + time.process_time() - begun - bit * PERIOD / 2) % PERIOD > PERIOD / 8:
        pass


def read(number: int) -> float:
    return used() % PERIOD
