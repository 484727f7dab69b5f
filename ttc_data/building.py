"""The *implement this function or class* dataset: real projects in, proven rows out.

mine -> extract -> environment -> suite -> repeat -> specify -> mask -> prove -> write
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ttc_data import __version__
from ttc_data.errors import BuildError, RecipeError
from ttc_data.pins import Pins
from ttc_data.progress import BuildLog, Progress, Quiet
from ttc_data.recipe import Recipe, published_recipe
from ttc_data.store import Build

if TYPE_CHECKING:
    from ttc_data.cache import Cache
    from ttc_data.hosts.open import SandboxKind

NAMED = 3
"""Keys that a message names; the others are counted."""


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
    overwrite: bool = False,
    pins: Pins | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Built:
    """Build a stack-impl dataset, or go on with one that was interrupted.

    Args:
        recipe: what to build.
        out: the build's folder: `records/`, `dataset/`, and `build.log` with what `progress` was told.
        sandbox: where tests run; `auto` takes Docker where an engine answers, else bubblewrap.
        workers: things done at the same time; 0 means one for each processor.
        overwrite: also over a finished set of another recipe.
        pins: of a set that is built again: its versions and commits are taken, whatever is newest.
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
        made_by = {"recipe": recipe.hash, "version": __version__, "pins": pins.key if pins else ""}
        if {"pins": "", **state}.items() >= made_by.items() and folder.dataset.is_dir():
            return Built(out, state["rows"], state["splits"], (), was_finished=True)
        if not overwrite:
            _refuse_another(folder, recipe)
        # Imported when there is something to do: a finished build answers at once.
        from ttc_data.cache import Cache
        from ttc_data.sources.mine import check_sources

        cache = cache or Cache.default()
        notes: list[str] = []
        if not (folder.records / "mine.jsonl").is_file():  # else it goes on without what was mined from
            check_sources(recipe, cache, notes.append)
        folder.begin(recipe.task_hash)
        workers = workers or os.cpu_count() or 1
        log = BuildLog(out)
        progress = log.telling(progress)
        with log.run(f"build {recipe.name} (recipe {recipe.hash}), ttcdata {__version__}, {sandbox=}, {workers=}"):
            for note in notes:
                progress.say(note)
            built = _run(recipe, folder, cache, sandbox, workers, progress, pins)
        if not built.errors:
            folder.finish({**made_by, "rows": built.rows, "splits": built.splits})
        return built
    finally:
        folder.close()


def _run(
    recipe: Recipe,
    folder: Build,
    cache: Cache,
    sandbox: SandboxKind,
    workers: int,
    progress: Progress,
    pins: Pins | None,
) -> Built:
    """Run the stages in a sandbox that is open for as long."""
    from ttc_data.hosts.open import open_host
    from ttc_data.kinds.stages import Stages

    host = open_host(sandbox, cache=cache, recipe=recipe, say=progress.say)
    stages = Stages(recipe, folder, cache, host, workers, progress, pins)
    try:
        splits = stages.run()
    finally:
        stages.close()
        host.close()
    return Built(folder.folder, sum(splits.values()), splits, tuple(stages.errors), was_finished=False)


def check_place(recipe: Recipe, out: Path) -> None:
    """See that a recipe may be built in a folder, without touching it.

    Raises:
        BuildError: it holds the finished set of another recipe, or another process writes it.
    """
    if (out / "dataset" / "recipe.yaml").is_file():
        folder = Build(out)
        try:
            _refuse_another(folder, recipe)
        finally:
            folder.close()


def _is_more(limit: int, before: int) -> bool:
    """Whether a limit only adds samples to those of another one; 0 means all."""
    return bool(before) and (not limit or limit > before)


def _refuse_another(folder: Build, recipe: Recipe) -> None:
    """A set that another recipe has written is not written over by mistake; what was begun with `overwrite` goes on."""
    written = folder.dataset / "recipe.yaml"
    if not written.is_file() or folder.begun() == recipe.task_hash:
        return
    try:
        theirs, _ = published_recipe(written)
    except RecipeError:
        what = "a set whose recipe.yaml is damaged"
    else:
        differing = theirs.differs(recipe)
        if not differing or (differing == ["limit"] and _is_more(recipe.limit, theirs.limit)):
            return
        more = f" and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
        what = f"the set of another recipe ({', '.join(differing[:NAMED])}{more} {'differ' if len(differing) > 1 else 'differs'})"
    raise BuildError(f"--out {folder.folder}: holds {what}; name another folder, or replace the set with --overwrite")
