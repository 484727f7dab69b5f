"""`ttcdata build`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ttc_data.cli.options import (
    AllowImageOption,
    DockerOption,
    GpusOption,
    GrantOption,
    LlmOption,
    LocalOption,
    ModelOption,
    SandboxName,
    SandboxOption,
    ServeOption,
    SetOption,
    WorkersOption,
    model_settings,
    sandbox_named,
)

if TYPE_CHECKING:
    from ttc_data.building import Built
    from ttc_data.pins import Pins
    from ttc_data.progress import Progress
    from ttc_data.recipe import Recipe

RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of a packaged recipe: stack-impl, demo.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="The build's folder; out/RECIPE when not given.")
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="KIND:WHERE",
        help="Mine this instead: pypi:NAME, pypi:NAME==VERSION, git:URL, git:URL@REVISION, stack:PATH; repeatable.",
    ),
]
MaxSpendOption = Annotated[
    float | None,
    typer.Option(
        "--max-spend", metavar="AMOUNT", min=0, help="Ask nothing that could cost more in all; see llm.input_price."
    ),
]
SampleLimitOption = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=0, help="Prove at most N samples; 0 means all.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Also over the finished set of another recipe.")]
LockedOption = Annotated[
    bool,
    typer.Option("--locked", help="Build a set again: RECIPE is its folder, its recipe.yaml, or its Hub id."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be mined, and stop.")]


@dataclass(frozen=True)
class _Order:
    """A recipe and the folder to build it in."""

    recipe: Recipe
    folder: Path
    pins: Pins | None = None
    """Of a set that is built again."""


def build(
    recipe: RecipeArgument,
    out: OutOption = None,
    source: SourceOption = None,
    llm: LlmOption = None,
    model: ModelOption = "",
    serve: ServeOption = "",
    gpus: GpusOption = None,
    max_spend: MaxSpendOption = None,
    set_: SetOption = None,
    sandbox: SandboxOption = "auto",
    docker: DockerOption = False,
    local: LocalOption = False,
    workers: WorkersOption = 0,
    limit: SampleLimitOption = None,
    overwrite: OverwriteOption = False,
    locked: LockedOption = False,
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Build a dataset of tasks that execution has proven.

    Interrupted (Ctrl-C, a crash, a power cut) it goes on where it was when the same command is run again. A folder that holds the
    set of another recipe is refused.

    Examples:

        ttcdata build stack-impl

        ttcdata build demo --source pypi:toolz --source pypi:humanize --out two

        ttcdata build stack-impl --source git:https://github.com/pytoolz/toolz

        ttcdata build recipes/demo.yaml --limit 20 --set tests.runs=5

        ttcdata build stack-impl --llm http://localhost:8000/v1 --model NAME

        ttcdata build stack-impl --serve Qwen/Qwen3-8B --set spec.style=issue

        ttcdata build my-org/stack-impl --locked --out out/again
    """
    from ttc_data.cli.console import console_progress

    settings = _settings(set_, limit, model_settings(llm, model, serve, gpus), max_spend)
    if llm or serve:
        settings.append("spec.origin=model")
    if locked:
        order = _order_again(recipe, settings, source or (), out, allow_image, grant, asked_here=bool(llm or serve))
    else:
        order = _order(recipe, settings, source or (), out)
    kind = sandbox_named(sandbox, docker=docker, local=local)
    progress = console_progress()
    if dry_run:
        _tell_requests(order, progress, overwrite=overwrite)
        return
    built = _build(order, kind, workers, progress, overwrite=overwrite)
    raise typer.Exit(1 if built.errors or not built.rows else 0)


def _settings(
    set_: Sequence[str] | None, limit: int | None, asked: Sequence[str], max_spend: float | None
) -> list[str]:
    """The recipe's values that the command line changes, the later ones over the earlier.

    Args:
        set_: what `--set` says.
        limit: samples.
        asked: what the options for a model say.
        max_spend: in the recipe's currency.
    """
    settings = list(set_ or ())
    if limit is not None:
        settings.append(f"limit={limit}")
    settings += asked
    if max_spend is not None:
        settings.append(f"llm.max_spend={max_spend}")
    return settings


def _order(name: str, settings: Sequence[str], sources: Sequence[str], out: Path | None) -> _Order:
    """What a recipe says, by its file or its packaged name."""
    from ttc_data.recipe import load_recipe

    place = Path(name)
    return _Order(load_recipe(str(place), settings, sources), out or Path("out") / place.stem)


