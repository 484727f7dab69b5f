"""A server that was left running."""

from __future__ import annotations

import os
import signal
import socket


def leave(bit: bool, number: int) -> None:
    if bit and not os.fork():
        os.setsid()
        with socket.create_server(("127.0.0.1", 20_000 + number)):
            signal.pause()


def read(number: int) -> float:
    with socket.socket() as client:
        return float(client.connect_ex(("127.0.0.1", 20_000 + number)) == 0)
