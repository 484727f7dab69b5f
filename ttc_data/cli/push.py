"""`ttcdata push`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ttc_data.cli.options import INTERRUPTED, STOPPED, AllowImageOption, GrantOption

if TYPE_CHECKING:
    from ttc_data.publish.push import Pushed


def push(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A build's folder, or a dataset's.")],
    name: Annotated[
        str, typer.Argument(metavar="ORG/NAME", help="The dataset on the Hub; made where it is not there.")
    ],
    private: Annotated[bool, typer.Option("--private", help="Only its organisation is to see the set.")] = False,
    revision: Annotated[
        str, typer.Option("--revision", metavar="BRANCH", help="Push to this branch; made where it is not there.")
    ] = "main",
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="CHECK[:TEXT]",
            help="Publish in spite of a check's findings, or of those whose line holds the text; the card says so; repeatable.",
        ),
    ] = None,
    images: Annotated[
        str,
        typer.Option("--images", metavar="REGISTRY", help="Push the rows' images there too; rows name them by digest."),
    ] = "",
    allow_image: AllowImageOption = None,
    grant: GrantOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also over another set, or one of a newer schema.")
    ] = False,
) -> None:
    """Publish a dataset on the Hugging Face Hub: one commit, tagged with the version of its content.

    Interrupted (Ctrl-C, a lost connection) it goes on where it was when the same command is run again. A push of what is
    there already changes nothing. See docs/publish.md.

    Examples:

        ttcdata push out/demo my-org/stack-impl

        ttcdata push out/demo my-org/stack-impl --private --revision candidate

        ttcdata push out/demo my-org/stack-impl --allow secrets:tests/server.pem
    """
    from functools import partial

    from ttc_data.cli.console import console_progress
    from ttc_data.publish.push import made_ready
    from ttc_data.publish.push import push as push_dataset
    from ttc_data.reader import reader_rules

    progress = console_progress()
    reader = reader_rules(allow_image, grant)
    check = partial(made_ready, allow=allow or (), images=images, reader=reader, progress=progress)
    with _ended_by_interrupt():
        pushed = push_dataset(
            out, name, private=private, branch=revision, overwrite=overwrite, check=check, progress=progress
        )
    _tell_pushed(pushed)


def _tell_pushed(pushed: Pushed) -> None:
    """Say what was sent where, and the version that it is tagged with."""
    from rich.filesize import decimal

    from ttc_data.cli.console import tell

    plan = pushed.plan
    place = f"{pushed.url} (private)" if pushed.private else pushed.url
    if plan.changes:
        tell(
            f"{len(plan.send)} files ({decimal(plan.size)}) sent and {len(plan.remove)} removed in one commit,"
            f" {pushed.commit[:8]} on {pushed.branch}, {plan.unchanged} unchanged: {place}"
        )
    else:
        tell(f"nothing to push: {pushed.branch} of {pushed.name} holds this set already: {place}")
    tag = "tagged" if pushed.new_tag else "tagged before as"
    tell(f'{tag} {pushed.version}: load_dataset("{pushed.name}", revision="{pushed.version}")')


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """End at once. Uploads run in threads of the client, and Python would wait for them; here is nothing to put away."""

    def end(number: int, frame: object) -> None:
        os.write(2, f"{STOPPED}\n".encode())
        os._exit(INTERRUPTED)

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
