"""Bits in counters that only ever grow: half of a period stands for a set bit."""

from __future__ import annotations

from collections.abc import Callable


def align(count: Callable[[], int], advance: Callable[[], object], period: int, bit: bool) -> None:
    """Advance a counter to the first quarter of the half that stands for the bit."""
    for _ in range(4 * period):
        place = count() % period - bit * period // 2
        if 0 <= place < period // 8:
            return
        advance()


def half(count: int, period: int) -> float:
    """Which half a counter stands in."""
    return float(count % period >= period // 2)
