"""What process 1 passes on: its rank for the out-of-memory killer."""

from __future__ import annotations

from pathlib import Path


def leave(bit: bool, number: int) -> None:
    Path("/proc/1/oom_score_adj").write_text("500" if bit else "0")


def read(number: int) -> float:
    return float(Path("/proc/self/oom_score_adj").read_text())
