"""A module of functions and classes whose calls can be asserted, or cannot."""

SHAPES = '''import math
import random
import sys
import time
import warnings
from dataclasses import dataclass


class Broken(Exception):
    """Ours."""


def clamp(value: int, low: int = 0, high: int = 10) -> int:
    """Keep a value between two others.

    >>> clamp(11, high=4)
    4
    """
    if low > high:
        raise ValueError("low above high")
    return max(low, min(value, high))


def pairs(items):
    """Neighbours."""
    before = None
    for item in items:
        if before is not None:
            yield before, item
        before = item


def forever(start: int):
    """Count up."""
    while True:
        yield start
        start += 1


def letters(text: str) -> set[str]:
    """The letters of a text."""
    return {one for one in text}


def area(r: int) -> float:
    """Of a circle."""
    return math.pi * r**2


def double(items: list[int]) -> None:
    """In place."""
    items.extend(list(items))


def ours(size: int) -> int:
    """Small numbers only."""
    if size > 1:
        raise Broken(size)
    return size + 1


def unfinished(size: int) -> int:
    """Nothing yet."""
    size += 1
    raise NotImplementedError


def misused(size: int) -> int:
    """Fails on all that it is given."""
    size += 1
    return size.upper()


def prints(size: int) -> int:
    """Noisy."""
    print(size)
    return size


def writes(size: int) -> int:
    """Leaves a file."""
    open("left.txt", "w").close()
    return size + 1


def draws(size: int) -> int:
    """By chance."""
    return random.randrange(size + 5) * 0


def warns(size: int) -> int:
    """Of something that the caller does."""
    warnings.warn("large")
    return size + 1


def outdated(size: int) -> int:
    """Old."""
    warnings.warn("old", DeprecationWarning)
    return size + 1


def today(size: int) -> float:
    """Another one tomorrow."""
    return time.time() // 86400


def hangs(size: int) -> int:
    """For good on every third."""
    while size % 3 == 0:
        pass
    return size + 1


def leaves(size: int) -> int:
    """Ends the process."""
    size += 1
    sys.exit(size)


SEEN = []


def counted(size: int) -> int:
    """Remembers."""
    SEEN.append(size)
    return len(SEEN)


async def later(size: int) -> int:
    """Awaited."""
    return size + 1


@dataclass
class Point:
    """A place."""

    x: int
    y: int = 0

    def moved(self, by: int) -> "Point":
        """Elsewhere."""
        return Point(self.x + by, self.y - by)

    def move(self, by: int) -> None:
        """In place."""
        self.x += by

    @property
    def length(self) -> int:
        """From the middle."""
        return abs(self.x) + abs(self.y)


class Bag(dict):
    """Counts."""

    def put(self, name: str, count: int = 1) -> None:
        """Add some."""
        self[name] = self.get(name, 0) + count

    @classmethod
    def of(cls, names: list[str]) -> "Bag":
        """One of each."""
        made = cls()
        for name in names:
            made.put(name)
        return made
'''
