"""A row's proof in the terminal says which tests decide, which come first, and what is not run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.publish.small import SmallBuild
from ttc_data.proof_view import proof_view
from ttc_data.publish.rows import write_splits
from ttc_data.row import Row


@pytest.fixture
def small(tmp_path: Path) -> SmallBuild:
    build = SmallBuild(tmp_path, ("owner/alpha",))
    build.write()
    return build


def shown(small: SmallBuild, row: Row, width: int = 200) -> str:
    write_splits(lambda: iter([row]), {row.repo: "train"}, small.out / "dataset" / "data")
    console = Console(width=width)
    with console.capture() as capture:
        for part in proof_view(small.out / "dataset", row.instance_id):
            console.print(part)
    return capture.get()


def test_the_first_look_is_named_and_the_others_are_counted(small: SmallBuild) -> None:
    row = next(row for row in small.rows() if row.ttc_kind == "class")
    text = shown(small, row)
    assert "tests/test_mod.py::test_it" in text
    words = " ".join(text.split())
    assert "1 other decides too, 1 must go on passing; in 5 s at most" in words
    assert "left out, because they take longer than 5 s together with the others: tests/test_mod.py::test_slow" in words
    lines = [line.split() for line in text.splitlines() if line.startswith(("pass ", "return_first_argument"))]
    assert lines == [["return_first_argument", "1"], ["pass", "0"]]


def test_a_long_test_id_goes_on_in_the_next_line(small: SmallBuild) -> None:
    row = next(row for row in small.rows() if row.ttc_kind == "class")
    test = f"tests/test_mod.py::test_{'x' * 60}[{'y' * 60}]"
    row = replace(row, FAIL_TO_PASS=(*row.FAIL_TO_PASS, test), ttc_first_look=(*row.ttc_first_look, test))
    text = shown(small, row, width=80)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert text.count("x") >= 60
    assert text.count("y") >= 60


def test_a_row_of_an_older_set_names_every_deciding_test(small: SmallBuild) -> None:
    row = replace(next(small.rows()), ttc_first_look=(), ttc_baselines=(), ttc_left_out=())
    assert row.first_look == row.FAIL_TO_PASS
    text = shown(small, row)
    assert all(test in text for test in row.FAIL_TO_PASS)
    assert "left out" not in text
