"""A written dataset as its own folder describes it: rows, recipe, environments and the trees they were made from."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from pydantic import TypeAdapter, ValidationError

from ttc_data.agreement import row_fault, tree_fault
from ttc_data.errors import DatasetError, SourceRefused
from ttc_data.fields import quoted as shown
from ttc_data.figures import Distribution, distributions
from ttc_data.pins import read_environment
from ttc_data.reader import require_granted
from ttc_data.reading import AGAIN, MOST_DESCRIPTION, place_in, text_in, validated
from ttc_data.recipe import Recipe, published_recipe
from ttc_data.records import SCHEMA_VERSION, Environment
from ttc_data.row import Deprecated, Row
from ttc_data.rules import ReaderRules
from ttc_data.store import columns, connect
from ttc_data.tables import came_after, check_types, column_types, damaged, parquet_files, schema_version, sql_nothing

if (
    TYPE_CHECKING
):  # to import what opens environments takes a second, and most of what is done with a dataset needs none
    from ttc_data.cache import Cache

ROW: TypeAdapter[Row] = TypeAdapter(Row)
DEPRECATED: TypeAdapter[Deprecated] = TypeAdapter(Deprecated)
COLUMNS = tuple(field.name for field in fields(Row))
FILES = [
    "README.md", "card.json", "recipe.yaml", "recipe.lock.yaml", "deprecated.jsonl", "data/*.parquet", "environments/*.json",
    "trees/*.tar.gz",
]  # fmt: skip
"""Of a set on the Hub, that are fetched."""
NAMED = 3
"""Rows that a message names; the others are counted."""


class Dataset:
    """A dataset as `build` wrote it: a folder, or a dataset on the Hub.

    Args:
        name: a folder that holds `data/`, a build's folder that holds `dataset/`, or a Hub id.

    Attributes:
        sql: What follows FROM in a query over the rows: their columns, and the `split` that each is in.
        unknown: Keys of its recipe that this ttcdata does not know, and passes over.
        absent: Columns that the schema did not have yet when the set was made; its rows have nothing there.

    Raises:
        DatasetError: there is no dataset, its columns are not the schema's, or a newer schema's.
    """

    def __init__(self, name: str | Path) -> None:
        self.folder = folder_of(name)
        self.version, self.absent, theirs = self._schema()
        # As if nothing had been measured there: no tripwire, no mutant, no attempt.
        empty = "".join(f", {sql_nothing(column)} AS {column}" for column in self.absent)
        files = f"read_parquet({parquet_files(self.folder)}, union_by_name = true, filename = true)"
        split = "split_part(parse_filename(filename, true), '-', 1) AS split"
        self.sql = f"(SELECT * EXCLUDE ({', '.join(('filename', *theirs))}), {split}{empty} FROM {files})"
        self._ids_are_checked = False
        self.recipe, self.unknown = recipe_of(self.folder)

    def granted(self, reader: ReaderRules | None = None) -> Recipe:
        """The recipe, for whoever runs what it asks for.

        Args:
            reader: what is granted; the defaults when not given.

        Raises:
            DatasetError: it asks for more.
        """
        require_granted(self.recipe, reader or ReaderRules(), self.folder)
        return self.recipe

    def columns(self) -> list[str]:
        """The names of the columns that its tables have."""
        connection = connect()
        found = [name.strip('"') for name in column_types(connection, self.folder)]
        connection.close()
        return found

    def _schema(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """The version of the rows' schema, the columns that came after it, and one of theirs that is named like one of ours."""
        connection = connect()
        try:
            types = column_types(connection, self.folder)
            check_types(types, self.folder)
            found = {name.strip('"') for name in types}
            missing = [name.strip('"') for name in columns(Row) if name.strip('"') not in found]
            version = "" if "ttc_schema_version" in missing else schema_version(connection, self.folder)
        finally:
            connection.close()
        absent = tuple(f'"{name}"' for name in missing if version and came_after(name, version))
        missing = [name for name in missing if f'"{name}"' not in absent]
        if missing:
            raise DatasetError(f"{self.folder}: no column {', '.join(missing)}; the set is not of this schema")
        return version, absent, tuple(f'"{name}"' for name in found if name.casefold() == "split")

    def _check_ids(self) -> None:
        """See that every row has an id that no other has: what names rows by it would take one for the other.

        Raises:
            DatasetError: a row has none, or several have the same.
        """
        if self._ids_are_checked:
            return
        query = f"SELECT instance_id, count(*) FROM {self.sql} GROUP BY ALL HAVING count(*) > 1 OR instance_id IS NULL LIMIT 1"
        for name, count in self._asked(query):
            what = "is nothing" if name is None else f"{count} rows have {shown(name)}"
            raise DatasetError(f"{self.folder}: instance_id: must be there, in one row alone; {what}; {AGAIN}")
        self._ids_are_checked = True

    @property
    def note(self) -> str:
        """What a reader should know of another version's columns and recipe, `""` where there is nothing."""
        told = []
        if self.absent:
            names = ", ".join(name.strip('"') for name in self.absent)
            writes = f"schema {self.version}, this ttcdata writes {SCHEMA_VERSION}"
            told.append(f"{writes}: without {names}, which are read as empty")
        if self.unknown:
            told.append(f"recipe.yaml: {', '.join(self.unknown)}: no keys of this ttcdata's recipes, passed over")
        return "; ".join(told)

    @cached_property
    def deprecated(self) -> dict[str, Deprecated]:
        """The rows that were withdrawn, by id."""
        return {one.instance_id: one for one in read_deprecated(self.folder)}

    def rows(self, limit: int = 0, names: Sequence[str] | None = None) -> Iterator[Row]:
        """The rows by environment and id; only the first `limit` ids when it is not 0, only those of `names` when given."""
        self._check_ids()
        chosen = "" if names is None else "WHERE instance_id IN (SELECT unnest($names::VARCHAR[]))"
        cut = f"QUALIFY row_number() OVER (ORDER BY instance_id) <= {int(limit)}" if limit else ""
        found = self._asked(
            f"SELECT {', '.join(columns(Row))} FROM (SELECT * FROM {self.sql} {cut})"
            f" {chosen} ORDER BY ttc_environment, instance_id",
            {"names": list(names)} if names is not None else None,
        )
        return (self._row(values) for values in found)

    def rows_with_splits(self, most: int = 0) -> Iterator[tuple[Row, str]]:
        """The rows in the order of the files: nothing is sorted, so any number is read in the same memory.

        Args:
            most: only so many, drawn by their ids, when it is not 0.
        """
        self._check_ids()
        drawn = f"(SELECT instance_id FROM {self.sql} ORDER BY md5(instance_id) LIMIT {int(most)})"
        where = f"WHERE instance_id IN {drawn}" if most else ""
        for *values, split in self._asked(f"SELECT {', '.join(columns(Row))}, split FROM {self.sql} {where}"):
            yield self._row(values), split

    def split(self, name: str) -> Iterator[Row]:
        """The rows of one split, by environment and id; none when the set has no such split."""
        names = [one for one, split in self.splits().items() if split == name]
        return self.rows(names=names) if names else iter(())

    def count(self) -> int:
        """Number of rows."""
        return self._count("true")

    def count_guarded(self) -> int:
        """Number of rows that carry a tripwire."""
        return self._count("len(ttc_tripwires) > 0")

    def distributions(self) -> list[Distribution]:
        """How the rows' evidence is spread; nothing where there is no row."""
        connection = connect()
        found = distributions(connection, self.sql)
        connection.close()
        return [one for one in found if one.values]

    def row(self, name: str) -> Row:
        """The row whose id is `name`, or holds it and no other does.

        Raises:
            DatasetError: as `ids`.
        """
        return next(self.rows(names=self.ids([name])))

    def ids(self, names: Iterable[str]) -> list[str]:
        """The ids of the rows that are named, each by its id or by a part of it that no other row has.

        Raises:
            DatasetError: there is no such row, it was withdrawn, or there are several.
        """
        known = sorted(self.splits())
        return list(dict.fromkeys(self._id(name, known) for name in names))

    def _id(self, name: str, known: Sequence[str]) -> str:
        wanted = name.lower()  # targets are written as in the code, ids in lower case
        found = [name] if name in known else [row_id for row_id in known if name and wanted in row_id.lower()]
        if len(found) == 1:
            return found[0]
        if found:
            named = ", ".join(found[:NAMED])
            raise DatasetError(f"row {name!r}: {len(found)} rows hold it, for instance {named}; give more of the id")
        if name in self.deprecated:
            raise DatasetError(f"{self.deprecated[name].said}; it is no longer in {self.folder}")
        raise DatasetError(
            f"{self.folder}: no row {name} or whose id holds that; `ttcdata show {self.folder} --rows {len(known)}` shows all ids"
        )

    def splits(self) -> dict[str, str]:
        """The split of each row by its id."""
        self._check_ids()
        return dict(self._asked(f"SELECT instance_id, split FROM {self.sql}"))

    def _count(self, condition: str) -> int:
        (found,) = self._asked(f"SELECT count(*) FROM {self.sql} WHERE {condition}")
        return int(found[0])

    def _asked(self, query: str, parameters: Mapping[str, object] | None = None) -> Iterator[tuple[Any, ...]]:
        """What a query gives, a few rows at a time.

        Raises:
            DatasetError: a file is damaged, a column is of another type, or a row does not fit into memory.
        """
        connection = connect()
        try:
            result = connection.execute(query, parameters)
            while some := result.fetchmany(64):
                yield from some
        except duckdb.Error as error:
            raise damaged(self.folder, error) from error
        finally:
            connection.close()

    def environment(self, key: str, cache: Cache) -> Environment:
        """An environment's description, its tree brought into the cache."""
        environment = read_environment(self.folder, key)
        if not cache.trees.has(environment.tree):
            name = f"trees/{environment.tree}.tar.gz"
            try:
                cache.trees.add_archive(place_in(self.folder, name))
            except (SourceRefused, DatasetError) as error:
                raise DatasetError(f"{self.folder}: {name}: {error}; {AGAIN}") from error
        if fault := tree_fault(environment, [path for path, _ in cache.trees.files(environment.tree)]):
            raise DatasetError(f"{self.folder}: environments/{key}.json: environment.{fault}")
        return environment

    def _row(self, values: Sequence[object]) -> Row:
        """Values in the order of the columns.

        Raises:
            DatasetError: they are not what the schema says.
        """
        where = f"{self.folder}: row {shown(values[0])}"
        row: Row = validated(ROW, dict(zip(COLUMNS, values, strict=True)), where)
        if fault := row_fault(row):
            raise DatasetError(f"{where}: {fault}")
        return row


