"""Processor time of a job whose test file was compiled for another one before."""

from __future__ import annotations

import time

SHARES = "bytecode"


def brings(number: int) -> str:
    return "\n\n".join(
        f"def f{one}(x):\n    assert x + {number} == {one}, x\n    assert x in [{number}]\n" for one in range(20)
    )


def leave(bit: bool, number: int) -> None:
    pass


def read(number: int) -> float:
    return time.process_time()
