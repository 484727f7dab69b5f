"""What a project's pytest settings ask for: options, names of its tests, and what our own tests need beside them."""

from __future__ import annotations

import ast
import contextlib
import fnmatch
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from ttc_data.lang.python import syntax
from ttc_data.lang.python.modules import module_name
from ttc_data.lang.python.packaging.declared import read_ini, read_toml, strings, table, text_of
from ttc_data.pytest_options import WITH_VALUE, concern, is_argument

# Registered by pytest itself, under these names.
BUILTIN = frozenset(
    (
        "mark", "main", "runner", "fixtures", "helpconfig", "python", "debugging", "unittest", "capture", "skipping",
        "legacypath", "tmpdir", "monkeypatch", "recwarn", "nose", "assertion", "doctest", "cacheprovider", "setuponly",
        "setupplan", "stepwise", "unraisableexception", "threadexception", "warnings", "logging", "reports",
        "faulthandler", "pytester", "pytester_assertions", "subtests", "freeze_support",
    )
)  # fmt: skip

MARK = re.compile(rb"\bmark\.([A-Za-z_]\w*)")
ADDED = re.compile(rb"addinivalue_line\(\s*[\"']markers[\"'],\s*[rf]?[\"'](\w+)")
OF_PYTEST = frozenset(
    ("parametrize", "skip", "skipif", "xfail", "usefixtures", "filterwarnings", "no_cover", "tryfirst", "trylast")
)
CACHE = re.compile(rb"\bconfig\.cache\b")
NAMESPACE = re.compile(rb"\bdoctest_namespace\b")
DEFINED = re.compile(rb"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)|^class[ \t]+(\w+)", re.MULTILINE)
TESTS = re.compile(r"(?:\./)?(?:tests?|testing|src|\.)(?:/|$)|.*\.py$")
OWN_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
IN_OWN_FILES = len(OWN_FILES)
OUR_FOLDERS = ("ttc_doctests", "ttc_imports", "ttc_generated")
FINDING = '''"""Has pytest find the tests of this folder, whatever names the project gives to its own."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(name, obj):
    if name.startswith("test_") and callable(obj):
        obj.__test__ = True
'''


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
    if not any(tables[:IN_OWN_FILES]) and any(name in files for name in OWN_FILES):
        return {}  # what is named for pytest counts, also where it sets nothing
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
            # Of a plugin's option nobody knows here whether the next word is its value, or tests to run.
            takes = word in WITH_VALUE or not (concern(word) or _is_flag(word) or (left and TESTS.match(left[0])))
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


def without_strictness(
    options: Sequence[str], settings: Mapping[str, Any], files: Mapping[str, bytes], tests: Sequence[str]
) -> list[str]:
    """Options without `--strict-markers` where tests have marks that the project does not register itself.

    A plugin registers them, which need not be installed here: the mark then means nothing, and would be an error. Where all
    marks are known the option changes no test.

    Args:
        options: of one word each.
        settings: of the project.
        files: of the tree, by path.
        tests: paths of its test files.
    """
    conftests = [path for path in files if PurePosixPath(path).name == "conftest.py"]
    used = {name.decode() for path in (*tests, *conftests) for name in MARK.findall(files[path])}
    lines = settings.get("markers", "")
    told = strings(lines) if isinstance(lines, list) else str(lines).splitlines()
    registered = {re.split(r"[:(\s]", line.strip())[0] for line in told}
    registered |= {
        name.decode() for data in files.values() if b"addinivalue_line" in data for name in ADDED.findall(data)
    }
    unknown = used - registered - OF_PYTEST
    return [option for option in options if not (unknown and option in ("--strict-markers", "--strict"))]


def known_filters(settings: Mapping[str, Any], absent: Collection[str]) -> tuple[str, ...]:
    """An option in place of the project's `filterwarnings`, where one of these is about a warning of a module that is not there.

    Nothing can give such a warning, and pytest would warn of the filter, which ends a session under `error`.

    Args:
        settings: of the project.
        absent: top-level modules that cannot be imported.
    """
    lines = settings.get("filterwarnings", "")
    told = [line.strip() for line in (strings(lines) if isinstance(lines, list) else str(lines).splitlines())]
    kept = [line for line in told if not {part.partition(".")[0].strip() for part in line.split(":")[2:3]} & {*absent}]
    option = "-ofilterwarnings=" + "\n".join(kept)
    return (option,) if kept != told and is_argument(option) else ()


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


