"""The commands as Typer has them, by the words that name them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from ttc_data.cli import app


def _leaves(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(node, "commands"):
        yield name, node
    for inner, child in getattr(node, "commands", {}).items():
        yield from _leaves(child, f"{name} {inner}".strip())


COMMANDS: dict[str, Any] = dict(_leaves(typer.main.get_command(app), ""))
"""Those that do something: `build`, `schema check`."""
