"""Checks of rows, one at a time: licence, proof, benchmarks; and those of all ids together, in SQL."""

from __future__ import annotations

import ast
import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from ttc_data.curate.contamination import BENCHMARKS, Overlap, known_contamination, repository_overlap
from ttc_data.dataset import read_deprecated
from ttc_data.edits import apply_patch
from ttc_data.errors import PatchRejected
from ttc_data.evidence.strength import score
from ttc_data.lang.python.facts import definition_nodes
from ttc_data.lang.python.stubs import EXPECTED
from ttc_data.lang.python.syntax import parse_shared
from ttc_data.plain import counted
from ttc_data.publish.findings import Findings
from ttc_data.recipe import Recipe
from ttc_data.row import Row
from ttc_data.sources.licenses import allowed
from ttc_data.store import connect
from ttc_data.tables import column_types, parquet_files

LEAST_RUNS = 2


class RowChecks:
    """Looks at every row of a set once.

    Args:
        recipe: of the set: what was asked for.
        findings: told what is wrong.
        homes: `owner/name` that a repository's metadata name as its home.
        later: columns that the set's schema does not have yet, of which nothing is asked.

    Attributes:
        contaminated: Rows that overlap, by benchmark.
        rows: Seen so far.
    """

    def __init__(
        self, recipe: Recipe, findings: Findings, homes: Mapping[str, set[str]], later: Collection[str] = ()
    ) -> None:
        self.contaminated: Counter[str] = Counter(dict.fromkeys(BENCHMARKS, 0))
        self.rows = 0
        self._recipe = recipe
        self._findings = findings
        self._homes = homes
        self._later = later
        self._unguarded = 0
        self._repositories: dict[str, Overlap | None] = {}
        self._held: Counter[str] = Counter()
        self._contamination = known_contamination()

    def see(self, row: Row) -> None:
        """Check one row."""
        self.rows += 1
        self._unguarded += not row.ttc_tripwires
        if not row.license.strip():
            self._findings.add("licence", f"{row.instance_id}: no licence")
        elif not allowed(row.license, self._recipe.license):
            self._findings.add("licence", f"{row.instance_id}: {row.license}, which license.allow does not allow")
        for defect in self._unproven(row):
            self._findings.add("proof", f"{row.instance_id}: {defect}")
        try:
            reference = reference_of(row)
        except PatchRejected as error:
            self._findings.add("proof", f"{row.instance_id}: the reference does not apply ({error})")
            reference = ""
        self._compare(row, reference)

    def end(self) -> None:
        """Report what is known of all rows together."""
        asked = self._recipe.tests.tripwires
        if self._unguarded and asked and "ttc_tripwires" not in self._later:
            self._findings.add(
                "proof",
                f"{self._unguarded} of {counted(self.rows, 'row')} without a tripwire: their reward rests on one session alone",
                allowed=self._unguarded < self.rows,
            )
        for repo, count in sorted(self._held.items()):
            overlap = self._repositories[repo]
            assert overlap is not None
            more = f" ({overlap.detail})" if overlap.detail else ""
            self._findings.add(
                "contamination",
                f"{repo}, {counted(count, 'row')}: {overlap.benchmark} takes its tasks from {overlap.item}{more}",
            )

    def _unproven(self, row: Row) -> list[str]:
        """What of the proof is missing, as far as the row says."""
        rules = self._recipe.tests
        wrong = []
        if not row.ttc_gold_passes == row.ttc_gold_runs >= LEAST_RUNS:
            wrong.append(
                f"the reference passed {row.ttc_gold_passes} of {row.ttc_gold_runs} runs, must be all of 2 at least"
            )
        if not row.FAIL_TO_PASS:
            wrong.append("FAIL_TO_PASS is empty: nothing that the masked file fails decides")
        if both := set(row.FAIL_TO_PASS) & set(row.PASS_TO_PASS):
            wrong.append(f"{min(both)} is in FAIL_TO_PASS and in PASS_TO_PASS")
        if row.ttc_stubs_passed:
            wrong.append(f"{row.ttc_stubs_passed} trivial bodies pass")
        if "ttc_first_look" not in self._later:
            wrong += self._unsound(row)
        if len(row.ttc_tripwires) > rules.tripwires:
            wrong.append(f"{len(row.ttc_tripwires)} tripwires, tests.tripwires is {rules.tripwires}")
        if rules.mutants and "ttc_mutants" not in self._later:
            measured = score(row.ttc_mutants)
            if abs(measured - row.ttc_mutation_score) > 1e-3:
                wrong.append(f"ttc_mutation_score {row.ttc_mutation_score:g}, of ttc_mutants {measured:g} are noticed")
            if row.ttc_mutation_score < rules.min_mutation_score:
                wrong.append(
                    f"mutation score {row.ttc_mutation_score:g}, tests.min_mutation_score is {rules.min_mutation_score:g}"
                )
        return wrong

    def _unsound(self, row: Row) -> Iterator[str]:
        """What the first look, the cap on run time and the trivial bodies contradict."""
        decide, first = set(row.FAIL_TO_PASS), set(row.ttc_first_look)
        if not decide:
            return
        if not first:
            yield "ttc_first_look is empty: nothing is run first"
        if other := first - decide:
            yield f"{min(other)} is in ttc_first_look and not in FAIL_TO_PASS"
        if first and (
            blind := [
                mutant for mutant in row.ttc_mutants if decide & set(mutant.tests) and first.isdisjoint(mutant.tests)
            ]
        ):
            yield f"{len(blind)} mutants that FAIL_TO_PASS notices pass ttc_first_look, line {blind[0].line} the first"
        if both := (decide | set(row.PASS_TO_PASS)) & set(row.ttc_left_out):
            yield f"{min(both)} is in ttc_left_out and decides all the same"
        plain = [one for one in row.ttc_baselines if not one.name.startswith(EXPECTED)]
        if free := [baseline.name for baseline in plain if decide <= set(baseline.passed)]:
            yield f"the trivial body {free[0]} passes all of FAIL_TO_PASS"

    def _compare(self, row: Row, reference: str) -> None:
        texts = [row.problem_statement, reference, *(message.content for message in row.prompt)]
        found = {overlap.benchmark for overlap in self._overlaps(row, texts, reference)}
        if row.repo not in self._repositories:
            self._repositories[row.repo] = repository_overlap(row.repo, self._homes.get(row.repo, ()))
        if overlap := self._repositories[row.repo]:
            self._held[row.repo] += 1
            found.add(overlap.benchmark)
        self.contaminated.update(found)

    def _overlaps(self, row: Row, texts: list[str], reference: str) -> list[Overlap]:
        found = list(self._contamination.overlaps(texts, reference))
        for one in found:
            self._findings.add("contamination", f"{row.instance_id}: {one.benchmark} {one.item}: {one.detail}")
        return found


