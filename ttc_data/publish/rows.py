"""Proven samples to rows, and rows to the files of a dataset."""

from __future__ import annotations

import json
import re
import secrets
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Literal, TypeAlias

from ttc_data.edits import unified_diff
from ttc_data.evidence.strength import score
from ttc_data.lang.python import syntax
from ttc_data.prove import reference_file
from ttc_data.publish.script import eval_script
from ttc_data.recipe import Recipe
from ttc_data.records import SCHEMA_VERSION, Environment, Evidence, FileText, Sample, Solved, Source, Spec, Target
from ttc_data.row import Message, Row
from ttc_data.rules import SplitRules
from ttc_data.store import columns, connect, quoted, write_parquet
from ttc_data.template import template

AnswerForm: TypeAlias = Literal["blocks", "fenced"]
SPLITS = ("train", "validation", "test")
# The Hub's viewer reads whole groups, of 286 MiB at most: a row has 53 to 76 KB in the mean.
ROWS_A_GROUP = 2_048
MOST_DECORATOR = 60


@dataclass(frozen=True)
class Proven:
    """A sample with its proof, and what both were made of."""

    evidence: Evidence
    sample: Sample
    target: Target
    spec: Spec
    source: Source
    environment: Environment

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.environment.repo} {self.target.path}::{self.target.qualname}"


def instance_id(source: Source, target: Target, sample: Sample) -> str:
    """`OWNER__NAME-QUALNAME-KEY`: readable, unique, fit for an image tag, and the same for the same sample."""
    owner, _, repo = source.repo.rpartition("/")
    words = [_plain(owner)[:30], _plain(repo)[:40], _plain(target.qualname)[:40]]
    return f"{words[0]}__{words[1]}-{words[2]}-{sample.key[:10]}"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-._") or "x"


def make_row(proven: Proven, recipe: Recipe, build: str, solved: Solved | None = None) -> Row:
    """Put together what is published of one proven sample."""
    sample, evidence, target = proven.sample, proven.evidence, proven.target
    spec, source, environment = proven.spec, proven.source, proven.environment
    name = instance_id(source, target, sample)
    tests = (*evidence.fail_to_pass, *evidence.pass_to_pass)
    added = evidence.tests
    return Row(
        instance_id=name,
        repo=source.repo,
        base_commit=source.revision,
        path=sample.path,
        language=source.language,
        license=source.license,
        problem_statement=_text("problem", sample, target, spec, source),
        prompt=prompt_of(sample, target, spec, source),
        patch=sample.patch,
        test_patch=unified_diff({file.path: None for file in added}, {file.path: file.text for file in added}),
        FAIL_TO_PASS=evidence.fail_to_pass,
        PASS_TO_PASS=evidence.pass_to_pass,
        image=f"ttcdata/row:{name}",
        eval_script=eval_script(environment, tests, added, recipe.tests),
        log_parser="parse_log_pytest",
        eval_type="pass_and_fail",
        version=environment.version,
        created_at=source.created_at,
        ttc_schema_version=SCHEMA_VERSION,
        ttc_target=target.qualname,
        ttc_kind=target.kind,
        ttc_mask=sample.mask,
        ttc_files=(FileText(sample.path, sample.masked),),
        ttc_spec_origin=spec.origin,
        ttc_spec_model=spec.model,
        ttc_spec_rejected=spec.rejected,
        ttc_spec_overlap=sample.spec_overlap,
        ttc_docstring=target.docstring,
        ttc_test_origin=evidence.test_origin,
        ttc_gold_passes=sum(run.passed for run in evidence.gold),
        ttc_gold_runs=len(evidence.gold),
        ttc_line_coverage=evidence.line_coverage,
        ttc_branch_coverage=evidence.branch_coverage,
        ttc_mutation_score=score(evidence.mutants),
        ttc_mutants=evidence.mutants,
        ttc_stubs_passed=0,
        ttc_first_look=evidence.first_look,
        ttc_left_out=evidence.left_out,
        ttc_max_run_s=recipe.tests.max_run_s,
        ttc_baselines=evidence.baselines,
        ttc_oracle_calls=evidence.oracle_calls,
        ttc_tripwires=evidence.tripwires,
        ttc_solver_attempts=solved.attempts if solved else 0,
        ttc_solver_pass_at_1=solved.solved / solved.attempts if solved else None,
        ttc_solver_pass_at_k=float(solved.solved > 0) if solved else None,
        ttc_environment=environment.ground.key,
        ttc_recipe_hash=recipe.hash,
        ttc_build=build,
    )


def prompt_of(sample: Sample, target: Target, spec: Spec, source: Source) -> tuple[Message, ...]:
    """What a solver is told: the task, and how it is to answer."""
    return (
        Message("system", _text("system", sample, target, spec, source)),
        Message("user", _text("implement", sample, target, spec, source)),
    )


