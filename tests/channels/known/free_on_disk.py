"""What is free on the file systems that jobs can only read."""

from __future__ import annotations

import os


def leave(bit: bool, number: int) -> None:
    if bit:
        with open("/tmp/written", "wb") as file:
            for _ in range(4):
                file.write(b"." * (1 << 20))
                file.flush()
                os.fsync(file.fileno())


def read(number: int) -> float:
    return float(
        sum(os.statvfs(place).f_bfree + os.statvfs(place).f_ffree for place in ("/", "/usr", "/environment/site"))
    )
