"""Which folders of a repository are projects, and what each of them has of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ttc_data.lang.python.packaging.nested import beside, lifted, of_target, projects
from ttc_data.records import Environment, FileText

NAMED = b'[project]\nname = "%s"\nversion = "1.0"\ndependencies = [%s]\n'
TEST = b"def test_it():\n    assert 1\n"


def project(folder: str, name: str, needs: str = "", test: str = "tests/test_it.py") -> dict[str, bytes]:
    declared = NAMED % (name.encode(), f'"{needs}"'.encode() if needs else b"")
    return {f"{folder}/pyproject.toml": declared, f"{folder}/src/{name}/__init__.py": b"", f"{folder}/{test}": TEST}


MONOREPO = {
    "conftest.py": b"",
    **project("libs/a", "a", "b>=1"),
    **project("libs/b", "b", "C"),
    **project("libs/c", "c", "a"),
    **project("libs/d", "d", "six"),
    **project("libs/a/plugins/e", "e"),
}


def folders(files: dict[str, bytes]) -> list[str]:
    return [project.folder for project in projects(files)]


def test_folders_with_a_name_and_a_test_are_projects_each_with_its_own_files() -> None:
    assert folders(MONOREPO) == ["libs/a", "libs/a/plugins/e", "libs/b", "libs/c", "libs/d"]
    (first, *_) = projects(MONOREPO)
    assert set(first.files) == {"pyproject.toml", "src/a/__init__.py", "tests/test_it.py"}
    assert first.metadata.import_roots == ("src", "")
    assert of_target("libs/a/plugins/e/src/e/__init__.py", folders(MONOREPO)) == "libs/a/plugins/e"
    assert of_target("tool.py", folders(MONOREPO)) not in folders(MONOREPO)


@pytest.mark.parametrize(
    "other",
    [
        {"pyproject.toml": NAMED % (b"root", b"")},
        {"tests/test_root.py": TEST},
        {"tool.py": b""},
        {"setup.py": b"from setuptools import setup\nsetup(name='root')\n"},
    ],
)
def test_what_is_in_no_other_project_is_the_roots(other: dict[str, bytes]) -> None:
    root, *others = projects({**MONOREPO, **other})
    assert (root.folder, len(others)) == ("", 5)
    assert set(root.files) == {"conftest.py", *other}


@pytest.mark.parametrize(
    "inner",
    [
        project("tests/data/inner", "inner"),
        project("examples/inner", "inner"),
        project("vendor/inner", "inner"),
        project(".github/inner", "inner"),
        project("inner", "{{ name }}"),
        project("inner", "inner", test="src/inner/more.py"),
        {**project("pkg/inner", "inner"), "pkg/__init__.py": b""},
        {"inner/pyproject.toml": b"[tool.black]\n", "inner/tests/test_it.py": TEST},
        {},
    ],
    ids=["test data", "example", "vendored", "hidden", "template", "no tests", "in a package", "no name", "nothing"],
)
def test_a_repository_of_one_project_is_one(inner: dict[str, bytes]) -> None:
    files = {"pyproject.toml": NAMED % (b"root", b""), "root.py": b"", "tests/test_root.py": TEST, **inner}
    (only,) = projects(files)
    assert only.folder == ""
    assert only.files == files


def test_projects_that_are_needed_are_taken_from_the_tree_with_those_that_they_need() -> None:
    found = {project.metadata.name: project for project in projects(MONOREPO)}
    needed = {name: [other.metadata.name for other in beside(one, list(found.values()))] for name, one in found.items()}
    assert needed == {"a": ["b", "c"], "b": ["c", "a"], "c": ["a", "b"], "d": [], "e": []}


ENVIRONMENT = Environment(
    source_key="s", repo="o/n", tree="", project="a", version="1", python="3.11", platform="", lock="", roots=("src", ""),
    metadata=(), generated=(), test_files=("tests/test_it.py",), pytest_args=(),
)  # fmt: skip


def test_an_environment_of_a_folder_names_its_files_from_the_root_and_keeps_the_projects_settings() -> None:
    settings = b'[tool.pytest.ini_options]\naddopts = "-n 4"\npythonpath = "lib more"\nmarkers = ["slow: is slow"]\nstrict = true\n'
    files = {**MONOREPO, "libs/a/pyproject.toml": NAMED % (b"a", b'"b"') + settings}
    found = projects(files)
    described = replace(
        ENVIRONMENT,
        generated=(FileText("src/a/_version.py", "1"), FileText("ttc_doctests/conftest.py", "")),
        pytest_args=("--import-mode=importlib", "--deselect=tests/test_it.py::test_it"),
    )
    made = lifted(described, found[0], beside(found[0], found))
    assert made.roots == ("libs/a/src", "libs/b/src", "libs/b", "libs/c/src", "libs/c", "libs/a")
    assert made.test_files == ("libs/a/tests/test_it.py",)
    assert made.pytest_args == ("--import-mode=importlib", "--deselect=libs/a/tests/test_it.py::test_it")
    assert {file.path for file in made.metadata if file.path.endswith("METADATA")} == {
        "b-1.0.dist-info/METADATA", "c-1.0.dist-info/METADATA",
    }  # fmt: skip
    generated = {file.path: file.text for file in made.generated}
    assert set(generated) == {"libs/a/src/a/_version.py", "ttc_doctests/conftest.py", "pytest.ini"}
    assert generated["pytest.ini"].split() == (
        [
            "[pytest]",
            "pythonpath",
            "=",
            "libs/a/lib",
            "libs/a/more",
            "markers",
            "=",
            "slow:",
            "is",
            "slow",
            "strict",
            "=",
            "true",
        ]
    )


def test_the_environment_of_a_repository_of_one_project_is_as_it_was_described() -> None:
    files = {
        "pyproject.toml": NAMED % (b"root", b"") + b"[tool.pytest.ini_options]\nmarkers = ['x']\n",
        "tests/test_it.py": TEST,
    }
    (only,) = projects(files)
    described = replace(ENVIRONMENT, generated=(FileText("a.py", ""),), pytest_args=("--ignore=x",))
    assert lifted(described, only, []) == described
