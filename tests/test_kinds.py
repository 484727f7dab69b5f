"""Repositories that do things differently, each small, with the rows that they must give."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from git import Repo

import ttc_data
from tests.projects import commit, write_files
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.lang.python.packaging.describe import installed_names
from ttc_data.recipe import Recipe
from ttc_data.row import Row
from ttc_data.rules import GitSource, LicenseRules, TestRules

pytestmark = [pytest.mark.local, pytest.mark.network]

RULES = TestRules(runs=2, mutants=6, doctests=False, generate=False, test_timeout_s=5)
ANY = LicenseRules(allow=(), allow_unknown=True)


def built(folder: Path, cache: Cache) -> tuple[dict[str, Row], dict[str, str]]:
    """The rows of a repository by `path::target`, and the reason of each reject by its subject."""
    recipe = Recipe(name="kind", sources=(GitSource(url=str(folder), repo="o/kind"),), tests=RULES, license=ANY)
    out = ttc_data.build(recipe, folder.parent / "out", sandbox="local", cache=cache, workers=2).folder
    files = [str(path) for path in (out / "records").glob("*.rejects.parquet")]
    found = duckdb.connect().execute("SELECT subject, reason FROM read_parquet(?)", [files]).fetchall() if files else []
    return {f"{row.path}::{row.ttc_target}": row for row in Dataset(out).rows()}, dict(found)


GREET = '''# -*- coding: latin-1 -*-
from pathlib import Path

ACCENTS = "\xe9\xe8"


def greet(name, loud):
    """Greet somebody in French, as loud as it is wanted.

    The word \xe9t\xe9 is in the file for its accents.
    """
    word = "\xe9t\xe9 " + name
    if loud:
        word = word.upper()
    return word


def lines(path):
    """Give the lines of a file, each without blanks at its ends."""
    found = []
    for line in Path(path).read_text().splitlines():
        found.append(line.strip())
    return found
'''
TEST_GREET = """from importlib.metadata import version
from pathlib import Path

from greet import greet, lines

HERE = Path(__file__).parent


def test_greet():
    assert greet("Ann", False) == "\xe9t\xe9 Ann"
    assert greet("Ann", True) == "\xc9T\xc9 ANN"
    assert version("greet") == "1.4"


def test_lines():
    assert lines(HERE / "r.txt") == lines(HERE / "all" / "r.txt") == ["one", "two"]
"""


def test_a_file_in_latin_1_a_link_to_data_and_a_version_by_tag_give_their_rows(tmp_path: Path, cache: Cache) -> None:
    folder = write_files(
        tmp_path / "greet",
        {
            "greet.py": GREET.encode("latin-1"),
            "tests/test_greet.py": TEST_GREET,
            "data/r.txt": " one\ntwo \n",
            "pyproject.toml": '[build-system]\nrequires = ["setuptools_scm"]\n[project]\nname = "greet"\ndynamic = ["version"]\n',
        },
    )
    (folder / "tests/r.txt").symlink_to("../data/r.txt")
    (folder / "tests/all").symlink_to("../data")
    (folder / "tests/secret").symlink_to("/etc/passwd")
    commit(folder)
    Repo(folder).create_tag("v1.4")
    rows, rejects = built(folder, cache)
    assert set(rows) == {"greet.py::greet", "greet.py::lines"}
    assert "\xe9t\xe9" in rows["greet.py::greet"].problem_statement
    assert rejects[f"git:{folder}@HEAD: tests/secret"] == "link_escapes"


DEVELOPED = """[project]
name = "counted"
version = "1.0"
[project.optional-dependencies]
dev = ["pytest", "sphinx", "mypy", "tox", "six"]
fast = ["toolz", "cachetools"]
"""
COUNTED = '''import toolz


def counted(words):
    """Count how often each of the words is there, whatever its case."""
    found = {}
    for word in words:
        found[word.lower()] = found.get(word.lower(), 0) + 1
    return toolz.keymap(str, found)
'''
TEST_COUNTED = """from counted import counted


def test_counted():
    assert counted(["a", "B", "b"]) == {"a": 1, "b": 2}
    assert counted([]) == {}
