"""The *implement this function or class* dataset: real projects in, proven rows out.

mine -> extract -> environment -> suite -> repeat -> specify -> mask -> prove -> write
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ttc_data import __version__
from ttc_data.engine import Progress, Quiet
from ttc_data.recipe import Recipe
from ttc_data.store import Build

if TYPE_CHECKING:
    from ttc_data.environments.open import Cache, SandboxKind


@dataclass(frozen=True)
class Built:
    """What a build ended with."""

    folder: Path
    rows: int
    splits: dict[str, int]
    errors: tuple[str, ...]
    """Inputs that our own infrastructure kept from an answer; the same command tries them again."""
    was_finished: bool
    """Nothing was left to do."""


def build(
    recipe: Recipe,
    out: Path,
    *,
    sandbox: SandboxKind = "auto",
    workers: int = 0,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Built:
    """Build a stack-impl dataset, or go on with one that was interrupted.

    Args:
        recipe: what to build.
        out: the build's folder: `records/`, `dataset/`, `recipe.yaml`.
        sandbox: where tests run; `auto` takes Docker where an engine answers, else bubblewrap.
        workers: things done at the same time; 0 means one for each processor.
        progress: told how it goes.
        cache: folders that builds share.

    Returns:
        What was built. The same recipe and inputs give the same bytes, whatever `workers` is and however often the
        build was killed and started again.

    Raises:
        TtcError: one line with value, constraint and fix; what was done stays in the store.
    """
    progress = progress or Quiet()
    folder = Build(out)
    try:
        state = folder.state()
        if state.get("recipe") == recipe.hash and state.get("version") == __version__ and folder.dataset.is_dir():
            return Built(out, state["rows"], state["splits"], (), was_finished=True)
        # Imported when there is something to do: a finished build answers at once.
        from ttc_data.datasets.stages import Stages
        from ttc_data.environments.open import Cache, open_host
        from ttc_data.mine import check_sources

        cache = cache or Cache.default()
        if not (folder.records / "mine.jsonl").is_file():  # else it goes on without what was mined from
            check_sources(recipe, cache)
        folder.unfinish()
        host = open_host(sandbox, cache=cache, recipe=recipe, say=progress.say)
        stages = Stages(recipe, folder, cache, host, workers or os.cpu_count() or 1, progress)
        try:
            splits = stages.run()
        finally:
            stages.close()
            host.close()
        rows = sum(splits.values())
        if not stages.errors:
            folder.finish({"recipe": recipe.hash, "version": __version__, "rows": rows, "splits": splits})
        return Built(out, rows, splits, tuple(stages.errors), was_finished=False)
    finally:
        folder.close()
