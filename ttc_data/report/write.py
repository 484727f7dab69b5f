"""Writes the page: what it says first as HTML, then every row as compressed blocks, a few rows held at a time."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb

from ttc_data.dataset import Dataset, build_of
from ttc_data.errors import DatasetError, ReportError, StorageFull
from ttc_data.funnel import open_records
from ttc_data.progress import Progress, Quiet
from ttc_data.records import JsonObject
from ttc_data.report import MOST_ROWS, NAME
from ttc_data.report.blocks import Blocks, block
from ttc_data.report.bodies import LISTED, body, listed, searched
from ttc_data.report.overview import overview
from ttc_data.report.page import END, head, script
from ttc_data.whole import written_whole

ROWS_A_BLOCK = 32  # inflating one takes 10 ms
TEXTS_A_BLOCK = 500


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A page that was written."""

    path: Path
    rows: int
    """In the page."""
    total: int
    """In the dataset."""
    size: int
    """Bytes."""


def write_report(
    name: str | Path, to: Path | None = None, *, most: int = MOST_ROWS, progress: Progress | None = None
) -> WrittenReport:
    """Write the page that a person opens to look at a build.

    Args:
        name: a build's folder, finished or running; a dataset's folder; or a Hub id.
        to: the file; `report.html` in the folder when it is None, or here for a Hub id.
        most: rows to browse at most, drawn by their ids where there are more; the plots are of all rows.
        progress: told of each row that is written.

    Raises:
        DatasetError: there is neither a build nor a dataset, or one that cannot be read.
        ReportError: the file cannot be written.
        StorageFull: there is no space for it.
    """
    records = build_of(name)
    folder = records or Path(name)  # nothing is written into what is published, where there is a build around it
    dataset = None if records and not (folder / "dataset" / "data").is_dir() else _dataset(folder, name)
    path = to or (folder / NAME if folder.is_dir() else Path(NAME))
    try:
        if path.is_dir() or not path.parent.is_dir():
            raise ReportError(f"--to {path}: {'a folder' if path.is_dir() else 'no such folder'}; name a file to write")
        with written_whole(path) as page:
            counts = _write(page, str(name), records, dataset, most, progress or Quiet())
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull.at(path) from error
        raise ReportError(f"{path}: {error.strerror}; name a file that can be written with --to") from error
    return WrittenReport(path, *counts, path.stat().st_size)


def _dataset(folder: Path, name: str | Path) -> Dataset:
    if folder.is_dir() and not any((place / "data").is_dir() for place in (folder, folder / "dataset")):
        raise DatasetError(f"{name}: neither records/ nor data/ in it; name a folder that `ttcdata build` wrote")
    return Dataset(folder if folder.is_dir() else name)


def _write(
    page: IO[str], name: str, records: Path | None, dataset: Dataset | None, most: int, progress: Progress
) -> tuple[int, int]:
    """Write all; gives the rows in the page and in the dataset."""
    said = overview(name, records, dataset)
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n") as rest:
        columns = _rows(rest, records, dataset, most if said.rows > most else 0, min(said.rows, most), progress)
        count = len(columns["id"])
        page.write(head(said, count))
        page.write(block("columns", {**columns, "rows_a_block": ROWS_A_BLOCK, "texts_a_block": TEXTS_A_BLOCK}))
        page.write(script())
        rest.seek(0)
        shutil.copyfileobj(rest, page)
    page.write(END)
    return count, said.rows


def _rows(
    file: IO[str], records: Path | None, dataset: Dataset | None, most: int, total: int, progress: Progress
) -> dict[str, list[Any]]:
    """Write the rows' blocks and give the columns of the list, which stand before them in the page."""
    columns: dict[str, list[Any]] = {column: [] for column in LISTED}
    if dataset is None:
        return columns
    texts, bodies = Blocks(file, "texts", TEXTS_A_BLOCK), Blocks(file, "rows", ROWS_A_BLOCK)
    runs = _runs(records)
    progress.begin("report", total)
    try:
        for row, split in dataset.rows_with_splits(most):
            for column, value in zip(LISTED, listed(row, split), strict=True):
                columns[column].append(value)
            texts.add(searched(row))
            bodies.add(body(row, split, runs.get(row.instance_id.rpartition("-")[2])))
            progress.advance(1, 0, 0)
        texts.flush()
        bodies.flush()
    finally:
        progress.end()
    return columns


def _runs(records: Path | None) -> dict[str, JsonObject]:
    """What a build's records hold of each sample: runs of the reference, and trivial bodies that fail; by ids' last part.

    Builds vary all references in a few ways and try a few bodies, so what is held is one key a sample.
    """
    if records is None:
        return {}
    connection = open_records(records)
    try:
        proved = connection.execute("SELECT left(sample_key, 10), to_json(gold), to_json(stubs) FROM prove")
    except duckdb.CatalogException:  # nothing was proven yet
        return {}
    found: dict[str, JsonObject] = {}
    same: dict[tuple[str, str], JsonObject] = {}
    while fetched := proved.fetchmany(1000):
        for sample, gold, stubs in fetched:
            if (gold, stubs) not in same:
                same[gold, stubs] = {"gold": json.loads(gold), "stubs": json.loads(stubs)}
            found[sample] = same[gold, stubs]
    connection.close()
    return found
