"""The routes that were looked up, of all network namespaces together."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from tests.channels.align import align, half

SHARES = "packets"
PERIOD = 1024


def count() -> int:
    head, *lines = Path("/proc/net/stat/rt_cache").read_text().splitlines()
    place = head.split().index("out_slow_tot")
    return sum(int(line.split()[place], 16) for line in lines)


def advance() -> None:
    for kind in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, kind)
            sender.connect((f"127.0.{kind}.{kind + 2}", 9))


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
