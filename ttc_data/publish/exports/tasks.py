"""What is exported of a dataset, and where it goes."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Self

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, ExportRefused, PatchRejected
from ttc_data.progress import Progress, Quiet
from ttc_data.publish.images import image_name
from ttc_data.publish.script import eval_script
from ttc_data.reader import require_row_image
from ttc_data.records import FileText
from ttc_data.row import Row
from ttc_data.rules import ReaderRules
from ttc_data.solve.task import hidden_tests

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """A row on its way out."""

    row: Row
    """Its `image` is where it will be found, its `eval_script` the one that belongs to that image."""
    split: str


def tasks(
    dataset: Dataset,
    *,
    split: str = "",
    names: Collection[str] = (),
    limit: int = 0,
    registry: str = "",
    reader: ReaderRules | None = None,
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> Iterator[ExportedRow]:
    """The rows to export, by environment and id.

    Args:
        dataset: opened.
        split: only its rows; all when empty.
        names: only rows with these ids, or parts of ids that no other row has; all when there are none.
        limit: only so many; 0 means all.
        registry: where the row images were pushed to; `""` for the engine of this machine.
        reader: what is granted, where a harness starts the rows' images; None where none does.
        cache: folders that builds share.
        progress: told of each row.

    Raises:
        DatasetError: there is no such split or row, or one asks for more than is granted.
    """
    if reader is not None:
        dataset.granted(reader)
    splits = dataset.splits()
    if split and split not in splits.values():
        known = ", ".join(sorted(set(splits.values())))
        raise DatasetError(f"--split {split}: the set has {known}; name one of them")
    chosen = dataset.ids(names) if names else splits
    wanted = sorted(name for name in chosen if not split or splits[name] == split)
    kept = frozenset(wanted[:limit] if limit else wanted)
    progress = progress or Quiet()
    progress.begin("export", len(kept))
    try:
        for row in dataset.rows():
            if row.instance_id in kept:
                if reader is not None and not registry:
                    require_row_image(row.instance_id, row.image, reader)
                yield ExportedRow(_for_its_image(row, dataset, registry, cache), splits[row.instance_id])
                progress.advance(1, 0, 0)
    finally:
        progress.end()


def _for_its_image(row: Row, dataset: Dataset, registry: str, cache: Cache | None) -> Row:
    tests = (*row.FAIL_TO_PASS, *row.PASS_TO_PASS)
    environment = dataset.environment(row.ttc_environment, cache or Cache.default())
    try:
        own = hidden_tests(row)
    except PatchRejected as error:
        raise DatasetError(f"{dataset.folder}: {error}") from error
    added = [FileText(path, text) for path, text in own.items() if text is not None]
    script = eval_script(environment, tests, added, dataset.recipe.tests)
    return replace(row, image=image_name(row, registry) if registry else row.image, eval_script=script)


@contextmanager
def destination(place: Path) -> Iterator[Path]:
    """A folder to write into, which gets its name when all is written.

    Raises:
        ExportRefused: there is something already.
    """
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ExportRefused(f"{place}: is there already; name a new folder, or remove it")
    place.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        made.chmod(0o755)
        yield made
        if place.is_dir():
            place.rmdir()
        made.rename(place)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write(path: Path, text: str, *, executable: bool = False) -> None:
    """Write a file, byte for byte, in a folder that is made when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    if executable:
        path.chmod(0o755)


class SplitLines:
    """`SPLIT.jsonl` for each split that has rows, one JSON object a line; nothing is held.

    Args:
        folder: where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.counts: dict[str, int] = {}
        self._files: dict[str, IO[bytes]] = {}

    def add(self, split: str, line: Mapping[str, object]) -> None:
        """Write one line."""
        if split not in self._files:
            self._files[split] = self.path(split).open("wb")
        # Escapes U+2028 and the like: some readers split wherever Python sees a line's end.
        self._files[split].write(json.dumps(line).encode("ascii") + b"\n")
        self.counts[split] = self.counts.get(split, 0) + 1

    def path(self, split: str) -> Path:
        """A split's file."""
        return self._folder / f"{split}.jsonl"

    @property
    def splits(self) -> list[str]:
        """Those that have rows."""
        return [split for split in SPLITS if split in self.counts]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for file in self._files.values():
            file.close()


def plain_name(text: str) -> str:
    """A name that fits into a package's: lower case letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "rows"
