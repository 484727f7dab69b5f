"""What a run would train on is looked at before anything is started: a dry run believes nothing that it can check."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ttc_data.cli
from tests.publish.small import SmallBuild
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, RecipeError, TrainingFailed, TtcError
from ttc_data.recipe import packaged_recipes
from ttc_data.train.launch import plan
from ttc_data.train.rules import PromptRules, SelectRules, TrainRecipe, load_training
from ttc_data.train.survey import Survey, check_fields, survey

RUN = Path("/run")
SMALL_BATCH = {"per_device_train_batch_size": 2, "num_generations": 2, "gradient_accumulation_steps": 2}
TRL = """
from dataclasses import dataclass, field

@dataclass
class GRPOConfig:
    learning_rate: float = 1e-6
    max_steps: int = -1
    num_generations: int = 8
    per_device_train_batch_size: int = 8
    gradient_accumulation_steps: int = 1
    derived: int = field(init=False, default=0)
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    build = SmallBuild(tmp_path_factory.mktemp("surveyed"), ("owner/alpha", "owner/beta"))
    build.write()
    return build


@pytest.fixture
def trl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A TRL that has the fields of a configuration and nothing else."""
    (tmp_path / "trl").mkdir()
    (tmp_path / "trl" / "__init__.py").write_text(TRL, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "trl", raising=False)
    yield
    sys.modules.pop("trl", None)


def recipe(small: SmallBuild, **more: Any) -> TrainRecipe:
    split = next(iter(Dataset(small.out).splits().values()))
    given = {"split": split, "grpo": SMALL_BATCH, "prompts": PromptRules(max_tokens=0), "eval_split": "", **more}
    return TrainRecipe(name="try", dataset=str(small.out), **given)


def surveyed(chosen: TrainRecipe, gpus: int = 0) -> Survey:
    return survey(chosen, plan(chosen, RUN, gpus))


def test_rows_prompts_and_steps_are_counted(small: SmallBuild) -> None:
    rows = len([split for split in Dataset(small.out).splits().values() if split == recipe(small).split])
    found = surveyed(recipe(small, select=SelectRules(limit=2)))
    assert (found.rows, found.prompts, found.steps, found.groups, found.answers) == (rows, 2, 200, 2, 2)
    said = "\n".join(found.lines())
    for words in (f"{rows} rows", "prompts: 2", "steps: 200 of 4 answers each (2 prompts x 2)", "asked 200 times"):
        assert words in said


def test_without_max_steps_the_steps_are_those_of_the_epochs(small: SmallBuild) -> None:
    """A step takes 2 prompts, so a pass over all takes half as many steps as there are."""
    epochs = {**SMALL_BATCH, "max_steps": -1, "num_train_epochs": 4}
    found = surveyed(recipe(small, grpo=epochs))
    assert found.steps == 4 * found.prompts // 2


def test_what_is_left_out_is_counted_by_reason(small: SmallBuild) -> None:
    repo = next(small.rows()).repo
    other = {one.repo for one in small.rows()} - {repo}
    with pytest.raises(TrainingFailed, match=r"0 prompts are left .* each step takes 2 \(left out: held_out \d+\)"):
        surveyed(recipe(small, select=SelectRules(hold_out=(repo, *other))))


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"dataset": "/nosuch"}, DatasetError, "/nosuch: no dataset there"),
        ({"split": "dev"}, DatasetError, "no split 'dev'; it has .*, name one with --set split=NAME"),
        ({"model": "/nosuch"}, TrainingFailed, "model /nosuch: no folder of a model there"),
        ({"model": "a/b/c"}, TrainingFailed, "model a/b/c: no folder"),
        ({"select": SelectRules(difficulty="none.jsonl")}, DatasetError, "none.jsonl"),
        ({"grpo": {**SMALL_BATCH, "per_device_train_batch_size": 64}}, TrainingFailed, "each step takes 64"),
    ],
)
def test_what_is_not_there_is_refused(
    small: SmallBuild, changes: dict[str, Any], kind: type[TtcError], words: str
) -> None:
    chosen = recipe(small).model_copy(update=changes)
    with pytest.raises(kind, match=words):
        surveyed(chosen)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_steps", "abc"),
        ("max_steps", None),
        ("max_steps", True),
        ("num_generations", "x"),
        ("num_generations", 1),
        ("gradient_accumulation_steps", 0),
        ("per_device_train_batch_size", 0),
        ("num_iterations", 0),
        ("num_train_epochs", -1),
    ],
)
def test_a_number_that_no_run_has_is_one_line(small: SmallBuild, field: str, value: object) -> None:
    chosen = recipe(small, grpo={**SMALL_BATCH, "max_steps": -1, field: value})
    with pytest.raises(RecipeError, match=f"grpo.{field} .*must be a number of at least") as refused:
        surveyed(chosen)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("trl")
@pytest.mark.parametrize(
    ("field", "fix"), [("lr", "its docu"), ("learning_rates", "did you mean learning_rate"), ("derived", "its docu")]
)
def test_a_field_that_trl_does_not_have_is_refused(small: SmallBuild, field: str, fix: str) -> None:
    chosen = recipe(small, grpo={**SMALL_BATCH, field: 1})
    with pytest.raises(RecipeError, match=rf"grpo\.{field}: trl's GRPOConfig has no such field; {fix}"):
        surveyed(chosen)
    assert surveyed(recipe(small)).unchecked == ()


def test_where_trl_is_not_installed_that_is_said(small: SmallBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    chosen = recipe(small, prompts=PromptRules(max_tokens=9), lora={"r": 8})
    said = [line for line in surveyed(chosen).lines() if line.startswith("not checked: ")]
    assert len(said) == 3
    for line, words in zip(said, ("the fields of grpo", "the fields of lora", "prompts.max_tokens 9"), strict=True):
        assert line.startswith(f"not checked: {words}")
    assert "trl is not installed here" in said[0]
    assert all("pip install -e '.[train]'" in line for line in said)


@pytest.mark.trl
@pytest.mark.parametrize("name", sorted(packaged_recipes("train")))
def test_the_packaged_recipes_name_fields_that_there_are(name: str) -> None:
    assert list(check_fields(load_training(name))) == []


@pytest.mark.trl
def test_a_field_that_the_real_trl_does_not_have_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"grpo\.lr: trl's GRPOConfig has no such field"):
        list(check_fields(load_training("train", ["grpo.lr=1"])))


# The command


def typed(*arguments: str) -> Any:
    return CliRunner().invoke(ttc_data.cli.app, ["train", *arguments])


def test_a_dry_run_names_model_dataset_rows_and_steps(small: SmallBuild) -> None:
    split = recipe(small).split
    batch = [f"--set=grpo.{key}={value}" for key, value in (SMALL_BATCH | {"gradient_accumulation_steps": 1}).items()]
    done = typed(str(small.out), "--gpus", "8", "--recipe", "train-8gpu", "--dry-run", f"--set=split={split}", *batch)
    assert done.exception is None, done.exception
    lines = done.stdout.splitlines()
    assert lines[0] == "model: Qwen/Qwen2.5-Coder-7B-Instruct"
    assert lines[1].startswith(f"dataset: {small.out}/dataset, split {split}: ")
    assert any(line.startswith("steps: 1000 of ") for line in lines)
    assert any(line.startswith("generation: vLLM on GPU 0 to 3") for line in lines)


@pytest.mark.parametrize("more", [["--dry-run"], [], ["--slurm"], ["--slurm", "--dry-run"]])
def test_a_dataset_that_is_not_there_ends_every_way_to_train(tmp_path: Path, more: list[str]) -> None:
    done = typed("/nosuch", "--gpus", "1", f"--set=slurm.folder={tmp_path}", *more)
    assert isinstance(done.exception, DatasetError)
    assert list(tmp_path.iterdir()) == []


def test_a_model_for_eight_gpus_is_what_the_readme_trains_with_eight() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    lines = [line for line in readme.splitlines() if line.strip().startswith("ttcdata train") and "--gpus 8" in line]
    assert lines
    for line in lines:
        assert "7B" in load_training(line.split("--recipe ")[1].split()[0]).model
