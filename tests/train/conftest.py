"""One small set, built in a sandbox as any other, and the answers that its rows get."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ttc_data
from tests.models import Server, serving
from tests.projects import shapes
from tests.train.attempting import answer
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.recipe import Recipe
from ttc_data.row import Row
from ttc_data.rules import GitSource, TestRules

TESTS = TestRules(runs=2, mutants=4, test_timeout_s=5, suite_timeout_s=60, sample_timeout_s=30)


@pytest.fixture(scope="session")
def built(cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = shapes(tmp_path_factory.mktemp("trained") / "shapes")
    recipe = Recipe(name="shapes", sources=(GitSource(url=str(project), repo="geometry/shapes"),), tests=TESTS)
    return ttc_data.build(recipe, tmp_path_factory.mktemp("built"), sandbox="local", cache=cache, workers=2).folder


@pytest.fixture(scope="session")
def rows(built: Path) -> dict[str, Row]:
    return {row.ttc_target: row for row in Dataset(built).rows()}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(answer) as running:
        yield running
