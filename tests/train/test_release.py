"""A finished run's model on a stand-in for the Hub, with the unmodified client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import HfApi, constants, metadata_load

from tests.hub import Account, Hub, running
from ttc_data.errors import PushFailed
from ttc_data.progress import Quiet
from ttc_data.train.release import open_model, push_model, write_card
from ttc_data.train.rules import TrainRecipe

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw:DeprecationWarning")
NAME, WRITES, READS = "org/model", "hf_writes", "hf_reads"
BEFORE = {"eval_tests/solved": 0.01, "eval_tests/fail_to_pass": 0.0251, "eval_tests/applied": 0.16, "eval_reward": 0.1}
AFTER = {"eval_tests/solved": 0.2, "eval_tests/fail_to_pass": None, "eval_tests/applied": 1.0}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub()
    made.accounts = {WRITES: Account("me", orgs=("org",)), READS: Account("me", "read", orgs=("org",))}
    with running(made):
        monkeypatch.setattr(constants, "ENDPOINT", made.endpoint)
        files = "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", made.endpoint + files)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("HF_TOKEN", WRITES)
        yield made


def finished(folder: Path, summary: dict[str, Any] | None = None, **recipe: Any) -> Path:
    """A run's folder as `ttcdata train` leaves it, with few weights."""
    (folder / "model").mkdir(parents=True)
    made = TrainRecipe(name="try", dataset="org/set", model="org/base", **recipe)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(made.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    best = {"checkpoint": "checkpoint-50", "metric": 0.25}
    told = {"before": BEFORE, "after": AFTER, "best": best} if summary is None else summary
    (folder / "summary.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "model" / "model.safetensors").write_bytes(bytes(range(256)) * 100)
    (folder / "model" / "config.json").write_text("{}", encoding="utf-8")
    return folder


def test_a_model_goes_out_with_its_card_and_the_second_push_changes_nothing(hub: Hub, tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    card = write_card(run).read_text(encoding="utf-8")
    place = open_model(NAME, private=True, progress=Quiet())
    assert place.url == f"{hub.endpoint}/{NAME}"
    assert len(push_model(run, place, Quiet()).send) == 3
    assert hub.repos[NAME].private
    fetched = Path(HfApi(endpoint=hub.endpoint, token=READS).snapshot_download(NAME, cache_dir=tmp_path / "cache"))
    assert (fetched / "README.md").read_text(encoding="utf-8") == card
    assert (fetched / "model.safetensors").read_bytes() == bytes(range(256)) * 100
    assert not push_model(run, place, Quiet()).changes
    assert len(hub.repos[NAME].history()) == 2


def test_the_card_says_what_was_solved_before_and_after(tmp_path: Path) -> None:
    path = write_card(finished(tmp_path / "run"))
    text = path.read_text(encoding="utf-8")
    assert "| before | 1.0% | 2.5% | 16.0% |" in text
    assert "| after | 20.0% |  | 100.0% |" in text
    assert "`checkpoint-50` solved most (25.0%)" in text
    header = metadata_load(path)
    assert header is not None
    assert (header["base_model"], header["datasets"]) == ("org/base", ["org/set"])


def test_the_card_of_a_run_that_checked_nothing_says_so(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", {"before": None, "after": None, "best": None}, lora={"r": 8})
    path = write_card(run)
    assert "Nothing was measured on rows that were not trained on." in path.read_text(encoding="utf-8")
    header = metadata_load(path)
    assert header is not None
    assert header["library_name"] == "peft"


def test_a_token_that_may_not_write_is_said_before_the_run(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", READS)
    with pytest.raises(PushFailed, match="may only read"):
        open_model(NAME, private=False, progress=Quiet())
    assert hub.repos == {}
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(PushFailed, match="no token to write with"):
        open_model(NAME, private=False, progress=Quiet())
