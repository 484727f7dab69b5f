"""How many large pages the kernel has at hand: a job that scatters its memory leaves fewer of them."""

from __future__ import annotations

import mmap
from pathlib import Path

BYTES, LARGE, SMALL = 64 << 20, 2 << 20, 4_096
MADV_HUGEPAGE = 14


def leave(bit: bool, number: int) -> None:
    if bit:
        with mmap.mmap(-1, BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
            held.madvise(mmap.MADV_NOHUGEPAGE)
            for place in range(0, BYTES, SMALL):
                held[place] = 1


def read(number: int) -> float:
    with mmap.mmap(-1, BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        held.madvise(MADV_HUGEPAGE)
        for place in range(0, BYTES, LARGE):
            held[place] = 1
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("AnonHugePages")))
