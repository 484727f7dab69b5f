"""`ttcdata build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_data.cli.options import (
    AllowImageOption,
    DockerOption,
    GpusOption,
    GrantOption,
    LlmOption,
    LocalOption,
    ModelOption,
    SandboxOption,
    ServeOption,
    WorkersOption,
    model_settings,
    sandbox_named,
)


def build(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of a packaged recipe: stack-impl, demo.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="The build's folder; out/RECIPE when not given.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="KIND:WHERE",
            help="Mine this instead: pypi:NAME, pypi:NAME==VERSION, git:URL, git:URL@REVISION, stack:PATH; repeatable.",
        ),
    ] = None,
    llm: LlmOption = None,
    model: ModelOption = "",
    serve: ServeOption = "",
    gpus: GpusOption = None,
    max_spend: Annotated[
        float | None,
        typer.Option(
            "--max-spend", metavar="AMOUNT", min=0, help="Ask nothing that could cost more in all; see llm.input_price."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one recipe value, read as YAML; repeatable."),
    ] = None,
    sandbox: SandboxOption = "auto",
    docker: DockerOption = False,
    local: LocalOption = False,
    workers: WorkersOption = 0,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=0, help="Prove at most N samples; 0 means all.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also over the finished set of another recipe.")
    ] = False,
    locked: Annotated[
        bool,
        typer.Option("--locked", help="Build a set again: RECIPE is its folder, its recipe.yaml, or its Hub id."),
    ] = False,
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be mined, and stop.")] = False,
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
    from ttc_data.cli.console import as_text, complain, console_progress, tell
    from ttc_data.cli.console import out as console
    from ttc_data.errors import RecipeError
    from ttc_data.fields import quoted
    from ttc_data.pins import read_pins
    from ttc_data.reader import reader_rules, require_granted
    from ttc_data.recipe import load_recipe

    settings = list(set_ or [])
    if limit is not None:
        settings.append(f"limit={limit}")
    settings += model_settings(llm, model, serve, gpus)
    if max_spend is not None:
        settings.append(f"llm.max_spend={max_spend}")
    if llm or serve:
        settings.append("spec.origin=model")
    place = recipe_of_set(recipe) if locked else Path(recipe)
    chosen = load_recipe(str(place), settings, source or ())
    if locked:
        require_granted(chosen, reader_rules(allow_image, grant), place.parent)
        if not (llm or serve) and (asked := [*chosen.llm.urls, chosen.llm.serve][0]):
            raise RecipeError(
                f"{place}: llm: must not say where your model is asked, says {quoted(asked)}; name it with --llm URL or --serve MODEL"
            )
    folder = out or Path("out") / (f"{chosen.name}-locked" if locked else place.stem)
    pins = read_pins(place.parent, chosen.hash) if locked else None
    kind = sandbox_named(sandbox, docker=docker, local=local)
    progress = console_progress()
    if dry_run:
        from ttc_data.building import check_place
        from ttc_data.cache import Cache
        from ttc_data.sources.mine import check_sources, requests

        check_sources(chosen, Cache.default(), progress.say)
        if not overwrite:
            check_place(chosen, folder)
        tell(f"recipe {chosen.name} ({chosen.hash}), into {folder}")
        for request in requests(chosen, Cache.default(), progress.say, pins.lock if pins else None):
            tell(f"  {request.name}")
        return
    from ttc_data.building import build as build_dataset
    from ttc_data.cli.tables import funnel_table
    from ttc_data.plain import counted
    from ttc_data.progress import BuildLog
    from ttc_data.report import NAME

    built = build_dataset(
        chosen, folder, sandbox=kind, workers=workers, overwrite=overwrite, pins=pins, progress=progress
    )
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
    raise typer.Exit(1 if built.errors or not built.rows else 0)


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
