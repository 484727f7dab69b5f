"""What a Git repository holds, asked of git itself: GitPython reads no objects that are named by SHA-256.

Only commands that run nothing that the repository configures: no filter, no monitor of the file system, no signature.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import IO, Any

from git import Git
from packaging.version import InvalidVersion, Version

from ttc_data.errors import SourceRefused

_CHUNK = 64 * 1024
_MOST_HEADER = 1024
_COMMITTER = re.compile(r"^committer .*> (\d+) [+-]\d{4}$", re.MULTILINE)
# As setuptools_scm reads a tag: https://setuptools-scm.readthedocs.io/en/latest/config/ (tag_regex).
_TAG = re.compile(r"(?:[\w-]+-)?([vV]?\d+(?:\.\d+){0,2}[^+]*)(?:\+.*)?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit."""

    path: str
    mode: str
    """`100644`, `100755`, or `120000` for a symbolic link."""
    name: str
    """The hash of its content."""


def entries(git: Git, commit: str, max_files: int) -> Iterator[Entry]:
    """Walk a commit's files; submodules are left out.

    Ten folders that each name the same folder ten times, ten levels deep, are 10 objects and 10^10 paths: everything met
    counts, not only files.

    Raises:
        SourceRefused: `too_many_files`.
        ValueError: the tree cannot be read.
    """
    with _started(git.ls_tree("-r", "-t", "-z", "--full-tree", commit, as_process=True)) as process:
        for met, record in enumerate(_records(process.stdout)):
            if met > 2 * max_files + 100:
                raise SourceRefused("too_many_files", f"more than {max_files} files (max_files)")
            head, _, path = record.partition(b"\t")
            mode, kind, name = head.decode("ascii").split()
            if kind == "blob":
                yield Entry(path.decode("utf-8", "surrogateescape"), mode, name)
        if process.proc.wait() != 0:
            raise ValueError("git ls-tree ended early")


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while data := stream.read(_CHUNK):
        *whole, rest = (rest + data).split(b"\0")
        yield from whole


@contextmanager
def _started(process: Any) -> Iterator[Any]:
    """One of git's processes; it is ended where nobody reads to its end."""
    try:
        yield process
    finally:
        with suppress(OSError):
            process.proc.kill()
        process.proc.wait()
        for stream in (process.proc.stdin, process.proc.stdout, process.proc.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


class Contents:
    """The contents of objects by name, one at a time, its size first."""

    def __init__(self, process: Any) -> None:
        self._process = process

    @classmethod
    @contextmanager
    def of(cls, git: Git) -> Iterator[Contents]:
        """Start the process that reads them."""
        with _started(git.cat_file("--batch", as_process=True, istream=PIPE)) as process:
            yield cls(process)

    def size(self, name: str) -> int:
        """Ask for an object; `read` then gives it.

        Raises:
            ValueError: it is not there.
        """
        self._process.stdin.write(f"{name}\n".encode("ascii"))
        self._process.stdin.flush()
        head = self._process.stdout.readline(_MOST_HEADER).split()
        if len(head) != 3:
            raise ValueError(f"object {name} is missing or damaged")
        return int(head[2])

    def read(self, size: int) -> bytes:
        """The object that was asked for.

        Raises:
            ValueError: it ends early.
        """
        data: bytes = self._process.stdout.read(size + 1)  # a line end follows
        if len(data) != size + 1:
            raise ValueError("an object ends early")
        return data[:-1]


def committed_at(git: Git, commit: str) -> str:
    """A commit's date, ISO 8601 in UTC, `""` where it has none that can be read."""
    found = _COMMITTER.search(str(git.cat_file("commit", commit)))
    try:
        date = datetime.datetime.fromtimestamp(int(found[1]), datetime.UTC) if found else None
    except (OverflowError, ValueError, OSError):
        return ""
    return date.strftime("%Y-%m-%dT%H:%M:%SZ") if date else ""


def tagged_version(git: Git, commit: str) -> str:
    """The newest version among a commit's tags, as setuptools_scm reads them; `""` where none is one."""
    found = []
    for tag in str(git.for_each_ref("refs/tags", points_at=commit, format="%(refname:strip=2)")).splitlines():
        if matched := _TAG.fullmatch(tag):
            with suppress(InvalidVersion):
                found.append(Version(matched[1]))
    return str(max(found)) if found else ""


def uncommitted(git: Git, folder: Path) -> list[str]:
    """Paths in a working tree that differ from HEAD, or that nobody added, sorted.

    Contents are compared here: git would run the repository's filters for it.
    """
    changed = set(_names(git, "diff-index", "--cached", "--name-only", "--ignore-submodules=all", "HEAD"))
    changed |= set(_names(git, "ls-files", "--others", "--exclude-standard"))
    records = iter(_names(git, "diff-files", "--ignore-submodules=all"))
    for head, path in zip(
        records, records, strict=False
    ):  # `:OLD_MODE NEW_MODE OLD_NAME NEW_NAME STATUS`, and the path
        if _differs(folder / path, head.split()[2]):
            changed.add(path)
    return sorted(changed)


def _names(git: Git, *command: str) -> list[str]:
    asked = [git.GIT_PYTHON_GIT_EXECUTABLE, "-c", "core.fsmonitor=false", *command, "-z"]
    return [name for name in str(git.execute(asked)).split("\0") if name]


def _differs(path: Path, name: str) -> bool:
    """Whether a file is not the object of this name, as it lies or with the line ends that git stores."""
    try:
        data = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
    except OSError:
        return True
    make = hashlib.sha1 if len(name) == 40 else hashlib.sha256
    forms = {data, data.replace(b"\r\n", b"\n")}
    return all(make(b"blob %d\0" % len(form) + form).hexdigest() != name for form in forms)
