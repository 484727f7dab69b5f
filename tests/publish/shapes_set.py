"""A set whose rows can be run: the shapes project and a single file, in an environment made of this interpreter's own pytest.

What a build would find out by running is written down here, so that nothing needs to be proven first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.projects import PYPROJECT, SHAPES, TEST_SHAPES
from tests.sandboxes import fill_site
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.edits import unified_diff
from ttc_data.extract import extract
from ttc_data.hosts.host import date_files
from ttc_data.lang.python.masking import mask
from ttc_data.publish.rows import Proven, make_row
from ttc_data.publish.write import write_dataset
from ttc_data.recipe import Recipe
from ttc_data.records import (
    Environment,
    Evidence,
    FileText,
    GoldRun,
    Sample,
    Source,
    Target,
    Tripwire,
    Variation,
    Verdict,
)
from ttc_data.row import Row
from ttc_data.rules import ExtractRules, PypiSource, SplitRules, TestRules, TreeLimits
from ttc_data.specs.docstring import docstring_spec
from ttc_data.store import Build
from ttc_data.trees.foreign import TreeFile

REPO = f"shapes{os.getpid()}/shapes"  # two sessions on one engine do not remove each other's images
RECIPE = Recipe(
    name="shapes",
    sources=(PypiSource(projects=("shapes",)),),
    extract=ExtractRules(min_docstring_chars=1, min_docstring_words=1),
    tests=TestRules(sample_timeout_s=12),
    splits=SplitRules(train=1, validation=0, test=0),
)
T = "tests/test_shapes.py"
SQUARES = tuple(f"{T}::test_square[{size}]" for size in (1, 2, 5))
STACK, FULL = f"{T}::PileTest::test_last_comes_first", f"{T}::PileTest::test_full"
TESTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "area": ((*SQUARES, f"{T}::test_circle", f"{T}::test_unknown_shape"), (f"{T}::test_scale", STACK)),
    "scale": ((f"{T}::test_scale",), (*SQUARES,)),
    "Pile": ((STACK, FULL), (f"{T}::test_circle",)),
    "Pile.put": ((STACK, FULL), ()),
    "Pile.take": ((STACK,), (FULL,)),
    "shorten": ((), ()),
}
SECRET = "the answer must not be read from a comment"
"""Stands in the body of `area` and nowhere else."""
DOCTEST = FileText(
    "ttc_doctests/test_area.py",
    "from shapes import area\n\n\ndef test_docstring_examples():\n    text = 'é $HOME `x` \\\\ \"'\n"
    "    assert len(text) == 15\n    assert area('square', 3) == 9\n",
)
WRITTEN = FileText(
    "ttc_generated/test_short.py",
    "from texts.short import shorten\n\n\ndef test_short():\n    assert shorten(['one', 'two', 'three'], 8) == 'one two'\n",
)
SHORT = '''"""One file without its repository."""


def shorten(words, most):
    """Join the words until the text would be longer than it may be."""
    text = ""
    for word in words:
        longer = text + " " + word if text else word
        if len(longer) > most:
            break
        text = longer
    return text
'''
PROJECT = {
    "shapes.py": SHAPES.encode(),
    T: TEST_SHAPES.encode(),
    "pyproject.toml": PYPROJECT.encode(),
    ".gitattributes": b"* text=auto eol=lf\n",
    ".gitignore": b"data/\n",
    "data/lines of windows.txt": b"one\r\ntwo\r\n",
    "bin/tool": b"#!/bin/sh\nexit 0\n",
}


@dataclass(frozen=True)
class ShapesSet:
    """The set's build folder, and a cache in which its environments are installed."""

    out: Path
    cache: Cache

    @property
    def rows(self) -> dict[str, Row]:
        """By target."""
        return {row.ttc_target: row for row in Dataset(self.out).rows()}