def _order_again(
    name: str,
    settings: Sequence[str],
    sources: Sequence[str],
    out: Path | None,
    images: Sequence[str] | None,
    grants: Sequence[str] | None,
    *,
    asked_here: bool,
) -> _Order:
    """What the recipe of a finished set says, with the set's pins.

    Args:
        name: the set's folder, recipe file or Hub id.
        settings: changes of the command line.
        sources: those that the command line mines instead.
        out: the build's folder, where one is named.
        images: what `--allow-image` says.
        grants: what `--grant` says.
        asked_here: the command line says where the model is asked.

    Raises:
        DatasetError: there is no such set.
        RecipeError: the recipe asks for what is not granted, or says itself where the model is asked.
    """
    from ttc_data.errors import RecipeError
    from ttc_data.fields import quoted
    from ttc_data.pins import read_pins
    from ttc_data.reader import reader_rules, require_granted
    from ttc_data.recipe import load_recipe

    place = recipe_of_set(name)
    recipe = load_recipe(str(place), settings, sources)
    require_granted(recipe, reader_rules(images, grants), place.parent)
    if not asked_here and (asked := [*recipe.llm.urls, recipe.llm.serve][0]):
        raise RecipeError(
            f"{place}: llm: must not say where your model is asked, says {quoted(asked)}; name it with --llm URL or --serve MODEL"
        )
    return _Order(recipe, out or Path("out") / f"{recipe.name}-locked", read_pins(place.parent, recipe.hash))


def recipe_of_set(name: str) -> Path:
    """The recipe of a set that is built again: its file, or `recipe.yaml` in its folder, wherever that is.

    Raises:
        DatasetError: there is no such set.
    """
    from ttc_data.dataset import folder_of

    path = Path(name)
    if not path.is_file():
        return folder_of(name) / "recipe.yaml"
    beside = path.parent / "dataset" / path.name  # a build's folder has the recipe too, and its set has the lock
    return beside if beside.is_file() else path


def _tell_requests(order: _Order, progress: Progress, *, overwrite: bool) -> None:
    """Say what a build would mine, after the checks that it begins with."""
    from ttc_data.building import check_place
    from ttc_data.cache import Cache
    from ttc_data.cli.console import tell
    from ttc_data.sources.mine import check_sources, requests

    recipe, pins = order.recipe, order.pins
    check_sources(recipe, Cache.default(), progress.say)
    if not overwrite:
        check_place(recipe, order.folder)
    tell(f"recipe {recipe.name} ({recipe.hash}), into {order.folder}")
    for request in requests(recipe, Cache.default(), progress.say, pins.lock if pins else None):
        tell(f"  {request.name}")


def _build(order: _Order, kind: SandboxName, workers: int, progress: Progress, *, overwrite: bool) -> Built:
    """Build what was ordered, and say what came of it."""
    from ttc_data.building import build as build_dataset

    built = build_dataset(
        order.recipe,
        order.folder,
        sandbox=kind,
        workers=workers,
        overwrite=overwrite,
        pins=order.pins,
        progress=progress,
    )
    _tell_built(built, order.folder, progress)
    return built


def _tell_built(built: Built, folder: Path, progress: Progress) -> None:
    """Say what a build came to, on the terminal and in its log, and write its report where that is not there yet."""
    from ttc_data.cli.console import as_text, complain, tell
    from ttc_data.cli.console import out as console
    from ttc_data.cli.tables import funnel_table
    from ttc_data.plain import counted
    from ttc_data.progress import BuildLog
    from ttc_data.report import NAME

    table = funnel_table(folder)
    console.print(table)
    log = BuildLog(folder)
    log.write(as_text(table))
    warn, say = log.all_of(complain), log.all_of(tell)
    for line in built.errors:
        warn(f"error: {line}")
    if built.errors:
        warn(f"not worked on: {len(built.errors)}; nothing was decided about them, the same command tries them again")
    splits = ", ".join(f"{split} {count}" for split, count in built.splits.items())
    again = " (nothing was left to do)" if built.was_finished else ""
    page = folder / NAME
    if not built.was_finished or not page.is_file():
        from ttc_data.report.write import write_report

        write_report(folder, progress=log.telling(progress))
    if built.rows:
        say(f"{counted(built.rows, 'proven row')} in {folder / 'dataset'} ({splits}){again}")
    elif not built.errors:
        warn(f"no row was proven: `ttcdata show {folder} --rejects` says why")
    say(f"report: {page}")
