"""Programs that are gone, with everything they started, when we are: each under a `leash.py` of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
QUOTED = 600
LOG_END = 1 << 14
A_FEW_WORDS = 100
NOTHING = "it printed nothing"
LOGGER = re.compile(r"^(\([^()]* pid=\d+\) )?([A-Z]+ [\d-]+ [\d:]+ )?(\[[^]]*\] )?")
"""What vLLM puts before each line: process, level, date, place in its code."""


class Leashed:
    """One program, started at once.

    Args:
        command: program and arguments.
        log: where what it prints goes.
        env: of the program, whole.
        grace_s: seconds between asking it to end and ending it.
    """

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str], grace_s: float) -> None:
        self.log = log
        self._grace_s = grace_s
        leash = [sys.executable, "-I", "-S", str(LEASH), str(grace_s), str(os.getpid())]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [*leash, *command],
                # A pipe that ends when we do, in whichever way; PR_SET_PDEATHSIG means the thread that started it.
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=dict(env),
                start_new_session=True,
            )

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def ask(self) -> None:
        """Ask it, and everything it started, to end."""
        self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Wait for its end, having asked it; end it where it does not."""
        try:
            self._process.wait(self._grace_s + 5)
        except subprocess.TimeoutExpired:  # a process that the kernel cannot end: in a driver's call, say
            self._process.kill()
            self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def quoted(self, count: int) -> str:
        """The last lines that it printed."""
        return last_lines(self.log, count)

    def doing(self) -> str:
        """What it said last, in a few words."""
        said = LOGGER.sub("", (_lines(self.log) or [NOTHING])[-1])
        return said if len(said) <= A_FEW_WORDS else f"{said[:A_FEW_WORDS]}…"


def last_lines(log: Path, count: int) -> str:
    """The last lines of a log that are not empty, as one."""
    shown = " | ".join(_lines(log)[-count:]) or NOTHING
    return shown if len(shown) <= QUOTED else f"…{shown[-QUOTED:]}"


def _lines(log: Path) -> list[str]:
    """Those at its end that are not empty."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_END))
        text = file.read().decode("utf-8", "replace")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
