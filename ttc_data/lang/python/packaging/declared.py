"""What each of a project's metadata files declares, one reader a format. Readers never raise on foreign text."""

from __future__ import annotations

import configparser
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email import message_from_string
from email.errors import MessageError
from typing import Any

from packaging.utils import canonicalize_name

from ttc_data.lang.python.packaging.requirements import (
    logical_lines,
    poetry_requirements,
    poetry_specifier,
    read_requirements,
    requires_txt,
    split_extras,
)
from ttc_data.lang.python.packaging.setup_py import assigned_literal, setup_arguments
from ttc_data.trees.foreign import parse_toml

_MAX_GROUP_DEPTH = 10


@dataclass(slots=True)
class Declared:
    """What one file says; None and empty mean that it says nothing."""

    name: str = ""
    version: str = ""
    requires_python: str = ""
    dependencies: list[str] | None = None
    extras: dict[str, list[str]] = field(default_factory=dict)
    """By normalised name, as `groups`."""
    groups: dict[str, list[str]] = field(default_factory=dict)
    entry_points: dict[str, dict[str, str]] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    version_files: dict[str, str | None] = field(default_factory=dict)
    """Path to template, None for the usual one."""


def text_of(files: Mapping[str, bytes], path: str) -> str:
    """A file's text, `""` when it is not there; bytes that are no UTF-8 are replaced."""
    return files[path].decode("utf-8", "replace") if path in files else ""


def table(value: Any, *keys: str) -> dict[str, Any]:
    """The table at a path of keys, empty when anything on the way is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def strings(value: Any) -> list[str]:
    """The strings of a list, or a text's lines."""
    if isinstance(value, str):
        return list(logical_lines(value))
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def read_toml(files: Mapping[str, bytes], path: str) -> dict[str, Any]:
    """A TOML file's data, empty when it is missing or malformed."""
    return parse_toml(text_of(files, path))


class _Ini(configparser.RawConfigParser):
    """Keeps the case of keys."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def read_ini(text: str) -> dict[str, dict[str, str]]:
    """An INI text's sections, empty when it is malformed."""
    parser = _Ini(strict=False)
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError):
        return {}
    return {name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()}


def pkg_info(files: Mapping[str, bytes], path: str) -> Declared:
    """Core metadata: `PKG-INFO` of an sdist or an egg-info folder."""
    try:
        headers = message_from_string(text_of(files, path))
        required = [str(value) for value in headers.get_all("Requires-Dist") or []]
        values = {name: str(headers.get(name) or "").strip() for name in ("Name", "Version", "Requires-Python")}
        complete = str(headers.get("Metadata-Version") or "") >= "2.2" and not any(
            str(value).lower() == "requires-dist" for value in headers.get_all("Dynamic") or []
        )
    except (MessageError, ValueError, RecursionError):
        return Declared()
    plain, extras = split_extras(required)
    known = {name: "" if value == "UNKNOWN" else value for name, value in values.items()}
    return Declared(
        name=known["Name"],
        version=known["Version"],
        requires_python=known["Requires-Python"],
        dependencies=plain if required or complete else None,
        extras=extras,
    )


def egg_info(files: Mapping[str, bytes], folder: str) -> Declared:
    """An `.egg-info` folder."""
    found = pkg_info(files, f"{folder}/PKG-INFO")
    if f"{folder}/requires.txt" in files:
        found.dependencies, found.extras = requires_txt(text_of(files, f"{folder}/requires.txt"))
    elif f"{folder}/SOURCES.txt" in files and found.dependencies is None:
        found.dependencies = []  # setuptools leaves requires.txt out when nothing is required
    found.entry_points = entry_points(text_of(files, f"{folder}/entry_points.txt"))
    return found


def pyproject(files: Mapping[str, bytes]) -> Declared:
    """`[project]`, dependency groups, and the tables of setuptools, poetry, flit, hatch, pdm and uv."""
    data = read_toml(files, "pyproject.toml")
    project, tool = table(data, "project"), table(data, "tool")
    found = Declared(name=_text(project.get("name")), version=_text(project.get("version")))
    found.requires_python = _text(project.get("requires-python"))
    if "dependencies" in project:
        found.dependencies = strings(project["dependencies"])
    elif project and "dependencies" not in strings(project.get("dynamic")):
        found.dependencies = []
    for name, listed in table(project, "optional-dependencies").items():
        found.extras[canonicalize_name(name)] = strings(listed)
    groups = table(data, "dependency-groups")
    for name in groups:
        found.groups[canonicalize_name(name)] = _group(groups, name, 0)
    _add_entry_points(found, project, "scripts", "gui-scripts", "entry-points")
    _setuptools(found, table(tool, "setuptools"), files)
    _poetry(found, table(tool, "poetry"))
    _flit(found, table(tool, "flit"), files)
    _hatch(found, table(tool, "hatch"), files)
    for name, listed in table(tool, "pdm", "dev-dependencies").items():
        found.groups.setdefault(canonicalize_name(name), strings(listed))
    if listed := strings(table(tool, "uv").get("dev-dependencies")):
        found.groups.setdefault("dev", listed)
    for settings, keys in (
        (table(tool, "setuptools_scm"), ("version_file", "write_to")),
        (table(tool, "setuptools-scm"), ("version_file", "write_to")),
        (table(tool, "hatch", "build", "hooks", "vcs"), ("version-file",)),
        (table(tool, "pdm", "version"), ("write_to",)),
    ):
        _version_file(found, settings, keys)
    return found


