"""Bytecode of the test files that jobs bring, with pytest's assertions in it: made once for each text.

Rewriting the 6,000 lines of a test file takes pytest 0.6 s, and graders bring the same few files with every answer. What
was made is kept where no job can see it: in the runner's `/tmp`, which a job's own `/tmp` covers.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pathlib
import struct
import sys
import types
from typing import Any

FOLDER = "/tmp/.ttcdata-rewritten"
MOST = 256
# pytest's own: its format differs between versions.
REWRITE, WRITE = "_rewrite_test", "_write_pyc_fp"


def open_cache(isolate: bool) -> int:
    """Open the folder, before it is covered; -1 where it would not be."""
    if not isolate:
        return -1
    with contextlib.suppress(FileExistsError):
        os.mkdir(FOLDER, 0o700)
    return os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY)


def provide(cache: int, work: str, files: dict[str, str | None], tests: list[str]) -> None:
    """Put bytecode beside the test files among `files`. Nothing of a job has run in this process when it does."""
    rewriting = sys.modules.get("_pytest.assertion.rewrite")
    if cache < 0 or rewriting is None:
        return
    for path, text in files.items():
        if text is None or not is_test(path, tests):
            continue
        place = os.path.join(work, path)
        name = hashlib.sha256(("%s\0%s" % (path, text)).encode("utf-8", "surrogateescape")).hexdigest()
        data = read(cache, name)
        if data is None:
            data = rewritten(rewriting, place)
            if data is None:
                continue
            keep(cache, name, data)
        put(rewriting, place, data)


def is_test(path: str, tests: list[str]) -> bool:
    """Whether pytest rewrites the assertions of a file."""
    return path in tests or os.path.basename(path) == "conftest.py"


def rewritten(rewriting: types.ModuleType, place: str, config: Any = None) -> bytes | None:
    """The bytecode file that pytest would write; None where it would complain, which it shall do itself."""
    rewrite, write = getattr(rewriting, REWRITE, None), getattr(rewriting, WRITE, None)
    if rewrite is None or write is None:  # another pytest, whose jobs are slower
        return None
    try:
        source, code = rewrite(pathlib.Path(place), config)
        data = io.BytesIO()
        write(data, source, code)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    return data.getvalue()


def put(rewriting: types.ModuleType, place: str, data: bytes) -> None:
    """Lay bytecode beside its file. It belongs to a text (pytest 9.2 and later), or to a date and a size."""
    if not data[4]:
        status = os.stat(place)
        data = data[:8] + struct.pack("<II", int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF) + data[16:]
    folder = os.path.join(os.path.dirname(place), "__pycache__")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, os.path.splitext(os.path.basename(place))[0] + rewriting.PYC_TAIL), "wb") as file:
        file.write(data)


def read(cache: int, name: str) -> bytes | None:
    """What is kept under a name."""
    try:
        with open(os.open(name, os.O_RDONLY, dir_fd=cache), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def keep(cache: int, name: str, data: bytes) -> None:
    """Keep it for the jobs that follow; it gets its name when it is whole."""
    known = os.listdir(cache)
    if len(known) >= MOST:
        for one in known:
            os.unlink(one, dir_fd=cache)
    part = name + ".part"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=cache), "wb") as file:
        file.write(data)
    os.rename(part, name, src_dir_fd=cache, dst_dir_fd=cache)
