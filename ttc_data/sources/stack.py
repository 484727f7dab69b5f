"""The Stack: rows of single files, grouped into repositories in bounded memory, or taken one by one.

For repositories one pass copies the rows that matter, as they lie, into a file that has an index of them; it goes on after
the last parquet file that was copied whole. Single files are read as they lie, and nothing is written down.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import duckdb
import httpx2
from huggingface_hub import HfApi, HfFileSystem
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

from ttc_data.errors import DatasetError, SourceRefused, SourceUnavailable, StorageFull
from ttc_data.keys import content_key
from ttc_data.lang.python.modules import file_path, gives_away
from ttc_data.records import Source
from ttc_data.rules import LicenseRules, StackSource, TreeLimits
from ttc_data.sources.licenses import require_allowed
from ttc_data.sources.stack_columns import KNOWN, NAMES, NEEDED, Columns, missing
from ttc_data.sources.stack_rows import RefusedRow, StackFile, StackRepository, StackRow, StackRows
from ttc_data.trees.foreign import check_path
from ttc_data.trees.store import TreeFile, TreeStore

_MEMORY_LIMIT = "1GB"
# What pytest collects without being told: https://docs.pytest.org/en/stable/explanation/goodpractices.html
_TEST_FILE = r"(^|/)(test_[^/]*|[^/]*_test)\.py$"
# What no file with a documented function lacks: half of the files of real repositories need not be written down.
_DOCUMENTED = """contains(content, 'def ') AND (contains(content, '\"\"\"') OR contains(content, ''''''''))"""
HUB = "hf://"
_ON_HUB = re.compile(r"hf://datasets/(?P<name>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?(?P<rest>/.*)?")


class HubFilesystem(Protocol):
    """What is asked of the Hub's filesystem, an fsspec one for the protocol `hf`."""

    def glob(self, path: str) -> list[Any]:
        """Names that match a pattern."""

    def info(self, path: str) -> dict[str, Any]:
        """Size and hash of a file."""

    def open(self, path: str, mode: str) -> Any:
        """Open a file."""


def reachable(path: str, filesystem: HubFilesystem | None = None) -> str | None:
    """Say why a dataset cannot be read here, None when it can.

    Args:
        path: as `StackSource.path`.
        filesystem: what answers for `hf://`; the Hub when None.
    """
    try:
        files = _found(path, filesystem)
        if not path.startswith(HUB):
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
        return f"{path}: HFHUB_OFFLINE is set; unset it, or name local parquet files"
    return f"{path}: the Hub does not answer ({type(error).__name__}); check the network, or name local parquet files"