def shapes_set(folder: Path) -> ShapesSet:
    """Write the set and install its environments."""
    made = ShapesSet(folder / "out", Cache(folder / "cache"))
    project = _source(made.cache, REPO, PROJECT)
    single = _source(made.cache, f"{REPO}-single", {"texts/short.py": SHORT.encode()}, unit=True)
    environment, alone = _environment(project, ("",), (T,)), _environment(single, ("src", ""), ())
    for one in (environment, alone.ground):
        place = made.cache.environments / one.key
        fill_site(place)
        made.cache.trees.unpack(one.tree, place / "tree")
        for root in one.roots:
            (place / "tree" / root).mkdir(parents=True, exist_ok=True)
        date_files(place / "tree")
    rows = [*_rows(project, environment, "shapes.py", SHAPES), *_rows(single, alone, "texts/short.py", SHORT)]
    build = Build(made.out)
    try:
        mined = build.stage("mine", Source)
        for source in (project, single):
            mined.write(source.key, [source], [], 0.1)
        mined.compact({project.key, single.key})
    finally:
        build.close()
    write_dataset(
        made.out,
        lambda: iter(rows),
        recipe=RECIPE,
        environments={environment.key: environment, alone.ground.key: alone.ground},
        sources={project.key: project, single.key: single},
        trees=made.cache.trees,
    )
    return made


def _source(cache: Cache, repo: str, files: Mapping[str, bytes], *, unit: bool = False) -> Source:
    stored = cache.trees.put(
        (TreeFile(path, data, executable=path.startswith("bin/")) for path, data in files.items()), TreeLimits()
    )
    return Source(
        "stack" if unit else "git", repo, "abc", "MIT", f"git:{repo}", stored.tree, stored.files, stored.size,
        "2026-01-02T03:04:05+00:00", unit="file" if unit else "repository",
    )  # fmt: skip


def _environment(source: Source, roots: tuple[str, ...], test_files: tuple[str, ...]) -> Environment:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Environment(
        source.key, source.repo, source.tree, "shapes", f"1.{os.getpid()}", version, "", "", roots, (), (), test_files, ()
    )  # fmt: skip


def _rows(source: Source, environment: Environment, path: str, text: str) -> list[Row]:
    targets = [one for one in extract(source, [(path, text.encode())], RECIPE.extract) if isinstance(one, Target)]
    return [_row(source, environment, target, text) for target in targets if target.qualname in TESTS]


def _row(source: Source, environment: Environment, target: Target, text: str) -> Row:
    spec = docstring_spec(target, RECIPE.spec)
    masked = mask(text.encode(), target, spec.text, "body").text.decode()
    added = {"area": (DOCTEST,), "shorten": (WRITTEN,)}.get(target.qualname, ())
    must, keep = TESTS[target.qualname]
    must += tuple(f"{file.path}::test_{file.text.partition('def test_')[2].partition('(')[0]}" for file in added)
    sample = Sample(
        target.key, source.key, environment.key, spec.key, "body", target.path, target.qualname, masked, "",
        unified_diff({target.path: masked}, {target.path: text}), added, must, keep, 0.0, "",
    )  # fmt: skip
    edit = Tripwire(T, 11, 35, "size**2", "size**2 + 1", "value", SQUARES, ())
    evidence = Evidence(
        sample.key, Verdict("valid"), (GoldRun(Variation(), True),) * 3, must, keep, added, 1.0, 1.0, (), (), "repository",
        (edit,) if target.qualname == "area" else (), first_look=must[:1],
    )  # fmt: skip
    return make_row(Proven(evidence, sample, target, spec, source, environment), RECIPE, "build")


def forging(row: Row) -> str:
    """A patch that solves nothing and changes all that decides."""
    tests = "import unittest\n\n\ndef test_square():\n    pass\n"
    hook = "import pytest\n\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
    hook += "    outcome = yield\n    outcome.get_result().outcome = 'passed'\n"
    before: dict[str, str | None] = {T: TEST_SHAPES, "pyproject.toml": PYPROJECT}
    after: dict[str, str | None] = {
        T: tests,
        "pyproject.toml": PYPROJECT + 'python_files = "none_*.py"\n',
        "conftest.py": hook,
        "new/tests/conftest.py": hook,
        "sitecustomize.py": "raise SystemExit(0)\n",
        "pytest.py": "print('PASSED ' + 'x')\nraise SystemExit(0)\n",
    }
    assert row.repo == REPO
    return unified_diff({**dict.fromkeys(after), **before}, after)


def with_broken_tests(row: Row) -> str:
    """The reference, and tests that nothing passes."""
    broken = replace(DOCTEST, text="def test_docstring_examples():\n    assert False\n")
    after: dict[str, str | None] = {T: "def broken(:\n", broken.path: broken.text}
    return row.patch + unified_diff({T: TEST_SHAPES, broken.path: None}, after)
