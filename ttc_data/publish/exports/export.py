"""One dataset to one folder, in the form that is named."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal, TypeAlias

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.progress import Progress, Quiet
from ttc_data.publish.exports import harbor, sft, swebench, verifiers
from ttc_data.publish.exports.tasks import destination, tasks
from ttc_data.rules import ReaderRules

ExportFormat: TypeAlias = Literal["swebench", "harbor", "verifiers", "sft"]


STARTING = ("swebench", "harbor")
"""Forms whose harness starts the images that rows name."""


def export(
    form: ExportFormat,
    dataset: str | Path,
    place: Path,
    *,
    split: str = "",
    rows: Collection[str] = (),
    limit: int = 0,
    registry: str = "",
    reader: ReaderRules | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> int:
    """Write a dataset as another harness reads it; the same set gives the same bytes.

    Args:
        form: which harness.
        dataset: a folder or a Hub id.
        place: a folder that is not there, or empty; it is written whole or not at all.
        split: only its rows.
        rows: only those with these ids, or parts of ids that no other row has.
        limit: only so many, by id; 0 means all.
        registry: where the row images were pushed to; `""` where they lie in this machine's engine.
        reader: limits that the set may ask for, and images that its rows may name; the defaults when not given.
        progress: told of each row, and of what is left out.
        cache: folders that builds share.

    Returns:
        Rows written.

    Raises:
        DatasetError: the set cannot be read, or has no such split or row.
        ExportRefused: `place` is not empty.
    """
    opened, progress = Dataset(dataset), progress or Quiet()
    starts = reader or ReaderRules() if form in STARTING else None
    found = tasks(
        opened, split=split, names=rows, limit=limit, registry=registry, reader=starts, cache=cache, progress=progress
    )
    with destination(place) as folder:
        match form:
            case "swebench":
                return swebench.write_tasks(opened, found, folder, progress.say)
            case "harbor":
                return harbor.write_tasks(opened, found, folder)
            case "verifiers":
                return verifiers.write_tasks(str(dataset), opened, found, folder)
            case "sft":
                return sft.write_tasks(found, folder, progress.say)
