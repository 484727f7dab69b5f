"""The number that pairs the two events of a rename: one count for the whole machine."""

from __future__ import annotations

import ctypes
import os
import struct

from tests.channels.align import align, half

LIBC = ctypes.CDLL(None, use_errno=True)
SHARES = "renames"
PERIOD = 256
IN_MOVED_FROM = 0x40


def count() -> int:
    folder = f"/tmp/renames-{os.getpid()}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/a", "w"):
        pass
    watch = LIBC.inotify_init1(os.O_NONBLOCK)
    if watch < 0 or LIBC.inotify_add_watch(watch, folder.encode(), IN_MOVED_FROM) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    os.rename(f"{folder}/a", f"{folder}/b")
    try:
        return int(struct.unpack_from("=iII", os.read(watch, 4_096))[2])
    finally:
        os.close(watch)


def advance() -> None:
    pass


def leave(bit: bool, number: int) -> None:
    align(count, advance, PERIOD, bit)


def read(number: int) -> float:
    return half(count(), PERIOD)
