"""Source -> Environment: what a repository needs, read from its own files, and pinned."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ttc_data.errors import EnvironmentFailed
from ttc_data.interpreter import Interpreter
from ttc_data.lang.python import syntax
from ttc_data.lang.python.encodings import as_utf8
from ttc_data.lang.python.packaging.lock import lock
from ttc_data.lang.python.packaging.metadata import ProjectMetadata, dist_info, python_supported, read_metadata
from ttc_data.lang.python.packaging.nested import Project
from ttc_data.lang.python.packaging.options import (
    conftests_of_ours,
    ignored,
    is_named,
    known_filters,
    known_plugins,
    plugins_in_use,
    pytest_settings,
    without_strictness,
)
from ttc_data.lang.python.packaging.single import describe_file
from ttc_data.lang.python.packaging.tools import requirements_for, used_names, without_tools
from ttc_data.progress import in_silence
from ttc_data.records import FILE_ROOTS, Environment, FileText, Source
from ttc_data.rules import EnvironmentRules

PLUGIN_OPTIONS = {"pytest-benchmark": "--benchmark-disable"}
# Beyond so many installed packages the tools among those that a project names for its tests stay out as well. Rows are named
# after what is installed, so that smaller environments keep what they had.
MOST_PACKAGES = 40
TEST_CASE = re.compile(rb"\bTestCase\b")


def describe(
    source: Source,
    files: Mapping[str, bytes],
    interpreter: Interpreter,
    rules: EnvironmentRules,
    *,
    untested: bool = False,
    missing: Collection[str] = (),
    beside: Sequence[Project] = (),
    say: Callable[[str], None] = in_silence,
) -> Environment:
    """Read a tree's metadata, pin its dependencies, and list its test files.

    The test dependencies come first; where they cannot be resolved to wheels the project's own dependencies alone
    are tried, because many suites run without the whole development set.

    Args:
        source: the mined tree's record.
        files: all its files by path.
        interpreter: of the sandbox, which decides which wheels fit.
        rules: of the recipe.
        untested: a repository may be without test files: its docstrings' examples or written tests decide.
        missing: modules that its test files could not import before; what brings them is required too.
        beside: projects of the same repository that this one needs: what they need is installed, and they are not.
        say: is told what of the project's pytest options is left out.

    Raises:
        EnvironmentFailed: `python_unsupported`, `no_test_files`, `dependencies_unresolvable`; for a single file as
            `describe_file`.
        SourceUnavailable: the package index does not answer.
    """
    if source.unit == "file":
        ((path, data),) = files.items()
        return describe_file(source, path, data, interpreter, rules)
    metadata = _metadata(source, files, interpreter)
    settings = pytest_settings(files)
    tests = _test_files(files, metadata, settings, required=not untested)
    imported = tuple(sorted(set(_imported(files, tests, metadata, rules))))
    pinned = _pinned(files, tests, metadata, imported, interpreter, rules, missing, beside)
    generated = {**conftests_of_ours(settings, files, metadata.import_roots), **metadata.version_file}
    absent = [module for module in missing if not any(requirements_for([module], _declared(metadata), rules.imports))]
    environment = Environment(
        source_key=source.key,
        repo=source.repo,
        tree=source.tree,
        project=metadata.name,
        version=metadata.version,
        python=interpreter.python,
        platform=interpreter.platform,
        lock=pinned,
        roots=metadata.import_roots,
        metadata=dist_info(metadata),
        generated=tuple(FileText(path, text) for path, text in sorted(generated.items())),
        test_files=tests,
        pytest_args=_pytest_args(source, files, tests, metadata, settings, pinned, absent, say),
    )
    _require_own(environment)
    return environment


def _metadata(source: Source, files: Mapping[str, bytes], interpreter: Interpreter) -> ProjectMetadata:
    """What a tree says of itself.

    Raises:
        EnvironmentFailed: `python_unsupported`.
    """
    metadata = read_metadata(files, source.tagged)
    if not python_supported(metadata.requires_python, interpreter.python):
        raise EnvironmentFailed(
            "python_unsupported", f"requires Python {metadata.requires_python}, the sandbox has {interpreter.python}"
        )
    return metadata


def _test_files(
    files: Mapping[str, bytes], metadata: ProjectMetadata, settings: Mapping[str, Any], *, required: bool
) -> tuple[str, ...]:
    """The files of tests that the project's options of pytest do not ignore.

    Raises:
        EnvironmentFailed: `no_test_files`, where some are required.
    """
    tests = tuple(path for path in find_test_files(files, settings) if not ignored(path, metadata.pytest_args))
    if required and not tests:
        raise EnvironmentFailed("no_test_files", f"no test file among {len(files)} files")
    return tests


def _pytest_args(
    source: Source,
    files: Mapping[str, bytes],
    tests: tuple[str, ...],
    metadata: ProjectMetadata,
    settings: Mapping[str, Any],
    pinned: str,
    absent: Sequence[str],
    say: Callable[[str], None],
) -> tuple[str, ...]:
    """The project's options of pytest that hold here too, and those that its tests need beside them.

    Args:
        source: the mined tree's record.
        files: all its files by path.
        tests: paths of its test files.
        metadata: what it says of itself.
        settings: its settings of pytest.
        pinned: the requirements that are installed.
        absent: modules that nothing installed brings.
        say: is told what is left out.
    """
    options = without_strictness(metadata.pytest_args, settings, files, tests)
    options = known_plugins(options, files, metadata.import_roots, pinned)
    dropped = (*metadata.pytest_dropped, *(option for option in metadata.pytest_args if option not in options))
    if dropped:
        say(f"{source.repo}: options of its pytest settings that are left out: {' '.join(dropped)}")
    options += [*plugins_in_use(settings, files, tests), *plugin_options(pinned), *known_filters(settings, absent)]
    return tuple(dict.fromkeys(options))


def _require_own(environment: Environment) -> None:
    """Refuse a tree that has what all single files have: it would be taken for one.

    Raises:
        EnvironmentFailed: `no_test_files`.
    """
    if environment.is_of_a_file:
        folders = " and ".join(FILE_ROOTS[:-1])
        raise EnvironmentFailed("no_test_files", f"no test file and no project name, but modules in {folders}")


def _pinned(
    files: Mapping[str, bytes],
    tests: tuple[str, ...],
    metadata: ProjectMetadata,
    imported: tuple[str, ...],
    interpreter: Interpreter,
    rules: EnvironmentRules,
    missing: Collection[str],
    beside: Sequence[Project],
) -> str:
    """Pin the smallest set of requirements that may make the suite pass."""
    near = {one.metadata.name for one in beside}
    of_near = [one for project in beside for one in project.metadata.dependencies]

    def locked(*requirements: str) -> str:
        return lock(
            [one for one in (*requirements, *of_near, *rules.extra_requirements) if _name(one) not in near],
            project=metadata.name,
            python=interpreter.python,
            platform=interpreter.platform,
            exclude_newer=rules.exclude_newer,
            beside=sorted(near),
        )

    used = used_names(files, (*tests, *(path for path in files if PurePosixPath(path).name == "conftest.py")))
    brought = requirements_for(missing, _declared(metadata), rules.imports)
    asked = tuple(one for one in brought if _name(one) != metadata.name)
    tools = {*metadata.dev_dependencies} - {*without_tools(metadata.dev_dependencies, used)}
    of_tests = (one for one in metadata.test_dependencies if one not in tools)
    attempts = [
        (*metadata.dependencies, *of_tests, *imported, *asked),
        (*metadata.dependencies, *imported, *asked),
    ]
    for requirements in attempts:
        try:
            pinned = locked(*requirements)
        except EnvironmentFailed:
            continue
        kept = without_tools(requirements, {*used, *map(_name, (*metadata.dependencies, *asked))})
        if len(pinned.splitlines()) > MOST_PACKAGES and kept != list(requirements):
            return locked(*kept)
        return pinned
    return locked(*metadata.dependencies)


def _declared(metadata: ProjectMetadata) -> tuple[str, ...]:
    """All that a project names anywhere."""
    return (*metadata.dependencies, *metadata.test_dependencies, *metadata.declared)


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def plugin_options(pinned: str) -> tuple[str, ...]:
    """Options for the pytest plugins among pinned requirements: a test that measures runs once, not for a second."""
    names = installed_names(pinned)
    return tuple(option for name, option in PLUGIN_OPTIONS.items() if name in names)


def installed_names(pinned: str) -> frozenset[str]:
    """Names of pinned requirements."""
    return frozenset(line.partition("==")[0].strip() for line in pinned.splitlines())


def find_test_files(files: Mapping[str, bytes], settings: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Paths of the files that hold pytest or unittest tests, sorted.

    Named as tests are (`test_*.py`, `*_test.py`, `tests.py`), or as the project's settings of pytest say, or lying in a
    test folder and defining a `TestCase`.
    """
    for path in sorted(files):
        name = PurePosixPath(path).name
        if not path.endswith(".py") or name == "conftest.py" or "[" in path:
            continue  # pytest takes what follows a bracket for a parameter
        if settings and is_named(path, files[path], settings):
            yield path
            continue
        if not syntax.is_test_path(path):
            continue
        named = name.startswith("test_") or name.endswith("_test.py") or name in ("tests.py", "test.py")
        if named or TEST_CASE.search(files[path]):
            yield path


def _imported(
    files: Mapping[str, bytes], tests: tuple[str, ...], metadata: ProjectMetadata, rules: EnvironmentRules
) -> Iterator[str]:
    """Requirements for what is imported but named nowhere: by the tests, and by all files of a tree without metadata."""
    own = {PurePosixPath(path).parts[0].removesuffix(".py") for path in files if path.endswith(".py")}
    own |= {part for path in files for part in PurePosixPath(path).parts[:-1]}
    paths = tests if metadata.dependencies or metadata.name else tuple(path for path in files if path.endswith(".py"))
    for path in (*paths, *(path for path in files if PurePosixPath(path).name == "conftest.py")):
        try:
            module = syntax.parse(as_utf8(files[path]))
        except SyntaxError:
            continue
        for node in ast.walk(module):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in (name.partition(".")[0] for name in names):
                if name in rules.imports and name not in own and name not in sys.stdlib_module_names:
                    yield rules.imports[name]
