"""Pipes that nobody holds but messages in sockets that lie in each other: pages of pipes are counted for each user."""

from __future__ import annotations

import fcntl
import os
import socket


def leave(bit: bool, number: int) -> None:
    if bit:
        first, second = socket.socketpair()
        for _ in range(60):
            ends = os.pipe()
            fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, 1 << 20)
            socket.send_fds(first, [b"."], list(ends))
            for end in ends:
                os.close(end)
        socket.send_fds(first, [b"."], [first.fileno(), second.fileno()])


def read(number: int) -> float:
    sizes = 0
    for _ in range(64):
        ends = os.pipe()
        sizes += fcntl.fcntl(ends[0], fcntl.F_GETPIPE_SZ)
        try:
            fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, 1 << 20)
        except OSError:
            return float(sizes)
    return float(sizes) + 1e9
