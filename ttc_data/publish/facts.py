"""What a card says, as data: `card.json`, which the card and `DATASETS.md` are written from.

It holds nothing that differs when the same build runs again: no seconds, no dates of today.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from ttc_data import __version__
from ttc_data.dataset import read_deprecated
from ttc_data.errors import DatasetError
from ttc_data.figures import distributions, fates
from ttc_data.funnel import fallbacks, funnel, reject_reasons
from ttc_data.llm.ledger import Prices
from ttc_data.pins import LOCK
from ttc_data.publish.findings import CHECKS, Finding
from ttc_data.reading import json_in
from ttc_data.recipe import Recipe
from ttc_data.records import SCHEMA_VERSION, JsonObject
from ttc_data.store import connect, quoted
from ttc_data.whole import write_whole

REASONS = 12
REPOSITORIES = 200
"""Listed by name, those with the most rows; the others are counted."""


def build_facts(out: Path, dataset: Path, recipe: Recipe, splits: Mapping[str, int]) -> JsonObject:
    """Gather what is known of a build and its rows.

    Args:
        out: the build's folder, for the funnel and what models cost.
        dataset: the folder that holds `data/`.
        recipe: of the build.
        splits: rows a split.
    """
    return {
        "name": recipe.name,
        "description": recipe.description,
        "dataset": recipe.dataset,
        "ttcdata": __version__,
        "schema": SCHEMA_VERSION,
        "recipe_hash": recipe.hash,
        "runs": recipe.tests.runs,
        "locked": (dataset / LOCK).is_file(),
        "rows": sum(splits.values()),
        "splits": dict(splits),
        **_row_facts(dataset / "data"),
        "funnel": [
            {
                "stage": step.stage,
                "entered": step.entered,
                "kept": step.kept,
                "dropped": step.rejected,
                **({"untried": step.untried} if step.untried else {}),
            }
            for step in funnel(out)
        ],
        "reasons": [
            {"stage": stage, "reason": reason, "count": count} for stage, reason, count in reject_reasons(out, REASONS)
        ],
        "fallbacks": dict(fallbacks(out)),
        "model": _model_facts(out / "records" / "answers", recipe),
        "deprecated": [
            {"instance_id": one.instance_id, "reason": one.reason, "since": one.since}
            for one in read_deprecated(dataset)
        ],
    }


def check_facts(findings: Iterable[Finding], contaminated: Mapping[str, int]) -> JsonObject:
    """What the checks found, as it stands on the card."""
    found = list(findings)
    return {
        "contaminated": dict(contaminated),
        "checks": {
            name: {
                "allowed": [one.detail for one in found if one.check == name and one.allowed],
                "refused": [one.detail for one in found if one.check == name and not one.allowed],
            }
            for name in CHECKS
        },
    }


def read_facts(path: Path) -> JsonObject:
    """Read a `card.json`.

    Raises:
        DatasetError: there is none, or it is damaged.
    """
    facts = json_in(path.parent, path.name)
    if not isinstance(facts, dict):
        raise DatasetError(f"{path}: no facts of a card; build the set again")
    return facts


def write_facts(path: Path, facts: JsonObject) -> None:
    """Write a `card.json`, whole or not at all."""
    write_whole(path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def _row_facts(data: Path) -> JsonObject:
    connection = connect()
    connection.execute(f"CREATE TEMP VIEW published AS SELECT * FROM read_parquet({quoted(data / '*.parquet')})")

    def counts(expression: str, source: str = "published") -> dict[str, int]:
        query = f"SELECT {expression} AS one, count(*) AS n FROM {source} GROUP BY 1 ORDER BY n DESC, one"
        return {str(one): int(count) for one, count in connection.execute(query).fetchall()}

    repositories = connection.execute(
        "SELECT repo, any_value(base_commit), any_value(license), count(*) AS n FROM published GROUP BY repo"
        " ORDER BY n DESC, repo"
    ).fetchall()
    guarded = connection.execute("SELECT count(*) FILTER (len(ttc_tripwires) > 0) FROM published").fetchall()[0][0]
    most_s, left_out, cut = connection.execute(
        "SELECT max(ttc_max_run_s), sum(len(ttc_left_out))::BIGINT, count(*) FILTER (len(ttc_left_out) > 0) FROM published"
    ).fetchall()[0]
    facts: JsonObject = {
        "build": min(counts("ttc_build")),
        "repositories": len(repositories),
        "largest": [
            {"repo": repo, "revision": revision, "license": license_, "rows": count}
            for repo, revision, license_, count in sorted(repositories[:REPOSITORIES])
        ],
        "licenses": counts("license"),
        "kinds": counts("ttc_kind"),
        "masks": counts("ttc_mask"),
        "spec_origins": counts("ttc_spec_origin"),
        "spec_models": {model: count for model, count in counts("ttc_spec_model").items() if model},
        "test_origins": counts("ttc_test_origin"),
        "guarded": int(guarded),
        "max_run_s": most_s,
        "left_out": left_out,
        "cut": cut,
        "tripwires": counts("kind", "(SELECT unnest(ttc_tripwires).kind AS kind FROM published)"),
        "distributions": [
            {"name": one.name, "values": list(one.values), "shown": one.shown()}
            for one in distributions(connection, "published")
        ],
        "mutants": [
            dict(zip(("operator", "tried", "killed", "limit", "survived"), one, strict=True))
            for one in fates(connection, "published")
        ],
        "solver": _solver_facts(connection),
    }
    connection.close()
    return facts


def _solver_facts(connection: duckdb.DuckDBPyConnection) -> JsonObject | None:
    rows, attempts, first, any_ = connection.execute(
        "SELECT count(*), sum(ttc_solver_attempts)::BIGINT, round(avg(ttc_solver_pass_at_1), 4), round(avg(ttc_solver_pass_at_k), 4)"
        " FROM published WHERE ttc_solver_attempts > 0"
    ).fetchall()[0]
    return {"rows": rows, "attempts": attempts, "pass_at_1": first, "pass_at_k": any_} if rows else None


def _model_facts(answers: Path, recipe: Recipe) -> JsonObject | None:
    """What models answered in this build's folder and what that cost; an answer counts once, however often it was used."""
    if not any(answers.glob("*.jsonl")):
        return None
    connection = connect()
    columns = "{key: 'VARCHAR', prompt_tokens: 'BIGINT', completion_tokens: 'BIGINT'}"
    query = (
        "SELECT count(*), coalesce(sum(p), 0)::BIGINT, coalesce(sum(c), 0)::BIGINT FROM (SELECT any_value(prompt_tokens) AS p,"
        f" any_value(completion_tokens) AS c FROM read_json({quoted(answers / '*.jsonl')}, format = 'newline_delimited',"
        f" columns = {columns}, ignore_errors = true, maximum_object_size = 67108864) WHERE key IS NOT NULL GROUP BY key)"
    )
    count, prompt, completion = connection.execute(query).fetchall()[0]
    connection.close()
    if not count:
        return None
    prices = Prices(recipe.llm.input_price, recipe.llm.output_price)
    stated = bool(recipe.llm.input_price or recipe.llm.output_price)
    facts: dict[str, Any] = {"answers": count, "prompt_tokens": prompt, "completion_tokens": completion}
    return {**facts, "cost": round(prices.of(prompt, completion), 4) if stated else None}
