"""Whether right answers are solved: re-implementations in another style, written by hand, to rows of ten projects.

    ttcdata build stack-impl --source pypi:inflection==0.5.1 --source pypi:toolz==1.2.0 --out out/two
    python benchmarks/right.py out/two --deep

The answers lie in `right/`, a file for each project: a loop for a library's function, a generator for a chain of iterators, the
other way round. Each is right by the target's docstring and passes the project's own tests, so what refuses it is at fault. The
script prints each answer that is not solved, or that the oracle tells from the reference, and ends with 1 if there is one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import yaml
from rich.console import Console

from ttc_data.engine import in_threads
from ttc_data.row import Row
from ttc_data.solve.grader import Grader

FOLDER = Path(__file__).with_suffix("")


def right_answers(folder: Path) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Repository, path and target of each answer, and its code."""
    for file in sorted(folder.glob("*.yaml")):
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        for answer in data["answers"]:
            yield (f"pypi/{data['project']}", answer["path"], answer["target"]), answer["code"]


def refused(grader: Grader, row: Row, code: str) -> str:
    """Why an answer is not solved, or what the oracle says against one that is; empty where it is right."""
    outcome = grader.grade_text(row, f"```python\n{code}```\n")
    return "" if outcome.solved else f"{outcome.reason} {outcome.detail}".strip()


def main() -> int:
    """Grade and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="a build or a dataset")
    parser.add_argument("--answers", type=Path, default=FOLDER, help="a folder of such files")
    parser.add_argument("--deep", action="store_true", help="compare with the reference on generated calls too")
    parser.add_argument("--sandbox", default="auto", choices=("auto", "docker", "local"))
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    grader = Grader(options.dataset, sandbox=options.sandbox, workers=options.workers, deep=options.deep)
    console = Console(width=140)
    try:
        rows = {(row.repo, row.path, row.ttc_target): row for row in grader.dataset.rows()}
        listed = list(right_answers(options.answers))
        asked = [(rows[key], code) for key, code in listed if key in rows]
        found = list(in_threads(asked, lambda pair: refused(grader, *pair), grader.workers))
    finally:
        grader.close()
    for (row, code), why in zip(asked, found, strict=True):
        if why:
            console.print(f"\nrefused {row.instance_id}: {why}\n{code}", highlight=False, markup=False)
    wrong = sum(map(bool, found))
    console.print(
        f"{len(asked) - wrong} of {len(asked)} right answers are solved, {len(listed) - len(asked)} have no row"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
