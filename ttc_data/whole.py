"""Files that are written whole or not at all, and never through what somebody has put in their place."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def written_whole(path: Path) -> Iterator[IO[str]]:
    """Write a file of UTF-8 text, which gets its name when all is written.

    A folder that somebody else made may hold a link or a pipe under any name that is known beforehand: text would go through the
    link, or wait for a reader. So the file is new, and nobody knows its name.

    Args:
        path: what is there is replaced; a link by the file itself.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    made = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with made.open("x", encoding="utf-8", newline="\n") as file:
            yield file
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """The same for a text that is there already.

    Raises:
        OSError: as `written_whole`.
    """
    with written_whole(path) as file:
        file.write(text)
