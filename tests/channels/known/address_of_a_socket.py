"""Where a socket lies in the kernel's memory, as a hash in `/proc/net/unix`: what was freed last is handed out next."""

from __future__ import annotations

import os
import socket
from pathlib import Path

SHARES = "processors"
MANY = 64


def addresses(sockets: list[socket.socket]) -> list[int]:
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    found = {int(line[6]): int(line[0].rstrip(":"), 16) for line in lines}
    return [found[os.fstat(opened.fileno()).st_ino] for opened in sockets]


def leave(bit: bool, number: int) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sockets = [socket.socket(socket.AF_UNIX) for _ in range(MANY)]
    place = dict(zip(addresses(sockets), sockets, strict=True))
    for address in sorted(place, key=lambda address: address % 2 == bit):
        place[address].close()


def read(number: int) -> float:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sockets = [socket.socket(socket.AF_UNIX) for _ in range(8)]
    return float(sum(address % 2 for address in addresses(sockets)))
