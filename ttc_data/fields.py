"""What a text in a record must be, where it becomes a path, a name, a requirement or an image: types that records are made of.

A record that is read, our own or a stranger's, is held against them (`pydantic` reads the rules off the types). Whoever makes a
record in memory is trusted.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeAlias

from annotated_types import Ge, Le

from ttc_data.pytest_options import is_argument

MOST_TEXT = 32 * 1024 * 1024
MOST_LABEL = 2_000
MOST_PATH_BYTES, MOST_NAME_BYTES = 1_024, 255
MOST_LOCK_CHARS, MOST_LOCK_LINES, MOST_MARKER = 4 * 1024 * 1024, 2_000, 1_000
# Requirements of these ends are files to pip and uv.
ARCHIVES = (".whl", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".lz", ".lzma", ".zst", ".egg")

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]{1,100}")
_MARKER = re.compile(r"""[A-Za-z0-9_.'"()<>=!~ ,*+-]+""")
_DATE = re.compile(r"(?:\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?)?", re.ASCII)
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def quoted(value: object) -> str:
    """A value for a message: short, however long or deep it is."""
    return _SHORT.repr(value)


@dataclass(frozen=True)
class Rule:
    """What a text, or a record with texts, must be."""

    words: str
    """What follows `must be`."""
    fault: Callable[[Any], str | None]
    """The part of it that is not so, None where all of it is."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """The check, for `pydantic`; records themselves do without it."""
        from pydantic_core import PydanticCustomError, core_schema

        def check(value: Any) -> Any:
            fault = self.fault(value)
            if fault is not None:
                raise PydanticCustomError(
                    "rule", "must be {words}, is {fault}", {"words": self.words, "fault": quoted(fault)}
                )
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))


def matching(pattern: str, words: str) -> Rule:
    """The rule that all of a text is as a regular expression says."""
    compiled = re.compile(pattern)
    return Rule(words, lambda text: None if compiled.fullmatch(text) else text)


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: JSON and YAML can hold halves of characters."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def path_fault(path: str) -> str:
    """Why a path could reach outside a tree, or is none that every file system takes; `""` where nothing is wrong."""
    parts = path.split("/")
    if "\0" in path or path.startswith("/") or {"", ".", ".."} & set(parts):
        return "path_escapes"
    # A tree with a `.git` of its own would configure any git command that is run in it.
    if any(part.casefold() == ".git" for part in parts):
        return "path_escapes"
    if not is_text(path):
        return "path_not_text"
    if len(path.encode()) > MOST_PATH_BYTES or max(len(part.encode()) for part in parts) > MOST_NAME_BYTES:
        return "path_too_long"
    return ""


def _test_fault(test: str) -> str | None:
    path = test.partition("::")[0]
    return test if path_fault(path) or path.startswith("-") or not is_text(test) or len(test) > MOST_TEXT else None


def _lock_fault(text: str) -> str | None:
    """The first line that is anything but a pinned requirement with hashes."""
    lines = text.split("\n")
    if len(text) > MOST_LOCK_CHARS or len(lines) > MOST_LOCK_LINES + 1:
        return f"{len(lines)} lines of {len(text)} characters"
    return next((line for line in lines[:-1] if not is_pinned(line)), lines[-1] or None)


def is_pinned(line: str) -> bool:
    """Whether a line is `NAME==VERSION`, perhaps ` ; MARKER`, and hashes: no option, extra, address, path or variable.

    Args:
        line: of a file of requirements, as pip and uv read it.
    """
    from packaging.markers import InvalidMarker, Marker
    from packaging.version import InvalidVersion, Version

    what, *hashes = line.split(" --hash=")
    pin, semicolon, marker = what.partition(" ; ")
    name, _, version = pin.partition("==")
    if not (_NAME.fullmatch(name) and _VERSION.fullmatch(version)) or version.lower().endswith(ARCHIVES):
        return False
    if not hashes or not all(map(_HASH.fullmatch, hashes)):
        return False
    if semicolon and (len(marker) > MOST_MARKER or marker.count("(") > 20 or not _MARKER.fullmatch(marker)):
        return False
    try:
        Version(version)
        if semicolon:
            Marker(marker)
    except (InvalidVersion, InvalidMarker, ValueError):
        return False
    return True


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        return not text or bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _long(most: int) -> Callable[[str], str | None]:
    def fault(text: str) -> str | None:
        if len(text) > most:
            return f"{text[:40]}... of {len(text)} characters"
        return None if is_text(text) else text

    return fault


Text: TypeAlias = Annotated[str, Rule(f"text of at most {MOST_TEXT} characters", _long(MOST_TEXT))]
"""Shown, compared, run in a sandbox; never a name of anything on this machine."""
Label: TypeAlias = Annotated[str, Rule(f"text of at most {MOST_LABEL} characters", _long(MOST_LABEL))]
TreePath: TypeAlias = Annotated[
    str,
    Rule("a relative path inside the tree, without . and ..", lambda text: text if path_fault(text) else None),
]
_METADATA = re.compile(r"[A-Za-z0-9_.+!-]{1,220}\.dist-info/(?:INSTALLER|METADATA|entry_points\.txt)")
OF_DIST_INFO = Rule(
    "INSTALLER, METADATA or entry_points.txt in a .dist-info folder",
    lambda file: None if _METADATA.fullmatch(file.path) else file.path,
)
"""Of a file beside the installed packages: never one of theirs."""
Root: TypeAlias = Annotated[
    str,
    Rule(
        'a relative folder inside the tree, without . and .., or ""',
        lambda text: text if text and (path_fault(text) or ":" in text) else None,
    ),
]
"""A folder of the tree on `sys.path`, which a colon would end."""
TestId: TypeAlias = Annotated[str, Rule("a path inside the tree, :: and a name", _test_fault)]
RowId: TypeAlias = Annotated[
    str, matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "1 to 128 of A-Z a-z 0-9 _ . - and begin with no . or -")
]
Key: TypeAlias = Annotated[str, matching(r"[0-9a-f]{20}", "20 hexadecimal digits")]
KeyOrNone: TypeAlias = Annotated[str, matching(r"(?:[0-9a-f]{20})?", '20 hexadecimal digits, or ""')]
TreeOrNone: TypeAlias = Annotated[str, matching(r"(?:[0-9a-f]{64})?", '64 hexadecimal digits, or ""')]
Word: TypeAlias = Annotated[str, matching(r"[A-Za-z0-9_.+!-]{0,200}", "at most 200 of A-Z a-z 0-9 _ . + ! -")]
Project: TypeAlias = Annotated[str, matching(rf"(?:{_NAME.pattern})?", 'the name of a project, or ""')]
PythonVersion: TypeAlias = Annotated[str, matching(r"3\.[0-9]{1,2}", "like 3.11")]
Platform: TypeAlias = Annotated[
    str,
    matching(
        r"(?:linux|(?:x86_64|aarch64)-(?:unknown-linux-gnu|manylinux_2_(?:17|28|3[1-9]|40)))?",
        "like x86_64-manylinux_2_36",
    ),
]
"""Those of uv's that a sandbox can have."""
Date: TypeAlias = Annotated[str, Rule('a date of ISO 8601, or ""', lambda text: None if _is_date(text) else text)]
Locked: TypeAlias = Annotated[
    str, Rule("lines of NAME==VERSION with sha256 hashes, and no option, address, path or variable", _lock_fault)
]
Image: TypeAlias = Annotated[
    str, matching(r"[A-Za-z0-9](?:[A-Za-z0-9._:/@-]{0,253}[A-Za-z0-9])?", "the name of an image")
]
PytestArgument: TypeAlias = Annotated[
    str,
    Rule(
        "one option of pytest's in one word, about what tests are and not about output, parallelism, coverage, stopping, settings or places",
        lambda option: None if is_argument(option) else option,
    ),
]
Line: TypeAlias = Annotated[int, Ge(1), Le(10**8)]
Column: TypeAlias = Annotated[int, Ge(0), Le(10**8)]
