"""Whether a file that nobody had read was read: by the time that it takes."""

from __future__ import annotations

import os
import time

OPEN = "the kernel keeps what was read for as long as it has memory, for all who can read it"
ROOTS = ("/usr/share/doc", "/usr/share/zoneinfo", "/usr/share/perl", "/usr/lib/python3", "/usr/local/lib")
SIZES = range(4_097, 100_000)
FILES: list[str] = []


def file(number: int) -> str:
    for root in ROOTS if not FILES else ():
        for folder, folders, names in os.walk(root):
            folders.sort()
            places = [os.path.join(folder, name) for name in sorted(names)]
            FILES.extend(place for place in places if not os.path.islink(place) and os.stat(place).st_size in SIZES)
    return FILES[number % len(FILES)]


def leave(bit: bool, number: int) -> None:
    place = file(number)
    if bit:
        with open(place, "rb") as held:
            held.read()


def read(number: int) -> float:
    held = os.open(file(number), os.O_RDONLY)
    begun = time.perf_counter()
    os.pread(held, 4_096, 0)
    taken = time.perf_counter() - begun
    os.close(held)
    return taken
