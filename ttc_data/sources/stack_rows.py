"""Rows of The Stack by repository, in one SQLite file beside the cache's other downloads.

Contents stay in the order in which they came; what is sorted, on disk, is an index of their names. So memory does not
grow with the dataset, nor with its largest repository.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ttc_data.errors import DatasetError, StorageFull

_TABLES = """
CREATE TABLE IF NOT EXISTS done (file TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS contents (id INTEGER PRIMARY KEY, packed BLOB);
CREATE TABLE IF NOT EXISTS refused (name TEXT PRIMARY KEY, reason, detail);
CREATE TABLE IF NOT EXISTS files (repo, revision, path, order_key, content INTEGER, stars INTEGER, licenses, created_at);
"""
# Made last, so that its presence says that all rows are in; all columns, so that the list of repositories is read from it.
_INDEX = "CREATE INDEX by_repo ON files (repo, revision, path, order_key, content, stars, licenses, created_at)"


@dataclass(frozen=True, slots=True)
class StackRepository:
    """A repository of The Stack at its head, before its files are read."""

    repo: str
    """`owner/name`."""
    revision: str
    stars: int
    licenses: tuple[str, ...]
    """SPDX identifiers that the dataset detected, sorted."""
    created_at: str
    files: int
    """Rows, duplicates of a path included."""


@dataclass(frozen=True, slots=True)
class StackRow:
    """One row that matters."""

    repo: str
    revision: str
    path: str
    order_key: str | None
    """Decides between rows of one path."""
    stars: int
    licenses: list[str | None]
    created_at: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class StackFile:
    """One file of The Stack for itself."""

    repo: str
    """`owner/name`."""
    revision: str
    path: str
    """In its repository."""
    hash: str
    """Of the content, as the dataset has it."""
    licenses: tuple[str, ...]
    """SPDX identifiers that the dataset detected, sorted."""
    created_at: str
    content: str


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row that cannot be mined, or all rows of a repository whose licence is refused."""

    name: str
    """For people; another one for each that counts."""
    reason: str
    detail: str


class StackRows:
    """The rows of one dataset, by repository; several threads and processes may use it at once.

    Args:
        path: the SQLite file; beside it comes a `.lock`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def fill(self, files: Sequence[str], rows: Callable[[str], Iterable[StackRow | RefusedRow]]) -> None:
        """Take the rows of each file, but for those taken before: one that was interrupted goes on where it was.

        Raises:
            StorageFull: when the disk is full.
            DatasetError: when the SQLite file is damaged.
        """
        # Who comes second waits, and then has nothing to do. SQLite's own lock would make Ctrl-C wait as well.
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self._opened() as connection:
                if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'by_repo'").fetchone():
                    return
                connection.executescript(_TABLES)
                done = {file for (file,) in connection.execute("SELECT file FROM done")}
                for file in files:
                    if file not in done:
                        with connection:
                            _take(connection, rows(file))
                            connection.execute("INSERT INTO done VALUES (?)", (file,))
                connection.execute(_INDEX)

    def repositories(self, limit: int) -> Iterator[StackRepository]:
        """The repositories, most stars first, then by name; 0 means all."""
        with self._opened() as connection:
            for repo, revision, stars, licenses, created_at, files in connection.execute(
                "SELECT repo, revision, max(stars) AS most, group_concat(DISTINCT licenses), "
                "coalesce(min(created_at), ''), count(*) FROM files "
                "GROUP BY repo, revision ORDER BY most DESC, repo, revision LIMIT ?",
                (limit or -1,),
            ):
                names = {name for row in json.loads(f"[{licenses}]") for name in row if name is not None}
                yield StackRepository(repo, revision, stars, tuple(sorted(names)), created_at, files)

    def refused(self) -> Iterator[RefusedRow]:
        """What cannot be mined, by name."""
        with self._opened() as connection:
            for row in connection.execute("SELECT name, reason, detail FROM refused ORDER BY name"):
                yield RefusedRow(*row)

    def contents(self, repo: str, revision: str) -> Iterator[tuple[str, bytes]]:
        """Path and content of a repository's files by path, one at a time.

        A path may have come twice, from two snapshots: the first by hash stays.
        """
        last = ""
        with self._opened() as connection:
            for path, packed in connection.execute(
                "SELECT path, packed FROM files CROSS JOIN contents ON id = content "
                "WHERE repo = ? AND revision = ? ORDER BY path, order_key, content",
                (repo, revision),
            ):
                if path != last:
                    last = path
                    yield path, zlib.decompress(packed)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, check_same_thread=False)) as connection:
                connection.execute("PRAGMA cache_size = -65536")  # 64 MiB: what it sorts in memory before it spills
                # Python looks for Ctrl-C when it is called, and SQLite then ends what it does.
                connection.set_progress_handler(lambda: 0, 100_000)
                yield connection
        except (sqlite3.Error, zlib.error) as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code == sqlite3.SQLITE_INTERRUPT:
                raise KeyboardInterrupt from error
            if code == sqlite3.SQLITE_FULL:
                cause = "the disk is full, its own or that of temporary files (TMPDIR)"
                raise StorageFull.at(self._path, cause) from error
            raise DatasetError(f"{self._path}: is damaged ({error}); delete it and run again") from error


def _take(connection: sqlite3.Connection, rows: Iterable[StackRow | RefusedRow]) -> None:
    for row in rows:
        if isinstance(row, RefusedRow):
            values = (row.name, row.reason, row.detail)
            connection.execute("INSERT OR IGNORE INTO refused VALUES (?, ?, ?)", values)
            continue
        content = connection.execute(
            "INSERT INTO contents (packed) VALUES (?)", (zlib.compress(row.content, 1),)
        ).lastrowid
        # A blob comes after every text, so that no hash comes last.
        key = b"" if row.order_key is None else row.order_key
        licenses = json.dumps(row.licenses)
        columns = (row.repo, row.revision, row.path, key, content, row.stars, licenses, row.created_at)
        connection.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", columns)
