"""Sets that somebody made to harm whoever reads them: a small real set, one part of its description changed."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.publish.small import SmallBuild
from ttc_data.dataset import Dataset
from ttc_data.publish.rows import write_splits
from ttc_data.records import Environment
from ttc_data.row import Row

SPLIT = "train"


@cache
def made() -> tuple[Path, Environment]:
    """A small set, as its build wrote it, with its only environment."""
    folder = Path(tempfile.mkdtemp(prefix="ttcdata-hostile-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build = SmallBuild(folder, ("owner/alpha",))
    build.write()
    return build.out / "dataset", build.environments[0]


class HostileSet:
    """A set in a folder of its own, without the build around it, as it comes from the Hub.

    Args:
        folder: an empty place.
    """

    def __init__(self, folder: Path) -> None:
        made_set, self.environment = made()
        self.folder = folder / "set"
        shutil.copytree(made_set, self.folder)
        self._rows = list(Dataset(self.folder).rows())

    def change_environment(self, **changes: Any) -> Environment:
        """Describe another environment, under its right key, and let every row name it."""
        (self.folder / "environments" / f"{self.environment.key}.json").unlink()
        self.environment = replace(self.environment, **changes)
        described = {"environment": asdict(self.environment), "source": None}
        path = self.folder / "environments" / f"{self.environment.key}.json"
        path.write_text(json.dumps(described), encoding="utf-8")
        self.change_rows(lambda row: replace(row, ttc_environment=self.environment.key))
        return self.environment

    def change_rows(self, change: Callable[[Row], Row]) -> None:
        """Write every row anew."""
        self._rows = [change(row) for row in self._rows]
        write_splits(lambda: iter(self._rows), {row.repo: SPLIT for row in self._rows}, self.folder / "data")

    def change_row(self, **changes: Any) -> None:
        """Keep the first row alone, with other values."""
        self._rows = [replace(self._rows[0], **changes)]
        self.change_rows(lambda row: row)

    def change_recipe(self, **sections: Any) -> None:
        """Give sections of the recipe other values."""
        path = self.folder / "recipe.yaml"
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, value in sections.items():
            recipe[name] = {**recipe[name], **value} if isinstance(value, dict) else value
        path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """Put a file of the set in place of the one that is there."""
        (self.folder / name).write_text(text, encoding="utf-8", errors="surrogatepass")
