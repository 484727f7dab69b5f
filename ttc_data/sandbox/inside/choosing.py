"""Which of the tests in a job's files are collected, and in which order they run."""

from __future__ import annotations

from random import Random
from typing import Any

# As SWE-bench counts.
COUNT_AS_PASSED = frozenset(("passed", "xfailed"))


def shuffled(items: list[Any], seed: int) -> list[Any]:
    """Files, the classes in them, and the tests in those in another order; what shares a fixture stays together."""
    draw = Random(seed)
    places: dict[str, float] = {}

    def place(item: Any) -> list[float]:
        parts = item.nodeid.split("::")
        return [places.setdefault("::".join(parts[:count]), draw.random()) for count in range(1, len(parts) + 1)]

    return sorted(items, key=place)


def names_of(tests: list[str], files: list[str]) -> dict[str, set[str]]:
    """By id of a file or a class: the names in it that lead to one of the tests."""
    found: dict[str, set[str]] = {}
    for test in tests:
        for file in files:
            if test.startswith(file + "::"):
                place = file
                for name in test[len(file) + 2 :].partition("[")[0].split("::"):
                    found.setdefault(place, set()).add(name)
                    place += "::" + name
    return found
