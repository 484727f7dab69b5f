"""Whether verdicts can be believed: those of a file, today's, the oracle's and the repository's whole suite, side by side.

    ttcdata build recipes/demo.yaml --out out/demo
    python benchmarks/verdicts.py out/demo --answers answers.jsonl.gz --answers-of OLDER_SET

An answers file has JSON lines with `instance_id` (or `id`), `answer`, and `verdict` (or `reason`), the verdict of whoever judged it
before; a `.tgz` of a training run's completions is read too. Answers to rows of another set (`--answers-of`) are matched by
repository, path and target. Each distinct answer is judged once.

Two judges stand beside the tests of a row: every test of its repository that the reference passes, and the differential oracle.
An answer that is solved while one of them says no is a false pass; one that is not solved while both say yes is a false fail.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import duckdb
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ttc_data.dataset import Dataset
from ttc_data.engine import in_threads
from ttc_data.errors import PatchRejected, SandboxLost
from ttc_data.row import Row
from ttc_data.sandbox.judging import BROKEN, COUNTS_AS_PASSED
from ttc_data.sandbox.protocol import Report
from ttc_data.solve.answer import read_answer
from ttc_data.solve.grader import Grader
from ttc_data.solve.outcome import Outcome

Which = Literal["all", "solved", "none"]
SOLVED_BEFORE = ("", "solved")
SUITE_RUNS = 2
"""Of the reference: a test that does not pass in all of them says nothing."""
PATIENCE = 5.0
"""Times the reference's own seconds that a suite, or a row's session, may take with an answer in it."""
LEAST_SUITE_S = 10.0


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, as somebody judged it before."""

    instance_id: str
    text: str
    verdict: str
    reward: float | None = None
    """What its tests earned in a training run."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One distinct answer and what each judge says; None where it does not know or was not asked."""

    row: Row
    text: str
    times: int
    before: str
    reward: float | None
    outcome: Outcome
    suite: bool | None
    failing: tuple[str, ...]
    """Tests of the suite that the reference passes and the answer does not."""
    oracle: bool | None
    difference: str

    @property
    def earned(self) -> float:
        """What it earns in training."""
        return 0.0 if self.outcome.trivial else float(self.outcome.solved)

    @property
    def false_pass(self) -> bool:
        """Solved, and another judge says no."""
        return self.outcome.solved and (self.suite is False or self.oracle is False)

    @property
    def false_fail(self) -> bool:
        """Not solved, and both others say yes."""
        return not self.outcome.solved and bool(self.suite and self.oracle)


def said(path: Path) -> Iterator[Said]:
    """The answers of a file."""
    if path.name.endswith((".tgz", ".tar.gz")):
        with tarfile.open(path) as archive, TemporaryDirectory() as folder:
            archive.extractall(folder, filter="data")
            for table in sorted(Path(folder).rglob("*.parquet")):
                yield from _completions(table)
        return
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for line in lines:
            data = json.loads(line)
            name = data.get("instance_id") or data["id"]
            yield Said(name, data["answer"], data.get("verdict", data.get("reason", "")))


def _completions(path: Path) -> Iterator[Said]:
    query = "SELECT instance_id, completion, verdict, tests FROM read_parquet(?)"
    for name, completion, verdict, tests in duckdb.execute(query, [str(path)]).fetchall():
        text = completion if isinstance(completion, str) else str(completion[-1]["content"])
        yield Said(name, text, verdict, tests)


def matching(dataset: Dataset, others: Path | None) -> dict[str, str]:
    """The row of the set that answers to a row of another set are for, by that row's id."""
    rows = {(row.repo, row.path, row.ttc_target): row.instance_id for row in dataset.rows()}
    found = {name: name for name in rows.values()}
    if others:
        files = sorted((others / "data").glob("*.parquet"))
        query = "SELECT instance_id, repo, path, ttc_target FROM read_parquet(?)"
        for name, *place in duckdb.execute(query, [[str(file) for file in files]]).fetchall():
            if tuple(place) in rows:
                found[name] = rows[tuple(place)]
    return found


