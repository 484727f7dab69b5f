"""A build's folder holds one recipe's set: another recipe goes over it only when that is meant."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import ttc_data
from tests.publish.conftest import contents
from tests.publish.small import SmallBuild
from ttc_data.building import check_place
from ttc_data.cache import Cache
from ttc_data.errors import BuildError
from ttc_data.recipe import Recipe
from ttc_data.rules import Deprecation, GitSource, LlmRules

# Nothing answers there, so a build that is not refused ends with an error for its only source.
RECIPE = Recipe(name="small", description="Made up.", sources=(GitSource(url="file:///nosuch/alpha"),))


@pytest.fixture
def small(tmp_path: Path) -> SmallBuild:
    build = SmallBuild(tmp_path, ["owner/alpha", "owner/beta"], RECIPE)
    build.write()
    return build


def goes_on(recipe: Recipe, small: SmallBuild, tmp_path: Path, *, overwrite: bool = False) -> bool:
    """Whether a build begins; its source is not there, so nothing comes of it."""
    cache = Cache(tmp_path / "cache")
    return bool(ttc_data.build(recipe, small.out, sandbox="local-unsafe", cache=cache, overwrite=overwrite).errors)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"limit": 20}, "limit"),
        ({"name": "other", "tests": RECIPE.tests.model_copy(update={"runs": 9})}, "name, tests.runs"),
        ({"sources": (GitSource(url="file:///nosuch/beta"),)}, "sources"),
    ],
)
def test_the_set_of_another_recipe_is_not_built_over(
    change: dict[str, object], named: str, small: SmallBuild, tmp_path: Path
) -> None:
    before = contents(small)
    with pytest.raises(BuildError) as refused:
        goes_on(RECIPE.model_copy(update=change), small, tmp_path)
    assert str(refused.value) == (
        f"--out {small.out}: holds the set of another recipe ({named} {'differ' if ',' in named else 'differs'}); name another folder, or replace the set"
        " with --overwrite"
    )
    assert contents(small) == before
    with pytest.raises(BuildError, match="holds the set of another recipe"):
        check_place(RECIPE.model_copy(update=change), small.out)
    check_place(RECIPE, small.out)


def test_overwrite_builds_over_it_and_goes_on_without_being_said_again(small: SmallBuild, tmp_path: Path) -> None:
    """A build that replaces a set may be interrupted: the same command without the option is a resume."""
    other = RECIPE.model_copy(update={"seed": 1})
    assert goes_on(other, small, tmp_path, overwrite=True)
    assert goes_on(other, small, tmp_path)
    with pytest.raises(BuildError, match="seed differs"):
        goes_on(RECIPE.model_copy(update={"seed": 2}), small, tmp_path)


@pytest.mark.parametrize(("before", "after"), [(20, 40), (20, 0)])
def test_a_larger_limit_goes_on(before: int, after: int, tmp_path: Path) -> None:
    """A first look at a recipe is 20 samples; the whole set then has those rows too."""
    small = SmallBuild(tmp_path, ["owner/alpha"], RECIPE.model_copy(update={"limit": before}))
    small.write()
    assert goes_on(RECIPE.model_copy(update={"limit": after}), small, tmp_path)
    with pytest.raises(BuildError, match="limit differs"):
        goes_on(RECIPE.model_copy(update={"limit": 10}), small, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"description": "In other words."},
        {"deprecated": (Deprecation(instance_id="a", reason="wrong", since=date(2026, 1, 2)),)},
        {"llm": LlmRules(urls=("http://localhost:1/v1",), at_once=3)},
    ],
)
def test_the_same_recipe_goes_on(change: dict[str, object], small: SmallBuild, tmp_path: Path) -> None:
    """Rows are withdrawn by building again in the same folder."""
    assert goes_on(RECIPE.model_copy(update=change), small, tmp_path)


def test_a_set_stays_where_its_sources_do_not_answer(small: SmallBuild, tmp_path: Path) -> None:
    """Another version of ttcdata works on a finished set again, and may be without a network."""
    before = contents(small)
    assert goes_on(RECIPE, small, tmp_path)
    assert contents(small) == before


def test_a_set_whose_recipe_is_damaged_is_not_built_over(small: SmallBuild, tmp_path: Path) -> None:
    (small.out / "dataset" / "recipe.yaml").write_text("- no mapping", encoding="utf-8")
    with pytest.raises(BuildError, match=r"recipe\.yaml is damaged"):
        goes_on(RECIPE, small, tmp_path)
