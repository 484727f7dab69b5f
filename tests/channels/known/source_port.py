"""The port that the kernel picks for a connection: it counts on from the last one to the same address."""

from __future__ import annotations

import socket

SHARES = "packets"
MOST = 6_000
TO = 7_001


def picked(server: socket.socket) -> int:
    with socket.create_connection(server.getsockname()) as client:
        server.accept()[0].close()
        port = client.getsockname()[1]
        assert isinstance(port, int)
        return port


def served() -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", TO))
    server.listen()
    return server


def upper(port: int) -> bool:
    return (port - 32_768) % 2_048 >= 1_024


def leave(bit: bool, number: int) -> None:
    with served() as server:
        for _ in range(MOST):
            port = picked(server)
            if upper(port) is bit and (port - 32_768) % 1_024 < 128:
                return


def read(number: int) -> float:
    with served() as server:
        return float(upper(picked(server)))
