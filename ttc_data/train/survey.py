"""What a run would train on and for how long, before anything is started: rows, prompts, steps, and what could be checked."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from ttc_data.dataset import Dataset
from ttc_data.errors import RecipeError, TrainingFailed, install_hint
from ttc_data.plain import counted
from ttc_data.train.grpo import ids_of, number_of, prompts_of, require_enough
from ttc_data.train.launch import Plan
from ttc_data.train.prompts import CountTokens
from ttc_data.train.rules import TrainRecipe
from ttc_data.train.tokens import counts_here, no_count

FIELDS = (("grpo", "trl", "GRPOConfig"), ("lora", "peft", "LoraConfig"))
"""Sections of a recipe that hold fields of somebody else's class."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a run would train on."""

    model: str
    dataset: str
    split: str
    eval_split: str
    rows: int
    """Of the split."""
    prompts: int
    """Of these, after selection and by their length."""
    left_out: Mapping[str, int]
    """The other rows, by reason."""
    held_out: int
    """Prompts that are checked on before and after."""
    groups: int
    """Prompts that a step takes."""
    answers: int
    """To each prompt."""
    steps: int
    unchecked: tuple[str, ...]
    """What this machine cannot check, a line each."""

    def lines(self) -> Iterator[str]:
        """For a person."""
        why = ", ".join(f"{reason} {count}" for reason, count in self.left_out.items())
        yield f"model: {self.model}"
        yield f"dataset: {self.dataset}, split {self.split}: {counted(self.rows, 'row')}"
        yield f"prompts: {self.prompts}" + (f"; left out: {why}" if why else "")
        if self.eval_split:
            yield f"checked on: {self.held_out} prompts of split {self.eval_split}"
        passes = self.steps * self.groups / self.prompts
        yield (
            f"steps: {self.steps} of {counted(self.groups * self.answers, 'answer')} each ({self.groups} prompts x {self.answers});"
            f" each prompt is asked {passes:.3g} times"
        )
        yield from (f"not checked: {line}" for line in self.unchecked)


def survey(recipe: TrainRecipe, plan: Plan) -> Survey:
    """Read a run's dataset, and see that there is something to train on, and that the recipe's fields are known.

    Args:
        recipe: of the run.
        plan: of the run.

    Raises:
        DatasetError: there is no such dataset or split, or no such file of attempts.
        RecipeError: a field that TRL or PEFT does not know.
        TrainingFailed: no such model's folder, or too few prompts for a step.
    """
    unchecked = list(check_fields(recipe))
    _check_model(recipe.model)
    rows = ids_of(recipe, "name one with --set split=NAME")
    count, reason = _counter(recipe)
    asked, left_out = prompts_of(recipe, recipe.split, count)
    held_out = prompts_of(recipe, recipe.eval_split, count)[0] if recipe.eval_split else []
    answers, generated, trained = _batch(recipe, max(1, len(plan.trainers)))
    require_enough(recipe, len(asked), generated // answers, left_out)
    steps = number_of(recipe, "max_steps", -1, least=-1)
    if steps <= 0:
        again = number_of(recipe, "num_iterations", 1)
        steps = math.ceil(number_of(recipe, "num_train_epochs", 3, least=0) * len(asked) * answers * again / trained)
    return Survey(
        recipe.model,
        str(Dataset(recipe.dataset).folder),
        recipe.split,
        recipe.eval_split,
        len(rows),
        len(asked),
        dict(Counter(reject.reason for reject in left_out).most_common()),
        len(held_out),
        max(1, trained // answers),
        answers,
        steps,
        (*unchecked, *([reason] if reason else [])),
    )


def check_fields(recipe: TrainRecipe) -> Iterator[str]:
    """Hold the fields of `grpo` and `lora` against the classes that they are for.

    Yields:
        A line for each class that is not installed here.

    Raises:
        RecipeError: a field that there is not.
    """
    for section, package, name in FIELDS:
        given: Mapping[str, object] = getattr(recipe, section) or {}
        if not given:
            continue
        if importlib.util.find_spec(package) is None:
            yield f"the fields of {section} ({', '.join(given)}): {package} is not installed here ({install_hint('train')})"
            continue
        known = [field.name for field in fields(getattr(importlib.import_module(package), name)) if field.init]
        for key in given:
            if key not in known:
                raise RecipeError(f"{section}.{key}: {package}'s {name} has no such field; {_near(key, known)}")


def _near(key: str, known: Sequence[str]) -> str:
    parts = [name for name in known if set(key.split("_")) & set(name.split("_"))]
    near = difflib.get_close_matches(key, known, 3) or parts[:3]
    return f"did you mean {' or '.join(near)}?" if near else "its documentation lists them"


def _check_model(model: str) -> None:
    path = Path(model).expanduser()
    if path.is_dir() or (not path.exists() and model.count("/") <= 1 and not model.startswith((".", "/", "~"))):
        return  # a Hub id is left to the Hub
    raise TrainingFailed(f"model {model}: no folder of a model there; name one, or a Hub id such as Qwen/Qwen3-1.7B")


def _counter(recipe: TrainRecipe) -> tuple[CountTokens, str]:
    """What tokens are counted with, and why they cannot be counted here."""
    if not recipe.prompts.max_tokens:
        return no_count, ""
    try:
        return counts_here(recipe), ""
    except TrainingFailed as error:
        return no_count, str(error)


def _batch(recipe: TrainRecipe, processes: int) -> tuple[int, int, int]:
    """Answers to a prompt, answers that are generated at once, and answers of a step."""
    answers = number_of(recipe, "num_generations", 8, least=2)
    each = number_of(recipe, "per_device_train_batch_size", 8) * processes
    accumulated = number_of(recipe, "gradient_accumulation_steps", 1)
    at_once = number_of(recipe, "steps_per_generation", accumulated)
    generated = number_of(recipe, "generation_batch_size", each * at_once)
    return answers, generated, each * accumulated