def reference_of(row: Row) -> str:
    """The target's definition as the reference has it, without its indentation.

    Raises:
        PatchRejected: the patch does not apply to the row's files, or does not bring the target.
    """
    files = apply_patch({file.path: file.text.encode("utf-8") for file in row.ttc_files}, row.patch)
    data = files.get(row.path)
    if data is None:
        raise PatchRejected(f"the patch does not touch {row.path}")
    try:
        # All rows of a file have the same reference file: it is parsed once.
        block: Sequence[ast.stmt] = parse_shared(data).body
    except SyntaxError as error:
        raise PatchRejected(f"{row.path} does not parse with it") from error
    node = None
    for name in row.ttc_target.replace(".<locals>", "").split("."):
        node = next((one for one in definition_nodes(block) if one.name == name), None)
        if node is None:
            raise PatchRejected(f"{row.path} has no {row.ttc_target} with it")
        block = node.body
    assert node is not None
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return textwrap.dedent("\n".join(lines[node.lineno - 1 : node.end_lineno])) + "\n"


def check_ids(folder: Path, findings: Findings) -> None:
    """Ids that two rows have or that are withdrawn, and repositories in two splits. Spills to disk, not to memory."""
    connection = connect()
    try:
        found = column_types(connection, folder)
        rows = f"read_parquet({parquet_files(folder)}, union_by_name = true, filename = true)"
        if "instance_id" in found:
            twice = f"SELECT instance_id, count(*) FROM {rows} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1"
            for name, count in connection.execute(twice).fetchall():
                findings.add("ids", f"{name}: {count} rows have this id")
            gone = {one.instance_id: one for one in read_deprecated(folder)}
            back = f"SELECT DISTINCT instance_id FROM {rows} WHERE instance_id IN (SELECT unnest(?)) ORDER BY 1"
            for (name,) in connection.execute(back, [sorted(gone)]).fetchall():
                findings.add("ids", f"{gone[name].said}; it is in the set again")
        if "repo" in found:
            split = "regexp_extract(filename, '([^/-]+)[^/]*\\.parquet$', 1)"
            apart = (
                f"SELECT repo, list(DISTINCT {split} ORDER BY {split}) AS splits FROM {rows}"
                " GROUP BY 1 HAVING len(splits) > 1 ORDER BY 1"
            )
            for repo, splits in connection.execute(apart).fetchall():
                findings.add("splits", f"{repo} is in {' and '.join(splits)}: a repository belongs to one split")
    finally:
        connection.close()
