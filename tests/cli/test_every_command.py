"""Every command with each option left out and with each option wrong: a line that says what to do, never a traceback.

The cases come from the command tree, so a new command or option is covered by itself.
"""

from __future__ import annotations

import time
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import typer

from tests.cli.conftest import NOWHERE, Here, Ran
from tests.publish.small import SmallBuild
from ttc_data.cli import app

GOOD = {
    "RECIPE": "demo",
    "FORMAT": "sft",
    "INSTANCE": "owner__alpha",
    "DEST": "dest",
    "REGISTRY": "127.0.0.1:9/nobody",
    "ORG/NAME": "nobody/nothing",
    "TARGET": "pkg/mod.py::add",
    "FILE": "answers.jsonl",
}
BUILT = ("DATASET", "BUILD", "OUT")
"""Placeholders that stand for a folder with a set."""
WRONG = ("", "nonsense", "/nosuch", ".", "junk", "a/b/c", "http://[", "[/bold]", "=")


def leaves(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(node, "commands"):
        yield name, node
    for inner, child in getattr(node, "commands", {}).items():
        yield from leaves(child, f"{name} {inner}".strip())


COMMANDS = dict(leaves(typer.main.get_command(app), ""))


def wrong_values(parameter: Any) -> list[str]:
    kind = parameter.type_descriptor.annotation
    if kind in (int, float):
        return ["many", "", *([str(parameter.min - 1)] if parameter.min is not None else [])]
    if get_args(kind) and get_origin(kind) is not list:
        return ["nonsense", ""]
    return list(WRONG)


def good(parameter: Any, built: Path) -> str:
    return str(built) if parameter.metavar in BUILT else GOOD.get(parameter.metavar or "", "nonsense")


def words(parameter: Any, value: str) -> list[str]:
    return [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]


def command_lines(name: str, built: Path) -> Iterator[tuple[list[str], Any]]:
    command = COMMANDS[name]
    for parameter in command.params:
        for value in wrong_values(parameter) if not getattr(parameter, "is_flag", False) else [None]:
            line = name.split()
            for other in command.params:
                if other is parameter:
                    line += words(parameter, value) if value is not None else [parameter.opts[0]]
                elif other.required or other.metavar in BUILT:
                    line += words(other, good(other, built))
            yield line, parameter
            if any(other.opts[0] == "--dry-run" for other in command.params):
                yield [*line, "--dry-run"], parameter


@pytest.mark.parametrize("name", list(COMMANDS))
def test_probe(name, here, small, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("BROWSER", "true")
    monkeypatch.setenv("PATH", str(tmp_path/"bin"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    (tmp_path / "junk").write_bytes(b"\xff\x00")
    import io, contextlib, traceback
    with open("/tmp/h/commands.d/probe.txt", "a") as log:
        for line, parameter in command_lines(name, small.out):
            began = time.monotonic()
            try:
                ran = here(*line, DOCKER_HOST=NOWHERE)
                said = f"{ran.returncode} {ran.stderr[:300]!r}"
            except BaseException as e:
                said = f"RAISED {type(e).__name__} {e!s:.200}" + "".join(traceback.format_tb(e.__traceback__)[-1:])
            took = time.monotonic() - began
            log.write(f"{took:.2f}s {line!r}: {said}\n")
