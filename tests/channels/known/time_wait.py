"""A connection on loopback that was closed first keeps its port in TIME_WAIT for a minute."""

from __future__ import annotations

import socket


def leave(bit: bool, number: int) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 9_000 + number if bit else 0))
        server.listen()
        with socket.create_connection(server.getsockname()) as client:
            server.accept()[0].close()
            client.recv(1)


def read(number: int) -> float:
    with socket.socket() as server:
        try:
            server.bind(("127.0.0.1", 9_000 + number))
        except OSError:
            return 1.0
    return 0.0
