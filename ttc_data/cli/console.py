"""What the terminal shows: progress on stderr, results on stdout."""

from __future__ import annotations

import sys
from io import StringIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from ttc_data.engine import Progress as ProgressProtocol
from ttc_data.progress import Lines, Tally

out = Console()
err = Console(stderr=True)
PLAIN_EVERY_S = 10.0


def tell(line: str) -> None:
    """One line of result, as it is: no colour, no markup, no break at the terminal's width."""
    out.print(line, highlight=False, markup=False, soft_wrap=True)


def as_text(table: RenderableType) -> str:
    """A table without colours, for a file."""
    console = Console(file=StringIO(), width=160, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def complain(line: str) -> None:
    """One line on stderr about what went wrong."""
    err.print(line, style="red", highlight=False, markup=False, soft_wrap=True)


class Bars:
    """A live line for each stage, for a terminal."""

    def __init__(self) -> None:
        self._progress = _bar()
        self._task: TaskID | None = None
        self._tally = Tally("", None)

    def begin(self, stage: str, total: int | None) -> None:
        """Start a stage's line."""
        self._progress = _bar()  # one for each stage: what has ended stays above as it is
        self._progress.start()
        self._tally = Tally(stage, total)
        self._task = self._progress.add_task(stage, total=total, counts="", left="")

    def advance(self, kept: int, rejected: int, failed: int) -> None:
        """One input has ended."""
        self._tally.advance(kept, rejected, failed)
        self._draw()

    def skip(self, kept: int, rejected: int) -> None:
        """One input had ended before."""
        self._tally.skip(kept, rejected)
        self._draw()

    def _draw(self) -> None:
        assert self._task is not None
        tally = self._tally
        self._progress.update(self._task, completed=tally.done, counts=tally.counts(), left=tally.left())

    def end(self) -> None:
        """The stage has ended."""
        if self._task is not None:
            self._progress.update(self._task, total=self._tally.done, left="")
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
        TextColumn("{task.fields[left]}"),
        console=err,
    )


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def console_progress() -> ProgressProtocol:
    """Bars on a terminal, lines elsewhere."""
    return Bars() if err.is_terminal else Lines(_to_stderr, PLAIN_EVERY_S)
