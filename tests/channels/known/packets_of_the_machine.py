"""The packets that each processor took in, of all network namespaces together."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.channels.align import align, half

SHARES = "packets"
PERIOD = 2048


def count() -> int:
    lines = Path("/proc/net/softnet_stat").read_text().splitlines()
    return sum(int(line.split()[0], 16) for line in lines)


def advance() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(50):
            sender.sendto(b"x", ("127.0.0.1", 9))


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
