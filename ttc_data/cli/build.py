"""`ttcdata build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_data.cli.options import (
    DockerOption,
    LimitOption,
    LocalOption,
    SandboxOption,
    WorkersOption,
    sandbox_named,
)


def build(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a packaged recipe: stack-impl, demo.")],
    out: Annotated[Path | None, typer.Option("--out", help="The build's folder [default: out/RECIPE].")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Mine this instead: pypi:NAME[==VERSION], git:URL[@REVISION], stack:PATH."),
    ] = None,
    llm: Annotated[str, typer.Option("--llm", help="OpenAI-compatible endpoint that rewrites the specs.")] = "",
    model: Annotated[str, typer.Option("--model", help="The model's name at --llm.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one recipe value: section.field=value (YAML).")
    ] = None,
    sandbox: SandboxOption = "auto",
    docker: DockerOption = False,
    local: LocalOption = False,
    workers: WorkersOption = 0,
    limit: LimitOption = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be mined, and stop.")] = False,
) -> None:
    """Build a dataset of tasks that execution has proven.

    Interrupted (Ctrl-C, a crash, a power cut) it goes on where it was when the same command is run again.

    Examples:

        ttcdata build stack-impl

        ttcdata build stack-impl --source pypi:toolz --source pypi:humanize --out out/two

        ttcdata build stack-impl --source git:https://github.com/pytoolz/toolz@1.0.0 --docker

        ttcdata build recipes/demo.yaml --limit 20 --set tests.runs=5

        ttcdata build stack-impl --llm http://localhost:8000/v1 --model Qwen/Qwen3-8B
    """
    from ttc_data.cli.console import console_progress, err
    from ttc_data.cli.console import out as console
    from ttc_data.cli.tables import funnel_table
    from ttc_data.datasets.stack_impl import build as build_dataset
    from ttc_data.recipe import load_recipe

    settings = list(set_ or [])
    if limit:
        settings.append(f"limit={limit}")
    if llm or model:
        settings += ["spec.origin=model", f"spec.llm={llm!r}", f"spec.model={model!r}"]
    chosen = load_recipe(recipe, settings, source or ())
    folder = out or Path("out") / Path(recipe).stem
    kind = sandbox_named(sandbox, docker=docker, local=local)
    progress = console_progress()
    if dry_run:
        from ttc_data.environments.open import Cache
        from ttc_data.mine import requests

        console.print(f"recipe {chosen.name} ({chosen.hash}), into {folder}", highlight=False)
        for request in requests(chosen, Cache.default(), progress.say):
            console.print(f"  {request.name}", highlight=False, markup=False)
        return
    built = build_dataset(chosen, folder, sandbox=kind, workers=workers, progress=progress)
    console.print(funnel_table(folder))
    for line in built.errors:
        err.print(f"error: {line}", style="red", highlight=False, markup=False)
    if built.errors:
        err.print(
            f"{len(built.errors)} inputs met a failure of ours, not theirs; run the same command to try them again"
        )
    splits = ", ".join(f"{split} {count}" for split, count in built.splits.items())
    again = " (nothing was left to do)" if built.was_finished else ""
    if built.rows:
        console.print(f"{built.rows} proven rows in {folder / 'dataset'} ({splits}){again}", highlight=False)
    else:
        err.print(f"no row was proven: `ttcdata show {folder} --rejects` says why", highlight=False)
    raise typer.Exit(1 if built.errors or not built.rows else 0)
