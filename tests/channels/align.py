"""Bits in counters that only ever grow: half of a period stands for a set bit."""

from __future__ import annotations

from collections.abc import Callable


def align(count: Callable[[], int], advance: Callable[[], object], period: int, bit: bool) -> None:
    """Advance a counter to the first part of the half that stands for the bit.

    Raises:
        OSError: the counter does not move.
    """
    begun = count()
    for step in range(4 * period):
        place = count()
        if step == 8 and place == begun:
            raise OSError("the counter does not move")
        if 0 <= place % period - bit * period // 2 < period // 8:
            return
        advance()


def half(count: int, period: int) -> float:
    """Which half a counter stands in."""
    return float(count % period >= period // 2)