class Suites:
    """The whole suites of the rows' repositories."""

    def __init__(self, grader: Grader) -> None:
        self._grader = grader
        self._passed: dict[str, frozenset[str]] = {}
        self._limits: dict[str, float] = {}
        """Seconds that a suite may take with an answer in it."""

    def prepare(self, rows: Iterable[Row]) -> None:
        """Run each repository's suite on the reference, the repositories beside each other."""
        for row, runs in in_threads(
            {row.ttc_environment: row for row in rows}.values(), self._of_reference, self._grader.workers
        ):
            self._passed[row.ttc_environment] = frozenset.intersection(*map(_passed, runs))
            self._limits[row.ttc_environment] = max(LEAST_SUITE_S, PATIENCE * max(run.seconds for run in runs))

    def _of_reference(self, row: Row) -> tuple[Row, list[Report]]:
        return row, [self._run(row, self._grader.rows.task(row).reference) for _ in range(SUITE_RUNS)]

    def failing(self, row: Row, files: Mapping[str, str | None], first: Iterable[str] = ()) -> tuple[str, ...]:
        """Tests that the reference passes and an answer does not.

        Args:
            row: what is answered.
            files: what the answer makes of its files.
            first: test files that are run alone before the suite, and instead of it where a test of theirs fails.
        """
        wanted = self._passed[row.ttc_environment]
        alone = tuple(path for path in first if path in self._grader.rows.environment(row).test_files)
        if alone:
            some = frozenset(test for test in wanted if test.startswith(tuple(f"{path}::" for path in alone)))
            if failing := some - _passed(self._run(row, files, alone)):
                return tuple(sorted(failing))
        return tuple(sorted(wanted - _passed(self._run(row, files))))

    def _run(self, row: Row, files: Mapping[str, str | None], test_files: tuple[str, ...] = ()) -> Report:
        task, environment = self._grader.rows.task(row), self._grader.rows.environment(row)
        job = task.job(task.as_written, files)
        rules = self._grader.dataset.recipe.tests
        limit = self._limits.get(row.ttc_environment, rules.suite_timeout_s)
        whole = replace(job, test_files=test_files or environment.test_files, tests=None, timeout_s=limit)
        return self._grader.report(row, whole)


def _passed(report: Report) -> frozenset[str]:
    return frozenset(test.id for test in report.tests if test.outcome in COUNTS_AS_PASSED)


def judged(
    grader: Grader,
    answers: Mapping[tuple[str, str], Counter[str]],
    rewards: Mapping[tuple[str, str], float],
    suite: Which,
) -> Iterator[Judged]:
    """Judge distinct answers, whose keys are row and text, and whose values count the verdicts before."""
    rows = {row.instance_id: row for row in grader.dataset.rows(names=sorted({name for name, _ in answers}))}
    suites = Suites(grader)
    if suite != "none":
        suites.prepare(rows.values())

    def judge(item: tuple[tuple[str, str], Counter[str]]) -> Judged | None:
        (name, text), verdicts = item
        row, before = rows[name], verdicts.most_common(1)[0][0]
        outcome = grader.grade_text(row, text)
        failing: tuple[str, ...] = ()
        passes, agrees, difference = None, None, ""
        asked = outcome.read and (suite == "all" or outcome.solved or before in SOLVED_BEFORE)
        if asked and suite != "none":
            try:
                blamed = {
                    test.partition("::")[0]: None for test, said in outcome.fail_to_pass.items() if said in BROKEN
                }
                failing = suites.failing(row, outcome.files, list(blamed)[:1])
                passes = not failing
                if passes or outcome.solved:
                    compared = grader.oracle(row).compare([outcome.files])[0]
                    agrees = compared.agrees if compared.knows else None
                    difference = compared.difference
            except SandboxLost as error:
                print(f"{name}: {error}", file=sys.stderr)
        return Judged(
            row, text, verdicts.total(), before, rewards.get((name, text)), outcome, passes, failing, agrees, difference
        )

    found = in_threads(answers.items(), judge, grader.workers)
    yield from (
        answer for answer in track(found, "judging", total=len(answers), console=Console(stderr=True)) if answer
    )


def distinct(
    grader: Grader, answers: Iterable[Said], known: Mapping[str, str]
) -> tuple[dict[tuple[str, str], Counter[str]], dict[tuple[str, str], float]]:
    """Answers that change a file differently, with the verdicts that each had and what it earned."""
    rows = {row.instance_id: row for row in grader.dataset.rows()}
    texts: dict[tuple[str, str], tuple[str, str]] = {}
    found: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    rewards: dict[tuple[str, str], float] = {}
    for answer in answers:
        if answer.instance_id not in known:
            continue
        row = rows[known[answer.instance_id]]
        try:
            files = read_answer(
                answer.text, {file.path: file.text for file in row.ttc_files}, row.path, row.ttc_target
            ).files
            content = json.dumps(sorted(files.items()))
        except PatchRejected:
            content = answer.text
        key = texts.setdefault((row.instance_id, content), (row.instance_id, answer.text))
        found[key][answer.verdict] += 1
        if answer.reward is not None:
            rewards[key] = answer.reward
    return dict(found), rewards


