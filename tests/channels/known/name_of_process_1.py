"""The name of process 1, and of its threads."""

from __future__ import annotations

from pathlib import Path


def leave(bit: bool, number: int) -> None:
    for place in ("/proc/1/comm", "/proc/1/task/1/comm"):
        Path(place).write_text(f"x{number if bit else 0}")


def read(number: int) -> float:
    return float(f"x{number}" in Path("/proc/1/comm").read_text())
