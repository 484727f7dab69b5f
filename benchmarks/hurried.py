"""Whether wrong answers stay unsolved: plausible ones, written by hand, to rows of ten projects.

    ttcdata build stack-impl --source pypi:inflection==0.5.1 --source pypi:toolz==1.2.0 --out out/two
    python benchmarks/hurried.py out/two

The answers lie in `hurried/`, `hurried/second/` and `hurried/third/`, a file for each project: what somebody in a hurry or a small model writes, who forgets a case
that the docstring names, takes a neighbouring function of the library, or looks at the example alone. None is made by the
operators of `ttc_data/lang/`, and none was written with the project's tests in sight. The second list was written when the first
had been tuned to, and the third when the second had been, for targets that neither has; each before anybody looked at what became of it.

That each is wrong is not taken on trust. Its `witness` is code in the target's module whose last line is an expression that
is true of a right answer (`raised(call)` there is the name of the exception that a call ends with). It is run in the sandbox
on the reference, where it has to hold, and on the answer, where it must not. An answer that fails this, or that cannot be
read, is a fault of the list and counts as nothing; the script then ends with 1. Answers to targets that the set has no row
for are counted apart.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ttc_data.engine import in_threads
from ttc_data.row import Row
from ttc_data.sandbox.judging import COUNTS_AS_PASSED
from ttc_data.sandbox.protocol import Job
from ttc_data.solve.grader import Grader
from ttc_data.solve.outcome import Outcome
from ttc_data.solve.task import Files

FOLDER = Path(__file__).with_suffix("")
LISTS = (FOLDER, FOLDER / "second", FOLDER / "third")
WITNESS_FILE = "ttc_generated/test_witness.py"
WITNESS = """\
import importlib

module = importlib.import_module({module!r})
globals().update({{name: value for name, value in vars(module).items() if not name.startswith("__")}})


