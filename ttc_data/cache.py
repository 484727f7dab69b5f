"""Where everything lies that can be made again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The user's cache folder, or what `TTCDATA_CACHE` says."""
    named = os.environ.get("TTCDATA_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("ttcdata"))
