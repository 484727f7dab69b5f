"""`ttcdata report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_data.cli.options import newest_build
from ttc_data.plain import counted
from ttc_data.report import MOST_ROWS


def report(
    build: Annotated[
        str | None,
        typer.Argument(
            metavar="BUILD",
            help="A build's folder, a dataset's, or a Hub id; the newest build under out/ when not given.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Where to write the page; BUILD/report.html when not given."),
    ] = None,
    rows: Annotated[
        int,
        typer.Option(
            "--rows", metavar="N", min=1, help="Rows to browse, drawn where there are more; plots are of all."
        ),
    ] = MOST_ROWS,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write a page to look at a build: its funnel, evidence, every row with masked and reference side by side, rejects.

    One file that fetches nothing from anywhere, so it can be sent to somebody. Works on a running build too.

    Examples:

        ttcdata report --open

        ttcdata report out/demo --to demo.html

        ttcdata report my-org/stack-impl --rows 2000 --to stack-impl.html
    """
    from ttc_data.cli.console import complain, console_progress, tell
    from ttc_data.report.write import write_report

    name = build or newest_build("build")
    written = write_report(name, to, most=rows, progress=console_progress())
    left = f"{written.rows} of " if written.rows < written.total else ""
    tell(f"{written.path}: {left}{counted(written.total, 'row')}, {written.size / 1_000_000:.1f} MB")
    if open_:
        import webbrowser

        if not webbrowser.open(written.path.resolve().as_uri()):
            complain(f"no browser on this machine: open {written.path.resolve()} in one")
