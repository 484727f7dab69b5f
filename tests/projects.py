"""Small projects, written and committed by the tests that mine them."""

from __future__ import annotations

from pathlib import Path

from git import Actor, Repo

SHAPES = '''"""Shapes, for a test of the whole build."""

import math


def area(kind, size):
    """Compute the area of a regular shape with the given size.

    >>> area("square", 3)
    9
    >>> area("triangle", 2)
    Traceback (most recent call last):
    ValueError: unknown shape: triangle
    """
    # the answer must not be read from a comment
    if kind == "square":
        return size * size
    if kind == "circle":
        return math.pi * size**2
    raise ValueError(f"unknown shape: {kind}")


def scale(sizes, factor=2):
    """Multiply every size of the list by a factor, keeping their order."""
    scaled = []
    for size in sizes:
        scaled.append(size * factor)
    return scaled


def unreached(value):
    """Turn the value around, which no test of this project ever does."""
    turned = str(value)[::-1]
    return turned


class Pile:
    """Things one upon the other, of which the last one comes off first."""

    limit = 3

    def __init__(self):
        self.things = []

    def put(self, thing):
        """Put a thing on top, unless the pile is full."""
        if len(self.things) == self.limit:
            raise OverflowError("the pile is full")
        self.things.append(thing)

    def take(self):
        """Take the thing from the top of the pile and give it back."""
        thing = self.things.pop()
        return thing
'''

TEST_SHAPES = '''import math
import unittest

import pytest

from shapes import Pile, area, scale


@pytest.mark.parametrize("size", [1, 2, 5])
def test_square(size):
    assert area("square", size) == size**2


def test_circle():
    assert area("circle", 1) == pytest.approx(math.pi)


def test_unknown_shape():
    with pytest.raises(ValueError):
        area("blob", 1)


def test_scale():
    assert scale([1, 2]) == [2, 4]


def test_that_fails():
    assert scale([1]) == [1]


def test_order_of_a_set():
    """Passes under some hash seeds only."""
    assert list({"a", "b", "c", "d"})[0] == "a"


class PileTest(unittest.TestCase):
    def test_last_comes_first(self):
        pile = Pile()
        pile.put(1)
        pile.put(2)
        self.assertEqual(pile.take(), 2)

    def test_full(self):
        pile = Pile()
        for thing in range(3):
            pile.put(thing)
        with self.assertRaises(OverflowError):
            pile.put(4)
'''

TEST_HANGS = """import time


def test_that_hangs():
    time.sleep(60)


def test_that_never_lets_go():
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""

PYPROJECT = """[project]
name = "shapes"
version = "1.0"
license = "MIT"
requires-python = ">=3.8"

[tool.pytest.ini_options]
addopts = "--strict-markers --cov=shapes -n 4"
"""


def write_files(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below a folder."""
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def commit(folder: Path) -> str:
    """Commit all files of a folder, always under the same hash."""
    repo = Repo.init(folder, initial_branch="main")
    with repo:
        repo.git.add("--all")
        who = Actor("A. Author", "author@example.org")
        date = "2026-01-02T03:04:05 +0000"
        made = repo.index.commit("All of it", author=who, committer=who, author_date=date, commit_date=date)
        return made.hexsha


def shapes(folder: Path, *, hangs: bool = False, tests: bool = True) -> Path:
    """A project with what goes wrong in real ones: tests that fail, flicker and hang, files nobody can read."""
    files: dict[str, str | bytes] = {
        "shapes.py": SHAPES,
        "latin.py": 'def name():\n    """Give the name of a thing in Latin letters."""\n    return "\xe9t\xe9"\n'.encode(
            "latin-1"
        ),
        "broken.py": "def half(\n",
        "pyproject.toml": PYPROJECT,
        "LICENSE": "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n",
    }
    if tests:
        files["tests/test_shapes.py"] = TEST_SHAPES
        files["tests/test_broken_import.py"] = "import a_module_that_is_not_there\n\ndef test_nothing():\n    pass\n"
    if hangs:
        files["tests/test_hangs.py"] = TEST_HANGS
    commit(write_files(folder, files))
    return folder
