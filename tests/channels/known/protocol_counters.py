"""The datagrams that a network namespace counted."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.channels.align import align, half

SHARES = "datagrams"
PERIOD = 256


def count() -> int:
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")]
    return int(dict(zip(*lines, strict=True))["OutDatagrams"])


def advance() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", 9))


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