def show(found: list[Judged], most: int) -> None:
    """Print the table, and each disagreement."""
    console = Console(width=160)
    table = Table("verdict before", "now", box=None, header_style="bold")
    for name in ("distinct", "answers", "suite yes", "suite no", "oracle yes", "oracle no", "not known"):
        table.add_column(name, justify="right")
    groups: defaultdict[tuple[str, str], list[Judged]] = defaultdict(list)
    for answer in found:
        before = "solved" if answer.before in SOLVED_BEFORE else answer.before
        groups[before, "solved" if answer.outcome.solved else answer.outcome.reason].append(answer)
    for (before, now), ones in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        suites, oracles = Counter(answer.suite for answer in ones), Counter(answer.oracle for answer in ones)
        counts = (
            len(ones),
            sum(answer.times for answer in ones),
            suites[True],
            suites[False],
            oracles[True],
            oracles[False],
        )
        table.add_row(before, now, *map(str, counts), str(oracles[None]))
    console.print(table)
    solved = [answer for answer in found if answer.outcome.solved]
    passes, fails = [answer for answer in found if answer.false_pass], [answer for answer in found if answer.false_fail]
    then = [answer for answer in found if answer.before in SOLVED_BEFORE and answer.suite is not None]
    wrong = [answer for answer in then if answer.suite is False or answer.oracle is False]
    tampered = [answer for answer in found if answer.outcome.tampered]
    console.print(f"before: {len(wrong)} of {len(then)} distinct answers that were solved fail the suite or the oracle")
    console.print(
        f"now: {len(solved)} solved, {len(passes)} false passes, {len(fails)} false fails, {len(tampered)} tampered"
    )
    for title, ones in (("false pass", passes), ("false fail", fails), ("tampered", tampered)):
        for answer in ones[:most]:
            cause = (
                answer.outcome.detail if title != "false pass" else ", ".join(answer.failing[:2]) or answer.difference
            )
            console.print(f"\n[bold]{title}[/bold] {answer.row.instance_id}", highlight=False)
            console.print(f"{answer.outcome.reason} {cause}\n{answer.text[:1200]}", highlight=False, markup=False)


def show_pay(found: list[Judged]) -> None:
    """Print what the completions of a run earned, and what they earn now; trivial bodies apart."""
    paid = [answer for answer in found if answer.reward is not None]
    if not paid:
        return
    table = Table("completions", box=None, header_style="bold")
    for name in ("count", "earned before", "above 0", "earn now", "above 0 now"):
        table.add_column(name, justify="right")
    for name, ones in {
        "trivial bodies": [answer for answer in paid if answer.outcome.trivial],
        "others": [answer for answer in paid if not answer.outcome.trivial],
    }.items():
        before = sum(answer.reward * answer.times for answer in ones if answer.reward)
        now = sum(answer.earned * answer.times for answer in ones)
        above = sum(answer.times for answer in ones if answer.reward)
        count, still = sum(answer.times for answer in ones), sum(answer.times for answer in ones if answer.earned)
        table.add_row(name, str(count), f"{before:.1f}", str(above), f"{now:.1f}", str(still))
    Console(width=120).print(table)


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="a build or a dataset")
    parser.add_argument("--answers", type=Path, action="append", required=True, help="repeatable")
    parser.add_argument("--answers-of", type=Path, help="the set whose rows were answered, where it is another one")
    parser.add_argument(
        "--suite", choices=("all", "solved", "none"), default="solved", help="answers that meet the suite"
    )
    parser.add_argument("--sandbox", default="auto", choices=("auto", "docker", "local"))
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--show", type=int, default=20, metavar="N", help="print so many answers of each kind of fault")
    parser.add_argument("--out", type=Path, help="write every judgement as a JSON line")
    options = parser.parse_args()
    grader = Grader(options.dataset, sandbox=options.sandbox, workers=options.workers, patience=PATIENCE)
    try:
        known = matching(grader.dataset, options.answers_of)
        every = [answer for path in options.answers for answer in said(path)]
        answers, rewards = distinct(grader, every, known)
        print(f"{len(every)} answers, {len(answers)} distinct ones to rows of {options.dataset}")
        found = []
        with options.out.open("w", encoding="utf-8") if options.out else nullcontext() as lines:
            for answer in judged(grader, answers, rewards, options.suite):
                found.append(answer)
                if lines is not None:
                    print(json.dumps(_line(answer)), file=lines, flush=True)
    finally:
        grader.close()
    show(found, options.show)
    show_pay(found)


def _line(answer: Judged) -> dict[str, Any]:
    told = {
        "suite": answer.suite,
        "failing": answer.failing[:20],
        "oracle": answer.oracle,
        "difference": answer.difference,
    }
    return {**answer.outcome.line(), "before": answer.before, "times": answer.times, **told, "answer": answer.text}


if __name__ == "__main__":
    main()
