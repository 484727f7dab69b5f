"""How busy a group was in the last tenth of a second: a new process is told it as its own, in `/proc/PID/sched`."""

from __future__ import annotations

import os
import time
from pathlib import Path

SHARES = "processors"


def leave(bit: bool, number: int) -> None:
    if bit:
        until = time.monotonic() + 0.3
        for _ in os.sched_getaffinity(0):
            if not os.fork():
                while time.monotonic() < until:
                    pass
                os._exit(0)
        while time.monotonic() < until:
            pass
    else:
        time.sleep(0.3)


def read(number: int) -> float:
    ends = os.pipe()
    if not os.fork():
        os.write(ends[1], Path("/proc/self/sched").read_bytes())
        os._exit(0)
    os.wait()
    told = dict(line.split(":") for line in os.read(ends[0], 9_000).decode().splitlines() if ":" in line)
    return float({name.strip(): value for name, value in told.items()}["se.avg.util_avg"])
