"""The page faults of the whole machine."""

from __future__ import annotations

from pathlib import Path

PERIOD = 1 << 17


def faults() -> int:
    words = Path("/proc/vmstat").read_text().split()
    return int(words[words.index("pgfault") + 1])


def leave(bit: bool, number: int) -> None:
    while (faults() % PERIOD >= PERIOD // 2) is not bit:
        held = bytearray(8 << 20)
        held[::4_096] = bytes(len(held) // 4_096)


def read(number: int) -> float:
    return float(faults() % PERIOD)
