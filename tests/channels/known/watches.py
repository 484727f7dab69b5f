"""Events of files that another job touches."""

from __future__ import annotations

import ctypes
import os
import time

LIBC = ctypes.CDLL(None)
PLACES = ("/testbed/calc", "/environment/site", "/dev", "/tmp", "/usr/bin")


def leave(bit: bool, number: int) -> None:
    if bit and not os.fork():
        os.setsid()
        while True:
            for place in PLACES:
                os.listdir(place)
            time.sleep(0.0005)


def read(number: int) -> float:
    watch = LIBC.inotify_init1(os.O_NONBLOCK)
    for place in PLACES:
        LIBC.inotify_add_watch(watch, place.encode(), 0x21)
    time.sleep(0.003)
    try:
        return float(len(os.read(watch, 4_096)))
    except BlockingIOError:
        return 0.0
    finally:
        os.close(watch)
