"""Small projects, what a build of all of them gives, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

import ttc_data
from tests.projects import commit, write_files
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.progress import LOG
from ttc_data.recipe import Recipe
from ttc_data.row import Row
from ttc_data.rules import GitSource, TestRules
from ttc_data.solve.task import hidden_tests

CLAMP = '''"""Numbers."""

LAST = []


def clamp(number, low, high):
    """Give the number of the range that is nearest to a number.

    >>> clamp(5, 1, 3)
    3
    """
    if number < low:
        return low
    if number > high:
        return high
    return number
'''
TEST_CLAMP = """\
from thing import clamp


def test_clamp():
    assert (clamp(0, 1, 3), clamp(9, 1, 3), clamp(2, 1, 3)) == (1, 3, 2)
"""
RULES = TestRules(
    runs=3, mutants=4, generate=False, tripwires=0, test_timeout_s=1, suite_timeout_s=60, sample_timeout_s=30
)
DOCTEST = "::test_docstring_examples"


@dataclass(frozen=True)
class Seen:
    """What a build of all of them gave."""

    rows: dict[str, dict[str, Row]]
    """By project, then by target."""
    rejects: dict[tuple[str, str], tuple[str, str]]
    """Reason and detail by project and target, `""` for the project as a whole."""
    log: str
    trees: dict[str, dict[str, str]]
    """Files of each project as its rows' images have them."""


def built_of(projects: Mapping[str, Mapping[str, str | bytes]], folder: Path) -> Seen:
    """Build all projects at once."""
    cache = Cache(folder / "cache")
    sources = []
    for name, files in projects.items():
        settings = {"setup.cfg": f"[metadata]\nname = {name}\nversion = 1\nlicense = MIT\n"}
        commit(write_files(folder / name, {**settings, **files}))
        sources.append(GitSource(url=str(folder / name), repo=f"ways/{name}"))
    recipe = Recipe(name="ways", sources=tuple(sources), tests=RULES)
    built = ttc_data.build(recipe, folder / "built", sandbox="local", cache=cache, workers=2)
    rows: dict[str, dict[str, Row]] = {name: {} for name in projects}
    for row in Dataset(built.folder).rows():
        rows[row.repo.partition("/")[2]][row.ttc_target] = row
    dataset = Dataset(built.folder)
    trees = {}
    for name, of_project in rows.items():
        for row in of_project.values():
            environment = dataset.environment(row.ttc_environment, cache)
            texts = {path: text.decode() for path, text in cache.trees.files(environment.tree)}
            written = {file.path: file.text for file in environment.generated}
            trees[name] = {**texts, **written, **{path: text for path, text in hidden_tests(row).items() if text}}
    rejects = {}
    for stage in ("suite", "specify", "prove"):
        path = built.folder / "records" / f"{stage}.rejects.parquet"
        query = "SELECT subject, reason, detail FROM read_parquet(?)"
        for subject, reason, detail in duckdb.execute(query, [str(path)]).fetchall():
            repo, _, target = subject.partition(" ")
            rejects[repo.partition("/")[2], target.partition("::")[2]] = (reason, detail)
    return Seen(rows, rejects, (built.folder / LOG).read_text(encoding="utf-8"), trees)


def deciding(seen: Seen, project: str, target: str = "clamp") -> set[str]:
    """Ids of the row's tests but for our own, which are named by what they are."""
    tests = seen.rows[project][target].FAIL_TO_PASS
    return {"the example" if test.endswith(DOCTEST) else test for test in tests}
