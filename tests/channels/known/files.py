"""A file in any folder that can be written to."""

from __future__ import annotations

import os
from contextlib import suppress

FOLDERS = ("/tmp", "/tmp/home", "/testbed", "/dev/shm", "/var/tmp", "/environment", "/", "/dev", "/dev/mqueue", "/run")


def leave(bit: bool, number: int) -> None:
    for folder in FOLDERS * bit:
        with suppress(OSError), open(f"{folder}/left-{number}", "w"):
            pass


def read(number: int) -> float:
    return float(any(os.path.exists(f"{folder}/left-{number}") for folder in FOLDERS))
