"""Numbers of any length, in every text that somebody else wrote: a refusal in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Here, refused
from tests.foreign.hostile import HostileSet
from ttc_data.edits import apply_patch
from ttc_data.errors import DatasetError, PatchRejected
from ttc_data.lang.python.packaging.requirements import poetry_part
from ttc_data.lang.python.syntax import parse
from ttc_data.lang.python.trivial import is_trivial
from ttc_data.report.changes import read_diff
from ttc_data.solve.answer import read_answer
from ttc_data.train.selection import read_difficulty

LONG = "9" * 5_000
HEX = "0x" + "f" * 5_000
GIVEN = "def add(a, b):\n    raise NotImplementedError\n"
PATH = "pkg/mod.py"
HEADERS = (f"-{LONG} +1", f"-1,{LONG} +1", f"-1 +{LONG}", f"-1 +1,{LONG}", "-" + "1" * 10 + " +1")


def patch(header: str) -> str:
    return f"--- a/{PATH}\n+++ b/{PATH}\n@@ {header} @@\n-x\n+y\n"


@pytest.mark.parametrize("header", HEADERS, ids=["start", "old", "new start", "new", "ten digits"])
def test_a_hunk_that_names_a_line_that_no_file_has_is_rejected_in_one_line(header: str) -> None:
    for take in (
        lambda: apply_patch({PATH: GIVEN.encode()}, patch(header)),
        lambda: read_answer(f"```diff\n{patch(header)}```", {PATH: GIVEN}, PATH, "add"),
    ):
        with pytest.raises(PatchRejected) as found:
            take()
        assert len(str(found.value)) < 300
        assert "\n" not in str(found.value)
    assert read_diff(patch(header)) == {}


def test_an_answer_with_a_number_that_cannot_be_written_in_decimal_is_read_or_rejected() -> None:
    beside = f"```python\nX = {HEX}\nprint({HEX})\n\ndef add(a, b):\n    return a + b\n```"
    assert "return a + b" in str(read_answer(beside, {PATH: GIVEN}, PATH, "add").files[PATH])
    with pytest.raises(SyntaxError, match="too long"):
        parse(f"x = {HEX}\n".encode())
    parse(f'x = "{HEX}"\n'.encode())
    parse(f"x = 0x{'f' * 3_000}\n".encode())


@pytest.mark.parametrize("value", ["-" * 1_500 + "1", f"({HEX}).add(a)", "[" * 150 + "]" * 150])
def test_whether_an_answer_is_trivial_is_always_told(value: str) -> None:
    is_trivial(f"class A({HEX}):\n    def add(self, a):\n        return {value}\n", "A.add")
    is_trivial(f"def add(a):\n    return {value}\n", "add")


def test_a_file_of_pass_rates_has_numbers(tmp_path: Path) -> None:
    place = tmp_path / "d.jsonl"
    for number in ("1e999", "Infinity", "NaN", LONG):
        place.write_text(f'{{"instance_id": "x", "attempts": {number}, "solved": 1}}\n', encoding="utf-8")
        with pytest.raises(DatasetError, match="line 1"):
            read_difficulty(place)


def test_a_range_of_versions_has_a_length() -> None:
    assert poetry_part(f"^{LONG}.1") == ""
    assert poetry_part("^1.2") == ">=1.2,<2.0"


@pytest.mark.parametrize("number", ["1e999", LONG, "-1e400", "[]"])
def test_a_card_whose_count_is_no_number_is_a_finding(here: Here, hostile: HostileSet, number: str) -> None:
    hostile.write("card.json", f'{{"rows": {number}}}')
    ran = here("check", str(hostile.folder))
    assert ran.returncode == 1
    assert "no card" in ran.stdout


@pytest.mark.parametrize("command", ["evidence", "report", "show", "sft"])
def test_a_set_whose_patches_hold_long_numbers_is_read(here: Here, hostile: HostileSet, command: str) -> None:
    long = patch(f"-{LONG} +1")
    hostile.change_row(patch=long, test_patch=long.replace(f"a/{PATH}", "/dev/null"))
    line = {
        "evidence": ["evidence", str(hostile.folder), "owner"],
        "report": ["report", str(hostile.folder), "--to", "page.html"],
        "show": ["show", str(hostile.folder), "--rows", "1"],
        "sft": ["export", "sft", str(hostile.folder), "sft"],
    }[command]
    ran = here(*line)
    if command in ("evidence", "sft"):
        refused(ran, 1, str(hostile.folder), "patch: must")
    else:
        assert ran.returncode == 0, ran.stderr
