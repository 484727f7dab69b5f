"""A written dataset as its own folder describes it: rows, recipe, environments and the trees they were made from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ttc_data.environments.open import Cache
from ttc_data.errors import DatasetError
from ttc_data.figures import Distribution, distributions
from ttc_data.recipe import Recipe, load_recipe
from ttc_data.records import Environment
from ttc_data.row import Row
from ttc_data.store import columns, connect, quoted

ENVIRONMENT: TypeAdapter[Environment] = TypeAdapter(Environment)
ROW: TypeAdapter[Row] = TypeAdapter(Row)


class Dataset:
    """A dataset as `build` wrote it: a folder, or a dataset on the Hub.

    Args:
        name: a folder that holds `data/`, a build's folder that holds `dataset/`, or a Hub id.

    Raises:
        DatasetError: there is no dataset, or its columns are not the schema's.
    """

    def __init__(self, name: str | Path) -> None:
        self.folder = _folder_of(name)
        files = sorted((self.folder / "data").glob("*.parquet"))
        if not files:
            raise DatasetError(
                f"{name}: no data/*.parquet in it; name a folder that `ttcdata build` wrote, or a Hub id"
            )
        self._files = "[" + ", ".join(quoted(file) for file in files) + "]"
        self._check_columns()
        recipe = self.folder / "recipe.yaml"
        if not recipe.is_file():
            raise DatasetError(f"{name}: no recipe.yaml in it; the sandbox's limits are read from there")
        self.recipe: Recipe = load_recipe(str(recipe))

    def _check_columns(self) -> None:
        connection = connect()
        found = {
            f'"{row[0]}"': row[1]
            for row in connection.execute(f"DESCRIBE SELECT * FROM read_parquet({self._files})").fetchall()
        }
        connection.close()
        wanted = columns(Row)
        missing = [name.strip('"') for name in wanted if name not in found]
        if missing:
            raise DatasetError(f"{self.folder}: no column {', '.join(missing)}; the set is not of this schema")

    def rows(self, limit: int = 0, names: Sequence[str] | None = None) -> Iterator[Row]:
        """The rows by environment and id; only the first `limit` ids when it is not 0, only those of `names` when given."""
        connection = connect()
        chosen = "" if names is None else "WHERE instance_id IN (SELECT unnest($names::VARCHAR[]))"
        fields = [name.strip('"') for name in columns(Row)]
        cut = f"QUALIFY row_number() OVER (ORDER BY instance_id) <= {int(limit)}" if limit else ""
        result = connection.execute(
            f"SELECT {', '.join(columns(Row))} FROM (SELECT * FROM read_parquet({self._files}) {cut})"
            f" {chosen} ORDER BY ttc_environment, instance_id",
            {"names": list(names)} if names is not None else None,
        )
        while fetched := result.fetchmany(64):
            for values in fetched:
                try:
                    yield ROW.validate_python(dict(zip(fields, values, strict=True)))
                except ValidationError as error:
                    first = error.errors(include_url=False)[0]
                    where = ".".join(map(str, first["loc"]))
                    raise DatasetError(f"{values[0]}: column {where}: {first['msg']}") from error
        connection.close()

    def split(self, name: str) -> Iterator[Row]:
        """The rows of one split, by environment and id; none when the set has no such split."""
        files = [str(file) for file in sorted((self.folder / "data").glob(f"{name}-*.parquet"))]
        if files:
            connection = connect()
            found = connection.execute("SELECT instance_id FROM read_parquet(?)", [files]).fetchall()
            connection.close()
            yield from self.rows(names=[one for (one,) in found])

    def count(self) -> int:
        """Number of rows."""
        return self._count("true")

    def count_guarded(self) -> int:
        """Number of rows that carry a tripwire."""
        return self._count("len(ttc_tripwires) > 0")

    def distributions(self) -> list[Distribution]:
        """How the rows' evidence is spread; nothing where there is no row."""
        connection = connect()
        found = distributions(connection, f"read_parquet({self._files})")
        connection.close()
        return [one for one in found if one.values]

    def row(self, name: str) -> Row:
        """The row whose id is `name`, or begins with it or holds it and no other does.

        Raises:
            DatasetError: there is none, or there are several.
        """
        connection = connect()
        query = (
            f"SELECT instance_id FROM read_parquet({self._files}) WHERE contains(instance_id, ?)"
            " ORDER BY instance_id = ? DESC, instance_id"
        )
        found = [one for (one,) in connection.execute(query, [name, name]).fetchall()]
        connection.close()
        if not found or (found[0] != name and len(found) > 1):
            names = f"{len(found)} rows hold it, for instance {', '.join(found[:3])}" if found else "no row holds it"
            raise DatasetError(f"row {name!r}: {names}; `ttcdata show --rows 5` shows ids")
        return next(self.rows(names=found[:1]))

    def _count(self, condition: str) -> int:
        connection = connect()
        query = f"SELECT count(*) FROM read_parquet({self._files}) WHERE {condition}"
        (count,) = connection.execute(query).fetchall()[0]
        connection.close()
        return int(count)

    def environment(self, key: str, cache: Cache) -> Environment:
        """An environment's description, its tree brought into the cache."""
        path = self.folder / "environments" / f"{key}.json"
        try:
            environment = ENVIRONMENT.validate_python(json.loads(path.read_text(encoding="utf-8"))["environment"])
        except (OSError, ValueError, KeyError) as error:
            raise DatasetError(f"{path}: no such environment, or damaged ({error}); fetch the dataset again") from error
        if environment.key != key:
            raise DatasetError(f"{path}: describes environment {environment.key}; fetch the dataset again")
        if not cache.trees.has(environment.tree):
            archive = self.folder / "trees" / f"{environment.tree}.tar.gz"
            if not archive.is_file():
                raise DatasetError(f"{archive}: missing; fetch the dataset again")
            cache.trees.add_archive(archive)
        return environment


def _folder_of(name: str | Path) -> Path:
    path = Path(name)
    for folder in (path, path / "dataset"):
        if (folder / "data").is_dir():
            return folder
    text = str(name)
    if path.exists() or text.count("/") != 1 or text.startswith((".", "/", "~")):
        raise DatasetError(f"{name}: no dataset there; name a folder that `ttcdata build` wrote, or a Hub id ORG/NAME")
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(text, repo_type="dataset"))
    except (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        httpx2.HTTPError,
        OSError,
    ) as error:
        cause = " ".join(str(error).split())[:200]
        raise DatasetError(
            f"{text}: no such folder, and the Hub does not give it ({cause}); check the name and the token"
        ) from error
