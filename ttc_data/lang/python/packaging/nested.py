"""Repositories that hold several projects: each has its own configuration, import roots and tests, over the same tree."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ttc_data.lang.python import syntax
from ttc_data.lang.python.modules import NOT_LIBRARY_FOLDERS, VENDORED_FOLDERS
from ttc_data.lang.python.packaging.declared import strings
from ttc_data.lang.python.packaging.metadata import ProjectMetadata, dist_info, read_metadata
from ttc_data.lang.python.packaging.options import pytest_settings
from ttc_data.records import Environment, FileText

_DECLARES = frozenset(("pyproject.toml", "setup.py", "setup.cfg"))
_NO_LIBRARY = frozenset(("setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "dodo.py"))
_OURS = ("ttc_doctests/", "ttc_imports/", "ttc_generated/")
_ABOUT_PATHS = ("--ignore=", "--ignore-glob=", "--deselect=")
# Settings that name folders, from where the file lies that holds them.
_PATHS = ("pythonpath", "testpaths", "confcutdir")


@dataclass(frozen=True)
class Project:
    """One project of a repository."""

    folder: str
    """`""` for that of the repository's root."""
    files: Mapping[str, bytes]
    """By path from its folder, without those of projects within it."""
    metadata: ProjectMetadata


def projects(files: Mapping[str, bytes], tagged: str = "") -> list[Project]:
    """The projects of a tree, that of its root first where there is one.

    A folder is a project where it declares a name, holds a test of its own, and is no package and no example, test data or
    vendored copy.

    Args:
        files: of the tree, by path.
        tagged: version that a tag of the commit names.
    """
    folders = [
        folder for folder in sorted({posixpath.dirname(path) for path in files if _declares(path, files)}) if folder
    ]
    found = [one for folder in folders if (one := _project(folder, files, folders, tagged)) and one.metadata.name]
    found = [one for one in found if any(_is_test(path) for path in one.files)]
    root = _project("", files, [one.folder for one in found], tagged)
    if not found or root.metadata.name or any(_counts(path) for path in root.files):
        found.insert(0, root)
    return found


def _declares(path: str, files: Mapping[str, bytes]) -> bool:
    folder, _, name = path.rpartition("/")
    if name not in _DECLARES or not folder:
        return False
    parts = folder.split("/")
    if any(part.lower() in NOT_LIBRARY_FOLDERS | VENDORED_FOLDERS or part.startswith(".") for part in parts):
        return False
    packages = ("/".join((*parts[:count], "__init__.py")) for count in range(1, len(parts) + 1))
    return not syntax.is_test_path(f"{folder}/x.py") and not any(package in files for package in packages)


def _project(folder: str, files: Mapping[str, bytes], folders: Sequence[str], tagged: str) -> Project:
    inner = tuple(f"{one}/" for one in folders if one != folder and is_within(one, folder))
    start = len(folder) + 1 if folder else 0
    own = {path[start:]: data for path, data in files.items() if is_within(path, folder) and not path.startswith(inner)}
    return Project(folder, own, read_metadata(own, tagged))


def is_within(path: str, folder: str) -> bool:
    """Whether a path lies in a folder, `""` for the tree itself."""
    return not folder or path.startswith(f"{folder}/")


def _is_test(path: str) -> bool:
    return path.endswith(".py") and syntax.is_test_path(path) and posixpath.basename(path) != "conftest.py"


def _counts(path: str) -> bool:
    """Whether a file that belongs to no project needs an environment."""
    top = path.partition("/")[0].lower()
    return path.endswith(".py") and posixpath.basename(path) not in _NO_LIBRARY and top not in NOT_LIBRARY_FOLDERS


def beside(project: Project, found: Sequence[Project]) -> list[Project]:
    """The other projects of the tree that one needs, directly or through others: they are never installed."""
    by_name = {one.metadata.name: one for one in found if one.metadata.name}
    needed: dict[str, Project] = {}
    waiting = [project]
    for one in waiting:  # grows on the way
        for requirement in (*one.metadata.dependencies, *(one.metadata.test_dependencies if one is project else ())):
            name = canonicalize_name(Requirement(requirement).name)
            if name in by_name and by_name[name] is not project and name not in needed:
                needed[name] = by_name[name]
                waiting.append(by_name[name])
    return list(needed.values())


def lifted(environment: Environment, project: Project, needed: Sequence[Project]) -> Environment:
    """An environment that was described from a project's own files, over the whole tree.

    Its last import root is the project's folder, which tells it from the others of the tree.

    Args:
        environment: as `describe` gave it.
        project: that it is of.
        needed: other projects of the tree that can be imported in it.
    """
    folder = project.folder

    def inside(path: str) -> str:
        return posixpath.join(folder, path) if path else folder

    others = [posixpath.join(one.folder, path).rstrip("/") for one in needed for path in one.metadata.import_roots]
    own = [inside(path) for path in environment.roots]
    roots = tuple(dict.fromkeys((*own[:-1], *(path for path in others if path != own[-1]), own[-1])))
    generated = {
        file.path if file.path.startswith(_OURS) else inside(file.path): file.text for file in environment.generated
    }
    for one in needed:
        generated |= {posixpath.join(one.folder, path): text for path, text in one.metadata.version_file.items()}
    if folder and (text := _settings(project)):
        # The project's own file counts only where nothing else is collected, and our tests lie in the tree's root.
        generated["pytest.ini"] = text
    return replace(
        environment,
        roots=roots,
        metadata=(*environment.metadata, *(file for one in needed for file in dist_info(one.metadata))),
        generated=tuple(FileText(path, text) for path, text in sorted(generated.items())),
        test_files=tuple(inside(path) for path in environment.test_files),
        pytest_args=tuple(_argument(one, folder) for one in environment.pytest_args),
    )


def _argument(argument: str, folder: str) -> str:
    option = next((one for one in _ABOUT_PATHS if argument.startswith(one)), "")
    return f"{option}{posixpath.join(folder, argument[len(option) :])}" if option and folder else argument


def _settings(project: Project) -> str:
    """A project's settings of pytest as a `pytest.ini` in the tree's root, `""` where it has none."""
    lines = ["[pytest]"]
    for name, value in pytest_settings(project.files).items():
        if name in ("addopts", "required_plugins"):
            continue  # ours to choose
        values = strings(value) if isinstance(value, (str, list)) else [str(value).lower()]
        if name in _PATHS:
            values = [posixpath.join(project.folder, word) for one in values for word in one.split()]
        lines += [f"{name} =", *(f"    {one}" for one in values)]
    return "\n".join(lines) + "\n" if len(lines) > 1 else ""


def of_target(path: str, folders: Sequence[str]) -> str:
    """The project's folder that a file belongs to: the deepest that holds it."""
    return max((folder for folder in folders if is_within(path, folder)), key=len, default="no project")
