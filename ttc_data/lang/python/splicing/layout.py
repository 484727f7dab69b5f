"""Lines of Python that move to another depth: what stands inside a text literal stays as it is."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from functools import lru_cache

from ttc_data.lang.python import syntax

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_BLANKS = " \t\f"
CODE_HELD = 16
"""An answer's code is asked for once for each statement of it."""
_OPENS = getattr(tokenize, "FSTRING_START", -1)
_CLOSES = getattr(tokenize, "FSTRING_END", -1)


def lines_of(text: str) -> list[str]:
    """Lines as Python counts them, with their ends: a form feed or U+2028 ends none."""
    return _LINES.findall(text)


def newline_of(lines: Sequence[str], near: int) -> str:
    """The line end that a file uses at a line, else at its beginning, else a plain newline.

    Args:
        lines: of the file.
        near: index of a line.
    """
    for line in (*lines[near : near + 1], *lines[:1]):
        if end := line[len(line.rstrip("\r\n")) :]:
            return end
    return "\n"


def blanks_of(line: str) -> str:
    """The blanks that a line begins with."""
    return line[: len(line) - len(line.lstrip(_BLANKS))]


@lru_cache(CODE_HELD)
def inside_literals(code: str) -> frozenset[int]:
    """Numbers, from 1, of the lines that begin inside a text literal; of what cannot be read, those before the fault."""
    found: set[int] = set()
    opened: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.STRING:
                found.update(range(token.start[0] + 1, token.end[0] + 1))
            elif token.type == _OPENS:
                opened.append(token.start[0])
            elif token.type == _CLOSES:
                found.update(range(opened.pop() + 1, token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError, IndexError):
        pass
    return frozenset(found)


def moved(code: str, first: int, last: int, indent: str) -> list[str]:
    """Lines of code at another depth, without line ends.

    Args:
        code: line ends are plain newlines.
        first: number of a line, from 1: the blanks before it are what `indent` takes the place of.
        last: number of the last line.
        indent: blanks.
    """
    lines, literal = code.split("\n"), inside_literals(code)
    own = blanks_of(lines[first - 1])
    found = []
    for number, line in enumerate(lines[first - 1 : last], first):
        if number in literal:
            found.append(line)
        elif not line.strip(_BLANKS):
            found.append("")
        else:
            found.append(indent + (line.removeprefix(own) if line.startswith(own) else line.lstrip(_BLANKS)))
    return found


def dedented(code: str) -> str:
    """Code whose first statement stands at the margin; comments and text literals do not count for its depth.

    What follows it at the margin already, as a function after a method that is as deep as in its class, stays there.
    """
    code = _without_feeds(code)
    lines = code.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip(_BLANKS) and line.lstrip(_BLANKS)[0] != "#"), None)
    if first is None or not blanks_of(lines[first]):
        return code
    head = [line.lstrip(_BLANKS) for line in lines[:first]]
    whole = "\n".join([*head, *moved(code, first + 1, len(lines), "")])
    literal = inside_literals(code)
    margin = (
        at for at in range(first, len(lines)) if lines[at][:1] not in ("", "#", *_BLANKS) and at + 1 not in literal
    )
    end = next(margin, None)
    if end is None or _parses(whole):
        return whole
    return "\n".join([*head, *moved(code, first + 1, end, ""), *lines[end:]])


def _without_feeds(code: str) -> str:
    """Code without the form feeds that its lines begin with: Python counts a line's blanks from behind them."""
    if "\f" not in code:
        return code
    literal = inside_literals(code)
    lines = enumerate(code.split("\n"), 1)
    return "\n".join(line if number in literal else line.lstrip("\f") for number, line in lines)


def _parses(code: str) -> bool:
    try:
        syntax.parse(code.encode("utf-8", "surrogatepass"))
    except SyntaxError:
        return False
    return True


def is_python(code: str) -> bool:
    """Whether code parses and says anything."""
    try:
        return bool(syntax.parse(code.encode("utf-8", "surrogatepass")).body)
    except SyntaxError:
        return False
