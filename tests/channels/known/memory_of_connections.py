"""What TCP remembers of an address after its connections ended: how fast it answered, how much it took."""

from __future__ import annotations

import socket
import struct

SHARES = "networks"


def leave(bit: bool, number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as held:
        taken, _ = server.accept()
        with taken:
            for _ in range(200 if bit else 1):
                held.sendall(b"." * 60_000)
                left = 60_000
                while left:
                    left -= len(taken.recv(left))


def read(number: int) -> float:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as held:
        told = struct.unpack_from("=8B24I", held.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104))
    return float(sum(told[8 + place] for place in (17, 18, 21)))  # threshold, window, reordering
