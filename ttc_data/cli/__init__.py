"""The command line: wiring only. Every command is one call of a public function, which it imports when it runs."""

from __future__ import annotations

import errno
import sys
from typing import Annotated

import typer

from ttc_data import __version__
from ttc_data.cli import build, dataset, doctor, image
from ttc_data.errors import StorageFull, TtcError

app = typer.Typer(
    name="ttcdata",
    help="Source code into execution-proven training data for code models.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ttcdata {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Source code into execution-proven training data for code models."""


app.command()(build.build)
app.command()(dataset.validate)
app.command()(dataset.grade)
app.command()(dataset.show)
app.command()(doctor.doctor)
app.add_typer(image.app, name="image")


def main() -> None:
    """Run the command line; a `TtcError` is one line on stderr and its exit code, never a traceback."""
    try:
        app(standalone_mode=True)
    except TtcError as error:
        _fail(error)
    except KeyboardInterrupt:
        print("stopped; what was finished is kept, and the same command goes on from there", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _fail(StorageFull(f"{error.filename or 'the disk'}: no space left; free some and run the same command again"))


def _fail(error: TtcError) -> None:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(error.exit_code)
