"""Data in a page: JSON, compressed, in base64, in script elements that no browser runs.

Nothing of a mined text is in the page's HTML that way, and a page of 10,000 rows stays in the tens of megabytes: the
page's script inflates what is looked at.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import IO

from markupsafe import Markup

LEVEL = 6  # 9 saves 1 % of the bytes and takes half as long again


def packed(value: object) -> str:
    """JSON, compressed, in base64; the same value gives the same text."""
    data = json.dumps(value, separators=(",", ":")).encode("ascii")  # other characters are escaped, lone surrogates too
    return base64.b64encode(gzip.compress(data, LEVEL, mtime=0)).decode("ascii")


def block(name: str, value: object) -> Markup:
    """The element with the id `name` that holds a value."""
    return Markup('<script type="application/octet-stream" id="{}">{}</script>\n').format(name, packed(value))


class Blocks:
    """Writes values as numbered blocks of so many, holding those of one block.

    Args:
        file: to write to.
        name: the blocks are `NAME-0`, `NAME-1`, ...
        size: values a block.
    """

    def __init__(self, file: IO[str], name: str, size: int) -> None:
        self._file = file
        self._name = name
        self._size = size
        self._held: list[object] = []
        self.count = 0

    def add(self, value: object) -> None:
        """Write one more value, when its block is full or `flush` is called."""
        self._held.append(value)
        if len(self._held) == self._size:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if self._held:
            self._file.write(block(f"{self._name}-{self.count}", self._held))
            self.count += 1
            self._held.clear()
