"""The dataset card: what a person reads on the Hub, and what tells `load_dataset` where the splits are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ttc_data import __version__
from ttc_data.figures import distributions, fates
from ttc_data.funnel import funnel, reject_reasons
from ttc_data.recipe import Recipe
from ttc_data.store import connect, quoted
from ttc_data.template import template

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write_card(out: Path, dataset: Path, recipe: Recipe, splits: Mapping[str, int]) -> None:
    """Write `README.md` into a dataset's folder.

    Args:
        out: the build's folder, for the funnel.
        dataset: the folder that holds `data/`.
        recipe: of the build.
        splits: rows a split.
    """
    rows = sum(splits.values())
    header = {
        "pretty_name": recipe.name,
        "language": ["en", "code"],
        "task_categories": ["text-generation"],
        "tags": ["code", "reinforcement-learning", "execution-proven", "ttcdata"],
        "size_categories": [next((name for most, name in SIZES if rows < most), "1M<n<10M")],
        "license": "other",
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits],
            }
        ],
    }
    words: dict[str, Any] = {
        "header": yaml.safe_dump(header, sort_keys=False, allow_unicode=True),
        "recipe": recipe,
        "version": __version__,
        "splits": splits,
        "rows": rows,
        "funnel": funnel(out),
        "reasons": reject_reasons(out, 12),
        **_facts(dataset / "data"),
    }
    (dataset / "README.md").write_text(
        template("ttc_data.publish", "templates/card.md.j2").render(**words), encoding="utf-8"
    )


def _facts(data: Path) -> dict[str, Any]:
    connection = connect()
    connection.execute(f"CREATE TEMP VIEW published AS SELECT * FROM read_parquet({quoted(data / '*.parquet')})")

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query).fetchall()

    facts = {
        "repositories": rows(
            "SELECT repo, any_value(base_commit), any_value(license), count(*) FROM published GROUP BY repo ORDER BY repo"
        ),
        "kinds": rows("SELECT ttc_kind, count(*) FROM published GROUP BY 1 ORDER BY 2 DESC, 1"),
        "origins": rows("SELECT ttc_test_origin, count(*) FROM published GROUP BY 1 ORDER BY 2 DESC, 1"),
        "distributions": distributions(connection, "published"),
        "fates": fates(connection, "published"),
        "guarded": rows("SELECT count(*) FILTER (len(ttc_tripwires) > 0) FROM published")[0][0],
        "tripwires": rows(
            "SELECT kind, count(*) FROM (SELECT unnest(ttc_tripwires).kind AS kind FROM published)"
            " GROUP BY 1 ORDER BY 2 DESC, 1"
        ),
    }
    connection.close()
    return facts
