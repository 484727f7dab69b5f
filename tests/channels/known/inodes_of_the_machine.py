"""How many inodes the machine holds."""

from __future__ import annotations

import os
from pathlib import Path


def leave(bit: bool, number: int) -> None:
    for one in range(400 * bit):
        os.close(os.open(f"/tmp/{number}-inode-{one}", os.O_CREAT | os.O_WRONLY))


def read(number: int) -> float:
    return float(Path("/proc/sys/fs/inode-nr").read_text().split()[0])
