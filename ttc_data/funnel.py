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


# Of a stage: inputs, what came of them, seconds of all workers, and seconds in which one was at work (the union of the
# inputs' spans: one that reaches beyond all before it adds what it reaches beyond them).
TIMES = """
WITH spans AS (SELECT *, ended - seconds AS begun FROM {stage}_times),
ordered AS (
    SELECT *, max(ended) OVER (ORDER BY begun ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM spans
)
SELECT count(*), coalesce(sum(kept), 0), coalesce(sum(rejected), 0), coalesce(sum(seconds), 0),
    CASE WHEN count(*) = count(ended) THEN coalesce(sum(greatest(0, ended - greatest(begun, coalesce(before, begun)))), 0) END
FROM ordered
"""


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
    wall_seconds: float | None
    """While at least one worker was at it, in all runs of the build; None for records of versions that did not note it."""
    untried: int
    """Inputs that the ended stage did not take in, for the recipe's `limit` or an error of ours."""


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
                # Older ones do not say when an input ended.
                "_times": "SELECT NULL::DOUBLE AS ended WHERE false UNION ALL BY NAME"
                f" SELECT * FROM read_parquet({quoted(records / f'{stage}.times.parquet')})",
            }
        elif journal.is_file():
            lines = journal_sql(journal, RECORDS[stage], live=True)
            queries = {
                "": f"SELECT unnest(kept, max_depth := 2) FROM ({lines})",
                "_rejects": f"SELECT unnest(rejects, max_depth := 2) FROM ({lines})",
                "_times": f"SELECT input, seconds, ended, len(kept) AS kept, len(rejects) AS rejected FROM ({lines})",
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
    steps: list[Step] = []
    for stage in STAGES:
        if stage not in begun:
            continue
        entered, kept, rejected, seconds, wall_seconds = connection.execute(TIMES.format(stage=stage)).fetchall()[0]
        running = not (out / "records" / f"{stage}.parquet").is_file()
        # Of the stages that take each record of the one before, `prove` alone has a limit.
        samples = steps[-1].kept if stage == "prove" and steps and not running else entered
        untried = max(0, samples - entered)
        steps.append(Step(stage, entered, int(kept), int(rejected), float(seconds), running, wall_seconds, untried))
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
