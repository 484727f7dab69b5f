"""What `--help` shows of a flag: nothing beside its name, where Typer would put `<bool>`."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption


def _plain(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if isinstance(parameter, TyperOption) and parameter.is_flag and parameter.metavar is None:
            parameter.metavar = ""
    return parameters


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its arguments and options, and `--help`."""
        return _plain(super().get_params(ctx))


class Group(TyperGroup):
    """Commands below a common word."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Options before the next word, and `--help`."""
        return _plain(super().get_params(ctx))


def with_plain_help(app: typer.Typer) -> None:
    """Give all commands of an app this help."""
    app.info.cls = Group
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            with_plain_help(group.typer_instance)
