"""`DATASETS.md`, one block for each packaged recipe: `python -m ttc_data.publish.catalogue DATASETS.md docs/datasets`.

The numbers are those of a real build: `docs/datasets/RECIPE.json` is a copy of the `dataset/card.json` that it wrote. A recipe without
such a file is described without numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ttc_data.publish.facts import read_facts
from ttc_data.recipe import Recipe, load_recipe, packaged_recipes
from ttc_data.records import JsonObject
from ttc_data.rules import GitSource, PypiSource
from ttc_data.template import template


def datasets_page(folder: Path) -> str:
    """The whole page.

    Args:
        folder: holds `RECIPE.json` for each recipe that was built.

    Raises:
        DatasetError: one of them is damaged.
    """
    blocks = []
    for name in packaged_recipes():
        recipe = load_recipe(name)
        path = folder / f"{name}.json"
        blocks.append(
            {
                "name": name,
                "recipe": recipe,
                "mines": list(mined(recipe)),
                "gated": any(source.kind == "stack" for source in recipe.sources),
                "facts": _with_shares(read_facts(path)) if path.is_file() else None,
            }
        )
    return template("ttc_data.publish", "templates/datasets.md.j2").render(blocks=blocks)


def mined(recipe: Recipe) -> Iterator[str]:
    """What a recipe mines, in words."""
    for source in recipe.sources:
        if isinstance(source, PypiSource):
            yield ", ".join(project.replace("==", " ") for project in source.projects)
        elif isinstance(source, GitSource):
            yield f"{source.url} at {source.revision}"
        else:
            stars = f", at least {source.min_stars} stars" if source.min_stars else ""
            yield f"`{source.path}`{stars}"


def _with_shares(facts: JsonObject) -> JsonObject:
    spread = {one["name"]: one["shown"] for one in facts["distributions"]}
    return {**facts, "spread": spread}


def main(arguments: Sequence[str]) -> None:
    """Write the page: its place, then the folder of facts."""
    page, folder = map(Path, arguments)
    page.write_text(datasets_page(folder), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
