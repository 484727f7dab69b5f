"""Which of a project's declared requirements its tests can do without, and which an import that failed asks for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# fmt: off
TOOLS = frozenset({
    # documentation
    "sphinx", "furo", "mkdocs", "mkdocstrings", "pdoc", "pdoc3", "pydoctor", "myst-parser", "myst-nb", "numpydoc", "doc8",
    "alabaster", "recommonmark", "towncrier", "nbsphinx", "interrogate",
    # types and style
    "mypy", "pyright", "basedpyright", "pytype", "pyre-check", "ty", "ruff", "flake8", "pylint", "pyflakes", "pycodestyle",
    "pydocstyle", "black", "isort", "autopep8", "autoflake", "yapf", "pyupgrade", "docformatter", "blacken-docs", "bandit",
    "codespell", "vulture", "radon", "xenon", "pre-commit", "check-manifest", "pyroma", "deptry", "safety", "pip-audit",
    "slotscheck", "gitlint", "commitizen", "darglint", "pydoclint", "rstcheck",
    # releases and environments
    "twine", "build", "wheel", "bump2version", "bumpversion", "bump-my-version", "python-semantic-release", "zest-releaser",
    "flit", "hatch", "poetry", "pdm", "tox", "tox-uv", "tox-gh-actions", "nox", "invoke", "pip-tools", "cibuildwheel", "uv",
    "coveralls", "codecov", "ipython", "ipdb", "jupyter", "jupyterlab", "notebook", "asv",
})
"""What nobody imports to test a project, by normalised name."""
_FAMILIES = ("sphinx-", "sphinxcontrib-", "sphinxext-", "mkdocs-", "mkdocstrings-", "flake8-", "types-", "hatch-", "tox-")
TEST_LIBRARIES: dict[str, str] = {
    "anyio": "anyio", "asgiref": "asgiref", "assertpy": "assertpy", "chardet": "chardet", "ddt": "ddt", "factory": "factory-boy",
    "faker": "faker", "flaky": "flaky", "hamcrest": "pyhamcrest", "httpbin": "httpbin", "moto": "moto", "pexpect": "pexpect",
    "pretend": "pretend", "psutil": "psutil", "pyfakefs": "pyfakefs", "pytest_asyncio": "pytest-asyncio",
    "pytest_httpserver": "pytest-httpserver", "pytest_mock": "pytest-mock", "requests_mock": "requests-mock",
    "responses": "responses", "respx": "respx", "testfixtures": "testfixtures", "time_machine": "time-machine", "trio": "trio",
    "trustme": "trustme", "uvicorn": "uvicorn", "vcr": "vcrpy", "werkzeug": "werkzeug",
}
"""What tests import that a project's distribution often names nowhere: import name to project name."""
# fmt: on
_IMPORT = re.compile(rb"^[ \t]*(?:import|from)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_QUOTED = re.compile(rb"[\"']([A-Za-z][\w.-]*)[\"']")
_MISSING = re.compile(r"(?:No module named|Failed to import filter module) '([A-Za-z_]\w*)")


def is_tool(requirement: str) -> bool:
    """Whether a requirement names a tool of developers, or an extension of one."""
    name = canonicalize_name(Requirement(requirement).name)
    return name in TOOLS or name.startswith(_FAMILIES)


def used_names(files: Mapping[str, bytes], tests: Iterable[str]) -> frozenset[str]:
    """Normalised names that test files import, or hold in quotes, as whoever starts `python -m build` does."""
    found: set[str] = set()
    for path in tests:
        for name in (*_IMPORT.findall(files[path]), *_QUOTED.findall(files[path])):
            found.add(canonicalize_name(name.decode("ascii", "replace")))
    return frozenset(found)


def without_tools(requirements: Iterable[str], used: Collection[str]) -> list[str]:
    """Leave out the tools that no test uses."""
    return [one for one in requirements if not is_tool(one) or canonicalize_name(Requirement(one).name) in used]


def missing_modules(errors: Iterable[str]) -> frozenset[str]:
    """Top-level modules that were not there when test files were imported, by what pytest says of it."""
    return frozenset(name for error in errors for name in _MISSING.findall(error))


def requirements_for(modules: Iterable[str], declared: Iterable[str], imports: Mapping[str, str]) -> Iterator[str]:
    """Requirements that bring modules: as the project declares them anywhere, else as the recipe or `TEST_LIBRARIES` knows them."""
    imports = {**TEST_LIBRARIES, **imports}
    by_name: dict[str, str] = {}
    for one in declared:
        by_name.setdefault(canonicalize_name(Requirement(one).name), one)
    for module in sorted(modules):
        names = [imports.get(module, ""), module, f"python-{module}", f"py{module}"]
        known = next((by_name[name] for one in names if (name := canonicalize_name(one)) in by_name), "")
        if known or module in imports:
            yield known or imports[module]
