"""Requirement strings, as projects write them, to PEP 508; what cannot be expressed is left out, never raised."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']*)["']|["']([^"']*)["']\s*==\s*extra\b""")
_TRUE, _FALSE = 'python_version >= "0"', 'python_version < "0"'
_MAX_DEPTH = 10
_MOST_RANGE = 100


def requirement(text: str) -> Requirement | None:
    """Parse one requirement; None when it is invalid or names a URL."""
    try:
        found = Requirement(text.strip())
    except (InvalidRequirement, ValueError, RecursionError):
        return None
    return None if found.url else found


def under_marker(text: str, marker: str) -> str:
    """Add a condition to a requirement; unchanged where either does not parse."""
    found = requirement(text)
    if found is None or not marker.strip():
        return text
    try:
        both = f"({found.marker}) and ({marker})" if found.marker else marker
        found.marker = Marker(both)
    except (InvalidMarker, RecursionError):
        return text
    return str(found)


def split_extras(requirements: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Sort `Requires-Dist` values into those that always hold and those of each extra, without the `extra` condition."""
    plain: list[str] = []
    extras: dict[str, list[str]] = {}
    for text in requirements:
        found = requirement(text)
        if found is None:
            continue
        marker = str(found.marker) if found.marker else ""
        names = [one or two for one, two in _EXTRA.findall(marker)]
        if not names:
            plain.append(str(found))
        for name in dict.fromkeys(names):
            # The marker stays what it was, with its question about the extra answered.
            found.marker = _answered(marker, name)
            extras.setdefault(canonicalize_name(name), []).append(str(found))
    return plain, extras


def _answered(marker: str, name: str) -> Marker | None:
    text = _EXTRA.sub(lambda match: _TRUE if (match[1] or match[2]) == name else _FALSE, marker)
    if text == _TRUE or _FALSE in text:
        return None if _FALSE not in text else Marker(text)
    for pattern in (f" and {_TRUE}", f"{_TRUE} and "):
        text = text.replace(pattern, "")
    return None if text.strip("() ") == _TRUE else Marker(text)


def read_requirements(path: str, files: Mapping[str, bytes], depth: int = 0) -> list[str]:
    """Read a requirements file and those it includes with `-r`; options, editables, URLs and hashes are left out."""
    if path not in files or depth > _MAX_DEPTH:
        return []
    found: list[str] = []
    for line in logical_lines(files[path].decode("utf-8", "replace")):
        included = re.match(r"(?:-r|--requirement)[\s=]*(\S+)", line)
        if included:
            inner = posixpath.normpath(posixpath.join(posixpath.dirname(path), included[1]))
            found += read_requirements(inner, files, depth + 1)
        elif not line.startswith("-"):
            bare = re.split(r"\s--?[a-z]", line, maxsplit=1)[0].strip()
            if requirement(bare) is not None:
                found.append(bare)
    return found


def logical_lines(text: str) -> Iterator[str]:
    """Lines without comments, with continuations joined, blank ones left out."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        if bare:
            yield bare


def requires_txt(text: str) -> tuple[list[str], dict[str, list[str]]]:
    """Read an egg-info's `requires.txt`: sections are `[extra]`, `[:marker]` or `[extra:marker]`."""
    plain: list[str] = []
    extras: dict[str, list[str]] = {}
    extra, marker = "", ""
    for line in logical_lines(text):
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            continue
        target = extras.setdefault(canonicalize_name(extra), []) if extra else plain
        target.append(under_marker(line, marker))
    return plain, extras


def poetry_requirements(name: str, value: Any) -> list[str]:
    """Translate one entry of a poetry dependency table; a list of alternatives gives one requirement each."""
    if isinstance(value, list):
        return [one for item in value for one in poetry_requirements(name, item)]
    table = value if isinstance(value, dict) else {"version": value}
    version = table.get("version")
    if not isinstance(version, str):  # a path, a URL or a repository
        return []
    extras = table.get("extras")
    names = f"[{','.join(map(str, extras))}]" if isinstance(extras, list) and extras else ""
    text = f"{name}{names}{poetry_specifier(version)}"
    if isinstance(python := table.get("python"), str):
        conditions = [f"python_version {_operator(one)}" for one in poetry_specifier(python).split(",") if one]
        text = under_marker(text, " and ".join(conditions))
    if isinstance(marker := table.get("markers"), str):
        text = under_marker(text, marker)
    return [text] if requirement(text) is not None else []


def _operator(specifier: str) -> str:
    found = re.match(r"([<>=!~]+)\s*(.*)", specifier)
    return f'{found[1]} "{found[2]}"' if found else ""


def poetry_specifier(text: str) -> str:
    """Translate poetry's version ranges to PEP 440, `""` for any version.

    `||` has no counterpart; the last alternative, by custom the newest, is taken.
    """
    last = re.split(r"\|\|?", text)[-1].strip()
    last = re.sub(r"([<>=!~^]+)\s+", r"\1", last)
    parts = [poetry_part(part) for part in re.split(r"[,\s]+", last) if part]
    joined = ",".join(part for part in parts if part)
    try:
        return str(SpecifierSet(joined)) and joined
    except InvalidSpecifier:
        return ""


def poetry_part(part: str) -> str:
    """Translate one range: `^1.2`, `~1.2`, `1.*`, `1.2`, `>=1.2`."""
    if part in ("*", "x") or len(part) > _MOST_RANGE:
        return ""
    if part[0] not in "^~" or part.startswith("~="):
        return part if part[0] in "<>=!~" else f"=={part}"
    try:
        version = Version(part[1:])
    except InvalidVersion:
        return ""
    release = [int(number) for number in part[1:].split(".")[:3] if number.isdigit()] or list(version.release)
    if part[0] == "^":
        at = next((index for index, number in enumerate(release) if number), len(release) - 1)
    else:
        at = min(1, len(release) - 1)
    upper = [*release[:at], release[at] + 1]
    if len(upper) == 1:
        upper.append(0)
    return f">={part[1:]},<{'.'.join(map(str, upper))}"


def legacy_specifier(text: str) -> SpecifierSet | None:
    """Read `Requires-Python` as written, `>=3.6.*` included; None when it cannot be read."""
    try:
        return SpecifierSet(re.sub(r"((?:<|>)=?\s*[\d.]+?)\.\*", r"\1", text))
    except (InvalidSpecifier, ValueError):
        return None
