"""The name of the host."""

from __future__ import annotations

import ctypes
import socket


def leave(bit: bool, number: int) -> None:
    name = f"x{number}" if bit else "sandbox"
    ctypes.CDLL(None).sethostname(name.encode(), len(name))


def read(number: int) -> float:
    return float(socket.gethostname() == f"x{number}")
