"""`ttcdata image`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Images that environments are built on.", no_args_is_help=True)


@app.callback()
def _image() -> None:
    """Images that environments are built on."""


@app.command()
def base(
    suite: Annotated[
        str, typer.Option("--suite", metavar="NAME", help="Debian release: bullseye, bookworm, trixie.")
    ] = "bookworm",
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="NAME", help="The image's name; ttcdata/base:SUITE when not given.")
    ] = None,
) -> None:
    """Make a base image from the distribution's packages, where no registry can be reached.

    Needs root and debootstrap on the machine that runs it; takes about a minute. See docs/air-gapped.md.

    Examples:

        ttcdata image base

        ttcdata image base --suite trixie --tag my-registry/ttcdata-base:trixie
    """
    from ttc_data.cli.console import console_progress, tell
    from ttc_data.environments.base_image import image_python, make_base_image
    from ttc_data.environments.engine import connect

    client = connect()
    name = make_base_image(client, suite, tag, console_progress().say)
    python, platform = image_python(client, name)
    tell(f"{name}: Python {python}, {platform}")
