"""The numbers of a job's namespaces: the lowest that are free, and a network is taken down after its job."""

from __future__ import annotations

import os
import socket

SHARES = "networks"
MANY = 400


def leave(bit: bool, number: int) -> None:
    if bit:
        server = socket.create_server(("127.0.0.1", 0), backlog=MANY)
        for _ in range(MANY):
            with socket.create_connection(server.getsockname()) as held:
                taken, _ = server.accept()
                held.close()
                taken.close()


def read(number: int) -> float:
    return float(sum(os.stat(f"/proc/self/ns/{name}").st_ino for name in sorted(os.listdir("/proc/self/ns"))))
