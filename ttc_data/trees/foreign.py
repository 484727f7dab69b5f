"""What foreign files must obey on their way into a tree: path rules, limits, and a tar reader that keeps both."""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Protocol, cast

from ttc_data.errors import SourceRefused
from ttc_data.fields import MOST_NAME_BYTES, MOST_PATH_BYTES, path_fault
from ttc_data.rules import TreeLimits
from ttc_data.trees.links import TreeLink

# tarfile reads extended headers whole; real ones hold a path or two.
_MAX_HEADER_BYTES = 1024 * 1024
_MAX_TOML_CHARS = 1024 * 1024
# tomllib takes time that grows with the square of a dotted key's length: 25 s for 20,000 parts.
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){50}""")
PATH_FAULTS = {
    "path_escapes": "is not a relative path inside the tree, or lies in a git folder",
    "path_not_text": "is not UTF-8",
    "path_too_long": f"has more than {MOST_PATH_BYTES} bytes, or {MOST_NAME_BYTES} in a name",
}
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RecursionError,
    MemoryError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file on its way into a tree."""

    path: str
    """Relative, with forward slashes."""
    data: bytes
    executable: bool = False
    modified: int = 0
    """Seconds since 1970 as the archive says, 0 where it does not; no part of the tree's identity."""


class TreeBudget:
    """What is left of a tree's limits while its files stream by."""

    def __init__(self, limits: TreeLimits) -> None:
        self.limits = limits
        self.files = 0
        self.size = 0

    def take(self, path: str, size: int) -> None:
        """Count one file before its bytes are read.

        Raises:
            SourceRefused: `file_too_large`, `too_many_files` or `tree_too_large`.
        """
        self.files += 1
        self.size += size
        if size > self.limits.max_file_bytes:
            limit = self.limits.max_file_bytes
            raise SourceRefused("file_too_large", f"{path!r} has {size} bytes, max_file_bytes is {limit}")
        if self.files > self.limits.max_files:
            raise SourceRefused("too_many_files", f"more than {self.limits.max_files} files (max_files)")
        if self.size > self.limits.max_tree_bytes:
            raise SourceRefused("tree_too_large", f"more than {self.limits.max_tree_bytes} bytes (max_tree_bytes)")


def check_path(path: str) -> None:
    """Refuse a path that could reach outside a tree, or that no file system would take.

    Raises:
        SourceRefused: `path_escapes`, `path_not_text` or `path_too_long`.
    """
    if reason := path_fault(path):
        raise SourceRefused(reason, f"{path[:200]!r} {PATH_FAULTS[reason]}")


def parse_toml(text: str) -> dict[str, Any]:
    """Parse foreign TOML; empty when it is malformed, or made to take long."""
    if len(text) > _MAX_TOML_CHARS or _LONG_KEY.search(text):
        return {}
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return {}


def relative_path(name: str, top: str) -> str | None:
    """Read an archive member's name as a path below the archive's top folder.

    Args:
        name: as the archive says; `./` and doubled slashes are harmless and go.
        top: the folder to strip, `""` for none.

    Returns:
        The path; None for the top folder itself and for what lies in a `.git` folder.

    Raises:
        SourceRefused: as `check_path`.
    """
    if "\0" in name or name.startswith("/"):
        raise SourceRefused("path_escapes", f"{name!r} is not a relative path inside the tree")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if top and parts and parts[0] == top:
        parts = parts[1:]
    if not parts or (".git" in parts and ".." not in parts):
        return None
    path = "/".join(parts)
    check_path(path)
    return path


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Give at most `size` bytes, none at the end."""


class _Metered:
    """A stream that refuses to give more than the budget set before each step."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._left = 0

    def allow(self, size: int) -> None:
        # tarfile reads ahead in blocks of 10 KiB.
        self._left = size + tarfile.RECORDSIZE

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise SourceRefused("archive_damaged", f"a header of more than {_MAX_HEADER_BYTES} bytes")
        return data


def tar_files(stream: Readable, limits: TreeLimits, top: str = "") -> Iterator[TreeFile | TreeLink]:
    """Read the ordinary files and the links of an uncompressed tar stream; folders are skipped.

    Args:
        stream: the tar's bytes, read forward once.
        limits: checked before a member's bytes are read.
        top: first folder of every path, stripped.

    Raises:
        SourceRefused: what broke the limits, the path rules or the format.
    """
    budget = TreeBudget(limits)
    metered = _Metered(stream)
    metered.allow(_MAX_HEADER_BYTES)
    others = 0
    with damage_refused():
        tar = tarfile.open(fileobj=_as_file(metered), mode="r|")
    while True:
        with damage_refused():
            metered.allow(_MAX_HEADER_BYTES)
            member = tar.next()
            vars(tar)["members"].clear()  # tarfile keeps every header otherwise
            if member is None:
                # To the last byte: the checksum of the compressed stream comes after the tar's end.
                metered.allow(_MAX_HEADER_BYTES)
                while metered.read(tarfile.RECORDSIZE):
                    pass
                return
            file: TreeFile | TreeLink | None = None
            others += not member.isreg()
            if others > limits.max_files:
                raise SourceRefused("too_many_files", f"more than {limits.max_files} folders and links (max_files)")
            path = relative_path(member.name, top)
            if member.issym() and path:
                file = TreeLink(path, member.linkname)
            elif member.islnk() and path:
                # Another name of a file, which is counted from the archive's root and may lie in a `.git` folder.
                other = relative_path(member.linkname, top) or ".git"
                file = TreeLink(path, posixpath.relpath(f"/{other}", f"/{posixpath.dirname(path)}"))
            elif member.issparse():
                budget.take(member.name, member.size)
                raise SourceRefused("special_file", f"{member.name!r} is a sparse file")
            elif member.isreg():
                if path is None or member.size < 0:
                    budget.take(member.name, max(member.size, 0))
                    metered.allow(member.size + _MAX_HEADER_BYTES)
                    _drain(tar, member)
                else:
                    budget.take(path, member.size)
                    metered.allow(member.size)
                    data = _drain(tar, member)
                    file = TreeFile(path, data, bool(member.mode & 0o100), max(int(member.mtime), 0))
            elif not (member.isdir() or member.issym() or member.islnk() or member.type == tarfile.XGLTYPE):
                raise SourceRefused("special_file", f"{member.name!r} is a device, a fifo or of an unknown type")
        if file is not None:
            yield file


def _drain(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member)
    data = content.read() if content is not None else b""
    if len(data) != member.size:
        raise SourceRefused("archive_damaged", f"{member.name!r} ends early")
    return data


def _as_file(stream: _Metered) -> IO[bytes]:
    class File(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return stream.read(size)

    return cast("IO[bytes]", File())


@contextmanager
def damage_refused() -> Iterator[None]:
    """Turn what a decompressor or an archive reader says about bad bytes into `archive_damaged`."""
    try:
        yield
    except _DAMAGE as error:
        raise SourceRefused("archive_damaged", f"{type(error).__name__}: {' '.join(str(error).split())}") from error
