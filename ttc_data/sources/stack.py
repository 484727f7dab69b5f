"""The Stack: rows of single files, grouped into repositories with DuckDB in bounded memory, or taken one by one.

For repositories one pass writes the rows that matter, sorted, into a parquet file of small row groups; after that each
costs one read of the groups that hold it. Single files are read as they lie, and nothing is written down.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import httpx2
from huggingface_hub import HfFileSystem
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

from ttc_data.errors import DatasetError, SourceRefused, SourceUnavailable, StorageFull
from ttc_data.lang.modules import file_path
from ttc_data.records import Source, content_key
from ttc_data.rules import LicenseRules, StackSource, TreeLimits
from ttc_data.sources.foreign import check_path
from ttc_data.sources.licenses import require_allowed
from ttc_data.sources.stack_columns import NAMES, NEEDED, Columns, missing
from ttc_data.sources.trees import TreeFile, TreeStore

_MEMORY_LIMIT = "1GB"
# DuckDB writes whole vectors of 2,048 rows, about 15 MB of Python files.
_ROW_GROUP = 2048
# What pytest collects without being told: https://docs.pytest.org/en/stable/explanation/goodpractices.html
_TEST_FILE = r"(^|/)(test_[^/]*|[^/]*_test)\.py$"
# What no file with a documented function lacks: half of the files of real repositories need not be written down.
_DOCUMENTED = """contains(content, 'def ') AND (contains(content, '\"\"\"') OR contains(content, ''''''''))"""
_HUB = "hf://"


class HubFilesystem(Protocol):
    """What is asked of the Hub's filesystem, an fsspec one for the protocol `hf`."""

    def glob(self, path: str) -> list[Any]:
        """Names that match a pattern."""

    def info(self, path: str) -> dict[str, Any]:
        """Size and hash of a file."""

    def open(self, path: str, mode: str) -> Any:
        """Open a file."""


@dataclass(frozen=True, slots=True)
class StackRepository:
    """A repository of The Stack at its head, before its files are read."""

    repo: str
    """`owner/name`."""
    revision: str
    stars: int
    licenses: tuple[str, ...]
    """SPDX identifiers that the dataset detected, sorted."""
    created_at: str
    files: int
    """Rows, duplicates of a path included."""


@dataclass(frozen=True, slots=True)
class StackFile:
    """One file of The Stack for itself."""

    repo: str
    """`owner/name`."""
    revision: str
    path: str
    """In its repository."""
    hash: str
    """Of the content, as the dataset has it."""
    licenses: tuple[str, ...]
    """SPDX identifiers that the dataset detected, sorted."""
    created_at: str
    content: str


def reachable(path: str, filesystem: HubFilesystem | None = None) -> str | None:
    """Say why a dataset cannot be read here, None when it can.

    Args:
        path: as `StackSource.path`.
        filesystem: what answers for `hf://`; the Hub when None.
    """
    try:
        files = _found(path, filesystem)
        if not path.startswith(_HUB):
            return None
        # The list of a gated dataset's files is public; its bytes are not.
        with (filesystem or HfFileSystem()).open(files[0], "rb") as file:
            file.read(4)
    except SourceUnavailable as error:
        return str(error)
    except (OSError, HfHubHTTPError, httpx2.HTTPError) as error:
        return _hub_reason(path, error)
    return None


def _hub_reason(path: str, error: Exception) -> str:
    if isinstance(error, GatedRepoError):
        return f"{path}: its terms are not accepted; accept them on the dataset's page and log in (`hf auth login`)"
    if isinstance(error, RepositoryNotFoundError | PermissionError):
        return f"{path}: not there, or not for you; check the name and log in (`hf auth login`, or HF_TOKEN)"
    if isinstance(error, FileNotFoundError):
        return f"{path}: no parquet file there; check the path"
    if isinstance(error, OfflineModeIsEnabled):
        return f"{path}: HF_HUB_OFFLINE is set; unset it, or name local parquet files"
    return f"{path}: the Hub does not answer ({type(error).__name__}); check the network, or name local parquet files"


def _found(path: str, filesystem: HubFilesystem | None) -> list[str]:
    """The parquet files that a path names, sorted."""
    if path.startswith(_HUB):
        pattern = path if path.endswith(".parquet") or "*" in path else f"{path.rstrip('/')}/**/*.parquet"
        try:
            names = (filesystem or HfFileSystem()).glob(pattern)
        except (OSError, HfHubHTTPError, httpx2.HTTPError, ValueError) as error:
            raise SourceUnavailable(_hub_reason(path, error)) from error
        files = sorted(_HUB + str(name).removeprefix(_HUB) for name in names)
    else:
        local = Path(path).expanduser()
        if local.is_dir():
            files = sorted(str(file) for file in local.rglob("*.parquet"))
        elif local.is_file():
            files = [str(local)]
        else:
            root = Path(local.anchor or ".")
            pattern = str(local.relative_to(root)) if local.anchor else str(local)
            files = sorted(str(file) for file in root.glob(pattern) if file.is_file()) if "*" in path else []
    if not files:
        raise SourceUnavailable(f"{path}: no parquet file there; name a file, a folder, a glob or hf://datasets/...")
    return files


