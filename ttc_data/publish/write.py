"""A dataset's folder: parquet by split, the card, and what every environment is made of.

dataset/README.md                      the card; its header tells `load_dataset` which files are which split
dataset/card.json                      what the card says, as data
dataset/data/SPLIT-00000-of-00001.parquet
dataset/environments/KEY.json          an environment and the source it was made from; null where single files share it
dataset/trees/HASH.tar.gz              the source's files
dataset/recipe.yaml
dataset/recipe.lock.yaml               versions and commits of the recipe's sources, for `ttcdata build --locked`
dataset/deprecated.jsonl               rows that were withdrawn, where there are any
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import yaml

from ttc_data.dataset import read_deprecated
from ttc_data.pins import Lock, write_lock
from ttc_data.progress import Progress
from ttc_data.publish.card import record_findings, write_card
from ttc_data.publish.checks import inspect_dataset
from ttc_data.publish.facts import build_facts, write_facts
from ttc_data.publish.rows import assign_splits, write_splits
from ttc_data.recipe import Recipe
from ttc_data.records import Environment, Source
from ttc_data.row import Deprecated, Row
from ttc_data.trees.store import TreeStore


def write_dataset(
    out: Path,
    rows: Callable[[], Iterator[Row]],
    *,
    recipe: Recipe,
    environments: Mapping[str, Environment],
    sources: Mapping[str, Source],
    trees: TreeStore,
    lock: Lock | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write `out/dataset` and `out/recipe.yaml`.

    Args:
        out: the build's folder.
        rows: gives the rows; called twice, because splits are drawn over the repositories that have any.
        recipe: of the build.
        environments: by key.
        sources: by key.
        trees: where the sources' files lie.
        lock: what the recipe's sources turned out to be; a set without one cannot be built again from its own folder.
        progress: told how the checks go.

    Returns:
        Rows a split, empty when there is no row: then no dataset is written.

    Raises:
        DatasetError: the list of withdrawn rows of the set that is there is damaged.
    """
    dataset = out / "dataset"
    gone = _withdrawn(dataset, recipe)
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    (out / "recipe.yaml").write_text(text, encoding="utf-8")

    def published() -> Iterator[Row]:
        return (row for row in rows() if row.instance_id not in gone)

    used: set[str] = set()
    repos: set[str] = set()
    for row in published():
        used.add(row.ttc_environment)
        repos.add(row.repo)
    if not used:
        _remove(dataset)
        return {}
    made = out / ".dataset"
    _remove(made)
    counts = write_splits(published, assign_splits(repos, recipe.splits, recipe.seed), made / "data")
    _write_environments(made, {key: environments[key] for key in sorted(used)}, sources, trees)
    (made / "recipe.yaml").write_text(text, encoding="utf-8")
    if lock:
        write_lock(made, lock)
    _write_withdrawn(made, gone)
    _write_card(out, made, recipe, counts, progress)
    # Not before: the set that is there says which ids are withdrawn.
    _remove(dataset)
    made.rename(dataset)
    return counts


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


def _write_card(out: Path, made: Path, recipe: Recipe, counts: Mapping[str, int], progress: Progress | None) -> None:
    """Write the card of a new set, with the publication findings."""
    facts = build_facts(out, made, recipe, counts)
    write_facts(made / "card.json", facts)
    write_card(made, facts)
    inspection = inspect_dataset(made, progress=progress)
    record_findings(made, inspection.findings, inspection.contaminated)
    if progress and not inspection.publishable:
        progress.say(f"not to be published like this: `ttcdata check {out}` says why")


def _write_environments(
    made: Path, environments: Mapping[str, Environment], sources: Mapping[str, Source], trees: TreeStore
) -> None:
    """Write what every environment is made of, and the files of its source."""
    (made / "environments").mkdir()
    (made / "trees").mkdir()
    for key, environment in environments.items():
        # What single files share has no source: a row's own columns say where its file came from.
        source = asdict(sources[environment.source_key]) if environment.source_key else None
        described = {"environment": asdict(environment), "source": source}
        path = made / "environments" / f"{key}.json"
        path.write_text(json.dumps(described, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        if environment.tree:
            shutil.copyfile(trees.path(environment.tree), made / "trees" / f"{environment.tree}.tar.gz")


def _write_withdrawn(made: Path, gone: Mapping[str, Deprecated]) -> None:
    """List the rows that were withdrawn; there is no list where there are none."""
    if gone:
        lines = [json.dumps(asdict(gone[name]), ensure_ascii=False) for name in sorted(gone)]
        (made / "deprecated.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _withdrawn(dataset: Path, recipe: Recipe) -> dict[str, Deprecated]:
    """The rows that the recipe withdraws, and those that the set that is there says are: an id never comes back."""
    before = read_deprecated(dataset)
    asked = (
        Deprecated(one.instance_id, " ".join(one.reason.split()), one.since.isoformat()) for one in recipe.deprecated
    )
    return {one.instance_id: one for one in (*before, *asked)}
