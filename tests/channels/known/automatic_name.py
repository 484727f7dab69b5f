"""The number in the name that the kernel gives a socket which binds to none."""

from __future__ import annotations

import socket

PERIOD = 1 << 18


def named() -> int:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("")
        name = one.getsockname()
        assert isinstance(name, bytes)
        return int(name[1:], 16)


def leave(bit: bool, number: int) -> None:
    for _ in range(300 * bit):
        named()


def read(number: int) -> float:
    return float(named() % PERIOD)
