"""What a model said, taken apart: its fenced pieces of code, its blocks, and the files that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import PurePosixPath

from ttc_data.errors import PatchRejected
from ttc_data.lang.python.splicing.layout import dedented, is_python
from ttc_data.lang.python.splicing.rough import without_layout

MAX_ANSWER = 512 * 1024
"""Characters that are read."""
MAX_PARSED = 4 * MAX_ANSWER
"""Characters of an answer that are parsed to find where its fences end, all attempts together."""
MAX_ATTEMPTS = 256
CLOSING_LINES_TRIED = 12

_OPENING = re.compile(r"(?P<blanks>[ \t]*)(?P<item>(?:[-*+]|\d+[.)])[ \t]+)?(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)")
_CLOSING = re.compile(r"[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*")
_CLOSING_BEHIND = re.compile(r"[ \t]*[^`~\s](?:.*[^`~])?(?P<fence>`{3,}|~{3,})[ \t]*")
"""At the end of the last line of code."""
_BLOCK_BEGINS = re.compile(
    r"[ \t]*<{4,9} ?(?:(?:SEARCH|ORIGINAL|HEAD|OLD|BEFORE)\b:?(?:[ \t]+(?P<name>\S+))?)?[ \t]*", re.IGNORECASE
)
_BLOCK_ENDS = re.compile(r"[ \t]*>{4,9} ?(?:[\w./-]{1,60}:?)?[ \t]*")
"""Behind it stands a word, or the name of a branch."""
_DECORATION = "`*_#:;,()[]<>\"'"


@dataclass(frozen=True, slots=True)
class Piece:
    """A fenced piece of an answer."""

    info: str
    """What stands behind the opening fence."""
    code: str
    first: int
    """Index of the line with the opening fence."""
    last: int
    """Index of the line with the closing one; of the last line where there is none."""
    understood: bool
    """It is Python, or a diff, or holds search/replace blocks."""


def block_spans(lines: list[str]) -> list[tuple[int, int]]:
    """Indices of the first and the last line of each search/replace block."""
    found, begun = [], -1
    for number, line in enumerate(lines):
        if line.lstrip().startswith("<<<<") and _BLOCK_BEGINS.fullmatch(line):
            begun = number
        elif begun >= 0 and line.lstrip().startswith(">>>>") and _BLOCK_ENDS.fullmatch(line):
            found.append((begun, number))
            begun = -1
    return found


def name_on(line: str) -> str:
    """The name of a file on a block's first mark; empty where there is none."""
    found = _BLOCK_BEGINS.fullmatch(line)
    return (found["name"] or "") if found else ""


def has_fence(text: str) -> bool:
    """Whether a line of a text is a fence."""
    return any(line.lstrip(" \t")[:1] in ("`", "~") and _OPENING.fullmatch(line) for line in text.split("\n"))


def is_diff(text: str) -> bool:
    """Whether a text holds a unified diff: a hunk or its lines under two that name a file, or git's own header."""
    lines = text.split("\n")
    if any(line.startswith("diff --git ") for line in lines):
        return True
    named = any(line.startswith("--- ") and behind.startswith("+++ ") for line, behind in pairwise(lines))
    updates = any(line.startswith("*** Update File: ") for line in lines)
    if (named or updates) and any(line.startswith("@@") for line in lines):
        return True
    return named and bool(heads_of(lines))


def heads_of(lines: list[str]) -> list[int]:
    """Indices of the lines that name a diff's file and are followed by signed lines without a hunk's header."""
    found = []
    for at, (line, behind) in enumerate(pairwise(lines)):
        if line.startswith("--- ") and behind.startswith("+++ "):
            first = next((one for one in lines[at + 2 : at + 12] if one), "")
            if first.startswith((" ", "+", "-")):
                found.append(at)
    return found


def pieces(text: str) -> list[Piece]:
    """The fenced pieces of an answer, those in a list or inside a longer fence included.

    A docstring may hold fences too: of the lines that can close a fence, the first one counts that leaves code which
    can be understood.

    Raises:
        PatchRejected: too many fences to look at.
    """
    return _Fences(text).pieces()