"""


def test_tools_stay_out_of_an_environment_and_what_a_test_file_cannot_import_comes_in(
    tmp_path: Path, cache: Cache
) -> None:
    files = {
        "pyproject.toml": DEVELOPED,
        "counted.py": COUNTED,
        "tests/conftest.py": "import cachetools\n",
        "tests/test_counted.py": TEST_COUNTED,
    }
    folder = write_files(tmp_path / "counted", dict(files))
    commit(folder)
    rows, _ = built(folder, cache)
    assert set(rows) == {"counted.py::counted"}
    environment = Dataset(tmp_path / "out").environment(rows["counted.py::counted"].ttc_environment, cache)
    names = installed_names(environment.lock)
    assert {"pytest", "coverage", "six", "toolz", "cachetools"} <= names
    assert not {"sphinx", "mypy", "tox", "virtualenv", "docutils"} & names


SUMMED = '''def summed(numbers):
    """Add up the numbers that are positive, and leave the others out."""
    total = 0
    for number in numbers:
        if number > 0:
            total += number
    return total
'''
ALPHA = '''import six


def doubled(text, times):
    """Write the text as often as it is asked for, at least twice."""
    count = max(times, 2)
    return text * count
'''
BETA = '''import warnings

from alpha import doubled


def quoted(text, mark):
    """Put a mark before and after the text, each of them doubled."""
    warnings.warn("in other projects this is an error", stacklevel=1)
    sides = doubled(mark, 2)
    return sides + text + sides
'''
MONOREPO: dict[str, str | bytes] = {
    "pyproject.toml": '[project]\nname = "whole"\nversion = "3.0"\n[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n',
    "summed.py": SUMMED,
    "tests/test_summed.py": "from summed import summed\n\n\ndef test_summed():\n    assert summed([1, -2, 3]) == 4\n    assert summed([]) == 0\n",
    "packages/alpha/pyproject.toml": '[project]\nname = "alpha"\nversion = "1.0"\ndependencies = ["six<1.17"]\n',
    "packages/alpha/src/alpha.py": ALPHA,
    "packages/alpha/tests/test_alpha.py": "from alpha import doubled\nimport six\n\n\ndef test_doubled():\n    assert six.__version__ < '1.17'\n"
    "    assert (doubled('a', 1), doubled('a', 3)) == ('aa', 'aaa')\n",
    "packages/beta/setup.cfg": "[metadata]\nname = beta\nversion = 2.0\n[options]\ninstall_requires = alpha\n[tool:pytest]\nmarkers = slow: is slow\n",
    "packages/beta/beta/__init__.py": BETA,
    "packages/beta/tests/test_beta.py": "from importlib.metadata import version\nfrom beta import quoted\n\n\ndef test_quoted():\n"
    "    assert quoted('a', '*') == '**a**'\n    assert (version('alpha'), version('beta')) == ('1.0', '2.0')\n",
    # No project of its own: data of a test.
    "tests/data/inner/setup.py": "from setuptools import setup\nsetup(name='inner')\n",
    "tests/data/inner/test_inner.py": "def test_inner():\n    assert 0\n",
}


def test_each_project_of_a_repository_has_its_own_environment_settings_and_rows(tmp_path: Path, cache: Cache) -> None:
    folder = write_files(tmp_path / "monorepo", MONOREPO)
    commit(folder)
    rows, rejects = built(folder, cache)
    assert set(rows) == {
        "summed.py::summed", "packages/alpha/src/alpha.py::doubled", "packages/beta/beta/__init__.py::quoted"
    }, rejects  # fmt: skip
    dataset = Dataset(tmp_path / "out")
    environments = {row.path: dataset.environment(row.ttc_environment, cache) for row in rows.values()}
    assert {path: (found.project, found.roots) for path, found in environments.items()} == {
        "summed.py": ("whole", ("",)),
        "packages/alpha/src/alpha.py": ("alpha", ("packages/alpha/src", "packages/alpha")),
        "packages/beta/beta/__init__.py": ("beta", ("packages/alpha/src", "packages/alpha", "packages/beta")),
    }
    assert (
        "packages/beta/tests/test_beta.py::test_quoted" in rows["packages/beta/beta/__init__.py::quoted"].FAIL_TO_PASS
    )
    assert "alpha" not in installed_names(environments["packages/beta/beta/__init__.py"].lock)