def _found(path: str, filesystem: HubFilesystem | None) -> list[str]:
    """The parquet files that a path names, sorted."""
    if path.startswith(HUB):
        pattern = path if path.endswith(".parquet") or "*" in path else f"{path.rstrip('/')}/**/*.parquet"
        try:
            names = (filesystem or HfFileSystem()).glob(pattern)
        except (OSError, HfHubHTTPError, httpx2.HTTPError, ValueError) as error:
            raise SourceUnavailable(_hub_reason(path, error)) from error
        files = sorted(HUB + str(name).removeprefix(HUB) for name in names)
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
        folder: holds the grouped rows and what DuckDB spills; kept, so that the same inputs are grouped once.
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
            config={
                "memory_limit": _MEMORY_LIMIT,
                "temp_directory": str(folder / "spill"),
                "threads": 2,
                # They guess that few rows pass the filters, and then hold all contents to look a few names up in them.
                "disabled_optimizers": "join_order,build_side_probe_side",
            }
        )
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")  # of its cursors too
        if source.path.startswith(HUB):
            self._connection.register_filesystem(filesystem or HfFileSystem())
        else:
            # A row group's contents at once may be more than the memory; fewer requests are what the Hub needs it for.
            self._connection.execute("SET GLOBAL disable_parquet_prefetching = true")
        self._types = self._checked_columns()
        self._columns = Columns.of(self._types, source.unit)
        self._where, self._values = self._filters()
        self._fault = self._columns.fault(licenses)
        inputs = [self._identity(file) for file in self._files]
        tests = self._source.require_tests and self._source.unit == "repository"
        self.key = f"grouped-{content_key('grouped', inputs, self._where, self._fault, self._values, tests)}"
        """Identity of what is read: the files, and the filters that are pushed down."""
        if source.unit == "repository":
            self._tested = folder / f"{self.key}.tested"
            self._grouped = self._group()

    def repositories(self) -> Iterator[StackRepository]:
        """The repositories, most stars first, then by name."""
        yield from self._grouped.repositories(self._source.max_repositories)

    def fetch(
        self, repository: StackRepository, trees: TreeStore, limits: TreeLimits, licenses: LicenseRules
    ) -> Source:
        """Put one repository's files into the store.

        Raises:
            SourceRefused: what broke the limits, the path rules or the licence rules.
            StorageFull: when the disk is full.
        """
        contents = self._grouped.contents(repository.repo, repository.revision)
        return self._put(repository, (TreeFile(path, content) for path, content in contents), trees, limits, licenses)

    def refused(self) -> Iterator[RefusedRow]:
        """What of a dataset of repositories cannot be mined: rows with a bad cell, and repositories by their licence."""
        yield from self._grouped.refused()

    def files(self) -> Iterator[StackFile | RefusedRow]:
        """The files as they lie, one at a time; some paths come twice, from two snapshots of a repository."""
        columns, limit = self._columns, self._source.max_repositories
        most = ""
        if limit:
            most = (
                f" AND {columns.repo} IN (SELECT {columns.repo} AS r FROM read_parquet($all, union_by_name = true) "
                f"WHERE {self._where} AND {self._fault} = '' GROUP BY r ORDER BY max({columns.stars}) DESC, r LIMIT {limit})"
            )
        # Not sorted: DuckDB 2.0 holds what it sorts, and ends for want of memory at twice the limit. 2 GB of contents as
        # they lie take 430 MB.
        for file in self._files:
            for number, fault, repo, revision, path, hash_, licenses, created_at, content in self._query(
                f"SELECT file_row_number, {self._fault} AS fault, {columns.repo}, {columns.revision}, {columns.path}, "
                f"{columns.hash}, list_sort(list_distinct({columns.licenses})), coalesce({columns.created_at}, ''), content "
                f"FROM {self._typed} WHERE {self._where}{most}",
                self._values | {"files": [file]} | ({"all": self._files} if limit else {}),
            ):
                if fault:
                    yield self._refusal(fault, repo, path, f"{Path(file).name} row {number}")
                else:
                    yield StackFile(repo, revision, path, hash_, tuple(licenses), created_at, content)

    def _refusal(self, fault: str, repo: str | None, path: str | None, place: str) -> RefusedRow:
        reason, _, detail = fault.partition(": ")
        if self._source.unit == "repository" and reason != "bad_cell":
            return RefusedRow(repo or "", reason, f"{repo} {detail}")
        return RefusedRow(f"{repo or '?'}:{path or '?'} ({place})", reason, f"{place}: {detail}")

    def fetch_file(self, file: StackFile, trees: TreeStore, limits: TreeLimits, licenses: LicenseRules) -> Source:
        """Put one file into the store, as a tree of its own in which it can be imported.

        Raises:
            SourceRefused: as `fetch`, and `path_not_importable`.
            StorageFull: when the disk is full.
        """
        return self._put(file, _importable(file), trees, limits, licenses)

    def close(self) -> None:
        """Close DuckDB."""
        self._connection.close()

    def _put(
        self,
        found: StackRepository | StackFile,
        files: Iterable[TreeFile],
        trees: TreeStore,
        limits: TreeLimits,
        licenses: LicenseRules,
    ) -> Source:
        expression = " AND ".join(found.licenses)  # all that were detected bind
        require_allowed(expression, licenses, found.repo)
        stored = trees.put(files, limits, gives_away=gives_away)
        inside = f":{found.path}" if isinstance(found, StackFile) else ""
        return Source(
            kind="stack",
            repo=found.repo,
            revision=found.revision,
            license=expression,
            origin=f"stack:{_public(self._source.path)}#{found.repo}@{found.revision}{inside}",
            tree=stored.tree,
            files=stored.files,
            size=stored.size,
            created_at=found.created_at,
            unit=self._source.unit,
        )

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
            return StorageFull.at(self._folder)
        return DatasetError(f"{self._source.path}: cannot be read as parquet ({cause}); fetch the files again")

    def _checked_columns(self) -> dict[str, str]:
        """Names and types of the columns that are known, as the first file has them."""
        described = self._query("DESCRIBE SELECT * FROM read_parquet($files)", {"files": self._files})
        columns = {row[0]: row[1] for row in described if row[0] in KNOWN}
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
        filters = [columns.is_python]
        values: dict[str, Any] = {"files": self._files}
        if self._source.unit == "file":
            filters.append(f"(content IS NULL OR {_DOCUMENTED})")
        if self._source.min_stars:
            unread = next((bad for words, bad in columns.bad.items() if words.endswith("no number")), "false")
            filters.append(f"({columns.stars} >= {int(self._source.min_stars)} OR ({unread}))")
        if self._licenses.allow:
            values["allowed"] = [name.lower() for name in self._licenses.allow]
        return " AND ".join(filters), values

    def _group(self) -> StackRows:
        """Copy the rows that matter, unless the same inputs were grouped before."""
        grouped = StackRows(self._folder / f"{self.key}.sqlite")
        grouped.fill(self._files, self._rows)
        self._tested.unlink(missing_ok=True)
        return grouped

    def _rows(self, file: str) -> Iterator[StackRow | RefusedRow]:
        """The rows of one file that matter, as they lie."""
        columns, where, values = self._columns, self._where, self._values | {"files": [file]}
        if self._source.require_tests:
            where += f" AND (fault <> '' OR {columns.repo} IN (SELECT repo FROM read_parquet($tested)))"
            values["tested"] = str(self._with_tests())
        for number, fault, *row in self._query(
            f"SELECT file_row_number, {self._fault} AS fault, {columns.repo}, {columns.revision}, {columns.path}, "
            f"{columns.hash}, {columns.stars}, {columns.licenses}, {columns.created_at}, "
            f"CASE WHEN fault = '' THEN encode(content) END FROM {self._typed} WHERE {where}",
            values,
        ):
            if fault:
                yield self._refusal(fault, row[0], row[2], f"{Path(file).name} row {number}")
            else:
                yield StackRow(*row)

    @property
    def _typed(self) -> str:
        """The rows of `$files` with the types that the first file has; a cell of another kind is as if missing."""
        types = {name: "VARCHAR" if name in NAMES["stars"] else type_ for name, type_ in self._types.items()}
        typed = ", ".join(f"TRY_CAST({name} AS {type_}) AS {name}" for name, type_ in types.items())
        return f"(SELECT file_row_number, {typed} FROM read_parquet($files, file_row_number = true))"

    def _with_tests(self) -> Path:
        """Names of the repositories with a test file, written down until all rows are in: every file is read for them."""
        if not self._tested.is_file():
            temporary = self._tested.with_suffix(".tmp")
            quoted = str(temporary).replace("'", "''")
            for _ in self._query(
                f"COPY (SELECT DISTINCT {self._columns.repo} AS repo "
                f"FROM read_parquet($files, union_by_name = true) WHERE {self._where} AND {self._fault} = '' "
                f"AND regexp_matches({self._columns.path}, '{_TEST_FILE}')) TO '{quoted}' (FORMAT parquet)",
                self._values,
            ):
                pass
            temporary.replace(self._tested)
        return self._tested

    def _identity(self, file: str) -> tuple[str, object]:
        if not file.startswith(HUB):
            stat = Path(file).stat()
            return file, (stat.st_size, stat.st_mtime_ns)
        details = (self._filesystem or HfFileSystem()).info(file)
        # Another commit of the same files is no other input.
        return _without_revision(file), (
            details.get("size"),
            str(details.get("blob_id") or details.get("sha") or ""),
        )


