"""What a project's pytest settings ask for: options that change what its tests are, and those that are left out by name."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from ttc_data.environments.declared import read_ini, read_toml, strings, table, text_of
from ttc_data.options import WITH_VALUE, concern, is_argument

# Registered by pytest itself, under these names.
BUILTIN = frozenset(
    (
        "mark", "main", "runner", "fixtures", "helpconfig", "python", "debugging", "unittest", "capture", "skipping",
        "legacypath", "tmpdir", "monkeypatch", "recwarn", "nose", "assertion", "doctest", "cacheprovider", "setuponly",
        "setupplan", "stepwise", "unraisableexception", "threadexception", "warnings", "logging", "reports",
        "faulthandler", "pytester", "pytester_assertions", "subtests", "freeze_support",
    )
)  # fmt: skip


def pytest_settings(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """The table of settings that pytest reads: the first file that configures it (docs.pytest.org, "Configuration file formats").

    Args:
        files: of a tree, by path.
    """
    project = table(read_toml(files, "pyproject.toml"), "tool", "pytest")
    tables: list[Mapping[str, Any]] = [
        table(read_toml(files, "pytest.toml"), "pytest"),
        table(read_toml(files, ".pytest.toml"), "pytest"),
        read_ini(text_of(files, "pytest.ini")).get("pytest", {}),
        read_ini(text_of(files, ".pytest.ini")).get("pytest", {}),
        table(project, "ini_options") or project,
        read_ini(text_of(files, "tox.ini")).get("pytest", {}),
        read_ini(text_of(files, "setup.cfg")).get("tool:pytest", {}),
    ]
    return next((one for one in tables if one), {})


def words(settings: Mapping[str, Any], name: str) -> list[str]:
    """A setting that is a list of words, written as a list or as one text."""
    value = settings.get(name, "")
    if isinstance(value, list):
        return strings(value)
    text = value if isinstance(value, str) else ""
    try:
        return shlex.split(text, comments=False)
    except ValueError:
        return text.split()


def kept_and_dropped(settings: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The project's `addopts`: what changes the meaning of its tests, each option one word; and the words that are left out."""
    kept: list[str] = []
    dropped: list[str] = []
    for option in _options(words(settings, "addopts")):
        (kept if is_argument(option) else dropped).append(option)
    return tuple(dict.fromkeys(kept)), tuple(dict.fromkeys(dropped))


def _options(given: Sequence[str]) -> Iterator[str]:
    """Each option as one word, with its value; what is no option stands alone."""
    left = list(given)
    while left:
        word = left.pop(0)
        follows = bool(left) and not left[0].startswith("-")
        if word.startswith("--"):
            # Of a plugin's option nobody knows here whether the next word is its value: a session that knows better drops it.
            takes = word in WITH_VALUE or not (concern(word) or _is_flag(word))
            yield f"{word}={left.pop(0)}" if "=" not in word and takes and follows else word
        elif len(word) > 1 and word.startswith("-"):
            yield from _short(word, left)
        else:
            yield word


def _is_flag(word: str) -> bool:
    return word.startswith(
        ("--strict", "--doctest-", "--no-", "--disable-", "--run", "--keep-", "--collect-", "--pyargs")
    )


def _short(word: str, left: list[str]) -> Iterator[str]:
    """The options of a word with one dash: several without a value may stand together, one with a value ends it."""
    for place, letter in enumerate(word[1:], 1):
        rest = word[place + 1 :]
        if letter in "vqslxhVdf":
            yield f"-{letter}"
            continue
        if not rest and left and letter in "kmpWocnr":
            rest = left.pop(0)
        yield f"-{letter}{rest.strip()}"
        return


def known_plugins(options: Sequence[str], files: Mapping[str, bytes], roots: Sequence[str], pinned: str) -> list[str]:
    """Options without those that load a plugin which is neither pytest's, nor in the tree, nor installed.

    Args:
        options: of one word each.
        files: of the tree, by path.
        roots: folders of it on `sys.path`.
        pinned: the requirements that are installed.
    """
    installed = {canonicalize_name(line.partition("==")[0].strip()) for line in pinned.splitlines()}

    def is_known(option: str) -> bool:
        name = option[2:]
        if not option.startswith("-p") or name.startswith("no:") or name in BUILTIN:
            return True
        path = name.replace(".", "/")
        places = [f"{root}/{path}" if root else path for root in roots]
        if any(f"{place}{end}" in files for place in places for end in (".py", "/__init__.py")):
            return True
        first = canonicalize_name(name.partition(".")[0])
        return not {first, f"pytest-{first}"}.isdisjoint(installed)

    return [option for option in options if is_known(option)]


def ignored(path: str, options: Sequence[str]) -> bool:
    """Whether the project's options leave a file out: `--ignore=PATH`, `--ignore-glob=PATTERN`."""
    for option in options:
        name, _, value = option.partition("=")
        value = value.removeprefix("./").rstrip("/")
        if name == "--ignore" and value and (path == value or path.startswith(f"{value}/")):
            return True
        if name == "--ignore-glob" and value and any(fnmatch.fnmatch(part, value) for part in _and_folders(path)):
            return True
    return False


def _and_folders(path: str) -> Iterator[str]:
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])
