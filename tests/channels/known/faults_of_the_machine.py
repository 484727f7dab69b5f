"""The page faults of the whole machine."""

from __future__ import annotations

from pathlib import Path

from tests.channels.align import align, half

PERIOD = 64
UNIT = 2_048


def count() -> int:
    words = Path("/proc/vmstat").read_text().split()
    if "pgfault" not in words:
        raise OSError("no count of faults")
    return int(words[words.index("pgfault") + 1]) // UNIT


def advance() -> None:
    held = bytearray(UNIT * 4_096)
    held[::4_096] = bytes(UNIT)


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
