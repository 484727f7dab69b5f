"""What the terminal shows: progress on stderr, results on stdout."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from ttc_data.engine import Progress as ProgressProtocol

out = Console()
err = Console(stderr=True)
PLAIN_EVERY_S = 10.0
# What the first two counts are called; a stage of a build keeps and drops.
WORDS = {
    "validate": ("valid", "not valid"),
    "grade": ("solved", "unsolved"),
    "difficulty": ("judged", "left out"),
    "check": ("as the schema says", "not"),
    "report": ("rows", "left out"),
    "images": ("ready", "failed"),
    "push": ("pushed", "failed"),
    "export": ("written", "left out"),
}


def tell(line: str) -> None:
    """One line of result, as it is: no colour, no markup, no break at the terminal's width."""
    out.print(line, highlight=False, markup=False, soft_wrap=True)


def complain(line: str) -> None:
    """One line on stderr about what went wrong."""
    err.print(line, style="red", highlight=False, markup=False, soft_wrap=True)


class Bars:
    """A live line for each stage, for a terminal."""

    def __init__(self) -> None:
        self._progress = _bar()
        self._task: TaskID | None = None
        self._stage = ""
        self._counts = [0, 0, 0]
        self._done = 0

    def begin(self, stage: str, total: int | None) -> None:
        """Start a stage's line."""
        self._progress = _bar()  # one for each stage: what has ended stays above as it is
        self._progress.start()
        self._stage, self._counts, self._done = stage, [0, 0, 0], 0
        self._task = self._progress.add_task(stage, total=total, counts="")

    def advance(self, kept: int, rejected: int, failed: int) -> None:
        """One input has ended."""
        assert self._task is not None
        self._counts = [a + b for a, b in zip(self._counts, (kept, rejected, failed), strict=True)]
        self._done += 1
        self._progress.update(self._task, advance=1, counts=_counted(self._stage, *self._counts))

    def end(self) -> None:
        """The stage has ended."""
        if self._task is not None:
            self._progress.update(self._task, total=self._done)
            self._progress.stop_task(self._task)
        self._progress.stop()

    def say(self, line: str) -> None:
        """A line above the bars."""
        err.print(line, highlight=False, markup=False, soft_wrap=True)


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("[bold]{task.description:<12}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
        console=err,
    )


class Lines:
    """A plain line for each stage that ends, and now and then in between, for a log."""

    def __init__(self) -> None:
        self._stage, self._total = "", None
        self._counts, self._done = [0, 0, 0], 0
        self._started = self._told = 0.0

    def begin(self, stage: str, total: int | None) -> None:
        """Note the start."""
        self._stage, self._counts, self._done = stage, [0, 0, 0], 0
        self._started = self._told = time.monotonic()

    def advance(self, kept: int, rejected: int, failed: int) -> None:
        """One input has ended."""
        self._counts = [a + b for a, b in zip(self._counts, (kept, rejected, failed), strict=True)]
        self._done += 1
        if time.monotonic() - self._told > PLAIN_EVERY_S:
            self._tell("...")

    def end(self) -> None:
        """The stage has ended."""
        self._tell("")

    def _tell(self, more: str) -> None:
        self._told = time.monotonic()
        seconds = self._told - self._started
        self.say(f"{self._stage}: {self._done} done, {_counted(self._stage, *self._counts)} ({seconds:.1f} s){more}")

    def say(self, line: str) -> None:
        """A line."""
        print(line, file=sys.stderr, flush=True)


def _counted(stage: str, kept: int, rejected: int, failed: int) -> str:
    good, bad = WORDS.get(stage, ("kept", "dropped"))
    return f"{kept} {good}, {rejected} {bad}" + (f", {failed} errors" if failed else "")


def console_progress() -> ProgressProtocol:
    """Bars on a terminal, lines elsewhere."""
    return Bars() if err.is_terminal else Lines()
