"""Faults of ttcdata itself while one answer is judged: they say nothing about the answer, and the others go on."""

from __future__ import annotations

import threading
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from ttc_data.errors import TtcError
from ttc_data.plain import one_line
from ttc_data.solve.outcome import Outcome

MOST_SAID = 200
MOST_LINES = 30


class Judging:
    """The judging of one answer. What is no `TtcError` ends it alone, and is kept in `fault`."""

    def __init__(self) -> None:
        self.fault: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        if not isinstance(error, Exception) or isinstance(error, TtcError):
            return False
        self.fault = error
        return True


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
        name = _named(error)
        with self._lock:
            self._counts[name] += 1
            is_new = self._counts[name] == 1
        if is_new:
            lines = "".join(traceback.format_exception(error)).splitlines()[-MOST_LINES:]
            for line in (f"{instance_id}: a fault of ttcdata itself:", *lines):
                self._say(line)
        return Outcome(instance_id, "error", f"a fault of ttcdata, not of the answer: {name}; please report it")

    def summary(self) -> str:
        """How often each place was at fault; `""` where none was."""
        if not self._counts:
            return ""
        told = ", ".join(f"{name} {count} times" for name, count in self._counts.most_common())
        return f"faults of ttcdata itself, which left answers without a verdict: {told}"


def _named(error: Exception) -> str:
    """The exception and where it was raised, in one line."""
    places = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(places[-1].filename).name}:{places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {one_line(str(error))[:MOST_SAID]}{where}"
