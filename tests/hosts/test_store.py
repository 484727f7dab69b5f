"""An installed environment is its own: what is written in it reaches neither uv's cache nor what else was installed from it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sandboxes import MIB
from tests.scripted import environment
from ttc_data.errors import EnvironmentFailed
from ttc_data.hosts.host import EnvironmentStore
from ttc_data.lang.python.packaging.lock import lock
from ttc_data.records import Environment, FileText
from ttc_data.trees.store import TreeStore

pytestmark = pytest.mark.network
PACKAGE = "iniconfig"


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Uv's cache, one of our own on the same file system, where links would work."""
    folder = tmp_path / "uv"
    monkeypatch.setenv("UV_CACHE_DIR", str(folder))
    monkeypatch.setenv("UV_LINK_MODE", "hardlink")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> EnvironmentStore:
    return EnvironmentStore(tmp_path / "environments", TreeStore(tmp_path / "trees"), 100 * MIB)


def with_package(*metadata: FileText) -> Environment:
    python, platform = f"{sys.version_info.major}.{sys.version_info.minor}", "x86_64-manylinux_2_28"
    pinned = lock([PACKAGE], project="", python=python, platform=platform, exclude_newer=None)
    return replace(environment(), tree="", python=python, platform=platform, lock=pinned, metadata=metadata)


def test_nothing_that_is_written_in_an_environment_reaches_the_cache(cached: Path, store: EnvironmentStore) -> None:
    place = store.ensure(with_package()) / "site" / PACKAGE / "__init__.py"
    (before,) = {file.read_bytes() for file in cached.rglob(f"{PACKAGE}/__init__.py")}
    assert place.read_bytes() == before
    place.write_text("raise SystemExit('poisoned')")
    assert {file.read_bytes() for file in cached.rglob(f"{PACKAGE}/__init__.py")} == {before}


@pytest.mark.parametrize("path", [f"{PACKAGE}/__init__.py", f"{PACKAGE}/__init__.py/x", PACKAGE])
def test_metadata_replaces_no_file_of_a_package(cached: Path, store: EnvironmentStore, path: str) -> None:
    described = with_package(FileText(path, "raise SystemExit('poisoned')"))
    with pytest.raises(EnvironmentFailed, match=f"metadata {path}: an installed package has it"):
        store.ensure(described)
    assert not store.path(described).exists()
