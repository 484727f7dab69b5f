"""`ttcdata validate`, `ttcdata grade`, `ttcdata show`."""

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
        str | None, typer.Argument(help="A folder or a Hub id [default: the newest build under out/].")
    ] = None,
    sandbox: SandboxOption = "auto",
    docker: DockerOption = False,
    local: LocalOption = False,
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Reference runs a row.")] = 1,
    limit: LimitOption = 0,
    workers: WorkersOption = 0,
    json_lines: JsonOption = False,
) -> None:
    """Run every row's proof again and report the rows that no longer hold; exits 1 when there is one.

    Examples:

        ttcdata validate --docker

        ttcdata validate out/demo/dataset --docker

        ttcdata validate my-org/stack-impl --repeat 20 --limit 100 --json
    """
    import json
    from dataclasses import asdict

    from rich.table import Table

    from ttc_data.cli.console import console_progress, out
    from ttc_data.validation import validate as validate_dataset

    name = dataset or str(newest_build("dataset"))
    kind = sandbox_named(sandbox, docker=docker, local=local)
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
            table.add_row(result.instance_id, result.reason, result.detail)
        out.print(table)
    if not json_lines:
        times = f"{repeat} time" + ("s" if repeat > 1 else "")
        out.print(f"{valid} of {total} rows valid: masked fails, reference passes {times}", highlight=False)
    raise typer.Exit(0 if valid == total else 1)


def grade(
    dataset: Annotated[str, typer.Argument(help="A folder or a Hub id.")],
    predictions: Annotated[
        Path, typer.Option("--predictions", help="JSON lines: instance_id, model_name_or_path, model_patch.")
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

        ttcdata grade my-org/stack-impl --predictions answers.jsonl --docker --json > results.jsonl
    """
    import json
    from dataclasses import asdict

    from ttc_data.cli.console import console_progress, out
    from ttc_data.validation import grade_predictions

    kind = sandbox_named(sandbox, docker=docker, local=local)
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
            out.print(f"{mark}  {result.instance_id}{why}", highlight=False, markup=False, soft_wrap=True)
    if not json_lines:
        graded = total - errors
        out.print(f"{solved} of {graded} solved" + (f", {errors} not graded" if errors else ""), highlight=False)
    raise typer.Exit(1 if errors else 0)


def show(
    build: Annotated[
        Path | None, typer.Argument(help="A build's folder [default: the newest build under out/].")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=0, help="Show so many rows in short.")] = 0,
    rejects: Annotated[bool, typer.Option("--rejects", help="Show every reason with an example.")] = False,
) -> None:
    """Show a build's funnel: what entered each stage, what was left, and why the rest was dropped.

    Works on a running build too.

    Examples:

        ttcdata show

        ttcdata show out/demo --rows 3

        ttcdata show out/demo --rejects
    """
    from ttc_data.cli.console import out
    from ttc_data.cli.tables import funnel_table
    from ttc_data.show import reject_examples, row_panels

    folder = build or newest_build("build")
    out.print(funnel_table(folder))
    if rejects:
        out.print(reject_examples(folder))
    if rows:
        for panel in row_panels(folder, rows):
            out.print(panel)
