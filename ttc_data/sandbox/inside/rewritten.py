"""Bytecode of the test files that jobs bring, with pytest's assertions in it: made once for each text.

Rewriting the 6,000 lines of a test file takes pytest 0.6 s, and graders bring the same few files with every answer. It is made
in a process that no job comes from, and kept where no job can see it: in the runner's `/tmp`, which a job's own `/tmp` covers. Of a text that is like
one that is kept, but for a tripwire or two in it, only the functions and classes that differ are rewritten, and the module itself.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import io
import marshal
import os
import pathlib
import struct
import sys
import types
from collections.abc import Iterator
from importlib.machinery import SourcelessFileLoader
from typing import Any

from ttc_data.sandbox.inside.codes import Code
from ttc_data.sandbox.inside.texts import Text

FOLDER = "/tmp/.ttcdata-rewritten"
MOST = 256
TEXTS_HELD = 8
# pytest's own: its format differs between versions.
REWRITE, WRITE = "_rewrite_test", "_write_pyc_fp"


def open_cache() -> int:
    """Open the folder, before a job's own `/tmp` covers it."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(FOLDER, 0o700)
    return os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY)


def make(cache: int, work: str, files: dict[str, str | None], tests: list[str]) -> None:
    """Keep bytecode of the test files among `files`, in a process that no job comes from.

    A job could tell by the memory, the time and the dates of its own process whether the same file had been compiled before.
    """
    rewriting = sys.modules.get("_pytest.assertion.rewrite")
    if rewriting is None:
        return
    for path, text in brought(files, tests):
        name = name_of(path, text)
        if read(cache, name) is not None:
            continue
        place = os.path.join(work, path)
        data = spliced(rewriting, cache, path, place, text)
        if data is None:
            data = rewritten_alone(rewriting, work, path, text)
            if data is None:
                continue
            keep(cache, name_of(path), text.encode("utf-8", "surrogateescape"))
        keep(cache, name, data)


def provide(cache: int, work: str, files: dict[str, str | None], tests: list[str]) -> None:
    """Put the bytecode that `make` kept beside the test files."""
    rewriting = sys.modules.get("_pytest.assertion.rewrite")
    if rewriting is None:
        return
    for path, text in brought(files, tests):
        data = read(cache, name_of(path, text))
        if data is not None:
            put(rewriting, os.path.join(work, path), data)


def brought(files: dict[str, str | None], tests: list[str]) -> Iterator[tuple[str, str]]:
    """Paths and texts of the test files."""
    for path, text in files.items():
        if text is not None and is_test(path, tests):
            yield path, text


def name_of(*parts: str) -> str:
    """What is kept under: the bytecode of a path and a text, or the text that was last rewritten as a whole of a path."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


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


def rewritten_alone(rewriting: types.ModuleType, work: str, path: str, text: str) -> bytes | None:
    """The same of a text that lies nowhere yet; nothing of it lies there afterwards."""
    place = os.path.join(work, path)
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "xb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        try:
            return rewritten(rewriting, place)
        finally:
            os.unlink(place)
            folder = os.path.dirname(place)
            while len(folder) > len(work):
                os.rmdir(folder)
                folder = os.path.dirname(folder)
    except OSError:
        return None


def spliced(rewriting: types.ModuleType, cache: int, path: str, place: str, text: str) -> bytes | None:
    """Build the bytecode from a cached text's; None if too little is the same."""
    known = read(cache, name_of(path))
    if known is None or b"\r" in known or "\r" in text:  # which ends lines for the compiler, and not for `Text`
        return None
    try:
        before, source = known.decode("utf-8"), text.encode("utf-8")
        outline = divided(before).outline(text)
        head = read(cache, name_of(path, before))
        if outline is None or head is None:
            return None
        tree, bare = outline
        rewriting.rewrite_asserts(tree, source, place, None)
        file = "/proc/self/fd/%d/%s" % (cache, name_of(path, before))
        whole = SourcelessFileLoader(path, file).get_code(path)
        code = filled(compile(tree, place, "exec", dont_inherit=True), bare, whole)
    except (
        AttributeError,
        KeyError,
        TypeError,
        ImportError,
        EOFError,
        OSError,
        SyntaxError,
        ValueError,
        RecursionError,
    ):
        return None  # another pytest's, or what the whole text shall be refused for
    if code is None:
        return None
    belongs = importlib.util.source_hash(source) if head[4] else head[8:16]
    return head[:8] + belongs + marshal.dumps(code)


@functools.lru_cache(TEXTS_HELD)
def divided(text: str) -> Text:
    """A text that is kept: divided once, for graders bring a new version of it with each answer."""
    return Text(text)


def filled(outline: Code, bare: set[tuple[str, int]], whole: Code | None) -> Code | None:
    """A module's code with the definitions that have no body taken from another one; raises KeyError for what is not there."""
    if (
        whole is None or outline.co_flags != whole.co_flags
    ):  # what it imports from `__future__` holds for all code in it
        return None
    known = {place_of(one): one for one in whole.co_consts if isinstance(one, Code)}
    constants = [
        known[place_of(one)] if isinstance(one, Code) and place_of(one) in bare else one for one in outline.co_consts
    ]
    return outline.replace(co_consts=tuple(constants))


def place_of(code: Code) -> tuple[str, int]:
    """What a definition is found by."""
    return code.co_name, code.co_firstlineno


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
