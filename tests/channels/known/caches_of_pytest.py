"""What pytest and coverage keep in the tree."""

from __future__ import annotations

import os
from pathlib import Path

PLACES = (".pytest_cache", ".coverage", "calc/__pycache__")


def leave(bit: bool, number: int) -> None:
    for place in PLACES * bit:
        if place.startswith(".cov"):
            Path(place).write_text(str(number))
        else:
            os.makedirs(place, exist_ok=True)
            Path(place, f"x{number}").touch()


def read(number: int) -> float:
    return float(any(os.path.exists(f"{place}/x{number}") for place in PLACES) or os.path.exists(".coverage"))
