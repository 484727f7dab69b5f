"""The Build: a folder of plain files with every record and reject of every stage.

A stage's journal (`records/STAGE.jsonl`) has one line for each of its inputs, with all that came of it; a line is
complete or it is not there, so a build that is killed goes on where it was. When a stage ends, its journal is
compacted into `STAGE.parquet` (records), `STAGE.rejects.parquet` and `STAGE.times.parquet`, sorted by key: the first
two are the same bytes whenever the inputs are. The journal stays: it is what a later run of the build goes on from.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import tempfile
import threading
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

import duckdb
from pydantic import TypeAdapter

from ttc_data.errors import BuildError, StorageFull
from ttc_data.records import JsonObject, Reject
from ttc_data.whole import write_whole


class Keyed(Protocol):
    """A record: a frozen dataclass with a content identity."""

    @property
    def key(self) -> str: ...


R = TypeVar("R", bound=Keyed)
SYNC_S = 1.0
ROWS_A_GROUP = 122_880  # what DuckDB takes when nobody says
BEGUN = ".recipe"
MAX_LINE = 64 * 1024 * 1024  # DuckDB sets aside twice as much
# How `Stage.write` begins a line.
HEAD = re.compile(rb'\{"input": "([^"]*)", "counts": \[(\d+), (\d+)\]')
FULL = {
    "No space left": "the disk is full",
    "quota exceeded": "the disk quota is used up",
    "File too large": "File too large",
}
"""What the system says of a write that did not fit, and what we say."""
STAGES = ("mine", "extract", "environment", "suite", "repeat", "specify", "mask", "prove", "solve")


def duckdb_type(annotation: Any) -> str:
    """DuckDB's type for a field of a record."""
    plain: dict[Any, str] = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}
    if annotation in plain:
        return plain[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "VARCHAR"
    if origin in (Union, types.UnionType):
        return duckdb_type(next(argument for argument in arguments if argument is not type(None)))
    if origin is tuple:
        return f"{duckdb_type(arguments[0])}[]"
    if is_dataclass(annotation):
        return f"STRUCT({', '.join(f'{name} {type_}' for name, type_ in columns(annotation).items())})"
    raise TypeError(f"no column type for {annotation!r}")


def columns(record: Any) -> dict[str, str]:
    """Names and DuckDB types of a record's fields, in order."""
    hints = get_type_hints(record)
    return {f'"{field.name}"': duckdb_type(hints[field.name]) for field in fields(record)}


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that spills to disk and never writes to the terminal."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    # Its default is a folder below wherever the command was started.
    connection.execute(f"SET temp_directory = {quoted(Path(tempfile.gettempdir()) / 'ttcdata-spill')}")
    connection.execute("SET memory_limit = '2GB'")
    connection.execute("SET threads = 1")  # one buffer of two journal lines, and rows in a fixed order
    return connection


def quoted(path: Path | str) -> str:
    """A path as a SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


class Stage(Generic[R]):
    """One stage of a build: its journal while it runs, its parquet files when it has ended."""

    def __init__(self, folder: Path, name: str, record: type[R]) -> None:
        self.name = name
        self._record = record
        self._folder = folder
        self._journal = folder / f"{name}.jsonl"
        self._adapter: TypeAdapter[R] = TypeAdapter(record)
        self._rejects: TypeAdapter[Reject] = TypeAdapter(Reject)
        self._lock = threading.Lock()
        self._reader: duckdb.DuckDBPyConnection | None = None
        self._synced = time.monotonic()
        self._file = _open_journal(self._journal)

    def done(self) -> set[str]:
        """Keys of the inputs that have been worked on."""
        return set(self.counted())

    def counted(self) -> dict[str, tuple[int, int]]:
        """How much was kept and rejected of each input that has been worked on; nothing of the results is held."""
        found: dict[str, tuple[int, int]] = {}
        pairs: dict[tuple[int, int], tuple[int, int]] = {}
        with self._journal.open("rb") as lines:
            for line in lines:
                head = HEAD.match(line)
                if head is None:  # of a version that did not count
                    whole = json.loads(line)
                    key, pair = str(whole["input"]), (len(whole["kept"]), len(whole["rejects"]))
                else:
                    key, pair = head[1].decode(), (int(head[2]), int(head[3]))
                found[key] = pairs.setdefault(pair, pair)
        return found

    def write(self, input_key: str, kept: Sequence[R], rejects: Sequence[Reject], seconds: float) -> None:
        """Append what came of one input.

        Raises:
            StorageFull: no space left; what was written before stays.
        """
        line: JsonObject = {
            "input": input_key,
            "counts": [len(kept), len(rejects)],
            "seconds": round(seconds, 3),
            "ended": round(time.time(), 3),
            "kept": [{"key": record.key, **self._adapter.dump_python(record, mode="json")} for record in kept],
            "rejects": [self._rejects.dump_python(reject, mode="json") for reject in rejects],
        }
        # A lone surrogate, from a test's message say, is not JSON to DuckDB.
        data = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._lock:
            try:
                self._file.write(data)
                self._file.flush()
                if time.monotonic() - self._synced > SYNC_S:
                    os.fsync(self._file.fileno())
                    self._synced = time.monotonic()
            except OSError as error:
                raise _not_written(self._journal, error) from error

    def compact(self, inputs: set[str]) -> None:
        """Write the parquet files of the records that came of `inputs`.

        Results of other inputs (of an earlier run with another recipe) stay in the journal and out of the files.
        """
        with self._lock:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise _not_written(self._journal, error) from error
        connection = connect()
        connection.execute("CREATE TEMP TABLE current_inputs (input VARCHAR)")
        if inputs:
            chosen = sorted(inputs)
            connection.execute("INSERT INTO current_inputs SELECT unnest(?)", [chosen])
        connection.execute(
            f"CREATE TEMP VIEW journal AS SELECT j.* FROM ({self._journal_sql()}) j SEMI JOIN current_inputs USING (input)"
        )
        try:
            for name, query in {
                ".times": "SELECT input, seconds, ended, len(kept) AS kept, len(rejects) AS rejected FROM journal ORDER BY input",
                ".rejects": "SELECT * FROM (SELECT unnest(rejects, max_depth := 2) FROM journal) ORDER BY ALL",
                # The last: where it is, the stage has ended and the others are there too.
                "": "SELECT * FROM (SELECT unnest(kept, max_depth := 2) FROM journal) ORDER BY ALL",
            }.items():
                write_parquet(connection, query, self._folder / f"{self.name}{name}.parquet")
        finally:
            connection.close()

    def _journal_sql(self) -> str:
        return journal_sql(self._journal, self._record)

    @property
    def shape(self) -> dict[str, str]:
        """Columns and types of the records: results that another version wrote in another shape are not read."""
        return columns(self._record)

    @property
    def parquet(self) -> Path:
        """Where the records of the ended stage lie."""
        return self._folder / f"{self.name}.parquet"

    def count(self) -> int:
        """Number of records of the ended stage."""
        connection = connect()
        (count,) = connection.execute(f"SELECT count(*) FROM read_parquet({quoted(self.parquet)})").fetchall()[0]
        connection.close()
        return int(count)

    def records(self, **equal: str) -> Iterator[R]:
        """The records of the ended stage whose fields have these values, by key, a few at a time."""
        where = " AND ".join(f'"{name}" = ?' for name in equal) or "true"
        yield from self.select(f"SELECT * FROM this WHERE {where} ORDER BY key", list(equal.values()))

    def select(self, query: str, parameters: Sequence[object] = ()) -> Iterator[R]:
        """The records that a query over `this` stage's parquet file gives, in its order, a few at a time."""
        names = [name.strip('"') for name in columns(self._record)]
        this = f"WITH this AS (SELECT * FROM read_parquet({quoted(self.parquet)}))"
        with self._reading().cursor() as cursor:
            cursor.execute(f"{this} SELECT {', '.join(columns(self._record))} FROM ({query})", list(parameters))
            while rows := cursor.fetchmany(64):
                for row in rows:
                    yield self._adapter.validate_python(dict(zip(names, row, strict=True)))

    def seconds_by(self, name: str) -> dict[str, float]:
        """For each value of a field of the ended stage's records, the seconds in which its inputs were worked on."""
        times = self._folder / f"{self.name}.times.parquet"
        query = (
            f"SELECT record.{name}, sum(seconds) FROM (SELECT input, unnest(kept) AS record FROM ({self._journal_sql()}))"
            f" JOIN read_parquet({quoted(times)}) USING (input) GROUP BY ALL"
        )
        with self._reading().cursor() as cursor:
            return {str(value): float(seconds) for value, seconds in cursor.execute(query).fetchall()}

    def _reading(self) -> duckdb.DuckDBPyConnection:
        """The connection that all queries share: a build asks some twenty for each source, and a new one takes 30 ms."""
        with self._lock:
            if self._reader is None:
                self._reader = connect()
                # It would hold what it read of a file, up to its limit, and the file may be written anew.
                self._reader.execute("SET enable_external_file_cache = false")
            return self._reader

    def close(self) -> None:
        """Close the journal."""
        if self._reader is not None:
            self._reader.close()
        with self._lock, contextlib.suppress(OSError):  # of a full disk, which `write` has told of
            self._file.close()


def _open_journal(path: Path) -> Any:
    """Open for appending, a torn last line dropped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab+")
    size = file.seek(0, os.SEEK_END)
    end = size
    while end:
        start = max(0, end - (1 << 16))
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        file.truncate(end)
    file.seek(0, os.SEEK_END)
    return file


def journal_sql(path: Path, record: type, *, live: bool = False) -> str:
    """A query over a journal; `live` passes over a line that is being written."""
    struct = ", ".join(f"{name} {type_}" for name, type_ in {'"key"': "VARCHAR", **columns(record)}.items())
    rejects = ", ".join(f"{name} {type_}" for name, type_ in columns(Reject).items())
    types_ = {
        "input": "VARCHAR",
        "seconds": "DOUBLE",
        "ended": "DOUBLE",
        "kept": f"STRUCT({struct})[]",
        "rejects": f"STRUCT({rejects})[]",
    }
    listed = ", ".join(f"{name}: {quoted(type_)}" for name, type_ in types_.items())
    return (
        f"SELECT * FROM read_json({quoted(path)}, format = 'newline_delimited', columns = {{{listed}}},"
        f" maximum_object_size = {MAX_LINE}, ignore_errors = {str(live).lower()})"
        f" WHERE {'rejects IS NOT NULL' if live else 'true'}"  # what is passed over comes as a row of nulls
    )


def write_parquet(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path, *, rows_a_group: int = ROWS_A_GROUP
) -> None:
    """Write a query's result, whole or not at all; the same rows give the same bytes."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")  # see `ttc_data.whole`
    try:
        connection.execute(
            f"COPY ({query}) TO {quoted(temporary)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows_a_group})"
        )
    except duckdb.IOException as error:
        temporary.unlink(missing_ok=True)
        raise _not_written(path, error) from error
    temporary.replace(path)


def _not_written(path: Path, error: Exception) -> StorageFull | BuildError:
    """Why a file could not be written: nearly always a full disk, which DuckDB tells of in a paragraph of JSON."""
    said = " ".join(str(error).split())
    cause = next((cause for words, cause in FULL.items() if words.lower() in said.lower()), "")
    if cause:
        return StorageFull.at(path, cause)
    return BuildError(f"{path}: cannot be written ({said[:200]}); check the rights on the folder, and run again")


class Build:
    """One run of a recipe, in its folder. Only one process works on a build at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = folder / "records"
        self.dataset = folder / "dataset"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BuildError(f"--out {folder}: {error.strerror}; name a folder that can be written") from error
        self._lock = (folder / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise BuildError(
                f"--out {folder}: another process is writing it; wait for it, or name another place"
            ) from error
        self._stages: list[Stage[Any]] = []

    def stage(self, name: str, record: type[R]) -> Stage[R]:
        """Open a stage's journal."""
        stage = Stage(self.records, name, record)
        self._stages.append(stage)
        return stage

    def state(self) -> JsonObject:
        """What `finish` wrote, or nothing."""
        return read_state(self.folder)

    def finish(self, state: Mapping[str, Any]) -> None:
        """Note that the build is complete."""
        text = json.dumps(dict(state), indent=2, sort_keys=True) + "\n"
        write_whole(self.folder / "build.json", text)

    def begin(self, recipe: str) -> None:
        """Note that a recipe is being worked on, by its `task_hash`: the build is not finished."""
        (self.folder / "build.json").unlink(missing_ok=True)
        (self.folder / BEGUN).write_text(f"{recipe}\n", encoding="ascii")

    def begun(self) -> str:
        """The recipe that was worked on last, `""` where none was."""
        place = self.folder / BEGUN
        return place.read_text(encoding="ascii", errors="replace").strip() if place.is_file() else ""

    def close(self) -> None:
        """Close the journals and give up the lock."""
        for stage in self._stages:
            stage.close()
        self._lock.close()


def is_written(folder: Path) -> bool:
    """Whether a process works on a build's folder now."""
    lock = folder / ".lock"
    if not lock.is_file():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def read_state(folder: Path) -> JsonObject:
    """The state of a finished build in `folder`, empty when it is not finished."""
    try:
        value = json.loads((folder / "build.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