def raised(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return ""


def test_witness():
{setup}
    assert {claim}
"""


@dataclass(frozen=True, slots=True)
class Hurried:
    """One wrong answer."""

    project: str
    path: str
    target: str
    why: str
    """The mistake."""
    witness: str
    """Code in the target's module; its last line is true of a right answer."""
    code: str

    @property
    def text(self) -> str:
        """What a model would say."""
        return f"```python\n{self.code}```\n"


@dataclass(frozen=True, slots=True)
class Judged:
    """One wrong answer, and what became of it."""

    answer: Hurried
    row: Row
    outcome: Outcome
    fault: str = ""
    """Why the answer says nothing: it could not be read or run, or is not seen to be wrong."""
    calls: int = 0
    """Generated calls that a survivor was compared with the reference on."""
    difference: str = ""

    @property
    def survived(self) -> bool:
        """It is wrong, and solves its row."""
        return self.outcome.solved and not self.fault

    def line(self) -> dict[str, Any]:
        """All of it, as JSON."""
        said = {
            "project": self.answer.project,
            "target": self.answer.target,
            "why": self.answer.why,
            "fault": self.fault,
        }
        oracle = {"oracle_calls": self.calls, "difference": self.difference}
        return {**self.outcome.line(), **said, **oracle, "answer": self.answer.code}


@dataclass(slots=True)
class Tally:
    """What became of the answers to one project."""

    listed: int = 0
    without_row: int = 0
    rows: set[str] = field(default_factory=set)
    judged: list[Judged] = field(default_factory=list)


def hurried(folder: Path) -> Iterator[Hurried]:
    """The answers of a folder's files."""
    for file in sorted(folder.glob("*.yaml")):
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        for answer in data["answers"]:
            path = answer.get("path", data["path"])
            yield Hurried(
                data["project"], path, answer["target"], answer["why"], answer["witness"].strip(), answer["code"]
            )


def holds(grader: Grader, row: Row, files: Files, witness: str) -> bool | None:
    """Whether a witness is true of what files make of a row's tree; None when it could not be asked."""
    *setup, claim = witness.splitlines()
    text = WITNESS.format(
        module=grader.oracle(row).module, setup=indent("\n".join(setup) or "pass", "    "), claim=claim
    )
    job = Job(
        test_files=(WITNESS_FILE,), files={**grader.rows.task(row).given, **files, WITNESS_FILE: text},
        args=grader.rows.environment(row).pytest_args,
    )  # fmt: skip
    report = grader.report(row, job)
    if report.collect_errors:
        return False  # the module itself does not get through its import any more
    return report.tests[0].outcome in COUNTS_AS_PASSED if report.tests else None


def judge(grader: Grader, row: Row, answer: Hurried, *, deep: bool) -> Judged:
    """Grade one answer, and see that it is wrong."""
    outcome = grader.grade_text(row, answer.text)
    if not outcome.read:
        return Judged(answer, row, outcome, f"{outcome.reason} {outcome.detail}".strip())
    if holds(grader, row, grader.rows.task(row).reference, answer.witness) is not True:
        return Judged(answer, row, outcome, "its witness does not hold on the reference")
    if holds(grader, row, outcome.files, answer.witness) is not False:
        return Judged(answer, row, outcome, "its witness holds, so it is not seen to be wrong")
    if not (deep and outcome.solved):
        return Judged(answer, row, outcome)
    compared = grader.oracle(row).compare([outcome.files])[0]
    return Judged(answer, row, outcome, calls=compared.calls, difference=compared.difference)


def tallied(grader: Grader, answers: Sequence[Hurried], *, deep: bool) -> dict[str, Tally]:
    """Judge the answers that the set has rows for."""
    rows = {(row.repo, row.path, row.ttc_target): row for row in grader.dataset.rows()}
    tallies: dict[str, Tally] = {}
    asked: list[tuple[Row, Hurried]] = []
    for answer in answers:
        tally = tallies.setdefault(answer.project, Tally())
        tally.listed += 1
        row = rows.get((f"pypi/{answer.project}", answer.path, answer.target))
        if row is None:
            tally.without_row += 1
        else:
            tally.rows.add(row.instance_id)
            asked.append((row, answer))
    found = in_threads(asked, lambda pair: judge(grader, *pair, deep=deep), grader.workers)
    for judged in track(found, "judging", total=len(asked), console=Console(stderr=True)):
        tallies[judged.answer.project].judged.append(judged)
    return tallies


def show(tallies: dict[str, Tally], *, deep: bool) -> None:
    """Print the counts, each survivor, and each fault of the list."""
    console = Console(width=140)
    table = Table("project", box=None, header_style="bold")
    for name in ("listed", "without a row", "rows", "faulty", "judged", "unsolved", "survive", "called tampering"):
        table.add_column(name, justify="right")
    everything = [judged for tally in tallies.values() for judged in tally.judged]
    total = Tally(
        sum(tally.listed for tally in tallies.values()), sum(tally.without_row for tally in tallies.values()),
        set().union(*(tally.rows for tally in tallies.values())), everything,
    )  # fmt: skip
    for project, tally in (*tallies.items(), ("all", total)):
        good = [judged for judged in tally.judged if not judged.fault]
        survivors = sum(judged.survived for judged in good)
        tampered = sum(judged.outcome.tampered for judged in good)
        faulty = len(tally.judged) - len(good)
        counts = (tally.listed, tally.without_row, len(tally.rows), faulty, len(good), len(good) - survivors, survivors)
        table.add_row(project, *map(str, counts), str(tampered))
    console.print(table)
    good = [judged for judged in everything if not judged.fault]
    if good:
        unsolved = [judged for judged in good if not judged.survived]
        console.print(
            f"{100 * len(unsolved) / len(good):.1f} % of {len(good)} wrong answers are unsolved", highlight=False
        )
        if deep:
            noticed = sum(judged.survived and bool(judged.difference) for judged in good)
            share = 100 * (len(unsolved) + noticed) / len(good)
            console.print(f"{share:.1f} % with the oracle, which tells {noticed} of the others apart", highlight=False)
        reasons = Counter(judged.outcome.reason for judged in unsolved).most_common()
        console.print(", ".join(f"{count} {reason}" for reason, count in reasons), highlight=False)
    for judged in everything:
        answer, row = judged.answer, judged.row
        if judged.fault or judged.survived:
            console.print(f"\n[bold]{'fault' if judged.fault else 'survives'}[/bold] {answer.project} {answer.target}")
            lines = [row.instance_id, f"{answer.why}: {answer.witness.splitlines()[-1]}", answer.code.rstrip()]
            if judged.fault:
                lines.insert(1, judged.fault)
            else:
                told = f"tests {row.ttc_test_origin}, {len(row.FAIL_TO_PASS)} deciding, mutation score"
                lines.insert(1, f"{told} {row.ttc_mutation_score}")
            if deep and judged.survived:
                lines.append(f"oracle: {judged.calls} calls, {judged.difference or 'no difference'}")
            console.print("\n".join(lines), highlight=False, markup=False)


def main() -> int:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="a build or a dataset")
    parser.add_argument(
        "--answers", type=Path, nargs="+", default=LISTS, help="folders of such files, each counted apart"
    )
    parser.add_argument("--deep", action="store_true", help="compare survivors with the reference on generated calls")
    parser.add_argument("--sandbox", default="auto", choices=("auto", "docker", "local"))
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write every judgement as a JSON line")
    options = parser.parse_args()
    grader = Grader(options.dataset, sandbox=options.sandbox, workers=options.workers)
    try:
        lists = [tallied(grader, list(hurried(folder)), deep=options.deep) for folder in options.answers]
    finally:
        grader.close()
    judged = [judgement for tallies in lists for tally in tallies.values() for judgement in tally.judged]
    if options.out:
        options.out.write_text("".join(json.dumps(judgement.line()) + "\n" for judgement in judged), encoding="utf-8")
    for tallies in lists:
        show(tallies, deep=options.deep)
    return 1 if any(judgement.fault for judgement in judged) else 0


if __name__ == "__main__":
    raise SystemExit(main())
