"""Files that decide an answer's fate are never taken from the answer."""

from __future__ import annotations

import pytest

from tests.scripted import environment
from ttc_data.trust import trusted

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
