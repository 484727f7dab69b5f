"""What the page says before any row is opened: the recipe, the funnel, the plots, and what was dropped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc_data.dataset import Dataset
from ttc_data.funnel import Step, fallbacks, funnel, open_records
from ttc_data.llm.journal import tokens_paid
from ttc_data.llm.ledger import Prices
from ttc_data.report.charts import Fates, Plot, fates, plots
from ttc_data.store import connect, read_state

EXAMPLES = 5
MOST_DETAIL = 800  # characters of one example
ANSWERS = "answers"  # where `ttc_data.llm.model` keeps them, below records/


@dataclass(frozen=True, slots=True)
class Reason:
    """Why things were dropped at a stage."""

    stage: str
    reason: str
    count: int
    length: float
    """0 to 100: of the most frequent reason's bar."""
    examples: tuple[tuple[str, str], ...]
    """Subject and detail of the first few by key."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What a build asked of models."""

    answers: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    """In the recipe's currency, None where it gives no prices."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the page's own HTML says."""

    title: str
    description: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    """What is not as in a finished build, a sentence each."""
    numbers: tuple[tuple[str, str], ...] = ()
    """Label and value."""
    steps: tuple[Step, ...] = ()
    reasons: tuple[Reason, ...] = ()
    fallbacks: tuple[tuple[str, int], ...] = ()
    """Why docstrings stand in the place of a model's specs."""
    paid: Paid | None = None
    plots: tuple[Plot, ...] = ()
    fates: tuple[Fates, ...] = ()
    rows: int = 0
    has_records: bool = True

    @property
    def widest(self) -> int:
        """The most that any stage kept and dropped, at least 1."""
        return max((step.kept + step.rejected for step in self.steps), default=0) or 1

    def why(self, stage: str) -> list[tuple[str, int]]:
        """Reasons and counts of a stage."""
        return [(one.reason, one.count) for one in self.reasons if one.stage == stage]


def overview(name: str, records: Path | None, dataset: Dataset | None) -> Overview:
    """Gather it.

    Args:
        name: of the folder or the Hub id, for a title where no recipe says one.
        records: the build's folder, None for a dataset without its records.
        dataset: the rows, None while there are none.
    """
    state = read_state(records) if records else {}
    facts: list[tuple[str, str]] = []
    numbers: list[tuple[str, str]] = []
    if dataset:
        facts += [("dataset", dataset.recipe.dataset), ("recipe", f"{dataset.recipe.name}, {dataset.recipe.hash}")]
    if version := state.get("version"):
        facts.append(("ttcdata", str(version)))
    charts: tuple[Plot, ...] = ()
    mutants: tuple[Fates, ...] = ()
    rows = 0
    if dataset:
        connection = connect()
        charts, mutants = tuple(plots(connection, dataset.sql)), tuple(fates(connection, dataset.sql))
        rows, numbers, more = _numbers(connection, dataset.sql)
        facts += more
        connection.close()
    return Overview(
        title=dataset.recipe.name if dataset else name,
        description=dataset.recipe.description if dataset else "",
        facts=tuple(facts),
        notes=tuple(_notes(records, dataset, finished=bool(state))),
        numbers=tuple(numbers),
        steps=tuple(funnel(records)) if records else (),
        reasons=tuple(_reasons(records)) if records else (),
        fallbacks=tuple(fallbacks(records)) if records else (),
        paid=_paid(records, dataset) if records else None,
        plots=charts,
        fates=mutants,
        rows=rows,
        has_records=records is not None,
    )


def _notes(records: Path | None, dataset: Dataset | None, *, finished: bool) -> list[str]:
    notes = []
    if records is None:
        notes.append("This is a dataset without the records of its build: there is no funnel, and no rejects.")
    elif not finished:
        notes.append(
            "This build is not finished: it runs, or was stopped. The counts are of what is done; `ttcdata report` writes the page again."
        )
    if dataset is None:
        notes.append("There are no rows yet: a build writes its dataset when it ends, if any sample was proven.")
    return notes


def _numbers(connection: Any, source: str) -> tuple[int, list[tuple[str, str]], list[tuple[str, str]]]:
    rows, repos, guarded, tests, passes, runs, schema, build = connection.execute(
        "SELECT count(*), count(DISTINCT repo), count(*) FILTER (len(ttc_tripwires) > 0), coalesce(sum(len(FAIL_TO_PASS)), 0),"
        " coalesce(sum(ttc_gold_passes), 0), coalesce(sum(ttc_gold_runs), 0), max(ttc_schema_version), max(ttc_build)"
        f" FROM {source}"
    ).fetchall()[0]
    tried, noticed = connection.execute(
        "SELECT count(*), count(*) FILTER (m.fate IN ('killed', 'limit'))"
        f" FROM (SELECT unnest(ttc_mutants) AS m FROM {source})"
    ).fetchall()[0]
    numbers = [
        ("rows", f"{rows:,}"),
        ("repositories", f"{repos:,}"),
        (f"of {runs:,} reference runs passed", f"{passes:,}"),
        ("deciding tests", f"{tests:,}"),
        (f"of {tried:,} mutants noticed", f"{noticed / tried:.0%}" if tried else "none"),
        ("rows with tripwires", f"{guarded:,}"),
    ]
    return int(rows), numbers, [("schema", str(schema)), ("build", str(build))] if rows else []


def _reasons(out: Path) -> list[Reason]:
    connection = open_records(out)
    found = connection.execute(
        "SELECT stage, reason, any_value(n), list(subject ORDER BY key), list(detail ORDER BY key) FROM ("
        f"SELECT stage, reason, key, subject, left(detail, {MOST_DETAIL}) AS detail,"
        " count(*) OVER (PARTITION BY stage, reason) AS n FROM rejects"
        f" QUALIFY row_number() OVER (PARTITION BY stage, reason ORDER BY key, subject) <= {EXAMPLES}"
        ") GROUP BY stage, reason ORDER BY any_value(n) DESC, stage, reason"
    ).fetchall()
    connection.close()
    longest = max((count for _, _, count, *_ in found), default=1)
    return [
        Reason(stage, reason, count, round(100 * count / longest, 2), tuple(zip(subjects, details, strict=True)))
        for stage, reason, count, subjects, details in found
    ]


def _paid(out: Path, dataset: Dataset | None) -> Paid | None:
    answers, prompt, completion = tokens_paid(out / "records" / ANSWERS)
    if not answers:
        return None
    rules = dataset.recipe.llm if dataset else None
    priced = rules is not None and (rules.input_price or rules.output_price)
    cost = Prices(rules.input_price, rules.output_price).of(prompt, completion) if rules and priced else None
    return Paid(answers, prompt, completion, cost)
