"""The card says what is in the set and what it cost, in words that a person, the Hub and BibTeX can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.publish.small import RECIPE, SmallBuild
from ttc_data.errors import DatasetError
from ttc_data.llm.journal import AnswerJournal
from ttc_data.llm.request import Reply
from ttc_data.publish.card import header, hub_licenses, record_findings
from ttc_data.publish.catalogue import datasets_page
from ttc_data.publish.check_files import SECTIONS
from ttc_data.publish.facts import read_facts
from ttc_data.recipe import packaged_recipes
from ttc_data.row import Row
from ttc_data.rules import LlmRules

REPOS = ("owner/alpha", "owner/beta")


class Told(SmallBuild):
    """A small build with a model: its answers lie in the folder, and its rows say who wrote them."""

    def rows(self) -> Iterator[Row]:
        for number, row in enumerate(super().rows()):
            told = replace(row, ttc_spec_origin="model", ttc_spec_model="some/model")
            tried = replace(told, ttc_solver_attempts=4, ttc_solver_pass_at_1=0.25, ttc_solver_pass_at_k=1.0)
            yield tried if number else told

    def answered(self, *keys: str) -> None:
        journal = AnswerJournal(self.out / "records" / "answers")
        journal.write(
            [
                Reply(key=key, text="t", finish_reason="stop", prompt_tokens=100, completion_tokens=10, seconds=0.5)
                for key in keys
            ]
        )
        journal.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    build = SmallBuild(tmp_path_factory.mktemp("small"), REPOS)
    build.write()
    return build


def card(build: SmallBuild) -> str:
    return (build.out / "dataset" / "README.md").read_text(encoding="utf-8")


def test_every_section_is_there_in_its_order(small: SmallBuild) -> None:
    assert [line[3:] for line in card(small).splitlines() if line.startswith("## ")] == list(SECTIONS)


def test_the_same_build_in_another_place_has_the_same_card(small: SmallBuild, tmp_path: Path) -> None:
    other = SmallBuild(tmp_path / "elsewhere", REPOS)
    other.write()
    for name in ("README.md", "card.json"):
        assert (other.out / "dataset" / name).read_bytes() == (small.out / "dataset" / name).read_bytes()


def test_the_recipe_on_the_card_is_the_recipe_of_the_set(small: SmallBuild) -> None:
    shown = card(small).partition("```yaml\n")[2].partition("```")[0]
    assert shown == (small.out / "dataset" / "recipe.yaml").read_text(encoding="utf-8")


def test_without_a_model_the_card_says_so(small: SmallBuild) -> None:
    assert "No model was asked for anything" in card(small)
    assert read_facts(small.out / "dataset" / "card.json")["model"] is None


def test_what_models_answered_and_cost_is_on_the_card(tmp_path: Path) -> None:
    build = Told(tmp_path, REPOS, RECIPE.model_copy(update={"llm": LlmRules(input_price=1_000, output_price=3_000)}))
    build.answered("a", "b")
    build.answered("b", "c")  # two processes that shared the folder each asked for b
    build.write()
    facts = read_facts(build.out / "dataset" / "card.json")
    assert facts["model"] == {"answers": 3, "prompt_tokens": 300, "completion_tokens": 30, "cost": 0.39}
    assert facts["solver"] == {"rows": 5, "attempts": 20, "pass_at_1": 0.25, "pass_at_k": 1.0}
    text = card(build)
    assert (
        "Models answered 3 questions: 300 tokens of prompts and 30 of answers, for 0.39 at the recipe's prices." in text
    )
    assert "6 from the model (some/model)" in text
    assert "20 attempts at 5 rows: 25 % of a row's attempts earn the reward, and 100 % of the rows" in text
    assert "machine-generated" in front(text)["language_creators"]


def test_spend_is_not_made_up_where_the_recipe_has_no_prices(tmp_path: Path) -> None:
    build = Told(tmp_path, REPOS)
    build.answered("a")
    build.write()
    assert read_facts(build.out / "dataset" / "card.json")["model"]["cost"] is None
    assert "the recipe states no prices" in card(build)


def front(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return loaded


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["MIT"], ["mit"]),
        (["MIT", "Apache-2.0", "BSD"], ["apache-2.0", "mit", "other"]),
        (["MIT OR Apache-2.0", "", "ISC"], ["isc", "other"]),
    ],
)
def test_licences_have_the_hubs_names(found: list[str], expected: list[str]) -> None:
    assert hub_licenses(found) == expected


@pytest.mark.parametrize(("rows", "size"), [(1, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (5_000_000, "1M<n<10M")])
def test_the_size_of_a_set_is_one_of_the_hubs(small: SmallBuild, rows: int, size: str) -> None:
    facts = read_facts(small.out / "dataset" / "card.json")
    assert header({**facts, "rows": rows}, "1.2.3")["size_categories"] == [size]


def test_of_many_repositories_the_largest_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttc_data.publish.facts.REPOSITORIES", 2)
    build = SmallBuild(tmp_path, ("owner/c", "owner/b", "owner/a"))
    build.write()
    assert "And 1 more with fewer rows" in card(build)
    assert "| owner/c |" not in card(build)


def test_findings_cannot_be_written_on_a_card_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"card\.json: cannot be read"):
        record_findings(tmp_path, [])


# The page of all sets


def test_a_recipe_without_numbers_says_so(tmp_path: Path, small: SmallBuild) -> None:
    page = datasets_page(tmp_path)
    assert page.count("No numbers: ") == len(packaged_recipes())
    facts = read_facts(small.out / "dataset" / "card.json")
    (tmp_path / "demo.json").write_text(json.dumps({**facts, "rows": 12_345}), encoding="utf-8")
    page = datasets_page(tmp_path)
    assert page.count("No numbers: ") == len(packaged_recipes()) - 1
    assert "| rows | 12345 of 2 repositories: train 6 |" in page
