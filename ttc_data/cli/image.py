"""`ttcdata image`."""

from __future__ import annotations

from typing import Annotated

import typer

from ttc_data.cli.options import AllowImageOption, DatasetArgument, GrantOption, RowOption

app = typer.Typer(help="Images that environments are built on, and images of rows.", no_args_is_help=True)


@app.callback()
def _image() -> None:
    """Images that environments are built on, and images of rows."""


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
    from ttc_data.hosts.base_image import image_python, make_base_image
    from ttc_data.hosts.engine import connect

    client = connect()
    name = make_base_image(client, suite, tag, console_progress().say)
    python, platform = image_python(client, name)
    tell(f"{name}: Python {python}, {platform}")


@app.command()
def build(
    dataset: DatasetArgument,
    row: RowOption = None,
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
) -> None:
    """Make the images of rows: what other harnesses start, with the masked tree committed at /testbed.

    Needs nothing but the dataset's own folder and a Docker engine. What is there already is not made again; images.json in the
    build's folder says which image is which row's.

    Examples:

        ttcdata image build out/demo

        ttcdata image build my-org/stack-impl --row pypi__semver-match-3b9f1475bd
    """
    from ttc_data.cli.console import console_progress, tell
    from ttc_data.publish.images import Recorder, build_images, record_of
    from ttc_data.reader import reader_rules

    with Recorder(record_of(dataset)) as record:
        reader = reader_rules(allow_image, grant)
        for made in build_images(dataset, rows=row or (), reader=reader, progress=console_progress()):
            record.add(made)
    new = [one for one in record.images if one.seconds]
    tell(f"{len(record.images)} row images, {len(new)} of them new; {record.path}")
    if new:
        size = sum(one.layer_bytes for one in new) / len(new) / 1000
        tell(f"a row's own layer: {size:.0f} KB and {sum(one.seconds for one in new) / len(new):.2f} s on average")


@app.command()
def push(
    dataset: DatasetArgument,
    registry: Annotated[
        str,
        typer.Argument(
            metavar="REGISTRY", help="HOST, HOST:PORT or HOST/PATH; images become REGISTRY/ttcdata-row:INSTANCE_ID."
        ),
    ],
    row: RowOption = None,
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
) -> None:
    """Push the images of rows to a registry, made first where they are not there.

    Layers that the registry has are not sent again. Credentials are those of `docker login`.

    Examples:

        ttcdata image push out/demo registry.example.com/my-org

        ttcdata image push my-org/stack-impl localhost:5000
    """
    from ttc_data.cli.console import console_progress, tell
    from ttc_data.publish.images import Recorder, push_images, record_of
    from ttc_data.reader import reader_rules

    with Recorder(record_of(dataset)) as record:
        reader = reader_rules(allow_image, grant)
        for pushed in push_images(dataset, registry, rows=row or (), reader=reader, progress=console_progress()):
            record.add(pushed)
    tell(f"{len(record.images)} row images in {registry}; digests in {record.path}")
