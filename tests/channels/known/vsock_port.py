"""The port that the kernel gives an AF_VSOCK socket which binds to any: one count for the whole machine."""

from __future__ import annotations

import socket

from tests.channels.align import align, half

PERIOD = 256


def count() -> int:
    with socket.socket(40, socket.SOCK_STREAM) as one:  # AF_VSOCK, which not every build of Python names
        one.bind((0xFFFFFFFF, 0xFFFFFFFF))
        return int(one.getsockname()[1])


def advance() -> None:
    count()


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
