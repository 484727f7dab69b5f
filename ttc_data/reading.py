"""The files of a set that somebody else wrote: where they lie, how large they may be, and JSON and YAML that cannot run away.

Nothing outside the set's folder is read, whatever links lie in it, and what is wrong is one line that names the set, the
file, the place in it and the value.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from ttc_data.errors import DatasetError
from ttc_data.fields import is_text, quoted

KIB, MIB = 1024, 1024 * 1024
MOST_RECIPE = 256 * KIB  # PyYAML reads 100 KB a second
MOST_LOCK = 4 * MIB
MOST_DESCRIPTION = 16 * MIB
"""Bytes of an environment, a card, a list of withdrawn rows."""
MOST_VALUES, MOST_DEPTH, MOST_ALIASES = 1_000_000, 50, 20
AGAIN = "fetch the dataset again"


def place_in(folder: Path, name: str, most: int = 0) -> Path:
    """A file of a set.

    Args:
        folder: of the set. In the Hub's cache its files are links to `blobs/`, which belong to it.
        name: relative to it.
        most: bytes that it may have; 0 for any number.

    Raises:
        DatasetError: it is not there, not a plain file, outside of the set, or too large.
    """
    place = folder / name
    try:
        there = place.resolve(strict=True)
        if not there.is_file():
            raise DatasetError(f"{folder}: {name}: must be a plain file; {AGAIN}")
        size = there.stat().st_size
    except (OSError, ValueError, RuntimeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not the name of a file"
        raise DatasetError(f"{folder}: {name}: cannot be read ({cause}); {AGAIN}") from error
    if not any(there.is_relative_to(one) for one in _own(folder.resolve())):
        raise DatasetError(f"{folder}: {name}: must lie in the set, is a link to {there}; put the file itself there")
    if most and size > most:
        raise DatasetError(f"{folder}: {name}: must have at most {most} bytes, has {size}; {AGAIN}")
    return place


def _own(folder: Path) -> tuple[Path, ...]:
    is_snapshot = folder.parent.name == "snapshots"
    return (folder, folder.parent.parent / "blobs") if is_snapshot else (folder,)


def text_in(folder: Path, name: str, most: int) -> str:
    """A file of a set as text.

    Raises:
        DatasetError: as `place_in`, or it is not UTF-8.
    """
    place = place_in(folder, name, most)
    try:
        return place.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{folder}: {name}: cannot be read ({error}); {AGAIN}") from error


def json_in(folder: Path, name: str, most: int = MOST_DESCRIPTION) -> Any:
    """A JSON file of a set.

    Raises:
        DatasetError: as `text_in`, or it is no JSON, or nested too deeply.
    """
    try:
        return checked(json.loads(text_in(folder, name, most)))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{folder}: {name}: no JSON that can be read ({_cause(error)}); {AGAIN}") from error


class _Loader(yaml.SafeLoader):
    """Plain values. Parts that name each other again and again grow without end, merged ones while they are being read."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next part of the document."""
        if self.check_event(yaml.AliasEvent):
            self._aliases += 1
            if self._aliases > MOST_ALIASES:
                raise yaml.YAMLError(f"more than {MOST_ALIASES} aliases")
        return super().compose_node(parent, index)


def parse_yaml(text: str) -> Any:
    """Anybody's YAML.

    Raises:
        ValueError: it is no YAML, or larger or deeper than anybody would write.
    """
    try:
        loader = _Loader(text)
        try:
            return checked(loader.get_single_data())
        finally:
            loader.dispose()
    # What PyYAML's constructors raise on a value that is not of its tag.
    except (yaml.YAMLError, RecursionError, OverflowError, TypeError, AttributeError, LookupError) as error:
        raise ValueError(_cause(error)) from error


def checked(value: Any) -> Any:
    """A value of JSON or YAML, when it has no more values than anybody needs, however often it names one of them.

    Raises:
        ValueError: it has more, is nested too deeply, or holds what is no text.
    """
    waiting: list[tuple[Any, int]] = [(value, 0)]
    count = 0
    while waiting:
        inner, depth = waiting.pop()
        count += 1
        if count > MOST_VALUES or depth > MOST_DEPTH:
            raise ValueError(f"more than {MOST_VALUES} values, or nested more than {MOST_DEPTH} deep")
        if isinstance(inner, int) and inner.bit_length() > 64:
            raise ValueError(f"{quoted(inner)} has more than 64 bits")
        if isinstance(inner, str) and not is_text(inner):
            raise ValueError(f"{quoted(inner)} is no text")
        if isinstance(inner, dict):
            waiting += [(key, depth + 1) for key in inner]
            waiting += [(one, depth + 1) for one in inner.values()]
        elif isinstance(inner, (list, tuple, set)):
            waiting += [(one, depth + 1) for one in inner]
    return value


def validated(adapter: TypeAdapter[Any], value: Any, where: str) -> Any:
    """A value held against its type.

    Args:
        adapter: of the type.
        value: as JSON, YAML or a query gave it.
        where: the set and the file, or the row.

    Raises:
        DatasetError: naming the first field that is not as it must be.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise DatasetError(f"{where}: {fault_in(error)}") from error


def fault_in(error: ValidationError) -> str:
    """The first thing that is wrong: field, constraint and value."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "value"
    if first["type"] == "rule":  # says the value itself
        return f"{field}: {first['msg']}"
    return f"{field}: {first['msg']}, is {quoted(first.get('input'))}"


def _cause(error: BaseException) -> str:
    """What is wrong with a text, in words that are not about our own code."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, (AttributeError, LookupError, TypeError)):  # PyYAML's, of `!!timestamp "abc"` and the like
        return "a value is not what its tag says"
    said = " ".join(str(error).split())[:200]
    return "a number of too many digits" if "set_int_max_str_digits" in said else said
