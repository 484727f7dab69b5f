"""`ttcdata train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_data.cli.options import newest_build


def train(
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="DATASET", help="A folder or a Hub id; the newest build under out/ when not given."),
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="RECIPE", help="A training recipe: a file, or a packaged one's name.")
    ] = "train",
    gpus: Annotated[
        int,
        typer.Option("--gpus", metavar="N", min=0, help="GPUs of this machine; 0 tries the recipe on the processor."),
    ] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="The run's folder; out/RECIPE when not given.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="A Hub id or a folder, in place of the recipe's.")
    ] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one recipe value, read as YAML; repeatable."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Show what would run where, and stop.")
    ] = False,
) -> None:
    """Train a model on a dataset, rewarded by its tests.

    Interrupted, it goes on from its last checkpoint when the same command is run again.

    Examples:

        ttcdata train --gpus 8 --recipe train-8gpu

        ttcdata train out/demo/dataset --gpus 0 --set grpo.max_steps=5

        ttcdata train my-org/stack-impl --gpus 1 --model Qwen/Qwen3-1.7B --dry-run
    """
    from ttc_data.cli.console import console_progress, tell
    from ttc_data.train.rules import load_training

    changes: dict[str, object] = {"model": model} if model else {}
    if dataset:
        changes["dataset"] = dataset
    chosen = load_training(recipe, set_ or (), changes)
    if not chosen.dataset:
        chosen = chosen.model_copy(update={"dataset": str(newest_build("dataset"))})
    folder = (out or Path("out") / Path(recipe).stem).absolute()
    from ttc_data.train.launch import check_machine, launch, plan, prepare

    planned = plan(chosen, folder, gpus)
    if dry_run:
        for line in planned.lines():
            tell(line)
        return
    check_machine(planned, chosen)
    prepare(chosen, planned, folder)
    launch(planned, folder, console_progress().say)
    tell(f"trained: {folder / 'model'}; curves: {folder / 'curves.html'}")
