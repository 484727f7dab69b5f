"""Page faults that had to be read from the disk."""

from __future__ import annotations

import mmap
import os
import resource

PLACE = "/environment/site/pygments/lexers/_php_builtins.py"


def leave(bit: bool, number: int) -> None:
    held = os.open(PLACE, os.O_RDONLY)
    os.posix_fadvise(held, 0, 0, os.POSIX_FADV_DONTNEED)
    if bit:
        os.pread(held, 65_536, 0)
    os.close(held)


def read(number: int) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    held = os.open(PLACE, os.O_RDONLY)
    with mmap.mmap(held, 65_536, mmap.MAP_PRIVATE, mmap.PROT_READ) as pages:
        touched = sum(pages[place] for place in range(0, 65_536, 4_096))
    os.close(held)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_majflt - before.ru_majflt + after.ru_inblock - before.ru_inblock + 0 * touched