def plugins_in_use(settings: Mapping[str, Any], files: Mapping[str, bytes], tests: Sequence[str]) -> Iterator[str]:
    """Plugins of pytest's that sessions need because of what the project sets or uses.

    `cacheprovider`, without which `cache_dir` is an unknown setting, and `config.cache` is not there; `doctest`, whose
    settings then hold for the examples that we run too.

    Args:
        settings: of the project.
        files: of the tree, by path.
        tests: paths of its test files.
    """
    conftests = [path for path in files if PurePosixPath(path).name == "conftest.py"]
    if "cache_dir" in settings or any(CACHE.search(files[path]) for path in (*conftests, *tests)):
        yield "-pcacheprovider"
    if words(settings, "doctest_optionflags") or any(NAMESPACE.search(files[path]) for path in conftests):
        yield "-pdoctest"


def is_named(path: str, data: bytes, settings: Mapping[str, Any]) -> bool:
    """Whether a file is a test file because the project says so: `python_files` names it, and it holds tests.

    Args:
        path: in the tree.
        data: its bytes.
        settings: of the project.
    """
    patterns = words(settings, "python_files")
    if not syntax.is_test_path(path):  # `*.py` names all that there is
        patterns = [one for one in patterns if one.removesuffix(".py").strip("*?/")]
    if not path.endswith(".py") or not any(_matches(path, one) for one in patterns):
        return False
    functions = words(settings, "python_functions") or ["test"]
    classes = words(settings, "python_classes") or ["Test"]
    names = DEFINED.findall(data)
    return any(_is_called(name.decode(), functions) for name, _ in names if name) or any(
        _is_called(name.decode(), classes) for _, name in names if name
    )


def _matches(path: str, pattern: str) -> bool:
    """As pytest compares a path with a pattern of `python_files`."""
    return (
        fnmatch.fnmatch(f"/{path}", f"*/{pattern}")
        if "/" in pattern
        else fnmatch.fnmatch(path.rpartition("/")[2], pattern)
    )


def _is_called(name: str, patterns: Sequence[str]) -> bool:
    return any(name.startswith(one) or ("*" in one and fnmatch.fnmatchcase(name, one)) for one in patterns)


def conftests_of_ours(settings: Mapping[str, Any], files: Mapping[str, bytes], roots: Sequence[str]) -> dict[str, str]:
    """Files without which pytest would not run our tests as it runs the project's, by path.

    Where the project names its tests in another way, ours are found all the same; and fixtures beside its modules that
    give its examples names give them to ours.

    Args:
        settings: of the project.
        files: of the tree, by path.
        roots: folders of it on `sys.path`.
    """
    functions = words(settings, "python_functions")
    texts = dict.fromkeys(OUR_FOLDERS, FINDING if functions and not _is_called("test_", functions) else "")
    given = sorted(_namespaces(files, roots))
    texts["ttc_doctests"] += "".join(f"from {module} import {name}\n" for module, name in given)
    return {f"{folder}/conftest.py": text for folder, text in texts.items() if text}


def _namespaces(files: Mapping[str, bytes], roots: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Module and name of the fixtures, of packages with examples, that add to `doctest_namespace`."""
    for path in files:
        folder, _, name = path.rpartition("/")
        if name != "conftest.py" or f"{folder}/__init__.py" not in files or not NAMESPACE.search(files[path]):
            continue
        module = module_name(path, roots)
        if not module or not folder or folder.rpartition("/")[2] in ("test", "tests"):
            continue
        with contextlib.suppress(SyntaxError):
            for node in syntax.parse(files[path]).body:
                if isinstance(node, ast.FunctionDef) and "doctest_namespace" in {arg.arg for arg in node.args.args}:
                    yield module, node.name