def _importable(file: StackFile) -> Iterator[TreeFile]:
    check_path(file.path)
    path = file_path(file.path)
    if path is None:
        raise SourceRefused("path_not_importable", f"{file.path!r} names no module, or one of the standard library")
    yield TreeFile(path, file.content.encode("utf-8"))


def at_commit(path: str) -> str:
    """A path on the Hub with the commit that its revision names now; any other path as it is.

    Raises:
        SourceUnavailable: the Hub does not answer, or has no such dataset or revision.
    """
    found = _ON_HUB.fullmatch(path)
    if found is None:
        return path
    revision = unquote(found["revision"]) if found["revision"] else None
    try:
        commit = HfApi().dataset_info(found["name"], revision=revision).sha
    except (OSError, HfHubHTTPError, httpx2.HTTPError) as error:
        raise SourceUnavailable(_hub_reason(path, error)) from error
    return f"{HUB}datasets/{found['name']}@{commit}{found['rest'] or ''}"


def dataset_of(origin: str) -> str:
    """The dataset of a source's `origin`, as it is told to others."""
    return origin.removeprefix("stack:").partition("#")[0]


def names(path: str, dataset: str) -> bool:
    """Whether a recipe's path is what `dataset_of` gave, at whatever commit."""
    return _without_revision(_public(path)) == _without_revision(dataset)


def _without_revision(path: str) -> str:
    found = _ON_HUB.fullmatch(path)
    return f"{HUB}datasets/{found['name']}{found['rest'] or ''}" if found else path


def _public(path: str) -> str:
    """A dataset on the Hub by name, a local one by its last part: a home folder is nobody's business."""
    return path if path.startswith(HUB) else Path(path).name
