"""Edits of a test file are applied to its text: they change their own bytes and nothing else."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from ttc_data.errors import DatasetError
from ttc_data.lang.python.assertions.tripwires import altered, propose
from ttc_data.records import Tripwire


def test_edits_change_their_own_bytes_and_nothing_else() -> None:
    text = "\ufeff# \u00fc\r\ndef test_it():\r\n\x0c    s = '\U0001f600'; assert double('\u00e9') == '\u00e9\u00e9'; assert double(1) == 2"
    first, second = (proposal.tripwire for proposal in propose(text, ["test_m.py::test_it"], "double")[:2])
    expected = text.replace("'\u00e9\u00e9'", first.new).replace("== 2", f"== {second.new}")
    assert altered(text, [second, first]) == expected
    assert altered(text, []) == text


def test_an_edit_that_does_not_fit_is_named() -> None:
    edit = Tripwire("test_m.py", 2, 3, "4", "5", "value", (), ())
    for text in ("", "a\nb", "a\n   5", "a\n   4"):
        if text.endswith("4"):
            assert altered(text, [edit]) == "a\n   5"
        else:
            with pytest.raises(DatasetError, match=r"test_m\.py:2: a tripwire replaces '4' at byte 3"):
                altered(text, [edit])
    with pytest.raises(DatasetError):
        altered("a\n   4", [edit, edit])


def test_of_a_long_literal_a_piece_of_one_line_is_published() -> None:
    (edit, *_) = propose(f"def test_it():\n    assert double(2) == {'x' * 500!r}\n", ["test_m.py::test_it"], "double")
    assert len(edit.tripwire.old) == len(edit.tripwire.new) == 60
    lines = 'assert double(2) == """a\r\nlonger\r\n"""'
    (edit, *_) = propose(f"def test_it():\n    {lines}\n", ["test_m.py::test_it"], "double")
    assert (edit.tripwire.line, edit.tripwire.old) == (3, "longer")


class Same(list[int]):
    """Another right answer: equal to the reference's, and of another type."""


@pytest.mark.parametrize(
    "lines",
    [
        ("assert double([2]) == [2, 2]",),
        ("assert [2, 2] == double([2]) and double([]) == []",),
        ("want = [2, 2]", "assert double([2]) == want", "assert len(want) == 2"),
        ("for x, y in [([1], [1, 1]), ([2], [2, 2])]:", "    assert double(x) == y"),
        ("assert len(double([1, 2])) == 4",),
        ("assert double([1]) != [1] and len(double([1])) > 1",),
        ("assert [7] not in (double([7]), [8])",),
    ],
)
def test_a_different_right_solution_fails_every_twin_that_the_reference_fails(
    lines: tuple[str, ...], tmp_path: Path
) -> None:
    text = "def test_it():\n" + "".join(f"    {line}\n" for line in lines)

    def reference(x: list[int]) -> list[int]:
        return x + x

    def other(x: list[int]) -> list[int]:
        return Same([*x, *x])

    def passes(source: str, solution: Callable[[list[int]], list[int]]) -> bool:
        file = tmp_path / "test_m.py"
        file.write_text(source, encoding="utf-8")
        names = runpy.run_path(str(file), {"double": solution})
        try:
            names["test_it"]()
        except AssertionError:
            return False
        return True

    assert passes(text, reference)
    assert passes(text, other)
    found = propose(text, ["test_m.py::test_it"], "double")
    assert found
    for proposal in found:
        twin = altered(text, [proposal.tripwire])
        assert not passes(twin, reference)
        assert not passes(twin, other)
