"""Bytecode with pytest's assertions in it: of a text that differs in one statement, the rest is taken from another's."""

from __future__ import annotations

import ast
import os
import types
from collections.abc import Iterator
from importlib.machinery import SourcelessFileLoader
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

from ttc_data.sandbox.inside import rewritten

NAME = "test_it.py"
TEXT = '''"""Tests."""

from __future__ import annotations

import os.path as place


def helper(x: int) -> int:
    return x


@place.pytest.mark.parametrize("x", [1, 2])
def test_one(x):
    assert helper(x) == 1
    assert place.join("a", "b") == "a/b", x


class TestMore:
    def test_two(self):
        assert [helper(number) for number in range(3)] == [0, 1, 2]


def test_three():
    assert helper(3) != 4
'''


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[int]:
    folder = tmp_path / "cache"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def provided(cache: int, work: Path, text: str) -> object:
    """The code that pytest would find beside a file of this text."""
    (work / NAME).unlink(missing_ok=True)
    rewritten.make(cache, str(work), {NAME: text}, [NAME])
    assert not (work / NAME).exists()
    (work / NAME).write_text(text, encoding="utf-8")
    rewritten.provide(cache, str(work), {NAME: text}, [NAME])
    (file,) = (work / "__pycache__").glob("*.pyc")
    code = SourcelessFileLoader("it", str(file)).get_code("it")
    assert code is not None
    return code


def whole(work: Path, text: str) -> object:
    """The code that pytest makes of all of it."""
    (work / NAME).write_text(text, encoding="utf-8")
    code = ast.parse(text, work / NAME)
    rewrite.rewrite_asserts(code, text.encode(), str(work / NAME), None)
    return compile(code, work / NAME, "exec", dont_inherit=True)


@pytest.mark.parametrize(
    ("old", "new", "is_spliced"),
    [
        ("== 1\n", "== 7\n", True),
        ("[0, 1, 2]", "[0, 1, 3]", True),
        ("!= 4", "== 4", True),
        ("return x", "return y", True),
        ("return x", "return - x", True),
        ("[1, 2])", "[1, 33])", True),
        ("import os.path as place", "import os as place", True),
        ("import os.path as place", "from __future__ import generator_stop", True),
        ("import annotations", "import generator_stop", False),
        ('"""Tests."""', '"""PYTEST_DONT_REWRITE"""', False),
        ("!= 4", "!= (\n    4)", True),
        ("-> int", "\\\n    -> int", True),
        ("== 1\n    assert place", "== 2\n    assert not place", True),
        ("assert helper(x) == 1", "assert not helper(x) == 2", True),
    ],
)
def test_it_is_what_pytest_makes_of_the_whole_text(
    cache: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, is_spliced: bool
) -> None:
    asked = whole_rewritings(cache, tmp_path, monkeypatch)
    other = TEXT.replace(old, new)
    assert other != TEXT
    found = provided(cache, tmp_path, other)
    assert found == whole(tmp_path, other)
    assert found != whole(tmp_path, TEXT)
    assert bool(asked) is not is_spliced


def whole_rewritings(cache: int, work: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep the bytecode of `TEXT`; gives a list of the files that are rewritten as a whole from then on."""
    assert provided(cache, work, TEXT) == whole(work, TEXT)
    asked: list[str] = []
    rewrite_all = rewritten.rewritten

    def heard(rewriting: types.ModuleType, place: str) -> bytes | None:
        asked.append(place)
        return rewrite_all(rewriting, place)

    monkeypatch.setattr(rewritten, "rewritten", heard)
    return asked


@pytest.mark.parametrize("last", ["!= 5", "!= (555)", "!= (\n    5)"])
def test_of_several_changed_statements_each_is_rewritten_alone(
    cache: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    asked = whole_rewritings(cache, tmp_path, monkeypatch)
    other = TEXT.replace("== 1\n", "== 7\n").replace("[0, 1, 2]", "[0, 1, 3]").replace("!= 4", last)
    assert provided(cache, tmp_path, other) == whole(tmp_path, other)
    assert not asked


def test_what_is_no_python_is_left_to_pytest(cache: int, tmp_path: Path) -> None:
    provided(cache, tmp_path, TEXT)
    (tmp_path / NAME).write_text("def (", encoding="utf-8")
    before = sorted((tmp_path / "__pycache__").iterdir())
    (tmp_path / NAME).unlink()
    broken: dict[str, str | None] = {NAME: TEXT.replace("!= 4", "!= (")}
    rewritten.make(cache, str(tmp_path), broken, [NAME])
    rewritten.provide(cache, str(tmp_path), broken, [NAME])
    assert sorted((tmp_path / "__pycache__").iterdir()) == before
