"""Distributions of what a dataset's rows carry as evidence: one SQL query, for the card and for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BEST_BASELINE = "coalesce(list_max(list_transform(ttc_baselines, lambda body: len(body.passed))), 0) / greatest(len(FAIL_TO_PASS), 1)"
"""Share, 0 to 1, of a row's deciding tests."""
MEASURES = {
    "mutation score": "ttc_mutation_score",
    "lines of the target that run": "ttc_line_coverage",
    "branches of it that are taken": "ttc_branch_coverage",
    "mutants tried": "len(ttc_mutants)",
    "deciding tests": "len(FAIL_TO_PASS)",
    "of them in the first look": "len(ttc_first_look)",
    "tests left out by the cap on run time": "len(ttc_left_out)",
    "most that a trivial body passes": BEST_BASELINE,
    "tests that must go on passing": "len(PASS_TO_PASS)",
    "tripwires": "len(ttc_tripwires)",
    "reference runs": "ttc_gold_runs",
}
SHARES = frozenset((*list(MEASURES)[:3], "most that a trivial body passes"))
QUANTILES = (0, 0.1, 0.5, 0.9, 1)


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one measure is spread over the rows."""

    name: str
    values: tuple[float, ...]
    """At `QUANTILES`."""

    def shown(self) -> list[str]:
        """The values as a person reads them."""
        return [f"{value:.0%}" if self.name in SHARES else f"{value:g}" for value in self.values]


def distributions(connection: Any, source: str) -> list[Distribution]:
    """Measure the rows of a dataset.

    Args:
        connection: of DuckDB.
        source: what follows FROM.
    """
    points = ", ".join(str(point) for point in QUANTILES)
    wanted = ", ".join(f"quantile_disc({column}, [{points}])" for column in MEASURES.values())
    (found,) = connection.execute(f"SELECT {wanted} FROM {source}").fetchall()
    return [Distribution(name, tuple(values or ())) for name, values in zip(MEASURES, found, strict=True)]


def fates(connection: Any, source: str) -> list[tuple[str, int, int, int, int]]:
    """By operator: mutants, and how many were killed, ran into a limit, survived; the most frequent operator first."""
    query = (
        "SELECT m.operator, count(*), count(*) FILTER (m.fate = 'killed'), count(*) FILTER (m.fate = 'limit'),"
        f" count(*) FILTER (m.fate IN ('survived', 'equivalent')) FROM (SELECT unnest(ttc_mutants) AS m FROM {source})"
        " GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    found: list[tuple[str, int, int, int, int]] = connection.execute(query).fetchall()
    return found
