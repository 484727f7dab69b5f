"""`ttcdata check`, `ttcdata schema check`, `ttcdata schema show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc_data.cli.options import NewestDatasetArgument, newest_build
from ttc_data.plain import counted

SHOWN = 20
"""Findings of one check, or faults of rows, that are printed; the rest are counted."""

app = typer.Typer(no_args_is_help=True, help="The columns of published rows.")


def check(
    dataset: NewestDatasetArgument = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="CHECK[:TEXT]",
            help="Let the findings of a check pass, or those whose line holds the text; repeatable.",
        ),
    ] = None,
    card: Annotated[
        bool, typer.Option("--card", help="Write on the set's card what was found and what was allowed.")
    ] = False,
) -> None:
    """Look at everything that speaks against publishing a set: one line a check, and its findings below.

    Nothing is run and nothing is sent. Exits 1 on a finding that is not allowed; `check.allow` in the recipe allows for good.

    Examples:

        ttcdata check out/demo

        ttcdata check --allow sizes --allow secrets:tests/server.pem --card

        ttcdata check my-org/stack-impl
    """
    name = dataset or str(newest_build("dataset"))
    from ttc_data.cli.console import console_progress, tell
    from ttc_data.dataset import folder_of
    from ttc_data.errors import RecipeError
    from ttc_data.publish.card import record_findings
    from ttc_data.publish.checks import CHECKS, inspect_dataset

    if card and not Path(name).exists():
        raise RecipeError(f"--card: {name} is no folder here; a set on the Hub gets its card when it is pushed")
    folder = folder_of(name)
    found = inspect_dataset(folder, allow=allow or (), progress=console_progress())
    for one in CHECKS:
        mine = [finding for finding in found.findings if finding.check == one]
        refused = [finding for finding in mine if not finding.allowed]
        words = [f"{len(refused)} found"] if refused else []
        words += [f"{len(mine) - len(refused)} allowed"] if len(mine) > len(refused) else []
        tell(f"{one:<14}{', '.join(words) or 'ok'}")
        for finding in mine[:SHOWN]:
            tell(f"    {'allowed: ' if finding.allowed else ''}{finding.detail}")
        if len(mine) > SHOWN:
            tell(f"    and {len(mine) - SHOWN} more")
    if card:
        record_findings(folder, found.findings, found.contaminated)
    tell(
        f"{counted(found.rows, 'row')}: {'may be published' if found.publishable else 'not to be published like this'}"
    )
    raise typer.Exit(0 if found.publishable else 1)


@app.command(name="check")
def check_schema(dataset: NewestDatasetArgument = None) -> None:
    """Hold every row of every split against the schema of its version, and name what is wrong by row and column.

    Exits 1 when something is wrong. A set of an older version that lacks later columns is not wrong.

    Examples:

        ttcdata schema check out/demo/dataset

        ttcdata schema check my-org/stack-impl
    """
    name = dataset or str(newest_build("dataset"))
    from ttc_data.cli.console import console_progress, tell
    from ttc_data.dataset import folder_of
    from ttc_data.publish.conformity import Conformity

    conformity = Conformity(folder_of(name))
    progress = console_progress()
    progress.begin("check", None)
    faults: list[str] = []
    found = wrong = rows = 0
    try:
        for checked in conformity.rows():
            rows += 1
            wrong += bool(checked.faults)
            found += len(checked.faults)
            faults += map(str, checked.faults[: SHOWN - len(faults)])
            progress.advance(int(not checked.faults), int(bool(checked.faults)), 0)
    finally:
        progress.end()
    for line in (*map(str, conformity.faults), *faults):
        tell(line)
    if found > len(faults):
        tell(f"and {found - len(faults)} more")
    if conformity.later:
        tell(f"schema {conformity.version} has no {', '.join(conformity.later)} yet: they are read as empty")
    tell(
        f"{rows - wrong} of {counted(rows, 'row')} {'is' if rows == 1 else 'are'} as schema {conformity.version} says"
        + _columns(len(conformity.faults))
    )
    raise typer.Exit(1 if wrong or conformity.faults else 0)


def _columns(wrong: int) -> str:
    return f"; columns that are not: {wrong}" if wrong else ""


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A kind of dataset.")] = "stack-impl",
) -> None:
    """Print the JSON Schema of a kind of dataset's rows.

    Examples:

        ttcdata schema show

        ttcdata schema show stack-impl > stack-impl.schema.json
    """
    from ttc_data.errors import RecipeError
    from ttc_data.publish.schema import SCHEMAS, schema_text

    if name not in SCHEMAS:
        raise RecipeError(f"schema {name!r}: there is none; name one of {', '.join(SCHEMAS)}")
    print(schema_text(name), end="")
