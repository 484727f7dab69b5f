"""The mask for new files, the working folder, a variable."""

from __future__ import annotations

import os


def leave(bit: bool, number: int) -> None:
    if bit:
        os.umask(0o77)
        os.chdir("/tmp")
        os.environ["LEFT"] = "1"


def read(number: int) -> float:
    mask = os.umask(0o22)
    os.umask(mask)
    return float(mask == 0o77 or "LEFT" in os.environ or os.getcwd() == "/tmp")
