"""Small files with a body cut out, and what an answer makes of them when it is run."""

from __future__ import annotations

import runpy
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path

from ttc_data.edits import unified_diff
from ttc_data.solve.answer import Answer, read_answer

PATH = "shop/core.py"
FILE = '''\
"""Prices and parts."""
import math
from itertools import chain as join

RATE = 3
_SEPARATOR = "-"


def _parts(text):
    return text.split(_SEPARATOR)


def first_part(text):
    """The part before the first separator."""
    raise NotImplementedError


def last_part(text):
    """The part behind the last separator."""
    return _parts(text)[-1]


class Box:
    """A box with a lid."""

    SIDES = 4
    made = 0

    def __init__(self, width, height=1):
        self._width = width
        self.height = height

    def area(self):
        """Of its lid."""
        raise NotImplementedError

    def volume(self):
        return self._width * self.height * self.SIDES

    def __repr__(self):
        return f"Box({self._width})"


def total(boxes):
    return sum(box.height for box in boxes)
'''


def code(text: str) -> str:
    """Code as it is written in these tests, at the margin."""
    return textwrap.dedent(text).strip("\n") + "\n"


def fenced(text: str, info: str = "python") -> str:
    """One fenced piece of code."""
    return f"```{info}\n{code(text)}```\n"


def block(search: str, replace: str, above: str = PATH) -> str:
    """A search/replace block under a line that names its file."""
    return f"{above}\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def read(answer: str, target: str, text: str = FILE, others: Mapping[str, str] | None = None) -> Answer:
    """Read an answer to a toy."""
    return read_answer(answer, {PATH: text, **(others or {})}, PATH, target)


def changed(answer: str, target: str, text: str = FILE) -> str:
    """The toy's file after an answer."""
    new = read(answer, target, text).files[PATH]
    assert new is not None
    return new


def holds(text: str, check: str) -> bool:
    """Whether a check is true in the module that a text is."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "core.py"
        place.write_bytes(f"{text}\n__holds__ = {check}\n".encode())
        return bool(runpy.run_path(str(place), run_name="shop.core")["__holds__"])


FIRST = 'first_part("a-b-c") == "a"'
BODY = '    """The part before the first separator."""\n    raise NotImplementedError'
RIGHT = '    """The part before the first separator."""\n    return _parts(text)[0]'
SOLVED = FILE.replace(BODY, RIGHT)
PLAIN = code('''
    def first_part(text):
        """The part before the first separator."""
        return text.split("-")[0]
''')


def indented(text: str, blanks: str) -> str:
    return "".join(blanks + line if line.strip() else line for line in text.splitlines(keepends=True))


DIFF = unified_diff({PATH: FILE}, {PATH: SOLVED})
BARE = DIFF.partition("\n")[2]
