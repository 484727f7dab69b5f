"""Where things lie in memory."""

from __future__ import annotations

HELD: list[object] = []


def leave(bit: bool, number: int) -> None:
    HELD.extend(object() for _ in range(10_000 * bit))


def read(number: int) -> float:
    return float(id(object()))
