"""A dataset of as many rows as one wants, made from a few: other ids, repositories, scores and words, so that each is its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.publish.small import SmallBuild
from ttc_data.store import connect, quoted

WORDS = [
    "queue",
    "window",
    "parse",
    "token",
    "buffer",
    "graph",
    "vertex",
    "weight",
    "merge",
    "split",
    "index",
    "cursor",
    "stream",
    "packet",
    "header",
    "footer",
    "margin",
    "colour",
    "matrix",
    "vector",
    "kernel",
    "filter",
    "sample",
    "signal",
    "filter",
    "decode",
    "encode",
    "escape",
    "locale",
    "number",
    "string",
    "record",
    "column",
    "schema",
    "planet",
    "orbit",
    "comet",
    "galaxy",
    "nebula",
    "quasar",
    "pulsar",
    "meteor",
    "lunar",
    "solar",
    "tidal",
    "cosmic",
    "stellar",
    "radius",
    "energy",
    "photon",
]


def many_rows(folder: Path, count: int, words: int = 120, lines: int = 0) -> Path:
    """Write a build of so many rows and give its folder; a second for 10,000.

    Args:
        folder: to write into.
        count: of rows.
        words: that each spec has more than the small build's.
        lines: that each masked file has more, of 60 characters each.
    """
    small = SmallBuild(folder, ("owner/alpha",))
    small.write()
    (old,) = (small.out / "dataset" / "data").glob("*.parquet")
    drawn = ", ".join(quoted(word) for word in WORDS)
    more = "list_transform(range({n}), lambda x: list_extract([{drawn}], 1 + (hash(i * 4099 + x) % {size})::INT))"
    spec = more.format(n=words, drawn=drawn, size=len(WORDS))
    padding = f"repeat('# ' || md5(i::VARCHAR) || ' of {'x' * 20}' || chr(10), {lines})"
    made = old.with_name("made")
    connection = connect()
    connection.execute(
        f"""COPY (SELECT * REPLACE (
            regexp_replace(instance_id, '-[0-9a-f]+$', '-' || left(md5(i::VARCHAR), 10)) AS instance_id,
            'owner/repo' || i % 600 AS repo,
            problem_statement || chr(10) || array_to_string({spec}, ' ') || ' only' || i AS problem_statement,
            list_transform(ttc_files, lambda f: {{'path': f.path, 'text': f.text || {padding}}}) AS ttc_files,
            round((hash(i) % 51) / 50, 2) AS ttc_mutation_score,
            flatten(list_transform(range(4), lambda x: ttc_mutants)) AS ttc_mutants
        ) FROM (SELECT *, row_number() OVER () AS i FROM read_parquet({quoted(old)}), range({-(-count // 3)})) LIMIT {count})
        TO {quoted(made)} (FORMAT parquet, ROW_GROUP_SIZE 2048)"""
    )
    connection.close()
    made.replace(old)
    return small.out


def repeated(build: Path, folder: Path, count: int) -> Path:
    """The rows of a build again and again, each time under other ids and in other repositories; gives their folder.

    Args:
        build: whose rows; their texts stay as they are.
        folder: to write into.
        count: of rows.
    """
    made = folder / "repeated" / "dataset"
    (made / "data").mkdir(parents=True)
    shutil.copyfile(build / "dataset" / "recipe.yaml", made / "recipe.yaml")
    connection = connect()
    rows = f"read_parquet({quoted(build / 'dataset' / 'data' / '*.parquet')})"
    (size,) = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()[0]
    turns = -(-count // size)
    for turn in range(turns):
        connection.execute(
            f"""COPY (SELECT * REPLACE (
                regexp_replace(instance_id, '-[0-9a-f]+$', '-' || left(md5('{turn}' || instance_id), 10)) AS instance_id,
                repo || '-{turn}' AS repo
            ) FROM {rows} LIMIT {min(size, count - turn * size)})
            TO {quoted(made / "data" / f"train-{turn:05}-of-{turns:05}.parquet")} (FORMAT parquet)"""
        )
    connection.close()
    return made
