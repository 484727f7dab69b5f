"""The dates of files that a job reads and does not change."""

from __future__ import annotations

import os

PLACES = ("/environment/site/pytest/__init__.py", "/testbed/calc/core.py", "/usr/bin/env")


def leave(bit: bool, number: int) -> None:
    for place in PLACES * bit:
        with open(place, "rb") as file:
            file.read()


def read(number: int) -> float:
    return sum(os.stat(place).st_atime for place in PLACES)
