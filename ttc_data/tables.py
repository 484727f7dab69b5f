"""The parquet files of a dataset: which there are, their columns, and the version of the schema that they are of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_type_hints

import duckdb

from ttc_data.errors import DatasetError
from ttc_data.fields import quoted as shown
from ttc_data.reading import AGAIN, place_in
from ttc_data.records import SCHEMA_VERSION
from ttc_data.row import SINCE, Row
from ttc_data.store import columns, quoted

SPLIT_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,99}(?:-[A-Za-z0-9_.-]{1,100})?\.parquet")


def damaged(folder: Path, error: duckdb.Error) -> DatasetError:
    """What to say of a file that DuckDB cannot read."""
    return DatasetError(f"{folder}: data: {' '.join(str(error).split())[:200]}; {AGAIN}")


def parquet_files(folder: Path) -> str:
    """The files of a dataset's folder as a SQL list.

    Raises:
        DatasetError: there is none, or one that is not named as a split is.
    """
    files = sorted((folder / "data").glob("*.parquet"))
    if not files:
        raise DatasetError(f"{folder}: no data/*.parquet in it; name a folder that `ttcdata build` wrote, or a Hub id")
    for file in files:
        if not SPLIT_FILE.fullmatch(file.name):  # the split becomes a file's name, and DuckDB reads a * as a pattern
            raise DatasetError(
                f"{folder}: data/{file.name}: must be named like train-00000-of-00001.parquet, of A-Z a-z 0-9 _ . -"
            )
        place_in(folder, f"data/{file.name}")
    return "[" + ", ".join(quoted(file) for file in files) + "]"


def column_types(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, str]:
    """Names of a dataset's columns and their types in DuckDB's words, as its files have them.

    Raises:
        DatasetError: a file is not parquet.
    """
    query = f"DESCRIBE SELECT * FROM read_parquet({parquet_files(folder)}, union_by_name = true)"
    try:
        return {str(row[0]): str(row[1]) for row in connection.execute(query).fetchall()}
    except duckdb.Error as error:
        raise damaged(folder, error) from error


def same_type(found: str, wanted: str) -> bool:
    """Whether a column's type holds what another does: other writers choose other widths, and quotes round names come and go."""
    widest = re.sub(r"\bU?(?:TINY|SMALL)INT\b|\bU?INTEGER\b", "BIGINT", found)
    return re.sub(r"\bFLOAT\b", "DOUBLE", widest).replace('"', "") == wanted.replace('"', "")


def check_types(types: Mapping[str, str], folder: Path) -> None:
    """Hold the columns that a dataset has against those of a row.

    Args:
        types: of its columns, as `column_types` gives them.
        folder: of the dataset.

    Raises:
        DatasetError: naming the first column of another type.
    """
    found = {name.strip('"'): type_ for name, type_ in types.items()}
    for name, wanted in columns(Row).items():
        type_ = found.get(name.strip('"'), wanted)
        # A writer that saw nothing but empty values may have chosen a narrower kind of number.
        if not same_type(type_, wanted) and not (wanted == "DOUBLE" and same_type(type_, "BIGINT")):
            raise DatasetError(f"{folder}: column {name}: must be of type {wanted}, is of {shown(type_)}; {AGAIN}")


def schema_version(connection: duckdb.DuckDBPyConnection, folder: Path) -> str:
    """The oldest schema version of a dataset's rows; this version's where there is no row.

    Raises:
        DatasetError: a version that is none, or a major one that this ttcdata does not know.
    """
    query = f"SELECT DISTINCT ttc_schema_version FROM read_parquet({parquet_files(folder)}, union_by_name = true)"
    try:
        versions = [str(one) for (one,) in connection.execute(query).fetchall()]
    except duckdb.Error as error:
        raise damaged(folder, error) from error
    known = int(SCHEMA_VERSION.partition(".")[0])
    for version in versions:
        if not re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}", version):
            raise DatasetError(f"{folder}: ttc_schema_version {shown(version)}: must be like {SCHEMA_VERSION}")
        if int(version.partition(".")[0]) != known:
            raise DatasetError(
                f"{folder}: rows of schema {version}, this ttcdata reads {known}.x; use a version that knows it"
                " (CHANGELOG.md says what changed)"
            )
    return min(versions, key=lambda one: versions_apart(one, SCHEMA_VERSION), default=SCHEMA_VERSION)


def came_after(column: str, version: str) -> bool:
    """Whether a schema version did not have a column yet."""
    return column in SINCE and versions_apart(SINCE[column], version) > 0


def versions_apart(one: str, other: str) -> int:
    """By how many minor versions one is newer than another of the same major version; negative where it is older."""
    return int(one.partition(".")[2]) - int(other.partition(".")[2])


def nothing(column: str) -> object:
    """The empty value of a row's column: what one is read as that its set does not have yet."""
    type_ = columns(Row)[f'"{column}"']
    if type(None) in get_args(get_type_hints(Row)[column]):
        return None
    return [] if type_.endswith("[]") else {"VARCHAR": "", "BIGINT": 0, "DOUBLE": 0.0, "BOOLEAN": False}[type_]


def sql_nothing(column: str) -> str:
    """The same in SQL.

    Args:
        column: its name, quoted.
    """
    empty = nothing(column.strip('"'))
    return f"{'NULL' if empty is None else quoted('') if empty == '' else empty}::{columns(Row)[column]}"
