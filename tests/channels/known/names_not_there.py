"""Names that are not there: the kernel remembers them, in folders that all jobs share, and answers sooner the next time."""

from __future__ import annotations

import os
import time

OPEN = "the kernel remembers names for as long as it has memory, for all who can ask for them"
MANY = 3_000
PLACE = "/usr/share"


def ask(name: str) -> float:
    names = [f"{PLACE}/{name}-{place}" for place in range(MANY)]
    begun = time.perf_counter()
    for place in names:
        os.access(place, os.F_OK)
    return time.perf_counter() - begun


def leave(bit: bool, number: int) -> None:
    ask(f"no-{number}" if bit else f"other-{number}")


def read(number: int) -> float:
    fresh = ask(f"fresh-{number}-{os.urandom(4).hex()}")
    return ask(f"no-{number}") / fresh
