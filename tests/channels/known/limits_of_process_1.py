"""The limits that process 1 passes on."""

from __future__ import annotations

import resource


def leave(bit: bool, number: int) -> None:
    resource.prlimit(1, resource.RLIMIT_NOFILE, (900 if bit else 1_000, 1_024))


def read(number: int) -> float:
    return float(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
