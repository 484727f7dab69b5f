"""Numbers of namespaces, which `/proc/PID/ns` shows: the lowest that are free on the machine.

A network is taken down some milliseconds after its job, and later where the job left it much: the next job's numbers tell whether it
is gone. So some namespaces are held beside the jobs, and for each job others, as many and in such places as is drawn.
"""

from __future__ import annotations

import contextlib
import os
from random import SystemRandom

from ttc_data.sandbox.inside.kernel import LIBC, check

CLONE_NEWUTS, CLONE_NEWUSER = 0x04000000, 0x10000000
# A namespace of host names costs 10 us, and is free as soon as it is let go.
PLACES = 64


class Numbers:
    """Namespaces that are held by this process, which gives up its own namespace of users for it."""

    def __init__(self) -> None:
        self._held: list[int] = []
        self._draw = SystemRandom()
        self._able = LIBC.unshare(CLONE_NEWUSER) == 0

    def draw(self) -> None:
        """Let all but a few go, which is drawn, and hold others, as many as is drawn."""
        self._draw.shuffle(self._held)
        while len(self._held) > PLACES // 4:
            os.close(self._held.pop())
        more = self._draw.randrange(PLACES // 2) if self._able else 0
        with contextlib.suppress(OSError):  # as many as the machine allows
            for _ in range(more):
                check(LIBC.unshare(CLONE_NEWUTS), "unshare")
                self._held.append(os.open("/proc/self/ns/uts", os.O_RDONLY))
