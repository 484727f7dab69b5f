"""What a model said, taken apart: its thoughts, its fenced pieces of code, and the files that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from ttc_data.errors import PatchRejected
from ttc_data.lang import python
from ttc_data.solve.layout import dedented

MAX_ANSWER = 512 * 1024
"""Characters that are read."""
MAX_PARSED = 4 * MAX_ANSWER
"""Characters of an answer that are parsed to find where its fences end, all attempts together."""
MAX_ATTEMPTS = 256
CLOSING_LINES_TRIED = 12

_OPENING = re.compile(r"(?P<blanks>[ \t]*)(?P<item>(?:[-*+]|\d+[.)])[ \t]+)?(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)")
_CLOSING = re.compile(r"[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*")
_THINKS, _THOUGHT = "<think>", "</think>"
_BLOCK_BEGINS = re.compile(r"[ \t]*<{5,9} ?(?:SEARCH|ORIGINAL|HEAD|OLD)?[ \t]*", re.IGNORECASE)
_BLOCK_ENDS = re.compile(r"[ \t]*>{5,9} ?(?:REPLACE|UPDATED|NEW)?[ \t]*", re.IGNORECASE)
_END = re.compile(r"(?:<\|\w{1,40}\|>|<\uff5c[^\uff5c\n]{1,40}\uff5c>|</s>)\Z")
MOST_ENDS, LONGEST_END = 8, 44
_TAG = re.compile(r"^[ \t]*<answer>[ \t]*\n", re.MULTILINE)
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


def without_marks(text: str) -> str:
    """A raw completion without the tokens that end a turn, and without the tags around the whole of an answer."""
    for _ in range(MOST_ENDS):
        bare = text.rstrip()
        found = _END.search(bare, max(0, len(bare) - LONGEST_END))
        if found is None:
            break
        text = bare[: found.start()] + "\n"
    bare = text.rstrip()
    return _TAG.sub("", bare.removesuffix("</answer>"), 1) if bare.endswith("</answer>") else text


def without_thoughts(text: str) -> str:
    """What comes after the thoughts. A `</think>` inside code is part of the code.

    Raises:
        PatchRejected: the answer ends inside its thoughts.
    """
    if _THOUGHT not in text:
        if text.lstrip().startswith(_THINKS):
            raise PatchRejected("the answer ends inside <think>: nothing is said after the thoughts")
        return text
    if text.lstrip().startswith(_THINKS):
        text = text.partition(_THOUGHT)[2]
    if _THOUGHT not in text or is_python(dedented(text.strip("\n"))):
        return text
    lines = text.split("\n")
    code = {number for piece in pieces(text) if piece.understood for number in range(piece.first, piece.last + 1)}
    code |= {number for first, last in block_spans(lines) for number in range(first, last + 1)}
    if is_diff(text):
        code |= {number for number, line in enumerate(lines) if line.startswith(("+", "-", " "))}
    last = max((number for number, line in enumerate(lines) if _THOUGHT in line and number not in code), default=-1)
    if last < 0:
        return text
    return "\n".join([lines[last].rpartition(_THOUGHT)[2], *lines[last + 1 :]])


def block_spans(lines: list[str]) -> list[tuple[int, int]]:
    """Indices of the first and the last line of each search/replace block."""
    found, begun = [], -1
    for number, line in enumerate(lines):
        if line.lstrip().startswith("<<<<<") and _BLOCK_BEGINS.fullmatch(line):
            begun = number
        elif begun >= 0 and line.lstrip().startswith(">>>>>") and _BLOCK_ENDS.fullmatch(line):
            found.append((begun, number))
            begun = -1
    return found


def is_diff(text: str) -> bool:
    """Whether a text holds a unified diff: a hunk under two lines that name a file, or git's own header."""
    lines = text.split("\n")
    if any(line.startswith("diff --git ") for line in lines):
        return True
    named = any(line.startswith("--- ") and following.startswith("+++ ") for line, following in pairwise(lines))
    updates = any(line.startswith("*** Update File: ") for line in lines)
    return (named or updates) and any(line.startswith("@@") for line in lines)


def is_python(code: str) -> bool:
    """Whether code parses and says anything."""
    try:
        return bool(python.parse(code.encode("utf-8", "surrogatepass")).body)
    except SyntaxError:
        return False


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
        fence, info = opening["fence"], opening["info"].strip()
        ends = [
            number
            for number, closing in self._closing
            if number > at and closing[0] == fence[0] and len(closing) >= len(fence)
        ][:CLOSING_LINES_TRIED]
        margin = len(opening["blanks"] + (opening["item"] or ""))
        for end in ends:
            code = self._code(at, end, margin)
            if self._understood(code):
                return Piece(info, code, at, end, True)
        if ends:
            return Piece(info, self._code(at, ends[0], margin), at, ends[0], False)
        code = self._code(at, len(self._lines), margin)
        return Piece(info, code, at, len(self._lines) - 1, self._understood(code))

    def _inside(self, piece: Piece) -> int:
        """Where to look on after a piece that is not understood: at the first fence in it, else behind it."""
        inner = (number for number in range(piece.first + 1, piece.last) if _OPENING.fullmatch(self._lines[number]))
        return next(inner, piece.last + 1)

    def _code(self, at: int, end: int, margin: int) -> str:
        lines = self._lines[at + 1 : end]
        return "\n".join(line[min(margin, len(line) - len(line.lstrip(" \t"))) :] for line in lines)

    def _understood(self, code: str) -> bool:
        self._attempts += 1
        self._parsed += len(code)
        if self._attempts > MAX_ATTEMPTS or self._parsed > MAX_PARSED:
            raise PatchRejected(
                f"the answer's fences do not close: more than {MAX_ATTEMPTS} pieces or {MAX_PARSED} characters to parse"
            )
        return is_diff(code) or bool(block_spans(code.split("\n"))) or is_python(dedented(code))


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
