"""The processor time of the container."""

from __future__ import annotations

import time
from pathlib import Path

PLACES = ("/sys/fs/cgroup/cpuacct/cpuacct.usage", "/sys/fs/cgroup/cpu.stat")
SHARES = "processor"
PERIOD = 400_000_000


def used() -> int:
    place = next((place for place in PLACES if Path(place).exists()), None)
    if place is None:
        raise OSError("no counter of a control group")
    words = Path(place).read_text().split()
    return int(words[0]) if len(words) == 1 else 1_000 * int(words[1])


def leave(bit: bool, number: int) -> None:
    begun = time.monotonic()
    while (used() % PERIOD >= PERIOD / 2) is not bit and time.monotonic() < begun + 1:
        pass


def read(number: int) -> float:
    return float(used() % PERIOD)
