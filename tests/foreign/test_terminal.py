"""What others wrote reaches a terminal as text: no control of theirs is obeyed, and no line of theirs looks like one of ours."""

from __future__ import annotations

import json
import logging
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import RenderableType
from rich.table import Table

from tests.cli.conftest import Here
from tests.foreign.hostile import HostileSet
from tests.foreign.texts import PIECES, SGR, nasty, obeyed, storable
from ttc_data import validation
from ttc_data.cli.console import Screen, complain, console_progress, tell
from ttc_data.cli.said import show_what_others_say
from ttc_data.cli.tables import scores_table
from ttc_data.dataset import Dataset
from ttc_data.edits import unified_diff
from ttc_data.plain import CONTROLS, one_line, plain
from ttc_data.proof_view import proof_view
from ttc_data.records import Baseline, FileText, Mutation, Reject, Source, Tripwire
from ttc_data.row import Row
from ttc_data.show import reject_examples, row_panels
from ttc_data.solve.outcome import Outcome
from ttc_data.store import Build

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=300, deadline=None)
COLOUR_OF_THE_TEXT = re.compile(r"\x1b\[[\d;]*97;45m")
SEVEN = st.lists(storable, min_size=7, max_size=7)


@contextmanager
def hostile_set() -> Iterator[HostileSet]:
    folder = Path(tempfile.mkdtemp(prefix="ttcdata-texts-"))
    try:
        yield HostileSet(folder)
    finally:
        shutil.rmtree(folder)


def said_by(row: Row, texts: list[str]) -> Row:
    """The row with the texts wherever the gate lets any text be."""
    name, docstring, test, license_, operator, old, new = texts
    code = f'def f():\n    "{docstring}"\n    return 1\n'
    masked = code.replace("return 1", "raise NotImplementedError")
    tests = (f"tests/test_mod.py::{test}",)
    return replace(
        row,
        repo=name,
        license=license_,
        problem_statement=docstring,
        path="pkg/mod.py",
        patch=unified_diff({"pkg/mod.py": masked}, {"pkg/mod.py": code}),
        ttc_files=(FileText("pkg/mod.py", masked),),
        FAIL_TO_PASS=tests,
        PASS_TO_PASS=tests,
        ttc_first_look=tests,
        ttc_left_out=tests,
        ttc_target=name,
        ttc_docstring=docstring,
        ttc_mutants=(Mutation(operator, 3, old, new, "killed", tests),),
        ttc_baselines=(Baseline(operator, tests),),
        ttc_tripwires=(Tripwire("tests/test_mod.py", 1, 2, old, new, "value", tests, ()),),
    )


@MANY
@given(st.text())
def test_nothing_that_is_obeyed_is_left_and_all_else_is(text: str) -> None:
    assert obeyed(plain(text)) == []
    assert obeyed(one_line(text)) == []
    assert "\n" not in one_line(text)
    assert plain(plain(text)) == plain(text)
    assert [one for one in plain(text) if one in text and ord(one) not in CONTROLS] or not text or plain(text) != text
    kept = "".join(one for one in text if ord(one) not in CONTROLS)
    assert len(plain(text)) >= len(kept)


@MANY
@given(nasty)
def test_a_line_is_one_line(text: str) -> None:
    shown = StringIO()
    screen = Screen(file=shown, width=80)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ttc_data.cli.console.out", screen)
        patch.setattr("ttc_data.cli.console.err", screen)
        tell(text)
        complain(text)
    assert shown.getvalue().count("\n") == 2
    assert obeyed(shown.getvalue()) == []


@MANY
@given(nasty)
@example("\t\t\x1b[97;45mred\x1b[0m")  # the terminal width can cut the visible form of the sequence
def test_a_coloured_table_holds_no_control_but_its_own(text: str) -> None:
    """Where cells, titles and captions are handed over as they are, the console itself sees to it."""
    shown = StringIO()
    table = Table(text, title=text, caption=text)
    table.add_row(text)
    Screen(file=shown, width=60, force_terminal=True, color_system="truecolor").print(table, text)
    assert COLOUR_OF_THE_TEXT.search(shown.getvalue()) is None
    assert "\x1b]" not in shown.getvalue()
    assert obeyed(SGR.sub("", shown.getvalue())) == []


def coloured(parts: Iterator[RenderableType]) -> str:
    shown = StringIO()
    screen = Screen(file=shown, width=100, force_terminal=True, color_system="truecolor")
    for part in parts:
        screen.print(part)
    return shown.getvalue()


@FEW
@given(SEVEN)
def test_rows_and_proofs_in_colour_obey_nothing(texts: list[str]) -> None:
    with hostile_set() as hostile:
        hostile.change_rows(lambda row: said_by(row, texts))
        dataset = Dataset(hostile.folder)
        name = next(dataset.rows()).instance_id
        shown = coloured(row_panels(dataset, 3)) + coloured(proof_view(hostile.folder, name))
    assert COLOUR_OF_THE_TEXT.search(shown) is None
    assert obeyed(SGR.sub("", shown)) == []