class StackIndex:
    """The repositories of one dataset that a recipe may mine.

    Args:
        source: the dataset, and which repositories or files of it.
        licenses: repositories with any licence that these do not allow are left out.
        folder: holds the grouped file and what DuckDB spills; kept, so that the same inputs are grouped once.
        filesystem: what answers for `hf://`; the Hub when None.

    Raises:
        SourceUnavailable: when nothing is there, or the Hub does not answer.
        DatasetError: when columns are missing, or the files are no parquet.
    """

    def __init__(
        self,
        source: StackSource,
        licenses: LicenseRules,
        folder: Path,
        filesystem: HubFilesystem | None = None,
    ) -> None:
        self._source = source
        self._licenses = licenses
        self._folder = folder
        self._filesystem = filesystem
        self._files = _found(source.path, filesystem)
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(
            config={"memory_limit": _MEMORY_LIMIT, "temp_directory": str(folder / "spill"), "threads": 2}
        )
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")  # of its cursors too
        if source.path.startswith(_HUB):
            self._connection.register_filesystem(filesystem or HfFileSystem())
        self._columns = Columns.of(self._checked_columns(), source.unit)
        self._where, self._values = self._filters()
        inputs = [self._identity(file) for file in self._files]
        tests = self._source.require_tests and self._source.unit == "repository"
        self.key = f"grouped-{content_key('grouped', inputs, self._where, self._values, tests)}"
        """Identity of what is read: the files, and the filters that are pushed down."""
        if source.unit == "repository":
            self._grouped = self._group(tests)

    def repositories(self) -> Iterator[StackRepository]:
        """The repositories, most stars first, then by name."""
        limit = self._source.max_repositories
        for repo, revision, stars, licenses, created_at, files in self._query(
            "SELECT repo, revision, max(stars) AS stars, list_sort(list_distinct(flatten(list(licenses)))), "
            "coalesce(min(created_at), ''), count(*) FROM read_parquet($grouped) "
            f"GROUP BY repo, revision ORDER BY stars DESC, repo, revision {f'LIMIT {limit}' if limit else ''}",
            {"grouped": str(self._grouped)},
        ):
            yield StackRepository(repo, revision, stars, tuple(licenses), created_at, files)

    def fetch(
        self, repository: StackRepository, trees: TreeStore, limits: TreeLimits, licenses: LicenseRules
    ) -> Source:
        """Put one repository's files into the store.

        All detected licences bind, so they are joined with `AND`.

        Raises:
            SourceRefused: what broke the limits, the path rules or the licence rules.
            StorageFull: when the disk is full.
        """
        expression = " AND ".join(repository.licenses)
        require_allowed(expression, licenses, repository.repo)
        stored = trees.put(self._tree_files(repository), limits)
        return Source(
            kind="stack",
            repo=repository.repo,
            revision=repository.revision,
            license=expression,
            origin=f"stack:{_public(self._source.path)}#{repository.repo}@{repository.revision}",
            tree=stored.tree,
            files=stored.files,
            size=stored.size,
            created_at=repository.created_at,
        )

    def files(self) -> Iterator[StackFile]:
        """The files as they lie, one at a time; some paths come twice, from two snapshots of a repository."""
        columns, limit = self._columns, self._source.max_repositories
        rows = f"FROM read_parquet($files) WHERE {self._where}"
        most = f"SELECT {columns.repo} AS r {rows} GROUP BY r ORDER BY max({columns.stars}) DESC, r LIMIT {limit}"
        # Not sorted: DuckDB 2.0 holds what it sorts, and ends for want of memory at twice the limit. 2 GB of contents as
        # they lie take 430 MB.
        for repo, revision, path, hash_, licenses, created_at, content in self._query(
            f"SELECT {columns.repo}, {columns.revision}, {columns.path}, {columns.hash}, "
            f"list_sort(list_distinct({columns.licenses})), coalesce({columns.created_at}, ''), content {rows}"
            f"{f' AND {columns.repo} IN ({most})' if limit else ''}",
            self._values,
        ):
            yield StackFile(repo, revision, path, hash_, tuple(licenses), created_at, content)

    def fetch_file(self, file: StackFile, trees: TreeStore, limits: TreeLimits, licenses: LicenseRules) -> Source:
        """Put one file into the store, as a tree of its own in which it can be imported.

        Raises:
            SourceRefused: as `fetch`, and `path_not_importable`.
            StorageFull: when the disk is full.
        """
        expression = " AND ".join(file.licenses)
        require_allowed(expression, licenses, file.repo)
        check_path(file.path)
        path = file_path(file.path)
        if path is None:
            raise SourceRefused("path_not_importable", f"{file.path!r} names no module, or one of the standard library")
        stored = trees.put([TreeFile(path, file.content.encode("utf-8"))], limits)
        return Source(
            kind="stack",
            repo=file.repo,
            revision=file.revision,
            license=expression,
            origin=f"stack:{_public(self._source.path)}#{file.repo}@{file.revision}:{file.path}",
            tree=stored.tree,
            files=stored.files,
            size=stored.size,
            created_at=file.created_at,
            unit="file",
        )

    def close(self) -> None:
        """Close DuckDB."""
        self._connection.close()

    def _tree_files(self, repository: StackRepository) -> Iterator[TreeFile]:
        last = ""
        for path, content in self._query(
            "SELECT path, content FROM read_parquet($grouped) WHERE repo = $repo AND revision = $revision "
            "ORDER BY path, order_key",
            {"grouped": str(self._grouped), "repo": repository.repo, "revision": repository.revision},
        ):
            if path != last:  # a path may come twice, from two snapshots: the first by hash stays
                last = path
                yield TreeFile(path, content.encode("utf-8"))

    def _query(self, sql: str, values: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, values)
                while rows := cursor.fetchmany(64):
                    yield from rows
        except duckdb.Error as error:
            raise self._named(error) from error

    def _named(self, error: duckdb.Error) -> Exception:
        cause = " ".join(str(error).split())[:300]
        if "No space left" in cause or "max_temp_directory_size" in cause:
            return StorageFull(f"{self._folder}: the disk is full ({cause}); free some space and run again")
        return DatasetError(f"{self._source.path}: cannot be read as parquet ({cause}); fetch the files again")

    def _checked_columns(self) -> frozenset[str]:
        described = self._query("DESCRIBE SELECT * FROM read_parquet($files)", {"files": self._files})
        columns = frozenset(row[0] for row in described)
        unit = self._source.unit
        if lacking := missing(columns, unit):
            v2 = "; The Stack v2 holds no contents: put them in, or use v1" if "blob_id" in columns else ""
            raise DatasetError(
                f"{self._source.path}: lacks the columns {', '.join(lacking)}; for unit: {unit} The Stack v1 has "
                f"{', '.join(NAMES[field][0] for field in NEEDED[unit])}{v2}"
            )
        return columns

    def _filters(self) -> tuple[str, dict[str, Any]]:
        columns = self._columns
        filters = [
            columns.is_python,
            "content IS NOT NULL",
            *(f"{one} IS NOT NULL" for one in (columns.repo, columns.path, columns.revision)),
        ]
        values: dict[str, Any] = {"files": self._files}
        if self._source.unit == "file":
            filters.append(_DOCUMENTED)
        if self._source.min_stars:
            filters.append(f"{columns.stars} >= {int(self._source.min_stars)}")
        if self._licenses.allow:
            values["allowed"] = [name.lower() for name in self._licenses.allow]
            filters.append(f"list_has_all($allowed, list_transform({columns.licenses}, lambda x: lower(x)))")
        if not self._licenses.allow_unknown:
            filters.append(f"len({columns.licenses}) > 0")
        return " AND ".join(filters), values

    def _group(self, tests: bool) -> Path:
        """Write the rows that matter, sorted, unless the same inputs were grouped before."""
        where, columns = self._where, self._columns
        target = self._folder / f"{self.key}.parquet"
        if target.is_file():
            return target
        rows = "read_parquet($files)"
        if tests:
            where += (
                f" AND {columns.repo} IN (SELECT {columns.repo} FROM {rows} WHERE {where} "
                f"AND regexp_matches({columns.path}, '{_TEST_FILE}'))"
            )
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".grouping-", suffix=".parquet")
        os.close(handle)
        temporary = Path(name)
        quoted = name.replace("'", "''")
        try:
            for _ in self._query(
                f"COPY (SELECT {columns.repo} AS repo, {columns.revision} AS revision, {columns.path} AS path, "
                f"{columns.hash} AS order_key, {columns.stars} AS stars, {columns.licenses} AS licenses, "
                f"{columns.created_at} AS created_at, content "
                f"FROM {rows} WHERE {where} ORDER BY repo, revision, path, order_key) "
                f"TO '{quoted}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})",
                self._values,
            ):
                pass
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def _identity(self, file: str) -> tuple[str, object]:
        if not file.startswith(_HUB):
            stat = Path(file).stat()
            return file, (stat.st_size, stat.st_mtime_ns)
        details = (self._filesystem or HfFileSystem()).info(file)
        return file, (details.get("size"), str(details.get("blob_id") or details.get("sha") or ""))


def _public(path: str) -> str:
    """A dataset on the Hub by name, a local one by its last part: a home folder is nobody's business."""
    return path if path.startswith(_HUB) else Path(path).name
