"""The priority of process 1 and of the user."""

from __future__ import annotations

import os


def leave(bit: bool, number: int) -> None:
    for kind, who in ((os.PRIO_PROCESS, 1), (os.PRIO_USER, 0)):
        os.setpriority(kind, who, 5 if bit else 0)


def read(number: int) -> float:
    return float(os.nice(0))
