"""What the random generator says of its pool."""

from __future__ import annotations

import os
from pathlib import Path


def leave(bit: bool, number: int) -> None:
    for _ in range(50 * bit):
        with open("/dev/urandom", "wb") as file:
            file.write(bytes(4_096))
            os.getrandom(4_096)


def read(number: int) -> float:
    return float(Path("/proc/sys/kernel/random/entropy_avail").read_text().split()[0])
