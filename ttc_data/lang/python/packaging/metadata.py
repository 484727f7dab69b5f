"""A project's metadata read without running anything of it: what it needs, what tests it, where its modules lie.

Every source is optional and foreign: a file that does not parse is as if absent, a requirement that cannot be resolved
from an index (a URL, an invalid one) is left out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ttc_data.errors import SourceRefused
from ttc_data.lang.python.packaging.declared import (
    Declared,
    egg_info,
    entry_points,
    module_literal,
    pkg_info,
    pyproject,
    read_ini,
    read_toml,
    setup_cfg,
    setup_py,
    strings,
    table,
    text_of,
)
from ttc_data.lang.python.packaging.options import kept_and_dropped, pytest_settings
from ttc_data.lang.python.packaging.requirements import (
    legacy_specifier,
    logical_lines,
    read_requirements,
    requirement,
    under_marker,
)
from ttc_data.records import FileText
from ttc_data.trees.foreign import check_path

_TEST_NAMES = (
    "test", "tests", "testing", "tests-require", "unittest", "unittests", "unit-test", "unit-tests", "pytest",
    "hatch-test", "test-deps",
)  # fmt: skip
_DEV_NAMES = ("dev", "develop", "development", "devel", "default", "ci", "all")
_REQUIREMENTS_FILE = re.compile(
    r"(.*[-_.])?(requirements?|reqs)([-_.].*)?\.(txt|in)|(requirements?|reqs)/[^/]+\.(txt|in)"
)
_TEST_WORD = re.compile(r"(?<![a-z])(tests?|testing|pytest)(?![a-z])")
_DEV_WORD = re.compile(r"(?<![a-z])(dev|devel|develop|development)(?![a-z])")
_FOR_PYTHON = re.compile(r"[23]\.?\d{1,2}(?!\d)")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
# Plugins of build backends, and the settings that turn on those which are built in.
_FROM_TAG = re.compile(
    r"setuptools[-_]scm|setuptools[-_]git[-_]versioning|use_scm_version|hatch-vcs|(uv|poetry)-dynamic-versioning|versioneer"
    r"|versioningit|source\s*=\s*[\"'](vcs|scm)[\"']"
)
_UNKNOWN_VERSION = "0"
_VERSION_TEMPLATE = """# Written without running the project's build backend.
__version__ = version = {version!r}
__version_tuple__ = version_tuple = {version_tuple!r}
__commit_id__ = commit_id = None
"""


@dataclass(frozen=True, slots=True)
class ProjectMetadata:
    """What an environment is made from."""

    name: str
    """Normalised, `""` where the tree does not say."""
    version: str
    """PEP 440, `""` where the tree does not say."""
    requires_python: str
    dependencies: tuple[str, ...]
    test_dependencies: tuple[str, ...]
    dev_dependencies: tuple[str, ...]
    """Those of `test_dependencies` that are named for developers or for tox, tools among them."""
    declared: tuple[str, ...]
    """All that any extra, group or requirements file names."""
    entry_points: str
    """As an `entry_points.txt`."""
    import_roots: tuple[str, ...]
    """Folders for `sys.path`; `""`, the tree itself, is always last."""
    version_file: Mapping[str, str]
    """Path to content of what a build backend would have written, where the tree lacks it."""
    pytest_args: tuple[str, ...]
    """Of the options in its pytest settings those that change what its tests are, each one word."""
    pytest_dropped: tuple[str, ...]
    """The others, which are about output, parallelism, coverage, stopping or places."""


def read_metadata(files: Mapping[str, bytes], tagged: str = "") -> ProjectMetadata:
    """Read a tree's metadata. Never raises on what the files hold.

    Per field the first of these that says something counts: the sdist's `PKG-INFO` and egg-info, `pyproject.toml`,
    `setup.cfg`, `setup.py`, a stray egg-info. A `requirements.txt` counts only where none of them names dependencies.

    Args:
        files: all files of the tree by path.
        tagged: version that a tag of the commit names; counts where the build backend would ask Git for the version.
    """
    folders = sorted({posixpath.dirname(path) for path in files if path.endswith(".egg-info/PKG-INFO")})
    eggs = [egg_info(files, folder) for folder in folders]
    project = pyproject(files)
    own = [project, setup_cfg(files), setup_py(files)]
    # A repository may hold a stale egg-info by mistake; in an sdist, which has a PKG-INFO, the egg-info is the build's.
    said = [pkg_info(files, "PKG-INFO"), *eggs, *own] if "PKG-INFO" in files else [*own, *eggs]

    name = _first(said, lambda one: one.name if _NAME.fullmatch(one.name) else "")
    extras = _merged(one.extras for one in said)
    groups = _merged(one.groups for one in said)
    known = next((one.dependencies for one in said if one.dependencies is not None), None)
    if known is None:
        known = read_requirements("requirements.txt", files)
    resolver = _Resolver(canonicalize_name(name), known, extras)
    stated = _first(said, lambda one: _valid_version(one.version))
    version = stated or (_valid_version(tagged) if _asks_git(files) else "") or _module_version(files, name)
    of_tests, of_developers = _test_dependencies(files, extras, groups, resolver)
    kept, dropped = kept_and_dropped(pytest_settings(files))
    return ProjectMetadata(
        name=canonicalize_name(name),
        version=version,
        requires_python=_one_line(_first(said, lambda one: one.requires_python)),
        dependencies=tuple(resolver.resolved(known)),
        test_dependencies=(*of_tests, *of_developers),
        dev_dependencies=tuple(of_developers),
        declared=tuple(_declared(files, extras, groups, resolver)),
        entry_points=_entry_points_text(said),
        import_roots=_import_roots(files, said),
        version_file=_version_files(files, said, version),
        pytest_args=kept,
        pytest_dropped=dropped,
    )


def python_supported(requires_python: str, python: str) -> bool:
    """Whether some patch release of a Python version satisfies `Requires-Python`.

    Args:
        requires_python: a specifier; one that cannot be read excludes nothing.
        python: major and minor version, `3.11`.
    """
    specifier = legacy_specifier(requires_python)
    if specifier is None:
        return True
    return any(specifier.contains(f"{python}.{patch}", prereleases=True) for patch in range(31))


def dist_info(metadata: ProjectMetadata) -> tuple[FileText, ...]:
    """Write a `.dist-info` folder with which `importlib.metadata` finds the project; empty for a nameless one."""
    if not metadata.name:
        return ()
    version = metadata.version or _UNKNOWN_VERSION
    folder = f"{metadata.name.replace('-', '_')}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {metadata.name}", f"Version: {version}"]
    if metadata.requires_python:
        lines.append(f"Requires-Python: {metadata.requires_python}")
    lines += [f"Requires-Dist: {one}" for one in metadata.dependencies]
    written = {"INSTALLER": "ttcdata\n", "METADATA": "\n".join(lines) + "\n\n"}
    if metadata.entry_points:
        written["entry_points.txt"] = metadata.entry_points
    return tuple(FileText(f"{folder}/{name}", text) for name, text in sorted(written.items()))


class _Resolver:
    """Validates requirements and replaces those on the project itself by what its extras need."""

    def __init__(self, name: str, dependencies: list[str], extras: Mapping[str, list[str]]) -> None:
        self._name = name
        self._dependencies = dependencies
        self._extras = extras

    def resolved(self, requirements: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(str(one) for one in self._walk(requirements, frozenset())))

    def _walk(self, requirements: Iterable[str], seen: frozenset[str]) -> Iterator[Requirement]:
        for text in requirements:
            found = requirement(text)
            if found is None:
                continue
            if not self._name or canonicalize_name(found.name) != self._name:
                yield found
                continue
            marker = str(found.marker) if found.marker else ""
            for extra in sorted(canonicalize_name(one) for one in found.extras):
                if extra not in seen:
                    listed = [under_marker(one, marker) for one in self._extras.get(extra, [])]
                    yield from self._walk(listed, seen | {extra})


def _first(said: Iterable[Declared], pick: Callable[[Declared], str]) -> str:
    return next((value for one in said if (value := pick(one))), "")


def _merged(tables: Iterable[Mapping[str, list[str]]]) -> dict[str, list[str]]:
    merged: dict[str, list[str]] = {}
    for one in tables:
        for name, listed in one.items():
            merged.setdefault(name, listed)
    return merged


def _one_line(text: str) -> str:
    return "" if legacy_specifier(text) is None else " ".join(text.split())


def _valid_version(text: str) -> str:
    try:
        return str(Version(text))
    except ValueError:  # `InvalidVersion`, or a number of more than 4,300 digits
        return ""


def _asks_git(files: Mapping[str, bytes]) -> bool:
    """Whether the project's version is that of its tag."""
    return any(_FROM_TAG.search(text_of(files, path)) for path in ("pyproject.toml", "setup.cfg", "setup.py"))


