"""Every command with each option left out, and with each option wrong: one line that says what to do, never a traceback.

The cases come from the command tree, so a new command or option is covered by itself. Nothing of this machine is used: no
engine, no package index, no Hub, no model. `local-unsafe` stands for a sandbox, so what comes after one is reached too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from tests.cli.conftest import NOWHERE, Here, Ran, refused
from tests.cli.tree import COMMANDS
from tests.publish.small import SmallBuild
from ttc_data.records import Suite
from ttc_data.store import Build

GOOD = {
    "RECIPE": "mine.yaml",
    "FORMAT": "sft",
    "INSTANCE": "owner__alpha-add",
    "REGISTRY": "127.0.0.1:9/nobody",
    "ORG/NAME": "nobody/nothing",
    "TARGET": "pkg/mod.py::add",
    "FILE": "answers.jsonl",
    "URL": "http://127.0.0.1:9/v1",
    "DEST": "dest",
}
"""By placeholder: what can be used, as far as there is anything. An unknown one gets `nonsense`."""
A_SET = ("DATASET", "BUILD", "OUT")
TEXTS = ("", "nonsense", "[/bold]", "x" * 300)
JUNK = "junk"
"""A file that is there and holds nothing that can be read."""
WRONG_BY_TYPE = 2
Line = list[str]


def is_choice(kind: Any) -> bool:
    return bool(get_args(kind)) and get_origin(kind) is not list


def wrong_values(parameter: Any) -> tuple[str, ...]:
    kind = parameter.type_descriptor.annotation
    if kind in (int, float):
        return ("many", "", *([str(parameter.min - 1)] if parameter.min is not None else []))
    if is_choice(kind):
        return ("nonsense", "")
    return (*TEXTS, JUNK) if kind is Path or parameter.metavar in (*A_SET, "RECIPE") else TEXTS


def good_value(parameter: Any, built: Path) -> str:
    return str(built) if parameter.metavar in A_SET else GOOD.get(parameter.metavar or "", "nonsense")


def typed(parameter: Any, value: str) -> Line:
    return [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]


def is_flag(parameter: Any) -> bool:
    return bool(getattr(parameter, "is_flag", False))


def without(name: str, left_out: Any, built: Path) -> Line:
    """A command with what it needs, but for one parameter."""
    line = name.split()
    for parameter in COMMANDS[name].params:
        if parameter is not left_out and (parameter.required or parameter.metavar in A_SET):
            line += typed(parameter, good_value(parameter, built))
        elif parameter is not left_out and parameter.opts[0] == "--sandbox":
            line += ["--sandbox", "local-unsafe"]
    return line


def lines(name: str, built: Path) -> Iterator[tuple[Line, int | None]]:
    """Command lines, and the exit status where it is sure; with each flag too, for some take another way."""
    parameters = COMMANDS[name].params
    for parameter in parameters:
        base = without(name, parameter, built)
        if parameter.required:
            yield base, WRONG_BY_TYPE if parameter.param_type_name == "option" or parameter is parameters[-1] else None
        if is_flag(parameter):
            yield [*base, parameter.opts[0]], None
            continue
        yield base, None
        by_type = parameter.type_descriptor.annotation in (int, float) or is_choice(
            parameter.type_descriptor.annotation
        )
        for value in wrong_values(parameter):
            if parameter.param_type_name == "argument":
                line = _in_place(name, parameter, value, built)
            else:
                line = [*base, parameter.opts[0], value]
            yield line, WRONG_BY_TYPE if by_type else None


def _in_place(name: str, wrong: Any, value: str, built: Path) -> Line:
    line = name.split()
    for parameter in COMMANDS[name].params:
        if parameter is wrong:
            line.append(value)
        elif parameter.required or parameter.metavar in A_SET:
            line += typed(parameter, good_value(parameter, built))
    return line


@pytest.fixture
def nowhere(here: Here, monkeypatch: pytest.MonkeyPatch) -> Here:
    """A folder with a file that is nothing, on a machine that reaches nobody."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name, value in {"PATH": "/nosuch", "BROWSER": "true", "PIP_NO_INDEX": "1", "DOCKER_HOST": NOWHERE}.items():
        monkeypatch.setenv(name, value)
    Path(JUNK).write_bytes(b"\xff\x00")
    Path("mine.yaml").write_text("sources: [{kind: git, url: missing}]\n", encoding="utf-8")
    return here


@pytest.fixture(scope="module")
def built(small: SmallBuild) -> Path:
    """A build whose suites have run, as `spec preview` needs one."""
    (small.out / "recipe.yaml").write_text("name: small\nsources: [{kind: git, url: missing}]\n", encoding="utf-8")
    build = Build(small.out)
    build.stage("repeat", Suite).compact(set())
    build.close()
    return small.out


def clear(line: Line, ran: Ran, code: int | None) -> None:
    """One line of error at most, one with it where the command failed by what was typed."""
    assert "Traceback" not in ran.stderr, (line, ran.stderr)
    errors = [said for said in ran.stderr.splitlines() if said.startswith("error: ")]
    assert len(errors) <= 1, (line, ran.stderr)
    assert ran.returncode in (0, 1, 2), line
    assert code is None or ran.returncode == code, (line, ran.stderr)
    if ran.returncode == WRONG_BY_TYPE:
        assert errors, line
    if ran.returncode == 0:
        assert not errors, line
    assert ran.returncode == 0 or ran.stderr or ran.stdout, line


def test_a_preview_without_a_model_says_how_one_is_named(nowhere: Here, built: Path) -> None:
    """Once an IndexError, after a sandbox had been opened."""
    ran = nowhere("spec", "preview", "pkg/mod.py::add", "--build", str(built))
    refused(ran, 2, "no model is named", "--llm URL", "--serve MODEL")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_whatever_is_left_out_or_wrong_is_no_traceback(nowhere: Here, built: Path, name: str) -> None:
    dry = any(parameter.opts[0] == "--dry-run" for parameter in COMMANDS[name].params)
    for line, code in lines(name, built):
        for more in ([], ["--dry-run"]) if dry else ([],):
            clear([*line, *more], nowhere(*line, *more), code)


def test_a_word_that_is_no_text_is_one_line(nowhere: Here) -> None:
    """As a file's name it may be typed, and no recipe, record or message could hold it."""
    for line in (["build", "\udcff"], ["show", "out/\udcff"], ["train", "--set", "grpo.\udcff=1"]):
        refused(nowhere(*line), 2, "\\udcff", "not UTF-8")
