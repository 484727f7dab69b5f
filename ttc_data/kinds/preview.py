"""One target's docstring, the spec that a model makes of it, and what the gates say, before a whole build is paid for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ttc_data.cache import Cache
from ttc_data.dataset import build_of
from ttc_data.errors import DatasetError
from ttc_data.hosts.open import SandboxKind, open_host
from ttc_data.kinds.inputs import TargetTask
from ttc_data.kinds.specifying import Specifier
from ttc_data.kinds.stages import Stages
from ttc_data.llm.model import check_model, open_model
from ttc_data.plain import plain
from ttc_data.progress import Progress, Quiet
from ttc_data.recipe import load_recipe
from ttc_data.specs.gates import GATES
from ttc_data.specs.rewrite import Written
from ttc_data.store import Build

NAMED = 5


@dataclass(frozen=True, slots=True)
class Preview:
    """A target, and what a model wrote of it."""

    name: str
    docstring: str
    attempts: tuple[Written, ...]
    """The last one is the spec where nothing is wrong with it."""


def preview(
    folder: Path,
    target: str,
    settings: Sequence[str],
    *,
    sandbox: SandboxKind = "auto",
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Preview:
    """Let a model write one target's spec, and list everything that is wrong with it.

    The answers are kept in the build's folder: a build that asks the same does not pay for them again.

    Args:
        folder: of a build whose suites have run, or of its dataset.
        target: `PATH::QUALNAME`, or a part of it that no other target has.
        settings: changes of the build's recipe, `section.field=value`, which name the model.
        sandbox: where the spec's examples run.
        progress: told in a line what is being waited for.
        cache: folders that builds share.

    Raises:
        DatasetError: there is no such build or target, or several targets.
        RecipeError: no model is named.
        ModelUnavailable: the model does not answer.
        PromptRefused: it does not take this target.
    """
    folder = build_of(folder) or folder
    written = folder / "recipe.yaml"
    if not written.is_file() or not (folder / "records" / "repeat.parquet").is_file():
        raise DatasetError(f"{folder}: no build there whose suites have run; run `ttcdata build` first")
    recipe = load_recipe(str(written), [*settings, "spec.origin=model"])
    check_model(recipe)  # before a sandbox is opened
    progress, cache = progress or Quiet(), cache or Cache.default()
    build = Build(folder)
    try:
        host = open_host(sandbox, cache=cache, recipe=recipe, say=progress.say)
        stages = Stages(recipe, build, cache, host, 1, progress)
        try:
            stages.fetch_lost_trees()
            task = _find(stages, target)
            with open_model(recipe, build.records, progress.say) as model:
                specifier = Specifier(recipe, model, stages.run_job)
                return Preview(task.name, task.target.docstring, tuple(specifier.attempts(task)))
        finally:
            stages.close()
            host.close()
    finally:
        build.close()


def preview_view(shown: Preview) -> Iterator[RenderableType]:
    """The docstring beside what the model wrote, each attempt with the gates that stop it."""
    yield Text(plain(shown.name), style="bold")
    for number, written in enumerate(shown.attempts, 1):
        table = Table("docstring", f"attempt {number}", expand=True)
        table.add_row(Text(plain(shown.docstring)), Text(plain(written.text)))
        yield table
        found = {defect.reason for defect in written.defects}
        for defect in written.defects:
            yield Text(plain(f"stopped by {defect.reason}: {defect.detail}"), style="red")
        if not any(reason.startswith("model_") for reason in found):
            passed = [gate for gate in GATES if gate.startswith("spec_") and gate not in found]
            yield Text(f"passes {', '.join(passed)}", style="green")
    yield Text("the docstring stays the spec" if shown.attempts[-1].defects else "this is the spec", style="bold")


def _find(stages: Stages, wanted: str) -> TargetTask:
    found = [task for _, task in stages.inputs.tasks() if wanted in task.name]
    exact = [task for task in found if task.name.endswith((f" {wanted}", f"::{wanted}"))]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise DatasetError(f"no target {wanted!r} in {stages.folder.folder}; name one as PATH::NAME")
    names = ", ".join(task.name.partition(" ")[2] for task in found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    raise DatasetError(f"{wanted!r} are {len(found)} targets: {names}{more}; name one of them")
