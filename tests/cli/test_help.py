"""`--help` of every command: all that the docstring and the options say, as it can be pasted from 80 columns."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tests.cli.conftest import Here
from tests.cli.tree import COMMANDS

COLUMNS = "80"


def words(text: str) -> set[str]:
    return set(text.split())


@pytest.mark.parametrize("name", ["", "image", "schema", "spec", *COMMANDS])
def test_help_shows_every_word_that_was_written(here: Here, name: str) -> None:
    """Brackets are text: as markup, `[/PATH]` would be a traceback and `[PATH]` nothing at all."""
    ran = here(*name.split(), "--help", COLUMNS="300")
    assert (ran.returncode, ran.stderr) == (0, "")
    shown = words(ran.stdout)
    command: Any = COMMANDS.get(name)
    texts = [command.help, *(one.help for one in command.params if not one.hidden)] if command else []
    missing = words(" ".join(texts)) - shown
    assert not missing


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_example_stands_on_one_line_of_80_columns(here: Here, name: str) -> None:
    examples = [line.strip() for line in inspect.cleandoc(COMMANDS[name].help).splitlines()]
    lines = [line.strip() for line in here(*name.split(), "--help", COLUMNS=COLUMNS).stdout.splitlines()]
    assert {line for line in examples if line.startswith("ttcdata ")} <= set(lines)


@pytest.mark.parametrize("name", ["", "image", "schema", "spec", *COMMANDS])
def test_help_names_no_type_that_takes_no_value(here: Here, name: str) -> None:
    shown = here(*name.split(), "--help", COLUMNS=COLUMNS).stdout
    assert "<bool>" not in shown
