"""The inode of a process's descriptor: its number among all processes since the machine started."""

from __future__ import annotations

import os
import socket
import struct
import threading

from tests.channels.align import align, half

SHARES = "processes"
PERIOD = 1024
SO_PASSPIDFD, SO_PEERPIDFD = 76, 77


def of_this() -> int:
    """Asked for, or sent along with a message."""
    one, other = socket.socketpair()
    with one, other:
        try:
            (held,) = struct.unpack("i", one.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD, 4))
        except OSError:
            one.setsockopt(socket.SOL_SOCKET, SO_PASSPIDFD, 1)
            other.send(b"x")
            (held,) = struct.unpack("i", one.recvmsg(1, 64)[1][0][2])
    found = os.fstat(held).st_ino
    os.close(held)
    return found


def count() -> int:
    """Of a process that is made now."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writes, struct.pack("Q", of_this()))
        finally:
            os._exit(0)
    os.close(writes)
    data = os.read(reads, 8)
    os.close(reads)
    os.waitpid(pid, 0)
    if not data:
        raise OSError("it is not told")
    return int(struct.unpack("Q", data)[0])


def advance() -> None:
    for _ in range(20):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
