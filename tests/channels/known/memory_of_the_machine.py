"""The memory that is free."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)


def leave(bit: bool, number: int) -> None:
    for one in range(10 * bit):
        with open(f"/tmp/{number}-memory-{one}", "wb") as file:
            file.write(bytes(1 << 20))


def read(number: int) -> float:
    words = ctypes.create_string_buffer(128)
    free = 0
    if LIBC.sysinfo(words) == 0:
        free = struct.unpack_from("Q", words, 40)[0]
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return float(free + int(lines["MemFree"].split()[0]))
