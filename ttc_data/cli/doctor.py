"""`ttcdata doctor`."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    llm: Annotated[
        str, typer.Option("--llm", metavar="URL", help="Also ask this OpenAI-compatible endpoint for its models.")
    ] = "",
) -> None:
    """Say what works on this machine, and how to get what does not.

    Nothing is changed, but that the engine pulls the base image as a build would. Exits 1 when no sandbox works.

    Examples:

        ttcdata doctor

        ttcdata doctor --llm http://localhost:8000/v1
    """
    from rich.table import Table
    from rich.text import Text

    from ttc_data.cli.console import out
    from ttc_data.doctor import examine
    from ttc_data.plain import plain

    findings = examine(llm)
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark = Text("ok", style="green") if finding.works else Text("no", style="yellow")
        table.add_row(mark, finding.name, Text(plain(finding.detail)))
    out.print(table)
    sandbox = any(finding.works for finding in findings if finding.name in ("docker", "bubblewrap"))
    raise typer.Exit(0 if sandbox else 1)