def _module_version(files: Mapping[str, bytes], name: str) -> str:
    module = canonicalize_name(name).replace("-", "_")
    return _valid_version(module_literal(files, module, "__version__")) if module else ""


def _test_dependencies(
    files: Mapping[str, bytes],
    extras: Mapping[str, list[str]],
    groups: Mapping[str, list[str]],
    resolver: _Resolver,
) -> tuple[list[str], list[str]]:
    """Collect what the tests need; a project named by an earlier place is not taken from a later one.

    A pin in a tox or requirements file would otherwise contradict what the extras say.

    Returns:
        What places for tests name, and what tox and, where nothing else does, places for developers name.
    """
    requirement_files = sorted(path for path in files if _is_requirements_file(path, files))
    places = [extras[name] for name in _TEST_NAMES if name in extras]
    places += [groups[name] for name in _TEST_NAMES if name in groups]
    places += [read_requirements(path, files) for path in requirement_files if _TEST_WORD.search(path.lower())]
    own = len(places)
    places.append(_tox_dependencies(files, extras, groups))
    resolved = [resolver.resolved(place) for place in places]
    if not any(resolved):
        own = 0
        places = [extras[name] for name in _DEV_NAMES if name in extras]
        places += [groups[name] for name in _DEV_NAMES if name in groups]
        places += [read_requirements(path, files) for path in requirement_files if _DEV_WORD.search(path.lower())]
        resolved = [resolver.resolved(place) for place in places]
    named: set[str] = set()
    found: tuple[list[str], list[str]] = ([], [])
    for number, place in enumerate(resolved):
        new = [one for one in place if canonicalize_name(Requirement(one).name) not in named]
        named |= {canonicalize_name(Requirement(one).name) for one in new}
        found[number >= own].extend(new)
    return found


