"""The memory that the container has held."""

from __future__ import annotations

from pathlib import Path

PLACES = ("/sys/fs/cgroup/memory/memory.max_usage_in_bytes", "/sys/fs/cgroup/memory.peak")


def leave(bit: bool, number: int) -> None:
    held = bytearray((20 << 20) * bit)
    held[::4_096] = bytes(len(held) // 4_096)


def read(number: int) -> float:
    for place in PLACES:
        if Path(place).exists():
            return float(Path(place).read_text())
    raise OSError("no counter of a control group")
