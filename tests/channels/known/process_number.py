"""The number that the next process gets."""

from __future__ import annotations

import threading

from tests.channels.align import align, half

SHARES = "processes"
PERIOD = 256


def started() -> threading.Thread:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return thread


def count() -> int:
    return started().native_id or 0


def advance() -> None:
    started()


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
