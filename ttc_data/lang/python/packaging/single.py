"""Single files: what one may import, and how thousands of them share what is installed."""

from __future__ import annotations

import datetime
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from ttc_data.errors import EnvironmentFailed
from ttc_data.interpreter import Interpreter
from ttc_data.lang.python import syntax
from ttc_data.lang.python.modules import module_name, read_imports
from ttc_data.lang.python.packaging.lock import lock
from ttc_data.records import FILE_ROOTS, Environment, Source
from ttc_data.rules import EnvironmentRules
from ttc_data.sandbox.protocol import Job
from ttc_data.trees.store import TreeStore

MOST_NAMES = 10
_pinning = threading.Lock()


def describe_file(
    source: Source, path: str, data: bytes, interpreter: Interpreter, rules: EnvironmentRules
) -> Environment:
    """Say what a single file runs in.

    There are two kinds, each made once: with nothing but what runs the tests, for a file that imports the standard
    library alone, and with all projects of `environment.imports`. A lock for each set of imports would be an image for
    each, and sandboxes opened on each.

    Args:
        source: the file's record.
        path: in its tree.
        data: its bytes.
        interpreter: of the sandbox, which decides which wheels fit.
        rules: of the recipe.

    Raises:
        EnvironmentFailed: `imports_not_allowed`, `project_is_installed`, `file_does_not_parse`,
            `dependencies_unresolvable`.
        SourceUnavailable: the package index does not answer.
    """
    try:
        imports = read_imports(syntax.parse(data))
    except SyntaxError as error:
        raise EnvironmentFailed("file_does_not_parse", f"{path} line {error.lineno}") from error
    own = module_name(path, FILE_ROOTS)
    # What lies beside the file is not here, and an installed release of it would hold the answer.
    beside = {part.removesuffix(".py") for part in PurePosixPath(path).parts}
    known = {name for name in rules.imports if name not in beside}
    foreign = {name for name in imports.needed if name != own and _top(name) not in known | sys.stdlib_module_names}
    if foreign:
        names = sorted(foreign)
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        raise EnvironmentFailed("imports_not_allowed", f"{', '.join(names[:MOST_NAMES])}{more}")
    wanted = known & {_top(name) for name in (*imports.needed, *imports.others)} - sys.stdlib_module_names
    requirements = sorted(set(rules.imports.values())) if wanted else []
    with _pinning:  # the first file waits for the resolver, the others for the first file
        pinned = _pinned((*requirements, *rules.extra_requirements), interpreter, rules.exclude_newer)
    if taken := sorted(set(_names(source.repo, path)) & _installed(pinned, rules)):
        raise EnvironmentFailed("project_is_installed", f"{taken[0]}: an answer could import it")
    return Environment(
        source_key=source.key,
        repo=source.repo,
        tree=source.tree,
        project="",
        version="",
        python=interpreter.python,
        platform=interpreter.platform,
        lock=pinned,
        roots=FILE_ROOTS,
        metadata=(),
        generated=(),
        test_files=(),
        pytest_args=(),
    )


def lay(environment: Environment, job: Job, trees: TreeStore) -> Job:
    """Have a job of a single file bring the file along, since its tree is not part of what is opened."""
    if not environment.is_of_a_file or not environment.tree:
        return job
    files = {path: data.decode("utf-8", "surrogateescape") for path, data in trees.files(environment.tree)}
    return replace(job, files={**files, **job.files})


@lru_cache(maxsize=16)
def _pinned(requirements: tuple[str, ...], interpreter: Interpreter, exclude_newer: datetime.date | None) -> str:
    python_, platform = interpreter.python, interpreter.platform
    return lock(requirements, project="", python=python_, platform=platform, exclude_newer=exclude_newer)


def _top(name: str) -> str:
    return name.partition(".")[0] or name


def _names(repo: str, path: str) -> Iterator[str]:
    """Names that the file's project, or what it is a copy of, may go by."""
    for name in (repo.rpartition("/")[2], *PurePosixPath(path.removesuffix(".py")).parts):
        yield canonicalize_name(name)


def _installed(pinned: str, rules: EnvironmentRules) -> set[str]:
    """Names of the installed projects, and those that they are imported by."""
    projects = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", pinned, re.MULTILINE)}
    imported = {name for name, project in rules.imports.items() if canonicalize_name(project) in projects}
    return projects | {canonicalize_name(name) for name in imported}