def _text(name: str, sample: Sample, target: Target, spec: Spec, source: Source) -> str:
    words = {
        "target": target,
        "which": which_of(sample, target),
        "spec": spec.text,
        "mask": sample.mask,
        "path": sample.path,
        "masked": sample.masked,
        "interface": sample.interface,
        "repo": source.repo,
        "form": answer_form("blocks", sample.path, target.kind),
    }
    return template("ttc_data.publish", f"templates/{name}.j2").render(**words)


def which_of(sample: Sample, target: Target) -> str:
    """Which of several definitions of one name is meant, by line and decorator; `""` where one is.

    A property's getter and deleter have one name, and so have all functions that a dispatcher calls `_`. Overloads are no
    definitions. A definition begins in the same line of the masked file and of the reference.
    """
    name = target.qualname.rpartition(".")[2]
    others = len(re.findall(rf"\b(?:def|class)\s+{re.escape(name)}\b", sample.masked)) - (sample.mask == "body")
    if name != "_" and others < 1:
        return ""
    text = reference_file(sample).encode("utf-8")
    known = [one for one in syntax.definitions(text) if one.qualname == target.qualname and not one.is_overload]
    meant = next(one for one in known if one.span == target.span)
    if name != "_" and len(known) == 1:
        return ""
    line = bisect_right(syntax.line_starts(text), target.span[0])
    decorators = [f"`@{one.splitlines()[0][:MOST_DECORATOR]}`" for one in meant.decorators]
    return f" ({', '.join((f'line {line}', *decorators))})"


def answer_form(form: AnswerForm, path: str, kind: str) -> str:
    """The last lines of a prompt, which say how to answer. Published prompts ask for `blocks`.

    Args:
        form: `blocks` (search/replace), or `fenced`: the whole definition in one block of code, easier for small models.
        path: of the target's file.
        kind: of the target.
    """
    return template("ttc_data.publish", f"templates/answer_{form}.j2").render(path=path, kind=kind)


def split_of(repo: str, rules: SplitRules, seed: int) -> tuple[float, str]:
    """The draw of a repository, 0 to 1, and the split it falls into; other repositories have no part in it."""
    draw = Random(f"{seed}:split:{repo}").random()
    if draw < rules.train:
        return draw, "train"
    return draw, "validation" if draw < rules.train + rules.validation else "test"


def assign_splits(repos: Iterable[str], rules: SplitRules, seed: int) -> dict[str, str]:
    """Split by repository. Where the draws leave `train` empty, the repository with the lowest draw goes there."""
    drawn = {repo: split_of(repo, rules, seed) for repo in repos}
    splits = {repo: split for repo, (_, split) in drawn.items()}
    if drawn and rules.train > 0 and "train" not in splits.values():
        splits[min(drawn, key=lambda repo: drawn[repo])] = "train"
    return splits


def record_row_images(dataset: Path, images: Mapping[str, str]) -> None:
    """Put into a dataset's rows where their images are; all else stays.

    Args:
        dataset: its folder.
        images: names by `instance_id`; rows that are not named keep what they have.

    Raises:
        StorageFull: the disk is full; the tables are as they were.
    """
    connection = connect()
    try:
        connection.execute("CREATE TABLE named (instance_id VARCHAR, image VARCHAR)")
        connection.executemany("INSERT INTO named VALUES (?, ?)", list(images.items()))
        for table in sorted((dataset / "data").glob("*.parquet")):
            query = (
                "SELECT rows.* REPLACE (coalesce(named.image, rows.image) AS image)"
                f" FROM read_parquet({quoted(table)}) AS rows LEFT JOIN named USING (instance_id) ORDER BY instance_id"
            )
            write_parquet(connection, query, table, rows_a_group=ROWS_A_GROUP)
    finally:
        connection.close()


def write_splits(rows: Callable[[], Iterator[Row]], splits: dict[str, str], folder: Path) -> dict[str, int]:
    """Write one parquet file a split, rows sorted by id; the same rows give the same bytes.

    Returns:
        Rows a split; splits without rows have no file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    counts: dict[str, int] = {}
    scratch = {split: folder / f".{split}.{secrets.token_hex(8)}.jsonl" for split in SPLITS}
    try:
        handles = {split: path.open("w", encoding="utf-8") for split, path in scratch.items()}
        for row in rows():
            split = splits[row.repo]
            handles[split].write(json.dumps(asdict(row)) + "\n")
            counts[split] = counts.get(split, 0) + 1
        for handle in handles.values():
            handle.close()
        connection = connect()
        types = ", ".join(f"{name}: {quoted(type_)}" for name, type_ in columns(Row).items())
        for split in counts:
            query = (
                f"SELECT * FROM read_json({quoted(scratch[split])}, format = 'newline_delimited', columns = {{{types}}},"
                " maximum_object_size = 67108864) ORDER BY instance_id"
            )
            write_parquet(connection, query, folder / f"{split}-00000-of-00001.parquet", rows_a_group=ROWS_A_GROUP)
        connection.close()
    finally:
        for path in scratch.values():
            path.unlink(missing_ok=True)
    return {split: counts[split] for split in SPLITS if split in counts}
