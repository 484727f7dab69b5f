"""What the terminal shows: progress on stderr, results on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.text import Text

from ttc_data.plain import one_line, plain
from ttc_data.progress import Lines, Tally
from ttc_data.progress import Progress as ProgressProtocol


class Screen(Console):
    """A console that obeys nothing that it is given to show: no markup, no emoji names, and no control that is not its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """The pieces of what is shown, controls in them shown too."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else plain(text), style, control)


out = Screen()
err = Screen(stderr=True)
PLAIN_EVERY_S = 10.0


def tell(line: str) -> None:
    """One line of result: no colour, no break at the terminal's width, and none that it brings."""
    out.print(Text(one_line(line)), soft_wrap=True)


def tell_lines(text: str) -> None:
    """The same for a text of ours that has several lines."""
    for line in text.splitlines():
        tell(line)


def as_text(table: RenderableType) -> str:
    """A table without colours, for a file."""
    console = Screen(file=StringIO(), width=160, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def complain(line: str) -> None:
    """One line on stderr about what went wrong."""
    err.print(Text(one_line(line)), style="red", soft_wrap=True)


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
        err.print(Text(one_line(line)), soft_wrap=True)


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
    print(one_line(line), file=sys.stderr, flush=True)


def console_progress() -> ProgressProtocol:
    """Bars on a terminal, lines elsewhere."""
    return Bars() if err.is_terminal else Lines(_to_stderr, PLAIN_EVERY_S)