class _Fences:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._parsed = self._attempts = 0
        self._closing = [
            (number, found["fence"])
            for number, line in enumerate(self._lines)
            if line.lstrip(" \t")[:1] in ("`", "~") and (found := _CLOSING.fullmatch(line))
        ]
        self._ends_of_code = [
            (number, found["fence"])
            for number, line in enumerate(self._lines)
            if line.rstrip(" \t").endswith(("```", "~~~")) and (found := _CLOSING_BEHIND.fullmatch(line))
        ]

    def pieces(self) -> list[Piece]:
        found, at = [], 0
        while at < len(self._lines):
            opening = _OPENING.fullmatch(self._lines[at])
            if not opening:
                at += 1
                continue
            piece = self._piece(at, opening)
            found.append(piece)
            at = piece.last + 1 if piece.understood else self._inside(piece)
        return found

    def _piece(self, at: int, opening: re.Match[str]) -> Piece:
        info = opening["info"].strip()
        ends = self._ends(self._closing, at, opening["fence"])
        margin = len(opening["blanks"] + (opening["item"] or ""))
        for end in ends:
            if code := self._readable(self._code(at, end, margin)):
                return Piece(info, code, at, end, True)
        for end in self._ends(self._ends_of_code, at, opening["fence"]):
            last = self._lines[end].rstrip(" \t").rstrip(opening["fence"][0])
            if code := self._readable(self._code(at, end, margin, last)):
                return Piece(info, code, at, end, True)
        end = ends[0] if ends else len(self._lines)
        code = self._code(at, end, margin)
        whole = "" if ends else self._readable(code)
        return Piece(info, whole or code, at, end if ends else end - 1, bool(whole))

    def _ends(self, closing: Iterable[tuple[int, str]], at: int, fence: str) -> list[int]:
        """The first lines behind a fence that can close it."""
        found = (number for number, line in closing if number > at and line[0] == fence[0] and len(line) >= len(fence))
        return list(islice(found, CLOSING_LINES_TRIED))

    def _inside(self, piece: Piece) -> int:
        """Where to look on after a piece that is not understood: at the first fence in it, else behind it."""
        inner = (number for number in range(piece.first + 1, piece.last) if _OPENING.fullmatch(self._lines[number]))
        return next(inner, piece.last + 1)

    def _code(self, at: int, end: int, margin: int, last: str | None = None) -> str:
        lines = self._lines[at + 1 : end] + ([] if last is None else [last])
        return "\n".join(line[min(margin, len(line) - len(line.lstrip(" \t"))) :] for line in lines)

    def _readable(self, code: str) -> str:
        """Code that can be understood, without what is before its lines; nothing where it cannot."""
        self._attempts += 1
        self._parsed += len(code)
        if self._attempts > MAX_ATTEMPTS or self._parsed > MAX_PARSED:
            raise PatchRejected(
                f"the answer's fences do not close: more than {MAX_ATTEMPTS} pieces or {MAX_PARSED} characters to parse"
            )
        if is_diff(code) or block_spans(code.split("\n")):
            return code
        plain = without_layout(code)
        return plain if is_python(dedented(plain)) else ""


def named_file(line: str, given: Iterable[str]) -> tuple[str, str]:
    """The file that a line names, such as `**./pkg/mod.py**` or `File: pkg/mod.py`.

    Returns:
        The path among those given, or nothing; and the name as it is written, where the line says little else.
    """
    paths = list(given)
    words = [word.strip(_DECORATION).replace("\\", "/") for word in line.replace("=", " ").split()]
    words = [part for word in words for part in (word, word.rpartition(":")[2]) if part]
    for word in words:
        for name in (word, word.removeprefix("./"), word.removeprefix("a/"), word.removeprefix("b/")):
            if name in paths:
                return name, name
    for word in words:
        ends = [path for path in paths if word.endswith(f"/{path}") or path.endswith(f"/{word}")]
        if len(ends) == 1 and PurePosixPath(word).name == PurePosixPath(ends[0]).name:
            return ends[0], word
    others = [word for word in words if "/" in word and re.fullmatch(r"[\w./+-]+\.\w{1,5}", word)]
    return "", others[0] if others and len(words) <= 4 else ""


def line_above(lines: list[str], at: int) -> str:
    """The last line above a place that is neither empty nor a fence without a name."""
    for line in reversed(lines[max(at - 6, 0) : at]):
        opening = _OPENING.fullmatch(line)
        if opening:
            if "/" in opening["info"] or "." in opening["info"]:
                return opening["info"]
            continue
        if line.strip():
            return line
    return ""
