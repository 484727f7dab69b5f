"""A dataset's folder: parquet by split, the card, and what every environment is made of.

dataset/README.md                      the card; its header tells `load_dataset` which files are which split
dataset/data/SPLIT-00000-of-00001.parquet
dataset/environments/KEY.json          an environment and the source it was made from; null where single files share it
dataset/trees/HASH.tar.gz              the source's files
dataset/recipe.yaml
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import yaml

from ttc_data.publish.card import write_card
from ttc_data.publish.rows import assign_splits, write_splits
from ttc_data.recipe import Recipe
from ttc_data.records import Environment, Source
from ttc_data.row import Row
from ttc_data.sources.trees import TreeStore


def write_dataset(
    out: Path,
    rows: Callable[[], Iterator[Row]],
    *,
    recipe: Recipe,
    environments: Mapping[str, Environment],
    sources: Mapping[str, Source],
    trees: TreeStore,
) -> dict[str, int]:
    """Write `out/dataset` and `out/recipe.yaml`.

    Args:
        out: the build's folder.
        rows: gives the rows; called twice, because splits are drawn over the repositories that have any.
        recipe: of the build.
        environments: by key.
        sources: by key.
        trees: where the sources' files lie.

    Returns:
        Rows a split, empty when there is no row: then no dataset is written.
    """
    dataset = out / "dataset"
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    (out / "recipe.yaml").write_text(text, encoding="utf-8")
    used: set[str] = set()
    repos: set[str] = set()
    for row in rows():
        used.add(row.ttc_environment)
        repos.add(row.repo)
    if dataset.is_dir():
        shutil.rmtree(dataset)
    if not used:
        return {}
    made = out / ".dataset"
    if made.is_dir():
        shutil.rmtree(made)
    counts = write_splits(rows, assign_splits(repos, recipe.splits, recipe.seed), made / "data")
    (made / "environments").mkdir()
    (made / "trees").mkdir()
    for key in sorted(used):
        environment = environments[key]
        # What single files share has no source: a row's own columns say where its file came from.
        source = asdict(sources[environment.source_key]) if environment.source_key else None
        described = {"environment": asdict(environment), "source": source}
        path = made / "environments" / f"{key}.json"
        path.write_text(json.dumps(described, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        if environment.tree:
            shutil.copyfile(trees.path(environment.tree), made / "trees" / f"{environment.tree}.tar.gz")
    (made / "recipe.yaml").write_text(text, encoding="utf-8")
    write_card(out, made, recipe, counts)
    made.rename(dataset)
    return counts
