"""Every key of a training recipe is documented with its default, and no recipe of one kind passes for one of the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ttc_data.errors import RecipeError
from ttc_data.publish.catalogue import datasets_page
from ttc_data.recipe import load_recipe, packaged_recipes
from ttc_data.rules import Section
from ttc_data.train.rules import TrainRecipe, load_training

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^\| `([a-z_.0-9]+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def keys(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Defaults by key as `--set` takes it, those of sections one by one."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            found |= keys(kind, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = field.default
    return found


def shown(default: Any) -> str:
    if default is None or default == () or default is PydanticUndefined:
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return '`""`' if default == "" else f"`{default}`"


def documented() -> dict[str, str]:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8").partition("\n## The recipe\n")[2]
    return {key: default.strip() for key, default, _ in LINE.findall(page)}


def test_every_key_is_documented_and_no_other() -> None:
    assert documented().keys() == keys(TrainRecipe).keys()


def test_the_documented_defaults_are_the_defaults() -> None:
    expected = {key: shown(default) for key, default in keys(TrainRecipe).items()}
    assert documented() == expected | {"name": "the file's name"}


def test_training_recipes_are_no_datasets() -> None:
    """Neither is offered where the other is asked for, nor has a block on the page of datasets."""
    of_training = packaged_recipes("train")
    assert {"train", "train-lora", "train-8gpu"} <= of_training.keys()
    assert of_training.keys() & packaged_recipes().keys() == set()
    with pytest.raises(RecipeError, match=r"one of demo, stack-impl$"):
        load_recipe("train-lora")
    with pytest.raises(RecipeError) as caught:
        load_training("demo")
    assert str(caught.value).endswith(f"one of {', '.join(of_training)}")
    page = datasets_page(ROOT / "docs" / "datasets")
    assert not [name for name in of_training if f"## {name}\n" in page or f"recipes/{name}.yaml" in page]


@pytest.mark.parametrize("name", list(packaged_recipes("train")))
def test_a_packaged_training_recipe_is_named_after_its_file_and_described(name: str) -> None:
    recipe = load_training(name)
    assert recipe.name == name
    assert recipe.description
