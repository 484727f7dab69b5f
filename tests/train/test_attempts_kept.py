"""Attempts are not mixed with what another model, recipe or dataset gave, and what cannot be measured is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.models import MODEL, Server, serving
from tests.publish.small import SmallBuild
from tests.train.attempting import answer, llm, recipe_of
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import BuildError, DatasetError, ModelUnavailable, RecipeError, TrainingFailed
from ttc_data.rules import LlmRules
from ttc_data.train.difficulty import Measured, journal_of, measure
from ttc_data.train.rules import PromptRules, SelectRules

NOBODY = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def kept(built: Path, cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kept") / "d.jsonl"
    with serving(answer) as server:
        measure(recipe_of(built), llm(server), out, attempts=1, limit=1, cache=cache)
    return out


def again(built: Path, cache: Cache, out: Path, url: str, **changes: Any) -> Measured:
    return measure(recipe_of(built, **changes), LlmRules(urls=(url,)), out, attempts=1, limit=1, cache=cache)


@pytest.mark.network
@pytest.mark.local
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grpo": {"temperature": 0.5}}, "sampling"),
        ({"prompts": PromptRules(max_tokens=0, answer="fenced")}, "prompts"),
        ({"seed": 1}, "seed"),
    ],
)
def test_what_another_recipe_gave_is_not_mixed(
    built: Path, cache: Cache, server: Server, kept: Path, changes: dict[str, Any], said: str
) -> None:
    before = kept.read_bytes()
    with pytest.raises(DatasetError, match=f"was made with another {said}; name another file, or remove it and "):
        again(built, cache, kept, server.url, **changes)
    assert (kept.read_bytes(), server.prompts) == (before, [])


@pytest.mark.network
@pytest.mark.local
def test_what_another_model_gave_is_not_mixed(built: Path, cache: Cache, server: Server, kept: Path) -> None:
    noted = journal_of(kept) / "asked.json"
    text = noted.read_text()
    noted.write_text(text.replace(MODEL, "larger"))
    try:
        with pytest.raises(DatasetError, match=r"was made with another model \(larger\);"):
            again(built, cache, kept, server.url)
    finally:
        noted.write_text(text)


@pytest.mark.network
@pytest.mark.local
def test_a_file_of_another_dataset_is_not_mixed(
    built: Path, cache: Cache, server: Server, kept: Path, tmp_path: Path
) -> None:
    other = SmallBuild(tmp_path / "small", ["owner/alpha"])
    other.write()
    recipe = recipe_of(other.out, split=next(iter(Dataset(other.out).splits().values())))
    with pytest.raises(DatasetError, match=r"was made with another dataset"):
        measure(recipe, llm(server), kept, attempts=1, cache=cache)


@pytest.mark.network
@pytest.mark.local
def test_a_place_that_cannot_be_gone_on_with_is_refused(built: Path, cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"instance_id": "a", "attempts": 1, "solved": 1}\n')
    with pytest.raises(DatasetError, match=r"d\.jsonl\.journal with what it was made of is not; name another file"):
        again(built, cache, tmp_path / "d.jsonl", NOBODY)
    with pytest.raises(DatasetError, match=r"is a folder; name a file"):
        again(built, cache, tmp_path, NOBODY)
    with pytest.raises(BuildError, match=r"name a folder that can be written"):
        again(built, cache, tmp_path / "d.jsonl" / "below.jsonl", NOBODY)


@pytest.mark.network
@pytest.mark.local
def test_a_model_or_split_that_is_not_there_is_one_line(
    built: Path, cache: Cache, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "d.jsonl"
    with pytest.raises(ModelUnavailable, match=r"http://127.0.0.1:9/v1 does not answer"):
        again(built, cache, out, NOBODY)
    with pytest.raises(RecipeError, match=r"no model is named: give --llm URL .*, or --serve MODEL"):
        measure(recipe_of(built), LlmRules(), out, cache=cache)
    with pytest.raises(RecipeError, match=r"--attempts 0: must be 1 or more"):
        measure(recipe_of(built), llm(server), out, attempts=0, cache=cache)
    with pytest.raises(DatasetError, match=r"no split 'dev'; it has train, name one with --split"):
        again(built, cache, out, server.url, split="dev")
    with pytest.raises(DatasetError, match=r"no row left to ask for \(held_out \d+\)"):
        again(built, cache, out, server.url, select=SelectRules(hold_out=("geometry/shapes",)))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        TrainingFailed,
        match=r"max_tokens 9 is counted .*`pip install -e '.\[train\]'` in a checkout of ttcdata, or --set",
    ):
        again(built, cache, out, server.url, prompts=PromptRules(max_tokens=9))
    assert list(tmp_path.glob("d.jsonl")) == []