def setup_cfg(files: Mapping[str, bytes]) -> Declared:
    """`setup.cfg`, as setuptools reads it."""
    sections = read_ini(text_of(files, "setup.cfg"))
    metadata, options = sections.get("metadata", {}), sections.get("options", {})
    found = Declared(name=metadata.get("name", ""), requires_python=options.get("python_requires", ""))
    found.version = _directive(metadata.get("version", ""), files)
    if "install_requires" in options:
        found.dependencies = _listed(options["install_requires"], files)
    for name, listed in sections.get("options.extras_require", {}).items():
        found.extras[canonicalize_name(name)] = _listed(listed, files)
    if "tests_require" in options:
        found.extras.setdefault("tests-require", _listed(options["tests_require"], files))
    for group, listed in sections.get("options.entry_points", {}).items():
        found.entry_points[group] = _pairs(strings(listed))
    for line in strings(options.get("package_dir", "")):
        package, _, folder = line.partition("=")
        if not package.strip():
            found.roots.append(folder.strip())
    where = sections.get("options.packages.find", {}).get("where", "")
    found.roots += strings(where)
    return found


def setup_py(files: Mapping[str, bytes]) -> Declared:
    """The literals of `setup.py`; when its requirements are computed, `requirements.txt` stands for them."""
    if "setup.py" not in files:
        return Declared()
    arguments = setup_arguments(files["setup.py"])
    found = Declared(name=_text(arguments.get("name")), version=_text(arguments.get("version")))
    found.requires_python = _text(arguments.get("python_requires"))
    if "install_requires" in arguments:
        found.dependencies = strings(arguments["install_requires"])
    elif b"install_requires" in files["setup.py"] and "requirements.txt" in files:
        found.dependencies = read_requirements("requirements.txt", files)
    for name, listed in table(arguments, "extras_require").items():
        found.extras[canonicalize_name(name)] = strings(listed)
    if listed := strings(arguments.get("tests_require")):
        found.extras.setdefault("tests-require", listed)
    declared = arguments.get("entry_points")
    if isinstance(declared, str):
        found.entry_points = entry_points(declared)
    else:
        found.entry_points = {group: _pairs(strings(listed)) for group, listed in table(declared).items()}
    found.roots += [_text(folder) for package, folder in table(arguments, "package_dir").items() if not package]
    _version_file(found, table(arguments, "use_scm_version"), ("version_file", "write_to"))
    return found


def entry_points(text: str) -> dict[str, dict[str, str]]:
    """Read an `entry_points.txt`."""
    return {group: {key: value for key, value in items.items() if value} for group, items in read_ini(text).items()}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _group(groups: Mapping[str, Any], name: str, depth: int) -> list[str]:
    """One group of PEP 735, with those it includes."""
    listed = groups.get(name)
    if listed is None:  # an include may spell the name otherwise
        listed = next((one for key, one in groups.items() if canonicalize_name(key) == canonicalize_name(name)), None)
    if not isinstance(listed, list) or depth > _MAX_GROUP_DEPTH:
        return []
    found: dict[str, None] = {}
    for item in listed:
        if isinstance(item, str):
            found[item] = None
        elif included := _text(table(item).get("include-group")):
            found |= dict.fromkeys(_group(groups, included, depth + 1))
    return list(found)


def _pairs(lines: Iterable[str]) -> dict[str, str]:
    split = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, _, value in split if key.strip() and value.strip()}


def _add_entry_points(found: Declared, holder: Mapping[str, Any], scripts: str, gui: str, groups: str) -> None:
    named = [("console_scripts", table(holder, scripts)), ("gui_scripts", table(holder, gui))]
    for group, items in [*named, *((group, table(one)) for group, one in table(holder, groups).items())]:
        values = {key: value for key, value in items.items() if isinstance(value, str)}
        if values:
            found.entry_points.setdefault(group, {}).update(values)


