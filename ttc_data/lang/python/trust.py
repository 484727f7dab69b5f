"""Which files of a tree decide an answer's fate, and are therefore never taken from the answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from ttc_data.lang.python.syntax import is_test_path, test_path_globs
from ttc_data.records import Environment

# Read by pytest, by the interpreter at its start, or by an installer: each can change what a test means.
NAMES = frozenset(
    (
        "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml", "sitecustomize.py",
        "usercustomize.py", ".coveragerc", "pyvenv.cfg",
    )
)  # fmt: skip
# `entry_points.txt` in a folder of metadata names plugins, which pytest loads.
FOLDERS = frozenset(("ttc_doctests", "sitecustomize", "usercustomize", "__pycache__", "EGG-INFO"))
SUFFIXES = (".dist-info", ".egg-info", ".pth", ".egg-link", ".pyc")


def trusted(path: str, environment: Environment) -> bool:
    """Whether a file is kept as it is in the repository, whatever an answer says about it."""
    parts = PurePosixPath(path).parts
    return (
        path in environment.test_files
        or parts[-1] in NAMES
        or not FOLDERS.isdisjoint(parts)
        or any(part.endswith(SUFFIXES) for part in parts)
        or is_test_path(path)
    )


def trusted_pathspecs(test_files: Sequence[str] = ()) -> tuple[str, ...]:
    """The same for git.

    Args:
        test_files: of the environment: some may neither be named as tests are nor lie in test folders.
    """
    folders = (*sorted(FOLDERS), *(f"*{suffix}" for suffix in SUFFIXES))
    globs = (
        *test_path_globs(),
        *(f"**/{name}" for name in sorted(NAMES)),
        *(f"**/{folder}{below}" for folder in folders for below in ("", "/**")),
    )
    others = (f":(literal){path}" for path in test_files if not is_test_path(path))
    return (*(f":(glob){glob}" for glob in dict.fromkeys(globs)), *others)
