"""Look-ups in the table of neighbours, which a netlink socket tells of all network namespaces together."""

from __future__ import annotations

import socket
import struct

from tests.channels.align import align, half

SHARES = "neighbours"
PERIOD = 1024
NETLINK, GETNEIGH, GETNEIGHTBL, REQUEST, DUMP = 16, 30, 66, 1, 0x300
LOOPBACK = struct.pack("BBHiHBB", 2, 0, 0, 1, 0, 0, 0) + struct.pack("HH4s", 8, 1, b"\x7f\0\0\x09")
STATISTICS, LOOKUPS = 7, 4


def asked(kind: int, flags: int, body: bytes) -> bytes:
    with socket.socket(NETLINK, socket.SOCK_RAW, 0) as link:
        link.setblocking(False)  # it is answered before `send` returns
        link.send(struct.pack("IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        return link.recv(65_536)


def count() -> int:
    """Of IPv4."""
    data, found, message = asked(GETNEIGHTBL, REQUEST | DUMP, b"\2\0\0\0"), 0, 0
    while message < len(data):
        (length,) = struct.unpack_from("I", data, message)
        place = message + 20
        while place + 4 <= message + length:
            size, kind = struct.unpack_from("HH", data, place)
            if kind == STATISTICS:
                found += struct.unpack_from("11Q", data, place + 4)[LOOKUPS]
            place += max(4, size + 3 & ~3)
        message += length + 3 & ~3
    return found


def advance() -> None:
    for _ in range(20):
        asked(GETNEIGH, REQUEST, LOOPBACK)


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