def _declared(
    files: Mapping[str, bytes], extras: Mapping[str, list[str]], groups: Mapping[str, list[str]], resolver: _Resolver
) -> list[str]:
    read = (read_requirements(path, files) for path in sorted(files) if _is_requirements_file(path, files))
    return resolver.resolved(one for place in (*extras.values(), *groups.values(), *read) for one in place)


def _is_requirements_file(path: str, files: Mapping[str, bytes]) -> bool:
    """Whether a file near the root lists requirements.

    Of `NAME.in` and the `NAME.txt` compiled from it only the first counts: the second pins what was new once. One for a
    named Python (`tests37.txt`) is for another environment.
    """
    if path.count("/") > 2 or path.startswith(("doc", "example")):
        return False
    folder, _, name = path.rpartition("/")
    if (path.endswith(".txt") and f"{path[:-4]}.in" in files) or _FOR_PYTHON.search(name):
        return False
    parent = posixpath.basename(folder)
    return (
        _REQUIREMENTS_FILE.fullmatch(name) is not None or _REQUIREMENTS_FILE.fullmatch(f"{parent}/{name}") is not None
    )


def _tox_dependencies(
    files: Mapping[str, bytes], extras: Mapping[str, list[str]], groups: Mapping[str, list[str]]
) -> list[str]:
    data = read_toml(files, "pyproject.toml")
    text = text_of(files, "tox.ini") or str(table(data, "tool", "tox").get("legacy_tox_ini") or "")
    section = read_ini(text).get("testenv", {})
    native = [table(data, "tool", "tox", "env_run_base"), table(read_toml(files, "tox.toml"), "env_run_base")]
    lines = [*logical_lines(section.get("deps", "")), *(one for base in native for one in strings(base.get("deps")))]
    found: list[str] = []
    for line in lines:
        # `py38: six` holds for one environment of a matrix; `{[testenv:x]deps}` is another section.
        line = line.replace("{toxinidir}/", "").replace("{tox_root}/", "")
        included = re.match(r"(?:-r|--requirement)[\s=]*(\S+)", line)
        if included:
            found += read_requirements(posixpath.normpath(included[1]), files)
        elif "{" not in line and not re.match(r"[\w,!-]+\s*:\s", line):
            found.append(line)
    for key, known in (("extras", extras), ("dependency_groups", groups)):
        names = [
            *re.split(r"[,\s]+", section.get(key, "")),
            *(one for base in native for one in strings(base.get(key))),
        ]
        found += [one for name in names if name for one in known.get(canonicalize_name(name), [])]
    return found


