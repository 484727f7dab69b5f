"""Tools of developers are not what tests need, unless a test uses them."""

from __future__ import annotations

from ttc_data.lang.python.packaging.tools import missing_modules, requirements_for, used_names, without_tools

DEV = [
    "pytest>=8",
    "pytest-cov",
    "sphinx>=7",
    "sphinx-autodoc-typehints",
    "mypy",
    "Ruff",
    "types-six",
    "freezegun",
    "build",
]


def test_tools_stay_out_and_plugins_and_libraries_stay() -> None:
    assert without_tools(DEV, ()) == ["pytest>=8", "pytest-cov", "freezegun"]


def test_a_tool_that_a_test_imports_or_starts_stays() -> None:
    tests = {
        "tests/test_a.py": b"def test_a():\n    from mypy import api\n",
        "tests/test_b.py": b"import sys, subprocess\ndef test_b():\n    subprocess.run([sys.executable, '-m', \"build\"])\n",
        "pkg/c.py": b"import ruff\n",
    }
    used = used_names(tests, ["tests/test_a.py", "tests/test_b.py"])
    assert without_tools(DEV, used) == ["pytest>=8", "pytest-cov", "mypy", "freezegun", "build"]


def test_what_a_failed_import_asks_for_is_taken_from_the_project_then_from_the_recipe() -> None:
    said = [
        "tests/test_a.py:1: in <module>\nE   ModuleNotFoundError: No module named 'yaml'",
        "E   ModuleNotFoundError: No module named 'toolz.curried'; 'toolz' is not a package",
        "E   ImportError: cannot import name 'x' from 'y'",
        "E   ModuleNotFoundError: No module named 'nobody_knows'",
        "E   ModuleNotFoundError: No module named 'six'",
        "pytest.PytestConfigWarning: Failed to import filter module 'trio': ignore: old:trio.TrioDeprecationWarning",
    ]
    modules = missing_modules(said)
    assert modules == {"yaml", "toolz", "nobody_knows", "six", "trio"}
    imports = {"yaml": "pyyaml", "six": "six"}
    declared = ["PyYAML<7", "toolz>=1; python_version > '3'", "other"]
    assert list(requirements_for(modules, declared, imports)) == [
        "six",
        "toolz>=1; python_version > '3'",
        "trio",
        "PyYAML<7",
    ]
    assert list(requirements_for({"levenshtein"}, ["python-Levenshtein"], {})) == ["python-Levenshtein"]
