"""Files that decide an answer's fate are never taken from the answer."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scripted import environment
from ttc_data.lang.python.trust import FOLDERS, NAMES, SUFFIXES, trusted, trusted_pathspecs

HERE = environment(("checks/run_all.py",))


@pytest.mark.parametrize(
    "path",
    [
        "conftest.py", "pkg/conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "setup.cfg",
        "pyproject.toml", "sub/pyproject.toml", "sitecustomize.py", "src/usercustomize.py", ".coveragerc", "evil.pth",
        "tests/test_core.py", "test_core.py", "pkg/core_test.py", "checks/run_all.py", "ttc_doctests/test_f.py",
        "ttc_doctests/anything.txt",
    ],
)  # fmt: skip
def test_what_decides_is_kept_as_it_is(path: str) -> None:
    assert trusted(path, HERE)


@pytest.mark.parametrize("path", ["pkg/core.py", "setup.py", "README.md", "pkg/contest.py", "checks/other.py", "a/pth"])
def test_the_rest_is_the_answers_own(path: str) -> None:
    assert not trusted(path, HERE)


parts = st.sampled_from(
    [*NAMES, *FOLDERS, *(f"a{suffix}" for suffix in SUFFIXES), "tests", "test", "testing", "test.py", "test_a.py", "a_test.py",
     "test_a.txt", "pkg", "m.py", "attests", "[a]*.py", "a b", "conftest.pyx", ".dist-info", "x.pycc"]
)  # fmt: skip
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)


@settings(deadline=None, max_examples=30)  # three processes each
@given(st.sets(paths, max_size=12))
def test_git_picks_the_same_files(tmp_path_factory: pytest.TempPathFactory, found: set[str]) -> None:
    """What is put back in a row's image is what our own sandboxes put back."""
    files = {one for one in found if not any(PurePosixPath(one) in PurePosixPath(other).parents for other in found)}
    folder = tmp_path_factory.mktemp("git")
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("")
    subprocess.run(["git", "init", "--quiet", "--template=", str(folder)], check=True)
    command = ["git", "ls-files", "--others", "-z", "--", *trusted_pathspecs()]
    listed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert {one for one in listed.split("\0") if one} == {one for one in files if trusted(one, environment(()))}
    subprocess.run(["git", "clean", "-ffdxq", "--", *trusted_pathspecs()], cwd=folder, check=True)
    left = {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}
    assert {one for one in left if not one.startswith(".git/")} == {
        one for one in files if not trusted(one, environment(()))
    }
