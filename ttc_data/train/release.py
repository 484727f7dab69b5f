"""A trained model on the Hub: its weights, its tokenizer, and a card that says what it was trained on and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ttc_data.progress import Progress
from ttc_data.publish.hub import HubRepository
from ttc_data.publish.push import PushPlan, local_files, open_repository, plan_of, send
from ttc_data.template import template
from ttc_data.train.grpo import MODEL, RECIPE, SUMMARY
from ttc_data.train.rules import TrainRecipe

FIGURES = {"solved": "eval_tests/solved", "fail_to_pass": "eval_tests/fail_to_pass", "applied": "eval_tests/applied"}
"""What the card says of a check, by what TRL logs it as."""


def write_card(folder: Path) -> Path:
    """Write the card of a finished run's model.

    Args:
        folder: of the run.

    Returns:
        `model/README.md`.
    """
    text = (folder / RECIPE).read_text(encoding="utf-8")
    recipe = TrainRecipe.model_validate(yaml.safe_load(text))
    summary: Mapping[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    checks = {when: _shares(found) for when in ("before", "after") if (found := summary.get(when))}
    best = summary.get("best")
    header: dict[str, Any] = {"library_name": "peft" if recipe.lora is not None else "transformers"}
    # A folder of this machine is no name on the Hub, which refuses it.
    if not Path(recipe.model).exists():
        header["base_model"] = recipe.model
    if not Path(recipe.dataset).exists():
        header["datasets"] = [recipe.dataset]
    header["tags"] = ["ttcdata", "trl", "grpo", "code"]
    card = template("ttc_data.train", "templates/model_card.md.j2").render(
        header=yaml.safe_dump(header, sort_keys=False),
        recipe=recipe,
        text=text,
        checks=checks,
        best={"checkpoint": best["checkpoint"], "solved": f"{best['metric']:.1%}"} if best else None,
        model=header.get("base_model", Path(recipe.model).name),
        dataset=_name_of(recipe.dataset),
    )
    path = folder / MODEL / "README.md"
    path.write_text(card, encoding="utf-8")
    return path


def _shares(found: Mapping[str, Any]) -> dict[str, str]:
    shares = {name: found.get(logged) for name, logged in FIGURES.items()}
    return {name: "" if share is None else f"{share:.1%}" for name, share in shares.items()}


def _name_of(dataset: str) -> str:
    """Of a build's folder, or of its dataset's, what a person calls it."""
    path = Path(dataset)
    if not path.exists():
        return dataset
    return path.parent.name if path.name == "dataset" else path.name


def open_model(name: str, *, private: bool, progress: Progress) -> HubRepository:
    """A model's repository that can be written to: asked for before a run begins, not after its hours.

    Raises:
        PushFailed: no token, no right to write there, or a name that the Hub does not take.
    """
    hub = HubRepository(name, "main", progress, "model")
    hub.check_token()
    open_repository(hub, private=private)
    return hub


def push_model(folder: Path, hub: HubRepository, progress: Progress) -> PushPlan:
    """Publish a finished run's model in one commit; one that is there already is left as it is.

    Args:
        folder: of the run.
        hub: where to.
        progress: told of each group of files.

    Returns:
        What was sent.

    Raises:
        PushFailed: nothing is published; the model stays in the folder.
    """
    branches, _ = hub.refs()
    remote = hub.at(branches["main"])
    plan = plan_of(local_files(folder / MODEL), remote)
    if plan.changes:
        send(hub, plan, f"Trained with ttcdata: {folder.name}", remote.commit, progress)
    return plan
