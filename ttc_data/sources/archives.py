"""Source distributions as files: `.tar.gz`, `.tar.bz2`, `.tar.xz`, `.zip`. Nothing is unpacked to disk or run."""

from __future__ import annotations

import bz2
import calendar
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ttc_data.errors import SourceRefused, SourceUnavailable
from ttc_data.rules import TreeLimits
from ttc_data.trees.foreign import Readable, TreeBudget, TreeFile, damage_refused, relative_path, tar_files
from ttc_data.trees.links import TreeLink

TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar")
SUFFIXES = (*TAR_SUFFIXES, ".zip")

# xz and its dictionaries: the largest preset needs 65 MiB to unpack, a hostile header asks for 4 GiB.
_XZ_MEMORY = 128 * 1024 * 1024
_CHUNK = 64 * 1024
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_ZIP_END = struct.Struct("<4s4H2LH")
# A directory entry has 46 bytes and a name; more than this for each allowed file is no source distribution.
_ZIP_ENTRY_BYTES = 256
_OLDEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def read_archive(path: Path, limits: TreeLimits) -> Iterator[TreeFile | TreeLink]:
    """Read the ordinary files and the links of an archive, without its single top folder, one file at a time.

    The archive is read twice: names first, because whether all share one top folder shows only at the end.

    Args:
        path: `.tar.gz`, `.tar.bz2`, `.tar.xz`, `.tar` or `.zip`, told by the name.
        limits: checked before bytes are unpacked.

    Raises:
        SourceRefused: `archive_too_large`, `tree_too_large`, `file_too_large`, `too_many_files`, `path_escapes`,
            `special_file`, `archive_damaged`, `archive_unknown`.
        SourceUnavailable: when the file cannot be read.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SourceUnavailable(f"archive {path}: {error.strerror}; give a file that can be read") from error
    if size > limits.max_archive_bytes:
        limit = limits.max_archive_bytes
        raise SourceRefused("archive_too_large", f"{path.name} has {size} bytes, max_archive_bytes is {limit}")
    if path.name.lower().endswith(".zip"):
        yield from _zip_files(path, limits)
        return
    with _unpacked(path) as stream:
        top = _top_folder(file.path for file in tar_files(stream, limits) if isinstance(file, TreeFile))
    with _unpacked(path) as stream:
        yield from tar_files(stream, limits, top)


def _top_folder(paths: Iterator[str]) -> str:
    """The folder that every path starts with, `""` when there is none."""
    tops = set()
    for path in paths:
        top, slash, _ = path.partition("/")
        tops.add(top if slash else "")
    return tops.pop() if len(tops) == 1 else ""


@contextmanager
def _unpacked(path: Path) -> Iterator[Readable]:
    name = path.name.lower()
    with path.open("rb") as raw:
        if name.endswith((".gz", ".tgz")):
            yield gzip.GzipFile(fileobj=raw)
        elif name.endswith((".bz2", ".tbz2")):
            yield bz2.BZ2File(raw)
        elif name.endswith((".xz", ".txz")):
            yield _Xz(raw)
        elif name.endswith(".tar"):
            yield raw
        else:
            raise SourceRefused("archive_unknown", f"{path.name}: must end in one of {', '.join(SUFFIXES)}")


class _Xz:
    """Like `lzma.LZMAFile`, which cannot be told how much memory the archive may ask for."""

    def __init__(self, raw: io.BufferedReader) -> None:
        self._raw = raw
        self._decompressor = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        while not self._decompressor.eof:
            packed = self._raw.read(_CHUNK) if self._decompressor.needs_input else b""
            if self._decompressor.needs_input and not packed:
                raise EOFError("the xz stream ends early")
            try:
                data = self._decompressor.decompress(packed, size)
            except lzma.LZMAError as error:
                raise tarfile.ReadError(f"xz: {error}") from error
            if data:
                return data
        return b""


def _zip_files(path: Path, limits: TreeLimits) -> Iterator[TreeFile | TreeLink]:
    _check_zip_directory(path, limits)
    with damage_refused():
        archive = zipfile.ZipFile(path)
    with archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) > limits.max_files:
            raise SourceRefused("too_many_files", f"{len(members)} files, max_files is {limits.max_files}")
        top = _top_folder(name for member in members if (name := relative_path(member.orig_filename, "")))
        budget = TreeBudget(limits)
        for member in members:
            name = relative_path(member.orig_filename, top)
            if name is None:
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            budget.take(name, member.file_size)
            if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
                raise SourceRefused("special_file", f"{name!r} is a device, a fifo or of an unknown type")
            if member.flag_bits & 0x1 or member.compress_type not in _ZIP_METHODS:
                raise SourceRefused("archive_damaged", f"{name!r} is encrypted or packed in an unusual way")
            with damage_refused(), archive.open(member) as content:
                data = content.read(limits.max_file_bytes + 1)
            if len(data) != member.file_size:
                raise SourceRefused("archive_damaged", f"{name!r} has other bytes than its header says")
            if kind == stat.S_IFLNK:
                yield TreeLink(name, data.decode("utf-8", "surrogateescape"))
                continue
            executable = bool(member.external_attr >> 16 & 0o100)
            yield TreeFile(name, data, executable, _zip_time(member.date_time))


def _zip_time(date: tuple[int, int, int, int, int, int]) -> int:
    # Zip dates have no zone and start in 1980, which is what archives without a date hold.
    return 0 if date <= _OLDEST_ZIP_DATE else max(calendar.timegm((*date, 0, 0, 0)), 0)


def _check_zip_directory(path: Path, limits: TreeLimits) -> None:
    """Refuse a directory too large for memory before zipfile reads it whole.

    zipfile trusts the size in the archive's last record, so that record is read here first. Archives with 64-bit
    records hold more than 65,535 files or 4 GiB and are refused.
    """
    with path.open("rb") as raw:
        length = raw.seek(0, io.SEEK_END)
        raw.seek(max(length - (1 << 16) - _ZIP_END.size - 20, 0))
        tail = raw.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _ZIP_END.size:
        raise SourceRefused("archive_damaged", f"{path.name} has no zip directory")
    if tail[max(at - 20, 0) : at].startswith(b"PK\x06\x07"):
        raise SourceRefused("too_many_files", f"{path.name} has 64-bit zip records")
    directory_bytes = _ZIP_END.unpack_from(tail, at)[5]
    # Folders have entries too.
    if directory_bytes > 2 * limits.max_files * _ZIP_ENTRY_BYTES:
        raise SourceRefused("too_many_files", f"{path.name} has a zip directory of {directory_bytes} bytes")
