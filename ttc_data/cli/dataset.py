"""`ttcdata validate`, `ttcdata grade`, `ttcdata show`, `ttcdata evidence`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ttc_data.cli.options import (
    AllowImageOption,
    DatasetArgument,
    DockerOption,
    GrantOption,
    JsonOption,
    LimitOption,
    LocalOption,
    NewestDatasetArgument,
    SandboxOption,
    WorkersOption,
    newest_build,
    sandbox_named,
)
from ttc_data.solve.outcome import GRADING_PATIENCE

if TYPE_CHECKING:
    from ttc_data.solve.outcome import Outcome

PredictionsOption = Annotated[
    str,
    typer.Option(
        "--predictions",
        metavar="FILE",
        help="Answers: JSON lines, a JSON list, or an object by id; - reads standard input.",
    ),
]
DeepOption = Annotated[
    bool,
    typer.Option("--deep", help="Compare what is solved with the reference on up to 200 generated calls too."),
]
PatienceOption = Annotated[
    float,
    typer.Option(
        "--patience",
        metavar="N",
        min=0,
        help="An answer's tests may take N times as long as the reference's, and 2 s at least; 0: as long as the recipe says.",
    ),
]


def validate(
    dataset: NewestDatasetArgument = None,
    sandbox: SandboxOption = "auto",
    docker: DockerOption = False,
    local: LocalOption = False,
    repeat: Annotated[
        int,
        typer.Option(
            "--repeat", metavar="K", min=1, help="Reference runs a row, each shuffled and under another hash seed."
        ),
    ] = 1,
    limit: LimitOption = 0,
    workers: WorkersOption = 0,
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
    json_lines: JsonOption = False,
) -> None:
    """Run every row's proof again and report the rows that no longer hold.

    The masked file must fail every FAIL_TO_PASS test, the reference must pass all, and be graded as an answer is: solved
    in the first look, and in the sessions in which some tests are altered. Exits 1 when a row does not hold.

    Examples:

        ttcdata validate --docker

        ttcdata validate out/demo/dataset --docker

        ttcdata validate my-org/stack-impl --repeat 20 --limit 100 --json
    """
    name = dataset or str(newest_build("dataset"))
    kind = sandbox_named(sandbox, docker=docker, local=local)
    from ttc_data.cli.console import console_progress
    from ttc_data.reader import reader_rules
    from ttc_data.validation import validate as validate_dataset

    bad = []
    valid = total = 0
    outcomes = validate_dataset(
        name,
        sandbox=kind,
        repeat=repeat,
        limit=limit,
        workers=workers,
        reader=reader_rules(allow_image, grant),
        progress=console_progress(),
    )
    for outcome in outcomes:
        total += 1
        valid += outcome.solved
        if json_lines:
            told = {"instance_id": outcome.instance_id, "valid": outcome.solved, "reason": outcome.reason}
            print(json.dumps({**told, "detail": outcome.detail}), flush=True)
        elif not outcome.solved:
            bad.append(outcome)
    if not json_lines:
        _tell_validity(bad, total, repeat)
    raise typer.Exit(0 if valid == total else 1)


def _tell_validity(bad: Sequence[Outcome], total: int, repeat: int) -> None:
    """Say which rows no longer hold, and how many of all do.

    Args:
        bad: what became of the rows that do not hold.
        total: rows that were run.
        repeat: reference runs a row.
    """
    from ttc_data.cli.console import out, tell
    from ttc_data.cli.tables import reasons_table
    from ttc_data.plain import counted

    if bad:
        out.print(reasons_table(bad))
    tell(
        f"{total - len(bad)} of {counted(total, 'row')} valid: masked fails,"
        f" reference passes {counted(repeat, 'time')}, altered tests fail"
    )


def grade(
    dataset: DatasetArgument,
    predictions: PredictionsOption,
    sandbox: SandboxOption = "auto",
    docker: DockerOption = False,
    local: LocalOption = False,
    deep: DeepOption = False,
    patience: PatienceOption = GRADING_PATIENCE,
    workers: WorkersOption = 0,
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
    json_lines: JsonOption = False,
) -> None:
    """Grade answers by running the rows' tests; one result a line, and pass@k of each model at the end.

    An answer is an object with `instance_id` and either `model_patch`, a diff, or `completion`, what the model said;
    where both are there, the patch counts. `completions` is a list of such texts. A row may be answered any number of times.

    Exits 0 when every answer was graded, right or wrong; 1 when one was not: its row is not in the set, its line of the
    file holds no answer, or our own infrastructure failed; 2 for wrong usage. With `--json` the last line is an object
    with `scores`: what each model's answers came to.

    Examples:

        ttcdata grade out/demo --predictions answers.jsonl

        ttcdata grade my-org/set --predictions samples.json --docker --deep

        ttcdata grade out/demo --predictions - --json < answers.jsonl
    """
    kind = sandbox_named(sandbox, docker=docker, local=local)
    from ttc_data.cli.console import console_progress
    from ttc_data.reader import reader_rules
    from ttc_data.solve.predictions import scores
    from ttc_data.validation import grade_predictions

    outcomes = []
    graded_answers = grade_predictions(
        dataset,
        predictions,
        sandbox=kind,
        deep=deep,
        patience=patience,
        workers=workers,
        reader=reader_rules(allow_image, grant),
        progress=console_progress(),
    )
    for outcome in graded_answers:
        outcomes.append(outcome)
        if json_lines:
            print(json.dumps(outcome.line()), flush=True)
        else:
            _tell_grade(outcome, deep=deep)
    counted = [outcome for outcome in outcomes if outcome.is_graded]
    missed = len(outcomes) - len(counted)
    if json_lines:
        print(json.dumps({"scores": [score.line() for score in scores(counted)]}), flush=True)
    else:
        _tell_scores(counted, missed)
    raise typer.Exit(1 if missed else 0)


def _tell_grade(outcome: Outcome, *, deep: bool) -> None:
    """Print one answer's outcome, and its notes below."""
    from ttc_data.cli.console import tell

    mark = "solved  " if outcome.solved else "unsolved" if outcome.is_graded else "not graded"
    why = "" if outcome.solved else f"  {outcome.reason}  {outcome.detail}".rstrip()
    named = [outcome.model] if outcome.model else []
    named += [f"answer {outcome.sample + 1}"] if outcome.sample else []
    which = f" ({', '.join(named)})" if named else ""
    tell(f"{mark}  {outcome.instance_id}{which}{why}")
    if deep and outcome.solved and not outcome.calls:
        tell("          not compared with the reference: no generated call of this row can be")
    for note in outcome.left_out:
        tell(f"          note: {note}")


