"""How many processes were started since the machine was."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.channels.align import align, half

SHARES = "processes"
PERIOD = 512


def count() -> int:
    words = Path("/proc/stat").read_text().split()
    return int(words[words.index("processes") + 1])


def advance() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
