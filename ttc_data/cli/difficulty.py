"""`ttcdata difficulty`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ttc_data.cli.options import (
    AllowImageOption,
    DockerOption,
    GpusOption,
    GrantOption,
    LimitOption,
    LocalOption,
    ModelOption,
    NewestDatasetArgument,
    SandboxOption,
    ServeOption,
    WorkersOption,
    model_settings,
    newest_build,
    sandbox_named,
)

if TYPE_CHECKING:
    from ttc_data.train.difficulty import Measured

ERRORS_SHOWN = 3
AskedRecipeOption = Annotated[
    str,
    typer.Option("--recipe", metavar="RECIPE", help="The training recipe that says how the model is asked."),
]
SplitOption = Annotated[
    str, typer.Option("--split", metavar="SPLIT", help="Which rows; those that the recipe trains on by default.")
]
UrlOption = Annotated[
    list[str] | None,
    typer.Option(
        "--llm",
        "--url",
        metavar="URL",
        help="OpenAI-compatible server of the model; repeatable, several are used together.",
    ),
]
AskedSetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the training recipe, or of `llm`; repeatable."),
]


def difficulty(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write, for `select.difficulty`.")],
    dataset: NewestDatasetArgument = None,
    attempts: Annotated[int, typer.Option("--attempts", metavar="N", min=1, help="Answers to each row.")] = 8,
    recipe: AskedRecipeOption = "train",
    split: SplitOption = "",
    llm: UrlOption = None,
    model: ModelOption = "",
    serve: ServeOption = "",
    gpus: GpusOption = None,
    set_: AskedSetOption = None,
    limit: LimitOption = 0,
    sandbox: SandboxOption = "auto",
    docker: DockerOption = False,
    local: LocalOption = False,
    workers: WorkersOption = 0,
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
) -> None:
    """Let a model try the rows of a split, and write how often it solves each.

    It is asked as the training recipe says, and judged as in training. Interrupted, the same command goes on; with more
    attempts it asks for those that are missing. Exits 1 when our own infrastructure kept an attempt from being counted.

    Examples:

        ttcdata difficulty out/demo --out pass.jsonl --serve Qwen/Qwen3-1.7B

        ttcdata difficulty --out pass.jsonl --llm http://localhost:8000/v1

        ttcdata difficulty --out pass.jsonl --serve MODEL --attempts 16 --limit 99
    """
    from ttc_data.cli.console import console_progress
    from ttc_data.reader import reader_rules
    from ttc_data.train.difficulty import measure
    from ttc_data.train.rules import load_training
    from ttc_data.train.sampling import asked_with

    given = set_ or []
    of_the_model = [setting for setting in given if setting.startswith("llm.")]
    of_training = [setting for setting in given if setting not in of_the_model]
    asked = asked_with([*of_the_model, *model_settings(llm, model, serve, gpus)])
    kind = sandbox_named(sandbox, docker=docker, local=local)
    changes: dict[str, object] = {"sandbox": kind} if kind != "auto" else {}
    named = {"dataset": dataset, "split": split, "workers": workers}
    changes |= {key: value for key, value in named.items() if value}
    if allow_image or grant:
        changes["reader"] = reader_rules(allow_image, grant).model_dump()
    if serve and not any(setting.startswith("model=") for setting in of_training):
        changes["model"] = serve  # what is served is what will be trained, so its tokens count
    chosen = load_training(recipe, of_training, changes)
    if not chosen.dataset:
        chosen = chosen.model_copy(update={"dataset": str(newest_build("dataset"))})
    measured = measure(chosen, asked, out, attempts=attempts, limit=limit, progress=console_progress())
    _tell_measured(measured, out, attempts)
    raise typer.Exit(1 if measured.errors else 0)


def _tell_measured(measured: Measured, out: Path, attempts: int) -> None:
    """Say how often the rows were solved, and the first of our own errors."""
    from ttc_data.cli import console
    from ttc_data.cli.tables import difficulty_lines, difficulty_table

    console.out.print(difficulty_table(measured))
    for line in difficulty_lines(measured, out, attempts):
        console.tell(line)
    for error in dict.fromkeys(measured.errors[:ERRORS_SHOWN]):
        console.complain(error)