def recipe_of(folder: Path) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe in a dataset's folder, and the keys that it does not know.

    Raises:
        DatasetError: there is none.
        RecipeError: it is none that can be used.
    """
    if not (folder / "recipe.yaml").exists():
        raise DatasetError(f"{folder}: no recipe.yaml in it; the sandbox's limits are read from there")
    return published_recipe(folder / "recipe.yaml")


def read_deprecated(folder: Path) -> list[Deprecated]:
    """The list of withdrawn rows in a dataset's folder, empty where there is no such file.

    Raises:
        DatasetError: naming the line that is wrong.
    """
    path = folder / "deprecated.jsonl"
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(text_in(folder, path.name, MOST_DESCRIPTION).splitlines(), 1):
        try:
            found.append(DEPRECATED.validate_json(line))
        except ValidationError as error:
            raise DatasetError(
                f"{path}:{number}: must be a JSON object with instance_id, reason and since; build the set again"
            ) from error
    return found


def build_of(name: str | Path) -> Path | None:
    """The build's folder, which holds `records/`, of a name: itself, or the folder around its `dataset/`; None where there is none."""
    path = Path(name)
    around = path.parent if path.name == "dataset" else path.resolve().parent
    folders = [path, around] if path.resolve().name == "dataset" else [path]
    return next((folder for folder in folders if (folder / "records").is_dir()), None)


