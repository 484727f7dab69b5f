"""`ttcdata export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ttc_data.cli.options import AllowImageOption, DatasetArgument, GrantOption, LimitOption, RowOption
from ttc_data.plain import counted


def export(
    form: Annotated[
        Literal["swebench", "harbor", "verifiers", "sft"],
        typer.Argument(metavar="FORMAT", help="swebench, harbor, verifiers or sft."),
    ],
    dataset: DatasetArgument,
    place: Annotated[Path, typer.Argument(metavar="DEST", help="A new folder, or an empty one.")],
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="Only this split: train, validation, test.")
    ] = "",
    row: RowOption = None,
    limit: LimitOption = 0,
    registry: Annotated[
        str,
        typer.Option(
            "--registry",
            metavar="REGISTRY",
            help="Where row images were pushed to; this machine's engine when not given.",
        ),
    ] = "",
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
) -> None:
    """Write a dataset as another harness reads it: see docs/interop.md.

    swebench: rows and a task repository for SWE-bench 5. harbor: a folder a task. verifiers: a package with a taskset. sft: chat
    messages that end with the reference. The same set gives the same bytes. swebench and harbor start row images:
    `ttcdata image build` makes them; those of a registry are named with --registry, or allowed with --allow-image.

    Examples:

        ttcdata export swebench out/demo out/demo-swebench

        ttcdata export harbor out/demo out/harbor --registry localhost:5000

        ttcdata export verifiers my-org/stack-impl out/package

        ttcdata export sft out/demo out/demo-sft --limit 100
    """
    from ttc_data.cli.console import console_progress, tell
    from ttc_data.publish.exports.export import export as export_dataset
    from ttc_data.reader import reader_rules

    count = export_dataset(
        form,
        dataset,
        place,
        split=split,
        rows=row or (),
        limit=limit,
        registry=registry,
        reader=reader_rules(allow_image, grant),
        progress=console_progress(),
    )
    tell(f"{counted(count, 'row')} in {place}")
