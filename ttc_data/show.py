"""Builds and rows as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ttc_data.dataset import Dataset
from ttc_data.fields import Label
from ttc_data.funnel import open_records
from ttc_data.plain import counted, one_line, plain
from ttc_data.reading import validated
from ttc_data.records import JsonObject
from ttc_data.row import Count

LINES_SHOWN = 18
MOST_DETAIL = 1_200


@dataclass(frozen=True, slots=True)
class ToldStep:
    """A stage as a card tells of it."""

    stage: Label
    entered: Count
    kept: Count
    dropped: Count


FUNNEL: TypeAdapter[list[ToldStep]] = TypeAdapter(list[ToldStep])


def reject_examples(out: Path) -> Group:
    """Every reason of every stage, with a count and one example, whose detail has lines of its own."""
    connection = open_records(out)
    found = connection.execute(
        "SELECT stage, reason, count(*) AS n, arg_min(subject, key), arg_min(detail, key) FROM rejects"
        " GROUP BY stage, reason ORDER BY stage, n DESC, reason"
    ).fetchall()
    connection.close()
    lines: list[RenderableType] = []
    last = ""
    for stage, reason, count, subject, detail in found:
        if stage != last:
            lines.append(Text(plain(stage), style="bold"))
            last = stage
        lines.append(Padding(Text(f"{plain(reason)} {count}"), (0, 0, 0, 2)))
        lines.append(Padding(Text(f"for instance {one_line(subject)}", style="dim"), (0, 0, 0, 4)))
        # The end of what a job printed says most.
        told = " ".join(detail.split())
        told = told if len(told) <= MOST_DETAIL else f"[...] {told[-MOST_DETAIL:]}"
        lines += [Padding(Text(one_line(line), style="dim"), (0, 0, 0, 4)) for line in told.split(" | ")]
    return Group(*lines)


def published_funnel(name: str | Path, facts: JsonObject) -> Table:
    """What a set's card says of the stages of its build, whose records are not here.

    Args:
        name: of the set, for the title.
        facts: of its card.

    Raises:
        DatasetError: the card says nothing of stages.
    """
    table = Table(
        title=Text(plain(f"{name}: funnel")), title_justify="left", box=None, header_style="bold", pad_edge=False
    )
    for column in ("stage", "in", "kept", "dropped"):
        table.add_column(column, justify="left" if column == "stage" else "right", no_wrap=True)
    for step in validated(FUNNEL, facts.get("funnel"), f"{name}: card.json: funnel"):
        table.add_row(step.stage, str(step.entered), str(step.kept), str(step.dropped))
    return table


def evidence_table(dataset: Dataset) -> Table | None:
    """How the evidence of a set's rows is spread, None where there is no row."""
    found = dataset.distributions()
    if not found:
        return None
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("over the rows")
    for name in ("least", "10 %", "median", "90 %", "most"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(one.name, *one.shown())
    return table


def tripwire_share(dataset: Dataset) -> str:
    """How many rows of a set carry a tripwire."""
    count, guarded = dataset.count(), dataset.count_guarded()
    return f"{guarded} of {counted(count, 'row')} with a tripwire ({guarded / count:.0%})"


def row_panels(dataset: Dataset, count: int) -> Iterator[Panel]:
    """The first rows of a set in short, one of each repository first."""
    seen: dict[str, int] = {}
    ranked = []
    for row in dataset.rows():
        turn = seen.get(row.repo, 0)
        seen[row.repo] = turn + 1
        if turn < count:
            ranked.append((turn, row.instance_id, row))
    for _, _, row in sorted(ranked, key=lambda one: one[:2])[:count]:
        statement = row.problem_statement.splitlines()
        more = len(statement) - LINES_SHOWN
        shown = "\n".join(statement[:LINES_SHOWN]) + (f"\n[... {more} more lines]" if more > 0 else "")
        facts = plain(
            f"{row.path}  {row.ttc_kind} {row.ttc_target}  ({row.license})\n"
            f"{len(row.FAIL_TO_PASS)} deciding tests ({row.origin_told}), {len(row.PASS_TO_PASS)} that must go on passing;"
            f" reference passed {row.ttc_gold_passes} of {row.ttc_gold_runs};"
            f" {row.ttc_line_coverage:.0%} of its lines run; mutation score {row.ttc_mutation_score:.0%} of {len(row.ttc_mutants)}\n"
        )
        tests = "".join(f"\nfor instance {one_line(test)}" for test in row.FAIL_TO_PASS[:1])
        for edit in row.ttc_tripwires:
            change = f"{edit.path}:{edit.line}  {edit.old}  ->  {edit.new}"
            tests += f"\ntripwire {one_line(change)}"
        yield Panel(
            Group(
                Text(facts, style="dim"),
                Syntax(plain(shown), "markdown", word_wrap=True, background_color="default"),
                Text(tests, style="dim"),
            ),
            title=Text(row.instance_id),
            title_align="left",
        )
