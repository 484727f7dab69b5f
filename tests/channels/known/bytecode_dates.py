"""How long before the first test the files of a job were written."""

from __future__ import annotations

import os
import time


def brings(number: int) -> str:
    lines = (f"def f{one}(x):\n    assert x + {number} == {one}, x\n    assert x in [{number}]\n" for one in range(60))
    return "\n\n".join(lines)


def leave(bit: bool, number: int) -> None:
    pass


def read(number: int) -> float:
    return time.time() - min(os.stat(place).st_ctime for place in ("test_brought.py", "/tmp/home", "/proc/self"))
