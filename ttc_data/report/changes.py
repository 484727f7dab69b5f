"""What a patch changes, with as much of the file round it as a person needs: the target from its header on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Tag: TypeAlias = Literal[" ", "-", "+"]
HUNK = re.compile(r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+([0-9]{1,9})(?:,([0-9]{1,9}))? @@")
HEADER = re.compile(r"([ \t]*)(?:async\s+def|def|class)\b")
DECORATOR = re.compile(r"[ \t]*@")
# A header is looked for so far up, for the longest docstrings; where there is none, so few lines are shown.
MOST_ABOVE = 200
LINES_ABOVE = 6


@dataclass(frozen=True, slots=True)
class DiffWindow:
    """Lines of a file before and after a patch. Line numbers start at 1."""

    old: int
    """Number of the first line in the file before."""
    new: int
    """Number of it in the file after."""
    lines: tuple[tuple[Tag, str], ...]
    """Kept, removed and added lines, without their ends."""

    @property
    def size_old(self) -> int:
        """Lines that the file before has of it."""
        return sum(tag != "+" for tag, _ in self.lines)

    @property
    def after(self) -> dict[int, str]:
        """The lines of the file after, by number."""
        return dict(enumerate((text for tag, text in self.lines if tag != "-"), self.new))


def read_diff(patch: str) -> dict[str, list[DiffWindow]]:
    """The hunks of a unified diff by the path that it gives a file (`/dev/null` for one that is removed).

    Lines are counted as the hunks' headers say, so that text of a file is never taken for a header. What is no hunk is
    passed over: whether a patch applies has been seen by who ran it.
    """
    found: dict[str, list[DiffWindow]] = {}
    lines = patch.split("\n")
    path, at = "", 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("+++ "):
            path = line[4:].rstrip("\t").removeprefix("b/")
        elif header := HUNK.match(line):
            old, old_count, new, new_count = (int(number) if number else 1 for number in header.groups())
            body, at = _hunk(lines, at, old_count, new_count)
            # A side without a line is numbered by the line before it.
            window = DiffWindow(old + (not old_count), new + (not new_count), tuple(body))
            found.setdefault(path, []).append(window)
    return found


def _hunk(lines: Sequence[str], at: int, old: int, new: int) -> tuple[list[tuple[Tag, str]], int]:
    body: list[tuple[Tag, str]] = []
    while (old > 0 or new > 0) and at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("\\"):
            continue
        tag: Tag = "-" if line.startswith("-") else "+" if line.startswith("+") else " "
        old -= tag != "+"
        new -= tag != "-"
        body.append((tag, line[1:]))
    return body, at


def widened(windows: Sequence[DiffWindow], before: str) -> list[DiffWindow]:
    """Hunks with what stands above them, those that meet made one.

    A hunk begins at the header of the definition that it changes, or at the header's decorators: a reader, and what
    colours the code, then begin outside of any string.

    Args:
        windows: of one file, in order.
        before: its text before the patch.
    """
    lines = before.split("\n")
    wide: list[DiffWindow] = []
    for window in windows:
        first, start = window.old - 1, _start(lines, window)
        if wide and start <= (met := wide[-1].old - 1 + wide[-1].size_old):
            earlier = wide.pop()
            wide.append(DiffWindow(earlier.old, earlier.new, (*earlier.lines, *_same(lines[met:first]), *window.lines)))
        else:
            above = lines[start:first]
            wide.append(DiffWindow(start + 1, window.new - len(above), (*_same(above), *window.lines)))
    return wide


def _same(lines: Sequence[str]) -> tuple[tuple[Tag, str], ...]:
    return tuple((" ", line) for line in lines)


def _start(lines: Sequence[str], window: DiffWindow) -> int:
    """Index of the line that a window is to begin with."""
    first = window.old - 1
    changed = next((at for at, (tag, _) in enumerate(window.lines) if tag != " "), 0)
    depth = min((_indent(text) for tag, text in window.lines if tag != " " and text.strip()), default=0)
    for at in range(min(first + changed, len(lines)) - 1, max(first - MOST_ABOVE, 0) - 1, -1):
        header = HEADER.match(lines[at])
        if header and len(header[1]) < depth:
            while at > 0 and DECORATOR.match(lines[at - 1]):
                at -= 1
            return min(at, first)
    return max(first - LINES_ABOVE, 0)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" \t"))
