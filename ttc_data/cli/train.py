"""`ttcdata train`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ttc_data.cli.options import AllowImageOption, GrantOption, NewestDatasetArgument, SetOption, newest_build
from ttc_data.errors import RecipeError

if TYPE_CHECKING:
    from ttc_data.progress import Progress
    from ttc_data.train.launch import Plan
    from ttc_data.train.rules import TrainRecipe
    from ttc_data.train.slurm import SlurmJob

TrainingRecipeOption = Annotated[
    str,
    typer.Option(
        "--recipe",
        metavar="RECIPE",
        help="A training recipe: a file, or a packaged one's name; train, or train-cpu with --gpus 0, when not given.",
    ),
]
TrainingGpusOption = Annotated[
    int,
    typer.Option(
        "--gpus",
        metavar="N",
        min=0,
        help="GPUs of this machine, or of each node; 0 trains on the processor, for a try.",
    ),
]
RunOption = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="The run's folder; out/RECIPE when not given.")
]
TrainedModelOption = Annotated[
    str, typer.Option("--model", metavar="MODEL", help="A Hub id or a folder, in place of the recipe's.")
]
PushToHubOption = Annotated[
    str, typer.Option("--push-to-hub", metavar="ORG/NAME", help="Publish the trained model there at the end.")
]
PrivateModelOption = Annotated[
    bool, typer.Option("--private", help="With --push-to-hub: only its organisation is to see it.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would run where, and stop.")]
SlurmOption = Annotated[bool, typer.Option("--slurm", help="Write the run as a Slurm job, and say how to submit it.")]
SubmitOption = Annotated[bool, typer.Option("--submit", help="With --slurm: submit the job.")]


def train(
    dataset: NewestDatasetArgument = None,
    recipe: TrainingRecipeOption = "",
    gpus: TrainingGpusOption = 1,
    out: RunOption = None,
    model: TrainedModelOption = "",
    set_: SetOption = None,
    push_to_hub: PushToHubOption = "",
    private: PrivateModelOption = False,
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
    dry_run: DryRunOption = False,
    slurm: SlurmOption = False,
    submit: SubmitOption = False,
) -> None:
    """Train a model on a dataset, rewarded by its tests.

    Interrupted, it goes on from its last checkpoint when the same command is run again.

    Examples:

        ttcdata train --gpus 8 --recipe train-8gpu

        ttcdata train out/demo/dataset --gpus 0

        ttcdata train my-org/stack-impl --gpus 1 --model Qwen/Qwen3-1.7B --dry-run

        ttcdata train my-org/set --slurm --gpus 8 --recipe train-slurm --submit
    """
    from ttc_data.cli.console import console_progress, tell
    from ttc_data.reader import reader_rules

    changes: dict[str, object] = {"model": model} if model else {}
    if dataset:
        changes["dataset"] = dataset
    if allow_image or grant:
        changes["reader"] = reader_rules(allow_image, grant).model_dump()
    recipe = recipe or ("train" if gpus else "train-cpu")
    chosen = _chosen(recipe, set_ or (), changes)
    runs = Path(chosen.slurm.folder if slurm else "") / "out"
    folder = (out or runs / Path(recipe).stem).absolute()
    progress = console_progress()
    if submit and not slurm:
        raise RecipeError("--submit: needs --slurm; a run without it starts at once")
    if slurm:
        wanted = _job(chosen, folder, gpus, push_to_hub, progress, private=private)
        _slurm(wanted, folder, dry_run=dry_run, submitted=submit)
        return
    from ttc_data.train.launch import plan
    from ttc_data.train.survey import survey

    planned = plan(chosen, folder, gpus)
    found = survey(chosen, planned)
    if not dry_run:
        _run(chosen, planned, folder, push_to_hub, progress, private=private)
        return
    for line in (*found.lines(), *planned.lines()):
        tell(line)


def _chosen(recipe: str, settings: Sequence[str], changes: Mapping[str, object]) -> TrainRecipe:
    """A training recipe with what the command line changes; on the newest set where none is named."""
    from ttc_data.train.rules import load_training

    chosen = load_training(recipe, settings, changes)
    return chosen if chosen.dataset else chosen.model_copy(update={"dataset": str(newest_build("dataset"))})


def _run(
    recipe: TrainRecipe, planned: Plan, folder: Path, push_to_hub: str, progress: Progress, *, private: bool
) -> None:
    """Train on this machine, and publish the model where that was asked for."""
    from ttc_data.cli.console import tell
    from ttc_data.train.launch import check_machine, launch, prepare
    from ttc_data.train.release import open_model, push_model, write_card

    check_machine(planned, recipe)
    hub = open_model(push_to_hub, private=private, progress=progress) if push_to_hub else None
    prepare(recipe, planned, folder)
    launch(planned, folder, progress.say)
    write_card(folder)
    tell(f"trained: {folder / 'model'}; curves: {folder / 'curves.html'}")
    if hub is not None:
        sent = push_model(folder, hub, progress)
        tell(
            f"{len(sent.send)} files sent: {hub.url}"
            if sent.changes
            else f"nothing to push: {hub.url} holds it already"
        )


def _job(
    recipe: TrainRecipe, folder: Path, gpus: int, push_to_hub: str, progress: Progress, *, private: bool
) -> SlurmJob:
    """Plan a run as a Slurm job, and say what it will train on as far as this machine can know."""
    from ttc_data.dataset import is_here
    from ttc_data.train.slurm import job
    from ttc_data.train.survey import survey

    wanted = job(recipe, folder, gpus, push_to_hub=push_to_hub, private=private)
    if is_here(recipe.dataset):
        for line in survey(wanted.recipe, wanted.plan).lines():
            progress.say(line)
    else:
        progress.say(f"not checked: {recipe.dataset} is on the Hub, which the job's nodes are asked for")
    return wanted


def _slurm(wanted: SlurmJob, folder: Path, *, dry_run: bool, submitted: bool) -> None:
    """Show a job, or write it and say how it is submitted, or submit it."""
    from ttc_data.cli.console import tell, tell_lines
    from ttc_data.train.slurm import DEFINITION, submit, write

    if dry_run:
        tell_lines(wanted.script)
        return
    script = write(wanted, folder)
    if wanted.definition:
        image, definition = shlex.quote(wanted.recipe.slurm.image), shlex.quote(str(folder / DEFINITION))
        tell(f"the image: apptainer build {image} {definition}")
    if submitted:
        tell(f"submitted: job {submit(script)}; its log: {folder / 'logs'}")
    else:
        tell(f"written: {script}; submit it with: sbatch {shlex.quote(str(script))}")
