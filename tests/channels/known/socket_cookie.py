"""The number that each socket has for itself."""

from __future__ import annotations

import socket
import struct

from tests.channels.align import align, half

PERIOD = 16384


def count() -> int:
    with socket.socket(socket.AF_UNIX) as one:
        return int(struct.unpack("Q", one.getsockopt(socket.SOL_SOCKET, 57, 8))[0])  # SO_COOKIE


def advance() -> None:
    count()


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