def _setuptools(found: Declared, setuptools: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    for package, folder in table(setuptools, "package-dir").items():
        if not package:
            found.roots.append(_text(folder))
    found.roots += strings(table(setuptools, "packages", "find").get("where"))
    dynamic = table(setuptools, "dynamic")
    if not found.version:
        version = table(dynamic, "version")
        if attribute := _text(version.get("attr")):
            found.version = _directive(f"attr: {attribute}", files, found.roots)
        else:
            names = strings(version.get("file"))
            found.version = _directive(f"file: {names[0]}", files) if names else ""
    if "dependencies" in dynamic:
        found.dependencies = _from_files(table(dynamic, "dependencies"), files)
    for name, one in table(dynamic, "optional-dependencies").items():
        found.extras.setdefault(canonicalize_name(name), _from_files(table(one), files))


def _from_files(directive: Mapping[str, Any], files: Mapping[str, bytes]) -> list[str]:
    return [
        one for path in strings(directive.get("file")) for one in read_requirements(posixpath.normpath(path), files)
    ]


def _listed(value: str, files: Mapping[str, bytes]) -> list[str]:
    if value.strip().startswith("file:"):
        paths = value.strip().removeprefix("file:").split(",")
        return [one for path in paths for one in read_requirements(posixpath.normpath(path.strip()), files)]
    return strings(value)


def _directive(value: str, files: Mapping[str, bytes], roots: Iterable[str] = ()) -> str:
    """A version, or what `attr:` and `file:` point to."""
    kind, colon, rest = value.partition(":")
    if colon and kind.strip() == "file":
        return text_of(files, posixpath.normpath(rest.strip())).strip()
    if colon and kind.strip() == "attr":
        module, _, name = rest.strip().rpartition(".")
        return module_literal(files, module, name, roots)
    return value.strip()


def module_literal(files: Mapping[str, bytes], module: str, name: str, roots: Iterable[str] = ()) -> str:
    """The string that a module assigns to a name; modules are looked for in `roots`, `src`, `lib` and the tree."""
    stem = module.replace(".", "/")
    for root in dict.fromkeys((*roots, "src", "lib", "")):
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            full = posixpath.normpath(posixpath.join(root, path))
            value = assigned_literal(files[full], name) if full in files else None
            if isinstance(value, str):
                return value.strip()
    return ""


def _poetry(found: Declared, poetry: Mapping[str, Any]) -> None:
    main = table(poetry, "dependencies")
    found.name = found.name or _text(poetry.get("name"))
    found.version = found.version or _text(poetry.get("version"))
    if not found.requires_python and "python" in main:
        found.requires_python = poetry_specifier(_text(main["python"]))
    optional = {name: poetry_requirements(name, value) for name, value in main.items() if name != "python"}
    if main and not found.dependencies:
        required = [name for name in optional if not table(main[name]).get("optional")]
        found.dependencies = [one for name in required for one in optional[name]]
    by_name = {canonicalize_name(name): listed for name, listed in optional.items()}
    for extra, names in table(poetry, "extras").items():
        listed = [one for name in strings(names) for one in by_name.get(canonicalize_name(name), [])]
        found.extras.setdefault(canonicalize_name(extra), listed)
    groups = {name: table(one, "dependencies") for name, one in table(poetry, "group").items()}
    for name, items in {"dev": table(poetry, "dev-dependencies"), **groups}.items():
        listed = [one for key, value in items.items() for one in poetry_requirements(key, value)]
        if listed:
            found.groups.setdefault(canonicalize_name(name), listed)
    _add_entry_points(found, poetry, "scripts", "", "plugins")
    packages = poetry.get("packages")
    for package in packages if isinstance(packages, list) else []:
        found.roots += [root for root in [_text(table(package).get("from"))] if root]


def _flit(found: Declared, flit: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    metadata = table(flit, "metadata")
    module = _text(table(flit, "module").get("name")) or _text(metadata.get("module"))
    found.name = found.name or _text(metadata.get("dist-name")) or module
    found.requires_python = found.requires_python or _text(metadata.get("requires-python"))
    if found.dependencies is None and metadata:
        found.dependencies = strings(metadata.get("requires"))
    for name, listed in table(metadata, "requires-extra").items():
        found.extras.setdefault(canonicalize_name(name), strings(listed))
    _add_entry_points(found, flit, "scripts", "", "entrypoints")
    if not found.version and module:
        found.version = module_literal(files, module, "__version__")


def _hatch(found: Declared, hatch: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    path = _text(table(hatch, "version").get("path"))
    if not found.version and path in files:
        matched = re.search(
            r"^(?:__version__|VERSION)[^=\n]*=\s*[\"']v?([^\"']+)[\"']", text_of(files, path), re.MULTILINE
        )
        found.version = matched[1] if matched else ""
    for name, environment in table(hatch, "envs").items():
        one = table(environment)
        listed = [*strings(one.get("dependencies")), *strings(one.get("extra-dependencies"))]
        if listed:
            found.groups.setdefault(canonicalize_name(name), listed)
    wheel = table(hatch, "build", "targets", "wheel")
    found.roots += [posixpath.dirname(package) for package in strings(wheel.get("packages")) if "/" in package]
    found.roots += strings(wheel.get("sources"))


def _version_file(found: Declared, settings: Mapping[str, Any], keys: Iterable[str]) -> None:
    for key in keys:
        if path := _text(settings.get(key)):
            template = next((settings[one] for one in _TEMPLATES if isinstance(settings.get(one), str)), None)
            found.version_files.setdefault(path, template)


_TEMPLATES = ("version_file_template", "write_to_template", "template")
