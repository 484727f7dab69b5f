"""The funnel of a build: how many entered each stage, how many were left, and why. One SQL query over the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ttc_data.errors import DatasetError
from ttc_data.records import Environment, Evidence, Reject, Sample, Solved, Source, Spec, Suite, Target
from ttc_data.store import STAGES, columns, connect, journal_sql, quoted

RECORDS: dict[str, Any] = {
    "mine": Source,
    "extract": Target,
    "environment": Environment,
    "suite": Suite,
    "repeat": Suite,
    "specify": Spec,
    "mask": Sample,
    "prove": Evidence,
    "solve": Solved,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the funnel."""

    stage: str
    entered: int
    kept: int
    rejected: int
    seconds: float
    """Added up over all workers."""
    running: bool
    """It has not ended: the counts are of what is done."""


def open_records(out: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB with a view for each stage that has begun: `STAGE`, `STAGE_rejects`, `STAGE_times`, and all `rejects`.

    Reads the parquet files of a stage that has ended and the journal of one that has not, so a running build can be
    looked at.

    Raises:
        DatasetError: there is no build in `out`.
    """
    records = out / "records"
    if not records.is_dir():
        raise DatasetError(f"{out}: no build there (no records/); name a folder that `ttcdata build --out` wrote")
    connection = connect()
    reject_columns = ", ".join(columns(Reject))
    unions = [f"SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in columns(Reject))} WHERE false"]
    for stage in STAGES:
        journal, parquet = records / f"{stage}.jsonl", records / f"{stage}.parquet"
        if parquet.is_file():
            queries = {
                "": f"SELECT * FROM read_parquet({quoted(parquet)})",
                "_rejects": f"SELECT * FROM read_parquet({quoted(records / f'{stage}.rejects.parquet')})",
                "_times": f"SELECT * FROM read_parquet({quoted(records / f'{stage}.times.parquet')})",
            }
        elif journal.is_file():
            lines = journal_sql(journal, RECORDS[stage], live=True)
            queries = {
                "": f"SELECT unnest(kept, max_depth := 2) FROM ({lines})",
                "_rejects": f"SELECT unnest(rejects, max_depth := 2) FROM ({lines})",
                "_times": f"SELECT input, seconds, len(kept) AS kept, len(rejects) AS rejected FROM ({lines})",
            }
        else:
            continue
        for suffix, query in queries.items():
            connection.execute(f"CREATE VIEW {stage}{suffix} AS {query}")
        unions.append(f"SELECT {reject_columns} FROM {stage}_rejects")
    connection.execute(f"CREATE VIEW rejects AS {' UNION ALL '.join(unions)}")
    return connection


def funnel(out: Path) -> list[Step]:
    """Every stage that has begun, in order. `entered` counts what a stage took in, so kept + rejected may be more."""
    connection = open_records(out)
    begun = {row[0] for row in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}
    steps = []
    for stage in STAGES:
        if stage not in begun:
            continue
        entered, kept, rejected, seconds = connection.execute(
            f"SELECT count(*), coalesce(sum(kept), 0), coalesce(sum(rejected), 0), coalesce(sum(seconds), 0) FROM {stage}_times"
        ).fetchall()[0]
        running = not (out / "records" / f"{stage}.parquet").is_file()
        steps.append(Step(stage, entered, int(kept), int(rejected), float(seconds), running))
    connection.close()
    return steps


def reject_reasons(out: Path, most: int = 0) -> list[tuple[str, str, int]]:
    """Stage, reason and count of rejects, most frequent first; all of them when `most` is 0."""
    connection = open_records(out)
    limit = f"LIMIT {most}" if most else ""
    rows = connection.execute(
        f"SELECT stage, reason, count(*) AS n FROM rejects GROUP BY ALL ORDER BY n DESC, stage, reason {limit}"
    ).fetchall()
    connection.close()
    return [(stage, reason, count) for stage, reason, count in rows]


def fallbacks(out: Path) -> list[tuple[str, int]]:
    """Why a model's specs were not used and docstrings are, with counts, the most frequent first."""
    connection = open_records(out)
    try:
        found = connection.execute(
            "SELECT rejected, count(*) FROM specify WHERE rejected <> '' GROUP BY rejected ORDER BY count(*) DESC, rejected"
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):  # no such stage yet, or of a version without
        found = []
    finally:
        connection.close()
    return [(str(reason), int(count)) for reason, count in found]
