"""How a stage goes, in words: counts, time and what is left of it, as plain lines and in a build's log."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ttc_data.plain import one_line

LOG = "build.log"
LOG_EVERY_S = 60.0
# What the counts are called; a stage of a build keeps and drops, and the third one is of errors.
WORDS: dict[str, tuple[str, ...]] = {
    "validate": ("valid", "not valid"),
    "grade": ("solved", "unsolved", "not graded"),
    "difficulty": ("judged", "left out"),
    "check": ("as the schema says", "not"),
    "report": ("rows", "left out"),
    "images": ("ready", "failed"),
    "push": ("pushed", "failed"),
    "export": ("written", "left out"),
}


class Progress(Protocol):
    """Told how a stage goes; draws it, prints it, or does nothing."""

    def begin(self, stage: str, total: int | None) -> None: ...

    def advance(self, kept: int, rejected: int, failed: int) -> None: ...

    def skip(self, kept: int, rejected: int) -> None:
        """An earlier run has worked on an input, and this came of it."""
        ...

    def end(self) -> None: ...

    def say(self, line: str) -> None: ...


class Quiet:
    """Progress for nobody."""

    def begin(self, stage: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, kept: int, rejected: int, failed: int) -> None:
        """Nothing."""

    def skip(self, kept: int, rejected: int) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""


def in_silence(line: str) -> None:
    """Say nothing."""


def duration(seconds: float) -> str:
    """A time for people, who need no more than two digits of it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


@dataclass
class Tally:
    """The inputs of a stage so far."""

    stage: str
    total: int | None
    """At most so many inputs; None where nobody knows."""
    kept: int = 0
    rejected: int = 0
    failed: int = 0
    worked: int = 0
    """Inputs of this run."""
    skipped: int = 0
    """Inputs that an earlier run worked on; what it kept counts as kept."""
    began: float = field(default_factory=time.monotonic)

    def advance(self, kept: int, rejected: int, failed: int) -> None:
        """Count an input that has ended."""
        self.worked += 1
        self.kept, self.rejected, self.failed = self.kept + kept, self.rejected + rejected, self.failed + failed

    def skip(self, kept: int, rejected: int) -> None:
        """Count an input that had ended before this run."""
        self.skipped += 1
        self.kept, self.rejected = self.kept + kept, self.rejected + rejected

    @property
    def done(self) -> int:
        """All inputs that have ended."""
        return self.worked + self.skipped

    @property
    def seconds(self) -> float:
        """Since the stage began in this run."""
        return time.monotonic() - self.began

    def counts(self) -> str:
        """`12 kept, 3 dropped`, and errors where there are any."""
        good, bad, *others = WORDS.get(self.stage, ("kept", "dropped"))
        failed = f", {self.failed} {others[0] if others else 'errors'}" if self.failed else ""
        return f"{self.kept} {good}, {self.rejected} {bad}{failed}"

    def left(self) -> str:
        """`about 12 min left`, by what this run's inputs took; `""` while nothing can be said."""
        if self.total is None or not self.worked or self.done >= self.total:
            return ""
        return f"about {duration(self.seconds / self.worked * (self.total - self.done))} left"

    def line(self) -> str:
        """All of it in a line."""
        of = f" of at most {self.total}" if self.total is not None and self.done < self.total else ""
        before = f" ({self.skipped} before this run)" if self.skipped else ""
        return f"{self.stage}: {self.done}{of} done{before}, {self.counts()} ({self.seconds:.1f} s)"


class Lines:
    """A plain line for each stage that ends, and now and then in between.

    Args:
        write: is given each line.
        every_s: seconds between two lines of one stage.
    """

    def __init__(self, write: Callable[[str], None], every_s: float) -> None:
        self._write = write
        self._every_s = every_s
        self._tally = Tally("", None)
        self._told = 0.0

    def begin(self, stage: str, total: int | None) -> None:
        """Note the start."""
        self._tally = Tally(stage, total)
        self._told = time.monotonic()

    def advance(self, kept: int, rejected: int, failed: int) -> None:
        """One input has ended."""
        self._tally.advance(kept, rejected, failed)
        if time.monotonic() - self._told > self._every_s:
            self._told = time.monotonic()
            left = self._tally.left()
            self._write(f"{self._tally.line()}..." + (f" {left}" if left else ""))

    def skip(self, kept: int, rejected: int) -> None:
        """One input had ended before."""
        self._tally.skip(kept, rejected)

    def end(self) -> None:
        """The stage has ended: nothing of it is left. Where it had something to do and did nothing, an error says why."""
        if self._tally.total and not self._tally.done:
            return
        self._tally.total = None
        self._write(self._tally.line())

    def say(self, line: str) -> None:
        """A line."""
        self._write(line)


class Both:
    """Tells two of everything."""

    def __init__(self, first: Progress, second: Progress) -> None:
        self._both = first, second

    def begin(self, stage: str, total: int | None) -> None:
        """A stage has begun."""
        for progress in self._both:
            progress.begin(stage, total)

    def advance(self, kept: int, rejected: int, failed: int) -> None:
        """One input has ended."""
        for progress in self._both:
            progress.advance(kept, rejected, failed)

    def skip(self, kept: int, rejected: int) -> None:
        """One input had ended before."""
        for progress in self._both:
            progress.skip(kept, rejected)

    def end(self) -> None:
        """The stage has ended."""
        for progress in self._both:
            progress.end()

    def say(self, line: str) -> None:
        """A line."""
        for progress in self._both:
            progress.say(line)


class BuildLog:
    """What a person was told of a build, each line with its time, in `build.log`: beside the dataset, never in it.

    Args:
        folder: of the build. What earlier runs wrote stays.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG

    def write(self, text: str) -> None:
        """Append lines. A log that cannot be written ends no build: what matters is in the store, which complains."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        with contextlib.suppress(OSError), self.path.open("a", encoding="utf-8", errors="replace") as file:
            file.writelines(f"{now} {one_line(line.rstrip())}\n" for line in text.splitlines())

    @contextlib.contextmanager
    def run(self, what: str) -> Iterator[None]:
        """Log that a run begins, and the error that ends it."""
        self.write(what)
        try:
            yield
        except BaseException as error:
            self.write(f"ended by {type(error).__name__}: {error}")
            raise

    def telling(self, progress: Progress) -> Progress:
        """The same progress, told to the log too."""
        return Both(progress, Lines(self.write, LOG_EVERY_S))

    def all_of(self, tell: Callable[[str], None]) -> Callable[[str], None]:
        """A function that tells a line to somebody and to the log."""

        def both(line: str) -> None:
            tell(line)
            self.write(line)

        return both