def _tell_scores(graded: Sequence[Outcome], missed: int) -> None:
    """Say how many answers are right; where there are several models, or answers to a row, each model's scores too."""
    from ttc_data.cli.console import out, tell
    from ttc_data.cli.tables import scores_table

    rows = {outcome.instance_id for outcome in graded}
    if any(outcome.model for outcome in graded) or len(graded) > len(rows):
        out.print(scores_table(graded))
    solved = sum(outcome.solved for outcome in graded)
    tell(f"{solved} of {len(graded)} solved" + (f", {missed} not graded" if missed else ""))


def show(
    build: Annotated[
        str | None,
        typer.Argument(
            metavar="BUILD",
            help="A build's folder, a dataset's, or a Hub id; the newest build under out/ when not given.",
        ),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=0, help="Show so many rows in short.")] = 0,
    rejects: Annotated[bool, typer.Option("--rejects", help="Show every reason with an example.")] = False,
) -> None:
    """Show what entered each stage of a build, what was left, and why the rest was dropped.

    Works on a running build too, and on a set whose build is elsewhere, by its card. Seconds are added up over all workers.

    Examples:

        ttcdata show

        ttcdata show out/demo --rows 3

        ttcdata show out/demo --rejects

        ttcdata show my-org/stack-impl --rows 3
    """
    name = build or str(newest_build("build"))
    from ttc_data.cli.console import out, tell
    from ttc_data.cli.tables import funnel_table
    from ttc_data.dataset import Dataset, build_of
    from ttc_data.errors import DatasetError
    from ttc_data.publish.facts import read_facts
    from ttc_data.show import evidence_table, published_funnel, reject_examples, row_panels, tripwire_share

    records = build_of(name)
    if rejects and records is None:
        raise DatasetError(f"--rejects: {name} is without its build's records; name the build's folder")
    # A build that runs, or proved no row, has no set yet.
    dataset = Dataset(name) if records is None or (records / "dataset").is_dir() else None
    if records:
        out.print(funnel_table(records))
    elif dataset:
        out.print(published_funnel(name, read_facts(dataset.folder / "card.json")))
    if dataset:
        if table := evidence_table(dataset):
            out.print(table)
        tell(tripwire_share(dataset))
        if dataset.note:
            tell(dataset.note)
    if rejects and records:
        out.print(reject_examples(records))
    if rows and dataset:
        for panel in row_panels(dataset, rows):
            out.print(panel)
    elif rows:
        tell("no rows yet: the dataset is written when the build ends")


def evidence(
    build: Annotated[str, typer.Argument(metavar="BUILD", help="A build's folder, a dataset's, or a Hub id.")],
    instance: Annotated[str, typer.Argument(metavar="INSTANCE", help="A row's id, or a part of it that no other has.")],
) -> None:
    """Show one row's proof: its tests, runs of the reference, trivial bodies, mutants killed and alive, tripwires.

    Examples:

        ttcdata evidence out/demo toolz-groupby

        ttcdata evidence my-org/stack-impl pypi__semver-Version.bump_build-8bfe9d0d75
    """
    from ttc_data.cli.console import out
    from ttc_data.proof_view import proof_view

    for part in proof_view(build, instance):
        out.print(part)
