"""The locale and the time zone of the process."""

from __future__ import annotations

import locale
import os
import time


def leave(bit: bool, number: int) -> None:
    os.environ["TZ"] = "XXX-5" if bit else "UTC"
    time.tzset()
    locale.setlocale(locale.LC_CTYPE, "C" if bit else "C.UTF-8")


def read(number: int) -> float:
    return float(time.tzname[0] == "XXX" or locale.setlocale(locale.LC_CTYPE) == "C")
