"""`ttcdata spec`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_data.cli.options import (
    DockerOption,
    GpusOption,
    LlmOption,
    LocalOption,
    ModelOption,
    SandboxOption,
    ServeOption,
    model_settings,
    newest_build,
    sandbox_named,
)

app = typer.Typer(help="Specs that a model writes.", no_args_is_help=True)


@app.callback()
def _spec() -> None:
    """Specs that a model writes."""


@app.command()
def preview(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="PATH::NAME of a target, or a part of it that no other has.")
    ],
    build: Annotated[
        Path | None,
        typer.Option("--build", metavar="BUILD", help="A build's folder; the newest one under out/ when not given."),
    ] = None,
    llm: LlmOption = None,
    model: ModelOption = "",
    serve: ServeOption = "",
    gpus: GpusOption = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the build's recipe; repeatable."),
    ] = None,
    sandbox: SandboxOption = "auto",
    docker: DockerOption = False,
    local: LocalOption = False,
) -> None:
    """Show one target's docstring, the spec that a model makes of it, and what the gates say.

    Exits 1 when no attempt passes.

    Examples:

        ttcdata spec preview itertoolz.py::groupby --llm http://localhost:8000/v1

        ttcdata spec preview intword --build out/demo --serve Qwen/Qwen3-8B
    """
    from ttc_data.cli.console import console_progress, out
    from ttc_data.kinds.preview import preview as preview_target
    from ttc_data.kinds.preview import preview_view

    settings = [*(set_ or []), *model_settings(llm, model, serve, gpus)]
    kind = sandbox_named(sandbox, docker=docker, local=local)
    folder = build or newest_build("build")
    shown = preview_target(folder, target, settings, sandbox=kind, progress=console_progress())
    for part in preview_view(shown):
        out.print(part)
    raise typer.Exit(1 if shown.attempts[-1].defects else 0)
