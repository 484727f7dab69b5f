"""How many names of files the machine holds."""

from __future__ import annotations

import os
from pathlib import Path


def leave(bit: bool, number: int) -> None:
    for one in range(400 * bit):
        os.path.exists(f"/usr/{number}-{one}")


def read(number: int) -> float:
    return float(Path("/proc/sys/fs/dentry-state").read_text().split()[0])
