"""How many files are open."""

from __future__ import annotations

import os
from pathlib import Path


def leave(bit: bool, number: int) -> None:
    for _ in range(400 * bit):
        os.pipe()


def read(number: int) -> float:
    return float(Path("/proc/sys/fs/file-nr").read_text().split()[0])