def _entry_points_text(said: Iterable[Declared]) -> str:
    merged: dict[str, dict[str, str]] = {}
    for one in said:
        for group, items in one.entry_points.items():
            merged.setdefault(group, items)
    sections = []
    for group, items in sorted(merged.items()):
        clean = {key: value for key, value in items.items() if _is_plain(key) and _is_plain(value) and "=" not in key}
        if clean and _is_plain(group) and "]" not in group:
            sections.append(f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in sorted(clean.items())))
    text = "\n".join(sections)
    return text if entry_points(text) else ""


def _is_plain(text: str) -> bool:
    return text.strip() == text and text.isprintable() and text[:1] not in ("", "[", "#", ";")


def _import_roots(files: Mapping[str, bytes], said: Iterable[Declared]) -> tuple[str, ...]:
    candidates = [root.removeprefix("./").strip("/") for one in said for root in one.roots]
    candidates += [root for root in ("src", "lib") if f"{root}/__init__.py" not in files]
    folders = {path.partition("/")[0] for path in files if path.endswith(".py") and "/" in path}
    inside = [root for root in dict.fromkeys(candidates) if root and root != "." and _is_safe(root)]
    return (*(root for root in inside if root.partition("/")[0] in folders), "")


def _is_safe(path: str) -> bool:
    try:
        check_path(path)
    except SourceRefused:
        return False
    return True


def _version_files(files: Mapping[str, bytes], said: Iterable[Declared], version: str) -> dict[str, str]:
    version = version or _UNKNOWN_VERSION
    numbers = tuple(Version(version).release)
    written: dict[str, str] = {}
    for one in said:
        for path, template in one.version_files.items():
            clean = path.removeprefix("./")
            if clean in files or not _is_safe(clean):
                continue
            # The template is foreign: it is filled by replacement, since a format string may ask for any width.
            text = (template or "").replace("{version!r}", repr(version)).replace("{version}", version)
            text = text.replace("{version_tuple}", repr(numbers))
            if not template or "{" in text:
                text = _VERSION_TEMPLATE.format(version=version, version_tuple=numbers)
                text = text if clean.endswith((".py", ".pyi")) else f"{version}\n"
            written.setdefault(clean, text)
    return written
