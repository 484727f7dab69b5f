"""What is known of the benchmarks: hashes of their texts, in `fingerprints.parquet`, from which no text can be had back.

The file is made from local copies, which the project does not carry:

    python -m ttc_data.curate.fingerprints HumanEval.jsonl.gz mbpp.jsonl SWE-bench_Lite.test.jsonl.gz SWE-bench_Lite.dev.jsonl.gz
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ttc_data.curate.likeness import GRAM, function_sketches, gram_hashes, telling, words
from ttc_data.errors import DatasetError
from ttc_data.lang.python.syntax import parse
from ttc_data.records import JsonObject
from ttc_data.store import connect, quoted, write_parquet

PLACE = Path(__file__).with_name("fingerprints.parquet")
LEAST_SHINGLES = 20
"""Of a function whose shape says anything. With 12, six of 15,680 functions of seventeen projects and Python's own library count as
one of a benchmark's: to camel case, to pairs, flatten. With 20, none of 12,167."""
COLUMNS = "benchmark VARCHAR, item VARCHAR, grams UBIGINT[], functions UINTEGER[][]"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One problem of a benchmark."""

    benchmark: str
    item: str
    grams: tuple[int, ...]
    """Hashes of its runs of words, sorted."""
    functions: tuple[tuple[int, ...], ...]
    """Sketches of its functions."""


def fingerprint(benchmark: str, item: str, texts: Iterable[str], code: str = "") -> Fingerprint:
    """Take the fingerprint of one problem.

    Args:
        benchmark: its name.
        item: the problem's id there.
        texts: prose and code; no run of words goes from one to the next.
        code: Python whose functions are sketched; none are where it does not parse.
    """
    grams: set[int] = set()
    for text in texts:
        found = words(text)
        grams.update(value for at, value in enumerate(gram_hashes(found)) if telling(found[at : at + GRAM]))
    try:
        functions = function_sketches(parse(code.replace("\r\n", "\n").encode()), LEAST_SHINGLES)
    except SyntaxError:
        functions = []
    return Fingerprint(benchmark, item, tuple(sorted(grams)), tuple(sorted(functions)))


def fingerprints_of(path: Path) -> Iterator[Fingerprint]:
    """Take the fingerprints of a benchmark's file, known by the columns of its rows.

    Raises:
        DatasetError: the file is of none of the benchmarks.
    """
    for row in _json_lines(path):
        if "canonical_solution" in row:
            solved = row["prompt"] + row["canonical_solution"]
            yield fingerprint("HumanEval", row["task_id"], [solved], solved)
        elif "test_list" in row:
            yield fingerprint("MBPP", f"MBPP/{row['task_id']}", [f"{row['text']}\n{row['code']}"], row["code"])
        elif "FAIL_TO_PASS" in row:
            yield fingerprint("SWE-bench Lite", row["instance_id"], added_runs(row["patch"]))
        else:
            raise DatasetError(f"{path}: rows of {', '.join(row)}; give HumanEval, MBPP or SWE-bench as JSON lines")


def added_runs(patch: str) -> Iterator[str]:
    """The lines that a unified diff adds, those that stand together as one text."""
    run: list[str] = []
    for line in [*patch.splitlines(), ""]:
        if line.startswith("+") and not line.startswith("+++"):
            run.append(line[1:])
        elif run:
            yield "\n".join(run)
            run = []


def _json_lines(path: Path) -> Iterator[JsonObject]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: {error}; give a file of JSON lines, gzipped or not") from error


def write_fingerprints(found: Iterable[Fingerprint], path: Path) -> None:
    """Write the file, rows by benchmark and item."""
    connection = connect()
    connection.execute(f"CREATE TABLE found ({COLUMNS})")
    rows = [(one.benchmark, one.item, list(one.grams), [list(sketch) for sketch in one.functions]) for one in found]
    connection.executemany("INSERT INTO found VALUES (?, ?, ?, ?)", rows)
    write_parquet(connection, "SELECT * FROM found ORDER BY benchmark, item", path)
    connection.close()


@cache
def known_fingerprints(path: Path = PLACE) -> tuple[Fingerprint, ...]:
    """Every problem that is known, as the package has them: 1,461 of three benchmarks."""
    connection = connect()
    rows = connection.execute(f"SELECT benchmark, item, grams, functions FROM {quoted(path)}").fetchall()
    connection.close()
    return tuple(
        Fingerprint(benchmark, item, tuple(grams), tuple(tuple(sketch) for sketch in functions))
        for benchmark, item, grams, functions in rows
    )


def main(arguments: Sequence[str]) -> None:
    """Make the package's file anew from the files that are named."""
    write_fingerprints((one for name in arguments for one in fingerprints_of(Path(name))), PLACE)


if __name__ == "__main__":
    main(sys.argv[1:])