COMMANDS = (
    ("show", "SET", "--rows", "5"),
    ("evidence", "SET", "alpha-add"),
    ("evidence", "SET", "TEXT"),
    ("check", "SET"),
    ("schema", "check", "SET"),
    ("export", "swebench", "SET", "DEST/swebench"),
    ("export", "harbor", "SET", "DEST/harbor"),
    ("export", "sft", "SET", "DEST/sft"),
    ("export", "verifiers", "SET", "DEST/verifiers"),
    ("export", "sft", "SET", "DEST/row", "--row", "TEXT"),
    ("export", "sft", "SET", "DEST/split", "--split", "TEXT"),
    ("report", "SET", "--to", "DEST/page.html"),
    ("push", "SET", "nobody/nothing"),
    ("push", "SET", "TEXT"),
    ("grade", "SET", "--predictions", "DEST/answers.jsonl", "--sandbox", "local-unsafe"),
    ("grade", "SET", "--predictions", "DEST/answers.jsonl", "--sandbox", "local-unsafe", "--json"),
    ("build", "TEXT"),
    ("build", "demo", "--set", "TEXT=1"),
    ("build", "demo", "--source", "TEXT"),
    ("validate", "TEXT"),
    ("show", "TEXT"),
    ("train", "TEXT", "--gpus", "0", "--dry-run"),
    ("schema", "show", "TEXT"),
    ("spec", "preview", "TEXT", "--build", "SET"),
)


@FEW
@given(SEVEN)
def test_every_command_shows_and_does_not_obey(here: Here, texts: list[str]) -> None:
    typed = texts[0].replace("\0", "").lstrip("-") or "x"
    with hostile_set() as hostile, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", "x")
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        hostile.change_rows(lambda row: said_by(row, texts))
        answers = [{"instance_id": text, "completion": "x", "model": texts[0]} for text in texts]
        place = hostile.folder.parent
        (place / "answers.jsonl").write_text("".join(json.dumps(one) + "\n" for one in answers), encoding="utf-8")
        for command in COMMANDS:
            words = (one.replace("SET", str(hostile.folder)).replace("DEST", str(place)) for one in command)
            ran = here(*(one.replace("TEXT", typed) for one in words))
            assert "Traceback" not in ran.stderr, ran.stderr
            assert obeyed(ran.stdout + ran.stderr) == [], command
            assert ran.returncode in (0, 1, 2), command


@FEW
@given(SEVEN)
def test_an_unknown_id_writes_no_line_of_its_own(here: Here, texts: list[str]) -> None:
    with hostile_set() as hostile:
        file = hostile.folder.parent / "answers.jsonl"
        answers = [{"instance_id": text, "completion": "x"} for text in texts if text]
        file.write_text("".join(json.dumps(one) + "\n" for one in answers), encoding="utf-8")
        ran = here("grade", str(hostile.folder), "--predictions", str(file), "--sandbox", "local-unsafe")
    assert [line for line in ran.stdout.split("\n")[:-1] if not line.startswith("not graded  ")][:-1] == []
    assert "1 of 1 row valid" not in ran.stdout.split("\n")


@FEW
@given(st.lists(nasty, min_size=4, max_size=4))
def test_verdicts_whose_messages_come_from_a_sandbox_are_text(here: Here, texts: list[str]) -> None:
    outcomes = [Outcome(texts[0], texts[1], texts[2], model=texts[3]), Outcome("solved", "", "")]

    def scripted(*given: Any, **named: Any) -> Iterator[Outcome]:
        return iter(outcomes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "validate", scripted)
        patch.setattr(validation, "grade_predictions", scripted)
        for command in (("validate", "x"), ("grade", "x", "--predictions", "y"), ("validate", "x", "--json")):
            ran = here(*command)
            assert "Traceback" not in ran.stderr, ran.stderr
            assert obeyed(ran.stdout + ran.stderr) == []
    shown = coloured(iter([scores_table(outcomes)]))
    assert obeyed(SGR.sub("", shown)) == []


@FEW
@given(st.lists(storable, min_size=4, max_size=4))
def test_rejects_and_stages_of_a_build_are_text(here: Here, texts: list[str]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ttcdata-rejects-"))
    try:
        build = Build(folder)
        stage = build.stage("mine", Source)
        stage.write("one", [], [Reject("one", "mine", texts[0], texts[1], texts[2])], 0.1)
        stage.compact({"one"})
        build.close()
        ran = here("show", str(folder), "--rejects")
        shown = coloured(iter([reject_examples(folder)]))
    finally:
        shutil.rmtree(folder)
    assert obeyed(ran.stdout + ran.stderr) == []
    assert obeyed(SGR.sub("", shown)) == []


@pytest.mark.parametrize("piece", PIECES)
def test_progress_warnings_logs_and_tracebacks_are_text(
    piece: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    logging.captureWarnings(False)
    console_progress().say(piece)
    show_what_others_say()
    logging.getLogger("a library").warning("it said %s", piece)
    other = logging.getLogger("a library with a handler")
    other.propagate = False
    other.addHandler(logging.StreamHandler(sys.stderr))
    other.warning("so did another, %s", piece)
    other.handlers.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(piece or "x", stacklevel=1)
    try:
        raise ValueError(piece)
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    logging.captureWarnings(False)
    said = capsys.readouterr().err
    assert "it said" in said
    assert "so did another" in said
    assert "UserWarning" in said
    assert "ValueError" in said
    assert obeyed(said) == []
