"""Edits of a test file are applied to its text: they change their own bytes and nothing else."""

from __future__ import annotations

import pytest

from ttc_data.errors import DatasetError
from ttc_data.evidence.tripwires import altered, propose
from ttc_data.records import Tripwire


def test_edits_change_their_own_bytes_and_nothing_else() -> None:
    text = "\ufeff# \u00fc\r\ndef test_it():\r\n\x0c    s = '\U0001f600'; assert double('\u00e9') == '\u00e9\u00e9'; assert double(1) == 2"
    first, second = (one.tripwire for one in propose(text, ["test_m.py::test_it"], "double")[:2])
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
