"""The content-addressed store of repository trees: one deterministic `.tar.gz` a tree.

A tree is ordinary files only; folders exist through the files in them, and links become copies on the way in.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import posixpath
import re
import tarfile
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from ttc_data.errors import BuildError, DatasetError, SourceRefused, StorageFull
from ttc_data.fields import path_fault
from ttc_data.rules import TreeLimits
from ttc_data.trees.foreign import TreeBudget, TreeFile, check_path, tar_files
from ttc_data.trees.links import LeftOut, Links, TreeLink, ignore, shown

__all__ = ["StoredTree", "TreeFile", "TreeStore", "disk_full_named"]

_TREE_NAME = re.compile(r"[0-9a-f]{64}")
_SUFFIX = ".tar.gz"


@dataclass(frozen=True, slots=True)
class StoredTree:
    """A tree that lies in the store."""

    tree: str
    """SHA-256 over the sorted paths, executable bits and file hashes."""
    files: int
    size: int
    """Bytes of all files together."""


def nothing(path: str, data: bytes) -> bool:
    """No file gives anything away."""
    return False


@contextmanager
def disk_full_named(folder: Path) -> Iterator[None]:
    """Turn the operating system's "no space left" into `StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull.at(folder) from error
        raise


class TreeStore:
    """Trees by content hash, in one folder; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, tree: str) -> Path:
        """Where the tree's archive lies, or would lie.

        Raises:
            DatasetError: when `tree` is not a tree's hash.
        """
        if not _TREE_NAME.fullmatch(tree):
            raise DatasetError(f"tree {tree!r}: must be 64 hexadecimal digits; the record that names it is damaged")
        return self.folder / f"{tree}{_SUFFIX}"

    def has(self, tree: str) -> bool:
        """Whether the tree lies in the store; one without files, `""`, is always there."""
        return not tree or self.path(tree).is_file()

    def put(
        self,
        files: Iterable[TreeFile | TreeLink],
        limits: TreeLimits,
        left_out: Callable[[LeftOut], None] = ignore,
        gives_away: Callable[[str, bytes], bool] = nothing,
    ) -> StoredTree:
        """Store a tree.

        Files may come in any order; they are spooled to disk, so that one file at a time is in memory. The gzip and
        tar headers hold no time, owner or name, so the same tree gives the same bytes with the same zlib.

        Args:
            files: and links, which become copies of what they lead to; these count for the limits too.
            limits: of the tree.
            left_out: told of each link that leads nowhere in the tree, or may not be followed.
            gives_away: of a path and its content, whether a copy under another name would show what is masked in it.

        Raises:
            SourceRefused: `file_too_large`, `tree_too_large`, `too_many_files`, `path_escapes`, `path_not_text`,
                `path_too_long`, `duplicate_path`, `tree_empty`.
            StorageFull: when the disk is full.
        """
        return self._put(files, limits, None, left_out, gives_away)

    def add_archive(self, path: Path, limits: TreeLimits | None = None) -> StoredTree:
        """Import a tree that another store wrote, for instance from a published dataset.

        The archive is read as foreign input and written anew; its name must be its content's hash.

        Raises:
            DatasetError: when the content does not have the hash that the name says.
            SourceRefused: as `put`, and `archive_damaged`, `archive_too_large`, `special_file`.
        """
        limits = limits or TreeLimits()
        expected = path.name.removesuffix(_SUFFIX)
        if self.has(expected):
            with self._opened(expected) as stored:
                sizes = [len(member.data) for member in stored]
            return StoredTree(expected, len(sizes), sum(sizes))
        try:
            compressed = path.stat().st_size
            stream = gzip.open(path)
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read ({error.strerror}); fetch the dataset again") from error
        if compressed > limits.max_archive_bytes:
            raise SourceRefused("archive_too_large", f"{path} has {compressed} bytes (max_archive_bytes)")
        with stream:
            return self._put(tar_files(stream, limits), limits, expected)

    def _put(
        self,
        files: Iterable[TreeFile | TreeLink],
        limits: TreeLimits,
        expected: str | None,
        left_out: Callable[[LeftOut], None] = ignore,
        gives_away: Callable[[str, bytes], bool] = nothing,
    ) -> StoredTree:
        with disk_full_named(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder, prefix=".spool-") as spool:
                entries = _spool(files, TreeBudget(limits), spool, left_out, gives_away)
                digest = hashlib.sha256(b"ttc-tree-1\n")
                for entry in entries:
                    digest.update(f"{entry.path}\0{int(entry.executable)}\0{entry.sha256}\n".encode())
                stored = StoredTree(digest.hexdigest(), len(entries), sum(entry.size for entry in entries))
                if expected is not None and stored.tree != expected:
                    raise DatasetError(
                        f"tree archive named {expected}: its content hashes to {stored.tree}; fetch the dataset again"
                    )
                if not self.has(stored.tree):
                    self._write(stored.tree, entries, spool)
        return stored

    def _write(self, tree: str, entries: list[_Entry], spool: IO[bytes]) -> None:
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".incoming-")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as raw:
                with (
                    gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed,
                    tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
                ):
                    for entry in entries:
                        member = tarfile.TarInfo(entry.path)
                        member.size = entry.size
                        member.mode = 0o755 if entry.executable else 0o644
                        spool.seek(entry.offset)
                        tar.addfile(member, spool)
                raw.flush()
                os.fsync(raw.fileno())
            temporary.chmod(0o644)
            temporary.replace(self.path(tree))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def files(self, tree: str) -> Iterator[tuple[str, bytes]]:
        """Read a tree, sorted by path, one file at a time.

        Raises:
            BuildError: when the tree is missing or damaged.
        """
        with self._opened(tree) as members:
            for member in members:
                yield member.path, member.data

    def texts(self, tree: str, paths: Collection[str]) -> dict[str, str]:
        """Read some files of a tree; those that are not UTF-8 are left out.

        Raises:
            BuildError: when the tree is missing or damaged.
        """
        found: dict[str, str] = {}
        for path, data in self.files(tree):
            if path in paths:
                with suppress(UnicodeDecodeError):
                    found[path] = data.decode("utf-8")
        return found

    def unpack(self, tree: str, destination: Path) -> None:
        """Write a tree's files below `destination`, which is made when missing.

        Raises:
            BuildError: when the tree is missing or damaged.
            StorageFull: when the disk is full.
        """
        with disk_full_named(destination), self._opened(tree) as members:
            destination.mkdir(parents=True, exist_ok=True)
            made = {destination}
            for member in members:
                target = destination / member.path
                if target.parent not in made:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    made.add(target.parent)
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
                mode = 0o755 if member.executable else 0o644
                with os.fdopen(os.open(target, flags, mode), "wb") as file:
                    file.write(member.data)
                target.chmod(mode)

    @contextmanager
    def _opened(self, tree: str) -> Iterator[Iterator[TreeFile]]:
        if not tree:
            yield iter(())
            return
        path = self.path(tree)
        fix = "delete it and run the build again, which fetches it anew"
        try:
            stream = gzip.open(path)
        except FileNotFoundError as error:
            raise BuildError(f"tree {tree} is not in {self.folder}; run the build again, which fetches it") from error
        # The store's own limits were checked on the way in; a later recipe may be stricter.
        unlimited = TreeLimits(max_tree_bytes=2**62, max_file_bytes=2**40, max_files=2**40)
        with stream:
            try:
                yield (member for member in tar_files(stream, unlimited) if isinstance(member, TreeFile))
            except SourceRefused as error:
                raise BuildError(f"{path}: {error}; {fix}") from error


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    executable: bool
    sha256: str
    offset: int
    size: int


def _spool(
    files: Iterable[TreeFile | TreeLink],
    budget: TreeBudget,
    spool: IO[bytes],
    left_out: Callable[[LeftOut], None],
    gives_away: Callable[[str, bytes], bool],
) -> list[_Entry]:
    entries: dict[str, _Entry] = {}
    links: dict[str, str] = {}
    code: set[str] = set()
    offset = 0
    for file in files:
        if isinstance(file, TreeLink):
            if fault := path_fault(file.path):
                left_out(LeftOut(shown(file.path), fault, "a link whose path is no path of a tree"))
            else:
                links[file.path] = file.target
            continue
        check_path(file.path)
        budget.take(file.path, len(file.data))
        if file.path in entries:
            raise SourceRefused("duplicate_path", f"{file.path!r} is there twice")
        size = len(file.data)
        sha256 = hashlib.sha256(file.data).hexdigest()
        entries[file.path] = _Entry(file.path, file.executable, sha256, offset, size)
        if gives_away(file.path, file.data):
            code.add(file.path)
        spool.write(file.data)
        offset += size
    if links:
        found = Links(frozenset(entries), links, code, left_out, budget.limits.max_files)
        for path, original in found.copies():
            budget.take(path, entries[original].size)
            if path in entries:
                raise SourceRefused("duplicate_path", f"{path!r} is there twice, once through a link")
            entries[path] = replace(entries[original], path=path)
    if not entries:
        raise SourceRefused("tree_empty", "no ordinary file")
    for path in entries:
        folder = posixpath.dirname(path)
        while folder:
            if folder in entries:
                raise SourceRefused("duplicate_path", f"{folder!r} is a file and a folder")
            folder = posixpath.dirname(folder)
    return [entries[path] for path in sorted(entries)]
