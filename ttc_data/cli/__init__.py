"""The command line: wiring only. Every command is one call of a public function, which it imports when it runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ttc_data import __version__
from ttc_data.cli import build, check, dataset, difficulty, doctor, export, image, push, report, spec, train
from ttc_data.cli.help import with_plain_help
from ttc_data.cli.options import INTERRUPTED, STOPPED
from ttc_data.cli.refusals import of_a_query, of_the_system, require_text
from ttc_data.cli.said import show_what_others_say
from ttc_data.errors import TtcError
from ttc_data.plain import one_line

NAME = "ttcdata"
app = typer.Typer(
    name=NAME,
    help="Source code into execution-proven training data for code models.",
    no_args_is_help=True,
    rich_markup_mode="rich",  # keeps the line breaks and the indentation of examples as written
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
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Source code into execution-proven training data for code models."""


app.command()(build.build)
app.command()(dataset.validate)
app.command()(dataset.grade)
app.command()(dataset.show)
app.command()(dataset.evidence)
app.command()(report.report)
app.command()(check.check)
app.command()(export.export)
app.command()(push.push)
app.command()(difficulty.difficulty)
app.command()(train.train)
app.command()(doctor.doctor)
app.add_typer(image.app, name="image")
app.add_typer(check.app, name="schema")
app.add_typer(spec.app, name="spec")
with_plain_help(app)


def main() -> None:
    """Run the command line; a wrong option or a `TtcError` is one line on stderr and an exit code, never a traceback."""
    code: int | None = None
    show_what_others_say()
    try:
        require_text(sys.argv[1:])
        code = app(standalone_mode=False, prog_name=NAME)
    except typer.TyperException as error:
        _fail(_usage(error), error.exit_code)
    except TtcError as error:
        _fail(str(error), error.exit_code)
    except Exception as error:
        refused = of_the_system(error) if isinstance(error, OSError) else of_a_query(error)
        if refused is None:
            raise
        _fail(str(refused), refused.exit_code)
    if code == INTERRUPTED:
        print(STOPPED, file=sys.stderr)
    sys.exit(code)


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the command line, and where its options are listed; nothing when help was printed instead."""
    said = error.format_message().strip().removesuffix(".")
    context: typer.Context | None = getattr(error, "ctx", None)
    return f"{said}; `{context.command_path} --help` lists what there is" if said and context else said


def _fail(message: str, code: int) -> None:
    if message:
        print(f"error: {one_line(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(code)
