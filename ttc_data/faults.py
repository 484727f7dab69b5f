"""Faults of ttcdata itself while it works on one thing: they say nothing about that thing, and the others go on."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Self

from ttc_data.errors import TtcError
from ttc_data.plain import one_line

MOST_SAID = 200
MOST_LINES = 30


class Guarded:
    """Work on one thing. An exception that is no `TtcError` ends it alone, and is kept in `fault`."""

    def __init__(self) -> None:
        self.fault: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        if not isinstance(error, Exception) or isinstance(error, TtcError):
            return False
        self.fault = error
        return True


def named(error: Exception) -> str:
    """The exception and where it was raised, in one line."""
    places = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(places[-1].filename).name}:{places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {one_line(str(error))[:MOST_SAID]}{where}"


def lines_of(error: Exception) -> list[str]:
    """The end of its traceback, for whoever reports it."""
    return "".join(traceback.format_exception(error)).splitlines()[-MOST_LINES:]
