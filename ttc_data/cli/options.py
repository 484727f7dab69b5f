"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from ttc_data.errors import DatasetError, RecipeError

SandboxName: TypeAlias = Literal["auto", "docker", "local", "local-unsafe"]
SandboxOption = Annotated[
    SandboxName,
    typer.Option(
        "--sandbox",
        help="Where tests run; auto takes Docker where an engine answers, else bubblewrap. local-unsafe isolates nothing.",
    ),
]
DockerOption = Annotated[bool, typer.Option("--docker", metavar="", help="Short for --sandbox docker.")]
LocalOption = Annotated[bool, typer.Option("--local", metavar="", help="Short for --sandbox local (bubblewrap).")]
WorkersOption = Annotated[
    int,
    typer.Option("--workers", metavar="N", min=0, help="Things done at the same time; 0 means one for each processor."),
]
LimitOption = Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most so many; 0 means all.")]
JsonOption = Annotated[
    bool, typer.Option("--json", metavar="", help="JSON lines on standard output instead of a table.")
]
BUILDS = Path("out")


def sandbox_named(sandbox: SandboxName, *, docker: bool, local: bool) -> SandboxName:
    """One answer of the three options.

    Raises:
        RecipeError: they contradict each other.
    """
    named: set[SandboxName] = {"docker"} if docker else set()
    if local:
        named.add("local")
    if sandbox != "auto":
        named.add(sandbox)
    if len(named) > 1:
        raise RecipeError(f"--sandbox: {' and '.join(sorted(named))} are both asked for; name one")
    return named.pop() if named else "auto"


def newest_build(what: Literal["build", "dataset"]) -> Path:
    """The build under `out/` that was worked on last; for `dataset`, of those that have written one.

    Raises:
        DatasetError: there is none.
    """
    needed = "dataset/data" if what == "dataset" else "records"
    builds = [folder for folder in BUILDS.glob("*") if (folder / needed).is_dir()] if BUILDS.is_dir() else []
    if not builds:
        raise DatasetError(f"no {what} named and no build under {BUILDS}/; name one, or run `ttcdata build stack-impl`")
    return max(builds, key=lambda folder: (folder / "records").stat().st_mtime)