def is_here(name: str) -> bool:
    """Whether a dataset's name is a path on this machine, there or not, and no Hub id."""
    return Path(name).exists() or name.count("/") != 1 or name.startswith((".", "/", "~"))


def folder_of(name: str | Path) -> Path:
    """The folder of a dataset: itself, `dataset/` in a build's, or what the Hub gives for ORG/NAME.

    Raises:
        DatasetError: there is none.
    """
    path = Path(name)
    for folder in (path, path / "dataset"):
        if (folder / "data").is_dir():
            return folder
    text = str(name)
    if (path / "records").is_dir():
        raise DatasetError(f"{name}: its build has not written a dataset yet; the same `ttcdata build` goes on with it")
    if is_here(text):
        raise DatasetError(f"{name}: no dataset there; name a folder that `ttcdata build` wrote, or a Hub id ORG/NAME")
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()  # a log has no use for them
    try:
        return Path(snapshot_download(text, repo_type="dataset", allow_patterns=FILES))
    except (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        httpx2.HTTPError,
        OSError,
        ValueError,  # names of files that lead out of its cache
    ) as error:
        cause = " ".join(str(error).split())[:200]
        raise DatasetError(
            f"{text}: no such folder, and the Hub does not give it ({cause}); check the name and the token"
        ) from error
