"""What stands in memory that was never written to."""

from __future__ import annotations

import ctypes
import mmap

MARK = b"left-by-the-job-before-"
SIZE = 1 << 20


def leave(bit: bool, number: int) -> None:
    held = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE)
    mark = MARK + b"%06d" % number
    if bit:
        held.write(mark * (SIZE // len(mark)))


def read(number: int) -> float:
    mark = MARK + b"%06d" % number
    held = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE)
    return float(mark in held[:] or mark in ctypes.create_string_buffer(SIZE).raw)
