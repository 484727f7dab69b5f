"""A name in the kernel's table of abstract sockets."""

from __future__ import annotations

import os
import signal
import socket


def leave(bit: bool, number: int) -> None:
    if bit and not os.fork():
        os.setsid()
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"\0{number}")
            server.listen()
            signal.pause()


def read(number: int) -> float:
    with socket.socket(socket.AF_UNIX) as client:
        return float(client.connect_ex(f"\0{number}") == 0)
