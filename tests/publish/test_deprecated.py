"""A row that is withdrawn is gone from the set, its reason stays, and its id never comes back."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from tests.cli.conftest import NOWHERE
from tests.publish.small import RECIPE, SmallBuild
from ttc_data.dataset import Dataset, read_deprecated
from ttc_data.errors import DatasetError
from ttc_data.publish.checks import check_dataset
from ttc_data.recipe import load_recipe
from ttc_data.row import Deprecated
from ttc_data.rules import Deprecation
from ttc_data.validation import grade_predictions, validate

REPOS = ("owner/alpha", "owner/beta")
DAY = datetime.date(2026, 3, 4)


def withdrawing(folder: Path, *names: str) -> SmallBuild:
    gone = tuple(Deprecation(instance_id=name, reason="Its tests\nwere wrong | twice.", since=DAY) for name in names)
    return SmallBuild(folder, REPOS, RECIPE.model_copy(update={"deprecated": gone}))


@pytest.fixture
def name(tmp_path: Path) -> str:
    return next(SmallBuild(tmp_path / "first", REPOS).rows()).instance_id


def test_a_withdrawn_row_is_left_out_and_listed(tmp_path: Path, name: str) -> None:
    build = withdrawing(tmp_path, name)
    assert build.write() == {"train": 5}
    assert name not in {row.instance_id for row in Dataset(build.out).rows()}
    expected = Deprecated(name, "Its tests were wrong | twice.", "2026-03-04")
    assert Dataset(build.out).deprecated == {name: expected}
    card = (build.out / "dataset" / "README.md").read_text(encoding="utf-8")
    assert f"| `{name}` | 2026-03-04 | Its tests were wrong \\| twice. |" in card
    assert check_dataset(build.out / "dataset", allow=["proof"]) == [
        one for one in check_dataset(build.out / "dataset") if one.allowed
    ]


def test_an_id_stays_withdrawn_when_the_recipe_no_longer_says_so(tmp_path: Path, name: str) -> None:
    withdrawing(tmp_path, name).write()
    again = SmallBuild(tmp_path, REPOS)
    assert again.write() == {"train": 5}
    assert [one.instance_id for one in read_deprecated(again.out / "dataset")] == [name]


def test_a_set_from_which_nothing_was_withdrawn_has_no_list(tmp_path: Path) -> None:
    build = SmallBuild(tmp_path, REPOS)
    build.write()
    assert not (build.out / "dataset" / "deprecated.jsonl").exists()
    assert "withdrawn" not in (build.out / "dataset" / "README.md").read_text(encoding="utf-8")


def test_a_withdrawn_id_that_is_in_the_set_again_is_found(tmp_path: Path, name: str) -> None:
    build = SmallBuild(tmp_path, REPOS)
    build.write()
    line = json.dumps({"instance_id": name, "reason": "wrong", "since": "2026-03-04"})
    (build.out / "dataset" / "deprecated.jsonl").write_text(line + "\n", encoding="utf-8")
    found = [one.detail for one in check_dataset(build.out / "dataset") if one.check == "ids"]
    assert found == [f"{name} was withdrawn on 2026-03-04: wrong; it is in the set again"]


def test_who_asks_for_a_withdrawn_row_is_told_why_it_is_gone(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = withdrawing(tmp_path, name)
    build.write()
    with pytest.raises(DatasetError, match="was withdrawn on 2026-03-04"):
        Dataset(build.out).row(name)
    answers = tmp_path / "answers.jsonl"
    answers.write_text(
        json.dumps({"instance_id": name, "model_name_or_path": "m", "model_patch": ""}) + "\n", encoding="utf-8"
    )
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    (outcome,) = grade_predictions(build.out, answers, sandbox="local-unsafe")
    assert (outcome.solved, outcome.reason) == (False, "deprecated")
    assert "was withdrawn on 2026-03-04" in outcome.detail


def test_proving_a_withdrawn_row_again_says_that_it_is_withdrawn(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTCDATA_CACHE", str(tmp_path / "cache"))
    build = SmallBuild(tmp_path, REPOS)
    build.write()
    gone = min(row.instance_id for row in build.rows())
    line = json.dumps({"instance_id": gone, "reason": "wrong", "since": "2026-03-04"})
    (build.out / "dataset" / "deprecated.jsonl").write_text(line + "\n", encoding="utf-8")
    (result,) = validate(build.out, sandbox="local-unsafe", limit=1)
    assert (result.instance_id, result.solved, result.reason) == (gone, False, "deprecated")
    assert result.detail == f"{gone} was withdrawn on 2026-03-04: wrong"


def test_a_damaged_list_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "deprecated.jsonl").write_text('{"instance_id": "a"}\n', encoding="utf-8")
    with pytest.raises(DatasetError, match=r"deprecated\.jsonl:1: must be a JSON object with instance_id") as caught:
        read_deprecated(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_recipe_names_what_it_withdraws(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "sources: [{kind: pypi, projects: [toolz]}]\n"
        "deprecated: [{instance_id: pypi__toolz-f-1, reason: wrong, since: 2026-03-04}]\n",
        encoding="utf-8",
    )
    (gone,) = load_recipe(str(path)).deprecated
    assert (gone.instance_id, gone.since) == ("pypi__toolz-f-1", DAY)
    assert load_recipe(str(path)).hash != load_recipe(str(path), ["deprecated=[]"]).hash
