"""How long before the first test the files of a job were written."""

from __future__ import annotations

import os
import time

SHARES = "bytecode"


def brings(number: int) -> str:
    return "\n\n".join(
        f"def f{one}(x):\n    assert x + {number} == {one}, x\n    assert x in [{number}]\n" for one in range(20)
    )


def leave(bit: bool, number: int) -> None:
    pass


def read(number: int) -> float:
    return time.time() - min(
        os.stat(place).st_ctime for place in ("tests/channels/test_brought_0.py", "/tmp/home", "/proc/self")
    )
