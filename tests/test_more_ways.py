"""More projects that do something in a way of their own, with the rows that each must give."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.projects import commit, write_files
from tests.sources.test_licenses import MIT
from tests.ways import CLAMP, TEST_CLAMP, Seen, built_of, deciding
from ttc_data.rules import GitSource, LicenseRules, TreeLimits
from ttc_data.sources.git import fetch
from ttc_data.trees.store import TreeStore

BUILDS = [pytest.mark.local, pytest.mark.network]
AROUND = """
import sys

import pytest


@pytest.fixture(autouse=True)
def untraced():
    before = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(before)
"""
SLOW = """
import pytest


def pytest_addoption(parser):
    parser.addoption("--run_slow", action="store_true")


def pytest_runtest_setup(item):
    if not item.config.getoption("--run_slow"):
        pytest.skip("slow")
"""
FAST = '[tool.pytest.ini_options]\naddopts = "-m fast"\nmarkers = ["fast"]\n'
ASKS = """
import os

for name in ("THING_BASE", "THING_MORE", "THING_FACTOR"):
    os.environ[name]
assert os.path.isfile(os.environ["THING_DATA"])
"""
TOX = """
[testenv]
set_env =
    THING_BASE = 1
    THING_DATA = {toxinidir}/thing.py

[testenv:full]
set_env =
    {[testenv]set_env}
    THING_MORE = 1
    py{39,310,311}: THING_FACTOR = 1
"""
SHELL = """
import os
import sys


def test_clamp():
    assert os.system(f"{sys.executable} -c 'import thing; thing.clamp(1, 2, 3)'") == 0
"""
PROJECTS: dict[str, dict[str, str | bytes]] = {
    "around": {"thing.py": CLAMP, "tests/conftest.py": AROUND, "tests/test_a.py": TEST_CLAMP},
    "arguments": {
        "thing.py": CLAMP,
        "tests/test_a.py": TEST_CLAMP,
        "@tests/test_b.py": TEST_CLAMP,
        "tests/test_c[x].py": TEST_CLAMP,
    },
    "slow": {
        "thing.py": CLAMP,
        "conftest.py": SLOW,
        "pytest.ini": "[pytest]\naddopts = --run_slow\n",
        "tests/test_a.py": TEST_CLAMP,
    },
    "named": {"thing.py": CLAMP, "pytest.ini": "[pytest]\n", "pyproject.toml": FAST, "tests/test_a.py": TEST_CLAMP},
    "tox": {"thing.py": CLAMP, "tox.ini": TOX, "tests/conftest.py": ASKS, "tests/test_a.py": TEST_CLAMP},
    "shell": {"thing.py": CLAMP.replace(">>>", "so"), "tests/test_a.py": SHELL},
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return built_of(PROJECTS, tmp_path_factory.mktemp("more-ways"))


pytestmark = BUILDS


@pytest.mark.parametrize("project", ["around", "slow", "named", "tox"])
def test_the_tests_of_the_project_decide(seen: Seen, project: str) -> None:
    assert deciding(seen, project) >= {"tests/test_a.py::test_clamp"}


def test_a_fixture_that_switches_measurement_off_for_each_test_is_named(seen: Seen) -> None:
    assert "tests/test_a.py::test_clamp" in seen.log


def test_paths_that_pytest_takes_for_something_else_take_nothing_from_the_others(seen: Seen) -> None:
    """A file of arguments begins with `@`; behind a bracket pytest reads a parameter, and no path can be named so."""
    assert {"tests/test_a.py::test_clamp", "@tests/test_b.py::test_clamp"} <= deciding(seen, "arguments")


def test_a_shell_may_run_what_is_not_measured(seen: Seen) -> None:
    assert seen.rejects["shell", "clamp"][0] == "only_processes_may_run_it"


def test_a_licence_that_is_a_link_is_read(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "linked", {"thing.py": CLAMP, "LICENSES/MIT.txt": MIT})
    (folder / "LICENSE").symlink_to("LICENSES/MIT.txt")
    commit(folder)
    source = GitSource(url=str(folder), repo="ways/linked")
    found = fetch(source, TreeStore(tmp_path / "trees"), TreeLimits(), LicenseRules(), tmp_path)
    assert found.license == "MIT"
