"""What the operating system refuses, as one line that names the place and the fix."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ttc_data.errors import DatasetError, PathRefused, RecipeError, StorageFull, TtcError

FULL = (errno.ENOSPC, errno.EDQUOT)
ROOM = 1_000_000
"""Bytes; a disk with so many left is not what was full."""
SHOWN = 80


def require_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that are not UTF-8: they end up in recipes, records and messages, which all are.

    Raises:
        RecipeError: naming the first one.
    """
    for argument in arguments:
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError as error:
            raise RecipeError(f"{argument!a:.{SHOWN}}: not UTF-8; rename the file, or type the word anew") from error


def of_the_system(error: OSError) -> TtcError | None:
    """What to say of an error that no part of the package has named; nothing where it is about no file and no disk."""
    if error.errno in FULL:
        return StorageFull.at(error.filename or _fullest())
    if not isinstance(error.filename, (str, os.PathLike)):
        return None
    name, cause = str(error.filename), error.strerror or str(error)
    return PathRefused(f"{name:.{SHOWN}}{'...' * (len(name) > SHOWN)}: {cause}; check the path and the rights on it")


def of_a_query(error: Exception) -> TtcError | None:
    """What to say of records or rows that DuckDB cannot read; nothing where it is another error."""
    duckdb = sys.modules.get("duckdb")
    if duckdb is None or not isinstance(error, duckdb.Error):
        return None
    cause = " ".join(str(error).split())[:200]
    return DatasetError(f"records or rows that cannot be read ({cause}); fetch the set again, or go on with its build")


def _fullest() -> str:
    """The full place: a write that fails does not say where it was."""
    place = min(_places(), key=lambda place: shutil.disk_usage(place).free)
    if shutil.disk_usage(place).free < ROOM:
        return str(place)
    # Python would try again at its end, and print a second error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return "standard output"


def _places() -> Iterator[Path]:
    """Folders that a command may write to: where it runs, what it was told, temporary files, the cache."""
    from ttc_data.cache import Cache

    named = [Path.cwd(), *map(Path, sys.argv[1:]), Path(tempfile.gettempdir()), Cache.default().folder]
    for path in named:
        there = [place for place in (path.absolute(), *path.absolute().parents) if place.exists()]
        yield there[0]
