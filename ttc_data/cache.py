"""Where everything lies that can be made again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ttc_data.trees.store import TreeStore


def cache_folder() -> Path:
    """The user's cache folder, or what `TTCDATA_CACHE` says."""
    named = os.environ.get("TTCDATA_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("ttcdata"))


@dataclass(frozen=True)
class Cache:
    """Folders that builds share: mined trees, installed environments, clones.

    `TTCDATA_CACHE` names another place; everything in it can be made again.
    """

    folder: Path

    @classmethod
    def default(cls) -> Cache:
        """The user's cache folder, or what `TTCDATA_CACHE` says."""
        return cls(cache_folder())

    @property
    def trees(self) -> TreeStore:
        """Mined trees by content."""
        return TreeStore(self.folder / "trees")

    @property
    def environments(self) -> Path:
        """Installed environments by key."""
        return self.folder / "environments"

    @property
    def downloads(self) -> Path:
        """Clones and other things that sources fetch."""
        return self.folder / "downloads"
