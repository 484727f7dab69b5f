"""Whether a dataset's rows are what its schema says: columns, their types, and every value of every row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from pydantic import ValidationError

from ttc_data.agreement import row_fault
from ttc_data.dataset import ROW
from ttc_data.errors import DatasetError
from ttc_data.records import SCHEMA_VERSION
from ttc_data.row import Row
from ttc_data.store import columns, connect
from ttc_data.tables import came_after, column_types, nothing, parquet_files, same_type, schema_version, versions_apart

ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as the schema says."""

    row: str
    """Its id, or `FILE row N` where it has none; `""` where the column itself is wrong."""
    column: str
    """With the place inside it: `ttc_files.0.path`."""
    what: str

    def __str__(self) -> str:
        return f"{self.row or 'every row'}: {self.column}: {self.what}"


@dataclass(frozen=True, slots=True)
class Checked:
    """One row of a dataset, with what is wrong about it."""

    split: str
    row: Row | None
    """None where it has faults, or the set lacks columns."""
    faults: tuple[Fault, ...]
    text: bytes
    """All that it holds, as JSON."""


class Conformity:
    """A dataset's folder held against the schema of the version that its rows name.

    Args:
        folder: a dataset's folder, which holds `data/`.

    Attributes:
        version: The rows' schema version; the oldest where they differ.
        faults: What is wrong with the columns as such.
        later: Columns that came after `version`: nothing is wrong about their absence.

    Raises:
        DatasetError: the files cannot be read, or are of a major version that is not known.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        wanted = {name.strip('"'): type_ for name, type_ in columns(Row).items()}
        connection = connect()
        try:
            found = column_types(connection, folder)
            self.version = schema_version(connection, folder) if "ttc_schema_version" in found else SCHEMA_VERSION
        finally:
            connection.close()
        self.later = tuple(name for name in wanted if name not in found and came_after(name, self.version))
        missing = [name for name in wanted if name not in found and name not in self.later]
        more = [name for name in found if name not in wanted]
        newer = versions_apart(self.version, SCHEMA_VERSION) > 0
        other = [name for name in wanted if name in found and not same_type(found[name], wanted[name])]
        self.faults = (
            *(Fault("", name, "the column is missing") for name in missing),
            *(Fault("", name, f"no column of schema {SCHEMA_VERSION}") for name in more if not newer),
            *(
                [
                    Fault(
                        "",
                        "ttc_schema_version",
                        f"{self.version} is newer than {SCHEMA_VERSION}, all that is known here",
                    )
                ]
                if newer
                else []
            ),
            *(Fault("", name, f"the column's type is {found[name]}, must be {wanted[name]}") for name in other),
        )
        self._known = [name for name in wanted if name in found]
        self._empty = {name: nothing(name) for name in self.later}
        # What is wrong with a whole column is said once.
        self._silent = {*missing, *other, *self.later}

    def rows(self) -> Iterator[Checked]:
        """Every row of every split, in the files' order, a few at a time in memory.

        Raises:
            DatasetError: a file cannot be read to its end.
        """
        for path in sorted((self.folder / "data").glob("*.parquet")):
            yield from self._rows_of(path)

    def _rows_of(self, path: Path) -> Iterator[Checked]:
        split = path.name.partition("-")[0].removesuffix(".parquet")
        connection = connect()
        try:
            files = parquet_files(self.folder)  # all, for a file may lack a column that another one has
            result = connection.execute(
                f"SELECT * FROM read_parquet({files}, union_by_name = true, filename = true) WHERE filename = ?",
                [str(path)],
            )
            names = [column[0] for column in result.description]
            number = 0
            while fetched := result.fetchmany(ROWS_AT_ONCE):
                for values in fetched:
                    yield self._checked(split, f"{path.name} row {number}", dict(zip(names, values, strict=True)))
                    number += 1
        except duckdb.Error as error:
            raise DatasetError(f"{path}: {' '.join(str(error).split())[:200]}; fetch the dataset again") from error
        finally:
            connection.close()

    def _checked(self, split: str, place: str, values: dict[str, Any]) -> Checked:
        name = values.get("instance_id")
        name = name if isinstance(name, str) and name else place
        text = json.dumps(values, default=str, ensure_ascii=False).encode("utf-8", "replace")
        known = {**{one: values[one] for one in self._known}, **self._empty}
        try:
            row = ROW.validate_json(json.dumps(known, default=str), strict=True)
        except ValidationError as error:
            return Checked(split, None, tuple(self._faults_of(name, error)), text)
        if fault := row_fault(row):
            field, _, wrong = fault.partition(": ")
            return Checked(split, None, (Fault(name, field, wrong),), text)
        return Checked(split, row, (), text)

    def _faults_of(self, name: str, error: ValidationError) -> Iterator[Fault]:
        for one in error.errors(include_url=False):
            where = [str(part) for part in one["loc"]]
            if where[0] not in self._silent:
                yield Fault(name, ".".join(where), f"{one['msg']}, is {one['input']!r:.60}")
