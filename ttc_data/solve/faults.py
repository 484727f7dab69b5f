"""Faults of ttcdata itself while one answer is judged: they say nothing about the answer, and the others go on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from ttc_data.faults import lines_of, named
from ttc_data.solve.outcome import Outcome


class Faults:
    """Those of one run: each answer gets an `error`, each place its traceback once, and all are counted.

    Args:
        say: takes lines for a person.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def outcome(self, instance_id: str, error: Exception) -> Outcome:
        """What the answer gets: no verdict, and the exception with its place."""
        name = named(error)
        with self._lock:
            self._counts[name] += 1
            is_new = self._counts[name] == 1
        if is_new:
            for line in (f"{instance_id}: a fault of ttcdata itself:", *lines_of(error)):
                self._say(line)
        return Outcome(instance_id, "error", f"a fault of ttcdata, not of the answer: {name}; please report it")

    def summary(self) -> str:
        """How often each place was at fault; `""` where none was."""
        if not self._counts:
            return ""
        told = ", ".join(f"{name} {count} times" for name, count in self._counts.most_common())
        return f"faults of ttcdata itself, which left answers without a verdict: {told}"
