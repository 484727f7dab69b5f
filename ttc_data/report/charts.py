"""What the plots show: counts over all rows of a dataset, each one SQL query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ttc_data.figures import BEST_BASELINE
from ttc_data.records import Fate

FATES: tuple[Fate, ...] = ("killed", "limit", "equivalent", "survived")
MOST_BARS = 12
# Lower ends; the last has no upper one.
COUNTS = (0, 1, 2, 3, 4, 5, 6, 8, 11, 16, 21, 51)


@dataclass(frozen=True, slots=True)
class Bar:
    """One count."""

    label: str
    count: int
    length: float
    """0 to 100: of the longest bar of its plot."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Some counts beside each other."""

    title: str
    bars: tuple[Bar, ...]
    note: str = ""
    upright: bool = False
    """A distribution, whose order means something, and not a list of names."""
    filters: str = ""
    """The page's filter of rows that a name can be given to."""

    @property
    def told(self) -> str:
        """The same in words."""
        return f"{self.title}: " + ", ".join(f"{bar.label} {bar.count}" for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of an operator's mutants."""

    operator: str
    total: int
    parts: tuple[tuple[Fate, int, float, float], ...]
    """Fate, count, and where its part of the bar begins and how long it is, 0 to 100, of the longest bar."""


def plot(
    title: str, counts: Sequence[tuple[str, int]], note: str = "", *, upright: bool = False, filters: str = ""
) -> Plot:
    """Scale counts."""
    longest = max((count for _, count in counts), default=0) or 1
    return Plot(title, tuple(Bar(label, n, round(100 * n / longest, 2)) for label, n in counts), note, upright, filters)


def share_plot(connection: Any, source: str, title: str, column: str) -> Plot:
    """A share, 0 to 1, in tenths; exactly 1 stands alone."""
    # Rounded first: 0.3 / 0.1 is a little less than 3.
    tenth = f"CAST(floor(round({column} * 10, 9)) AS INTEGER)"
    found = dict(
        connection.execute(f"SELECT {tenth}, count(*) FROM {source} WHERE {column} IS NOT NULL GROUP BY 1").fetchall()
    )
    (median,) = connection.execute(f"SELECT quantile_disc({column}, 0.5) FROM {source}").fetchall()[0]
    labels = [*(f"{10 * at}–{10 * at + 9} %" for at in range(10)), "100 %"]
    note = "" if median is None else f"median {median:.0%}"
    return plot(title, [(label, found.get(at, 0)) for at, label in enumerate(labels)], note, upright=True)


def count_plot(connection: Any, source: str, title: str, column: str) -> Plot:
    """A count, in steps that grow, from the first that has a row to the last."""
    found = connection.execute(f"SELECT {column} AS value, count(*) FROM {source} GROUP BY 1").fetchall()
    steps = dict.fromkeys(COUNTS, 0)
    for value, count in found:
        steps[max(step for step in COUNTS if step <= value)] += count
    filled = [at for at, step in enumerate(COUNTS) if steps[step]]
    shown = range(filled[0], filled[-1] + 1) if filled else range(0)
    (median,) = connection.execute(f"SELECT quantile_disc({column}, 0.5) FROM {source}").fetchall()[0]
    note = "" if median is None else f"median {median}"
    return plot(title, [(_step(at), steps[COUNTS[at]]) for at in shown], note, upright=True)


def _step(at: int) -> str:
    low = COUNTS[at]
    if at + 1 == len(COUNTS):
        return f"{low}+"
    high = COUNTS[at + 1] - 1
    return str(low) if low == high else f"{low}–{high}"


def name_plot(connection: Any, source: str, title: str, column: str, filters: str = "") -> Plot:
    """Names by how often they are there; the less frequent ones as one."""
    found = connection.execute(f"SELECT {column}, count(*) FROM {source} GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
    counts = [(str(name) or "none", int(count)) for name, count in found[:MOST_BARS]]
    if more := found[MOST_BARS:]:
        counts.append((f"{len(more)} more", sum(count for _, count in more)))
    return plot(title, counts, f"{len(found)}" if len(found) > MOST_BARS else "", filters=filters)


def fates(connection: Any, source: str) -> list[Fates]:
    """Mutants by operator and fate, the most frequent operator first."""
    counts = ", ".join(f"count(*) FILTER (m.fate = '{fate}')" for fate in FATES)
    found = connection.execute(
        f"SELECT m.operator, count(*), {counts} FROM (SELECT unnest(ttc_mutants) AS m FROM {source})"
        " GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    longest = max((total for _, total, *_ in found), default=1)
    made = []
    for operator, total, *each in found:
        parts, start = [], 0.0
        for fate, count in zip(FATES, each, strict=True):
            length = 100 * count / longest
            parts.append((fate, count, round(start, 2), round(length, 2)))
            start += length
        made.append(Fates(operator, total, tuple(parts)))
    return made


def plots(connection: Any, source: str) -> list[Plot]:
    """Every plot but that of the mutants."""
    wires = f"(SELECT unnest(ttc_tripwires).kind AS kind FROM {source})"
    made = [
        share_plot(connection, source, "Mutation score", "ttc_mutation_score"),
        share_plot(connection, source, "Line coverage", "ttc_line_coverage"),
        share_plot(connection, source, "Branch coverage", "ttc_branch_coverage"),
        count_plot(connection, source, "Deciding tests a row", "len(FAIL_TO_PASS)"),
        count_plot(connection, source, "Tests of the first look", "len(ttc_first_look)"),
        share_plot(connection, source, "Most that a trivial body passes", BEST_BASELINE),
        count_plot(connection, source, "Mutants a row", "len(ttc_mutants)"),
        count_plot(connection, source, "Tripwires a row", "len(ttc_tripwires)"),
        name_plot(connection, source, "Repositories", "repo", "repo"),
        name_plot(connection, source, "Test origins", "ttc_test_origin", "origin"),
        name_plot(connection, source, "Kinds", "ttc_kind", "kind"),
        name_plot(connection, source, "Splits", "split", "split"),
        name_plot(connection, wires, "Tripwires by kind", "kind"),
        name_plot(connection, source, "Specs", "ttc_spec_origin"),
        name_plot(connection, source, "Licences", "license"),
    ]
    attempted = f"{source} WHERE ttc_solver_attempts > 0"
    made.append(share_plot(connection, f"(SELECT * FROM {attempted})", "Solver's pass@1", "ttc_solver_pass_at_1"))
    return [one for one in made if any(bar.count for bar in one.bars)]
