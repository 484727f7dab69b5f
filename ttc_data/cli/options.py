"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
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
DockerOption = Annotated[bool, typer.Option("--docker", help="Short for --sandbox docker.")]
LocalOption = Annotated[bool, typer.Option("--local", help="Short for --sandbox local (bubblewrap).")]
WorkersOption = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        min=0,
        help="How many things are done at the same time; 0 means one for each processor.",
    ),
]
LimitOption = Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most so many; 0 means all.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines on standard output instead of a table.")]
LlmOption = Annotated[
    list[str] | None,
    typer.Option(
        "--llm", metavar="URL", help="OpenAI-compatible server of the model; repeatable, several are used together."
    ),
]
ModelOption = Annotated[
    str, typer.Option("--model", metavar="NAME", help="The model's name there; not needed where it is the only one.")
]
ServeOption = Annotated[
    str, typer.Option("--serve", metavar="MODEL", help="Start vLLM with this model for as long as the command runs.")
]
GpusOption = Annotated[
    int | None,
    typer.Option("--gpus", metavar="N", min=0, help="For --serve: a server on each of so many GPUs; 0 for the CPU."),
]
DatasetArgument = Annotated[str, typer.Argument(metavar="DATASET", help="A build's folder, a dataset's, or a Hub id.")]
NewestDatasetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATASET",
        help="A build's folder, a dataset's, or a Hub id; the newest build under out/ when not given.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one recipe value, read as YAML; repeatable."),
]
RowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--row",
        metavar="ID",
        help="Only this row, by its id or a part that no other has; repeatable. All when not given.",
    ),
]
AllowImageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-image",
        metavar="IMAGE",
        help="An image that the set may be built on, or that its rows may name; with or without a tag; repeatable.",
    ),
]
GrantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grant",
        metavar="KEY=NUMBER",
        help="A limit that the set's recipe may ask for in place of the default: sandbox.memory_bytes=4294967296; repeatable.",
    ),
]
BUILDS = Path("out")
INTERRUPTED = 130  # what Typer makes of Ctrl-C
STOPPED = "stopped; what was finished is kept, and the same command goes on from there"


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


def model_settings(llm: Sequence[str] | None, model: str, serve: str, gpus: int | None) -> list[str]:
    """The recipe's settings that the options for a model stand for.

    Raises:
        RecipeError: they contradict each other.
    """
    if llm and serve:
        raise RecipeError(f"--llm {llm[0]} and --serve {serve} are both asked for; name one")
    if gpus is not None and not serve:
        raise RecipeError(f"--gpus {gpus} is for a server that is started here; name its model with --serve MODEL")
    settings = [f"llm.urls={list(llm)!r}"] if llm else []
    settings += [f"llm.{key}={value!r}" for key, value in (("model", model), ("serve", serve)) if value]
    return settings + ([f"llm.gpus={gpus}"] if gpus is not None else [])


def newest_build(what: Literal["build", "dataset"]) -> Path:
    """The build under `out/` that was worked on last; for `dataset`, of those that have written one.

    Raises:
        DatasetError: there is none.
    """
    needed = "dataset/data" if what == "dataset" else "records"
    builds = [folder for folder in BUILDS.glob("*") if (folder / needed).is_dir()] if BUILDS.is_dir() else []
    unfinished = next(iter(sorted(BUILDS.glob("*/records"))), None) if BUILDS.is_dir() else None
    if not builds and unfinished:
        raise DatasetError(
            f"no dataset named, and {unfinished.parent} has none yet; the same `ttcdata build` goes on with it"
        )
    if not builds:
        raise DatasetError(f"no {what} named and no build under {BUILDS}/; name one, or run `ttcdata build stack-impl`")
    return max(builds, key=lambda folder: (folder / "records").stat().st_mtime)
