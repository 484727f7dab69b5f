"""`ttcdata validate`, `ttcdata grade`, `ttcdata show`, `ttcdata evidence`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_data.cli.options import (
    DockerOption,
    JsonOption,
    LimitOption,
    LocalOption,
    SandboxOption,
    WorkersOption,
    newest_build,
    sandbox_named,
)


def validate(
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="DATASET", help="A folder or a Hub id; the newest build under out/ when not given."),
    ] = None,
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
    json_lines: JsonOption = False,
) -> None:
    """Run every row's proof again and report the rows that no longer hold.

    The masked file must fail every FAIL_TO_PASS test, the reference must pass all, and fail where the tests are altered.
    Exits 1 when a row does not hold.

    Examples:

        ttcdata validate --docker

        ttcdata validate out/demo/dataset --docker

        ttcdata validate my-org/stack-impl --repeat 20 --limit 100 --json
    """
    import json
    from dataclasses import asdict

    name = dataset or str(newest_build("dataset"))
    kind = sandbox_named(sandbox, docker=docker, local=local)
    from rich.table import Table
    from rich.text import Text

    from ttc_data.cli.console import console_progress, out, tell
    from ttc_data.validation import validate as validate_dataset

    bad = []
    valid = total = 0
    results = validate_dataset(
        name, sandbox=kind, repeat=repeat, limit=limit, workers=workers, progress=console_progress()
    )
    for result in results:
        total += 1
        valid += result.valid
        if json_lines:
            print(json.dumps(asdict(result)), flush=True)
        elif not result.valid:
            bad.append(result)
    if bad:
        table = Table("row", "reason", "detail", box=None, header_style="bold", pad_edge=False)
        for result in sorted(bad, key=lambda one: one.instance_id):
            table.add_row(result.instance_id, result.reason, Text(result.detail))
        out.print(table)
    if not json_lines:
        times = f"{repeat} time" + ("s" if repeat > 1 else "")
        tell(f"{valid} of {total} rows valid: masked fails, reference passes {times}, tripwires hold")
    raise typer.Exit(0 if valid == total else 1)


def grade(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A folder or a Hub id.")],
    predictions: Annotated[
        Path,
        typer.Option("--predictions", metavar="FILE", help="JSON lines: instance_id, model_name_or_path, model_patch."),
    ],
    sandbox: SandboxOption = "auto",
    docker: DockerOption = False,
    local: LocalOption = False,
    workers: WorkersOption = 0,
    json_lines: JsonOption = False,
) -> None:
    """Grade answers by running the rows' tests; one result a line.

    Exits 1 only when our own infrastructure kept an answer from being graded, not when an answer is wrong.

    Examples:

        ttcdata grade out/demo/dataset --predictions answers.jsonl

        ttcdata grade my-org/set --predictions answers.jsonl --json > out.jsonl
    """
    import json
    from dataclasses import asdict

    kind = sandbox_named(sandbox, docker=docker, local=local)
    from ttc_data.cli.console import console_progress, tell
    from ttc_data.validation import grade_predictions

    solved = total = errors = 0
    for result in grade_predictions(dataset, predictions, sandbox=kind, workers=workers, progress=console_progress()):
        total += 1
        solved += result.solved
        errors += result.reward is None
        if json_lines:
            print(json.dumps(asdict(result)), flush=True)
        else:
            mark = "solved  " if result.solved else "error   " if result.reward is None else "unsolved"
            why = "" if result.solved else f"  {result.reason}  {result.detail}"
            tell(f"{mark}  {result.instance_id}{why}")
    if not json_lines:
        graded = total - errors
        tell(f"{solved} of {graded} solved" + (f", {errors} not graded" if errors else ""))
    raise typer.Exit(1 if errors else 0)


def show(
    build: Annotated[
        Path | None,
        typer.Argument(metavar="BUILD", help="A build's folder; the newest build under out/ when not given."),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=0, help="Show so many rows in short.")] = 0,
    rejects: Annotated[bool, typer.Option("--rejects", help="Show every reason with an example.")] = False,
) -> None:
    """Show what entered each stage of a build, what was left, and why the rest was dropped.

    Works on a running build too. Seconds are added up over all workers.

    Examples:

        ttcdata show

        ttcdata show out/demo --rows 3

        ttcdata show out/demo --rejects
    """
    folder = build or newest_build("build")
    from ttc_data.cli.console import out, tell
    from ttc_data.cli.tables import funnel_table
    from ttc_data.show import evidence_table, reject_examples, row_panels, tripwire_share

    out.print(funnel_table(folder))
    if table := evidence_table(folder):
        out.print(table)
    if share := tripwire_share(folder):
        tell(share)
    if rejects:
        out.print(reject_examples(folder))
    if rows:
        panels = list(row_panels(folder, rows))
        for panel in panels:
            out.print(panel)
        if not panels:
            tell("no rows yet: the dataset is written when the build ends")


def evidence(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="A build's folder, or a dataset's.")],
    instance: Annotated[str, typer.Argument(metavar="INSTANCE", help="A row's id, or a part of it that no other has.")],
) -> None:
    """Show one row's proof: its tests, runs of the reference, trivial bodies, mutants killed and alive, tripwires.

    Examples:

        ttcdata evidence out/demo toolz-groupby

        ttcdata evidence out/demo pypi__semver-Version.bump_build-8bfe9d0d75
    """
    from ttc_data.cli.console import out
    from ttc_data.proof_view import proof_view

    for part in proof_view(build, instance):
        out.print(part)
