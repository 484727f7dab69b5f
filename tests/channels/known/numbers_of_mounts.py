"""The numbers of the mounts."""

from __future__ import annotations

import os
from pathlib import Path


def leave(bit: bool, number: int) -> None:
    for one in range(1_000 * bit):
        os.close(os.open(f"/tmp/{number}-{one}", os.O_CREAT | os.O_WRONLY))


def read(number: int) -> float:
    return float(max(int(line.split()[0]) for line in Path("/proc/self/mountinfo").read_text().splitlines()))
