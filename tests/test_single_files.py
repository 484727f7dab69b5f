"""Files without their repositories: tests come from their docstrings and from what the reference does."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

import ttc_data
from tests.sources.test_stack import parquet, row
from ttc_data.building import Built
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.recipe import Recipe
from ttc_data.rules import EnvironmentRules, StackSource, TestRules

pytestmark = [pytest.mark.local, pytest.mark.network]

EXAMPLES = '''import os


def shorten(words, most):
    """Join the words until the text would be longer than it may be.

    >>> from texts.short import shorten
    >>> shorten(["one", "two", "three"], 8)
    'one two'
    >>> shorten(["one", "two"], 20)
    'one two'
    >>> shorten([], 3)
    ''
    """
    text = ""
    for word in words:
        longer = text + " " + word if text else word
        if len(longer) > most:
            break
        text = longer
    return text
'''
WRITTEN = '''"""Numbers."""
try:
    from urllib2 import quote
except ImportError:
    from urllib.parse import quote


def clamp(number: int, low: int, high: int) -> int:
    """Give the number of the range that is nearest to a number."""
    if number < low:
        return low
    if number > high:
        return high
    return number
'''
PLAIN = "def same(value):\n    value += 1\n    return value\n"
DOCUMENTED = PLAIN.replace("    value", '    """Give the value after this one."""\n    value', 1)
ROWS = [
    row("a/texts", "src/texts/short.py", EXAMPLES, max_stars_repo_licenses=["BSD-3-Clause"]),
    row("b/numbers", "my-tools/numbers_.py", WRITTEN),
    row("b/numbers", "tools/needs.py", f"import torch\nfrom . import beside\n\n{DOCUMENTED}"),
    row("c/broken", "tools/broken.py", f"import os\n\nos.no_such_thing\n\n{DOCUMENTED}"),
    row("c/broken", "class.py", DOCUMENTED),
    row("d/tests", "tests/some.py", DOCUMENTED),
]


@pytest.fixture(scope="module")
def built(cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("single")
    source = StackSource(path=str(parquet(folder / "rows.parquet", ROWS)), unit="file")
    recipe = Recipe(
        name="single",
        sources=(source,),
        environment=EnvironmentRules(imports={}),
        tests=TestRules(runs=2, mutants=6, test_timeout_s=5, suite_timeout_s=30, sample_timeout_s=30),
    )
    return ttc_data.build(recipe, folder / "out", sandbox="local", cache=cache, workers=2)


def test_rows_say_where_their_file_and_their_tests_come_from(built: Built) -> None:
    rows = {row.ttc_target: row for row in Dataset(built.folder).rows()}
    assert {name: (row.repo, row.path, row.license, row.ttc_test_origin) for name, row in rows.items()} == {
        "shorten": ("a/texts", "src/texts/short.py", "BSD-3-Clause", "doctest"),
        "clamp": ("b/numbers", "numbers_.py", "MIT", "generated"),
    }
    assert len({row.ttc_environment for row in rows.values()}) == 1


def test_files_that_cannot_be_used_are_rejects_with_a_reason(built: Built) -> None:
    found = duckdb.connect().execute(f"SELECT reason FROM read_parquet('{built.folder}/records/*.rejects.parquet')")
    reasons = {reason for (reason,) in found.fetchall()}
    assert reasons == {"path_not_importable", "test_file", "imports_not_allowed", "file_does_not_import"}


def test_the_published_folder_is_enough_to_prove_and_to_grade(built: Built, cache: Cache, tmp_path: Path) -> None:
    """The shared environment has no tree: what a row is given is all there is."""
    dataset = built.folder / "dataset"
    assert list((dataset / "trees").iterdir()) == []
    assert [result.solved for result in ttc_data.validate(dataset, sandbox="local", cache=cache)] == [True, True]
    predictions = tmp_path / "predictions.jsonl"
    answers = {row.instance_id: row.patch if row.ttc_target == "clamp" else "" for row in Dataset(built.folder).rows()}
    lines = [{"instance_id": name, "model_name_or_path": "me", "model_patch": patch} for name, patch in answers.items()]
    predictions.write_text("".join(json.dumps(line) + "\n" for line in lines))
    graded = ttc_data.grade_predictions(dataset, predictions, sandbox="local", cache=cache)
    assert sorted((one.solved, one.reason) for one in graded) == [(False, "patch_empty"), (True, "")]
