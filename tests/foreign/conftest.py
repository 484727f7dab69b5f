"""The command line, as the tests of commands use it, and a set that somebody changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Here, here
from tests.foreign.hostile import HostileSet

__all__ = ["Here", "here"]


@pytest.fixture
def hostile(tmp_path: Path) -> HostileSet:
    return HostileSet(tmp_path)


def contents(folder: Path, *left_out: Path) -> dict[str, bytes | str]:
    """Every file, link and folder below a folder: what a command wrote shows in the difference."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        if any(path == one or one in path.parents for one in left_out):
            continue
        name = str(path.relative_to(folder))
        found[name] = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
    return found
