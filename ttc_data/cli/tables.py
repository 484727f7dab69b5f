"""Tables that several commands print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ttc_data.funnel import fallbacks, funnel, reject_reasons
from ttc_data.plain import counted, plain
from ttc_data.solve.predictions import scores
from ttc_data.store import is_written

if TYPE_CHECKING:
    from ttc_data.solve.outcome import Outcome
    from ttc_data.train.difficulty import Measured

REASONS_SHOWN = 3


def funnel_table(out: Path) -> Table:
    """What entered each stage of a build, what was left, what it took, and the most frequent reasons for the rest.

    Seconds are those of the clock, and those of all workers together, which wait and work in them.
    """
    table = Table(
        title=Text(plain(f"{out}: funnel")), title_justify="left", box=None, header_style="bold", pad_edge=False
    )
    steps = list(funnel(out))
    untried = any(step.untried for step in steps)  # what a limit left alone was neither kept nor dropped
    for name in ("stage", "in", "kept", "dropped", *(["not tried"] if untried else []), "wall s", "worker s"):
        table.add_column(name, justify="left" if name == "stage" else "right", no_wrap=True)
    table.add_column("why", overflow="fold")
    reasons = reject_reasons(out)
    instead = [f"docstring for {reason} {count}" for reason, count in fallbacks(out)]
    state = "running" if is_written(out) else "stopped"
    for step in steps:
        mine = [f"{reason} {count}" for stage, reason, count in reasons if stage == step.stage]
        mine += instead if step.stage == "specify" else []
        more = f", and {len(mine) - REASONS_SHOWN} more" if len(mine) > REASONS_SHOWN else ""
        table.add_row(
            f"{step.stage} ({state})" if step.running else step.stage,
            str(step.entered),
            str(step.kept),
            str(step.rejected),
            *([str(step.untried or "")] if untried else []),
            "-" if step.wall_seconds is None else f"{step.wall_seconds:.1f}",
            f"{step.seconds:.1f}",
            ", ".join(mine[:REASONS_SHOWN]) + more,
        )
    return table


def scores_table(outcomes: Sequence[Outcome]) -> Table:
    """Pass rates of each model that answered."""
    found = scores(outcomes)
    sizes = list(dict.fromkeys(k for score in found for k in score.pass_at))
    table = Table("model", box=None, header_style="bold", pad_edge=False)
    for name in ("rows", "answers", "solved", *(f"pass@{k}" for k in sorted(sizes))):
        table.add_column(name, justify="right")
    for score in found:
        rates = (f"{score.pass_at[k]:.1%}" if k in score.pass_at else "" for k in sorted(sizes))
        counts = map(str, (score.rows, score.answers, score.solved))
        table.add_row(Text(plain(score.model or "(not named)")), *counts, *rates)
    return table


def reasons_table(outcomes: Sequence[Outcome]) -> Table:
    """Why each row does not hold, by its id."""
    table = Table("row", "reason", "detail", box=None, header_style="bold", pad_edge=False)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.instance_id):
        table.add_row(*(Text(plain(text)) for text in (outcome.instance_id, outcome.reason, outcome.detail)))
    return table


def difficulty_table(measured: Measured) -> Table:
    """How many rows a model solves never, sometimes and always."""
    table = Table("rows", box=None, header_style="bold", pad_edge=False)
    for name in ("count", "share"):
        table.add_column(name, justify="right")
    kinds = {"never solved": measured.never, "between": measured.between, "always solved": measured.always}
    for name, count in kinds.items():
        table.add_row(name, str(count), f"{count / len(measured.rows):.0%}")
    return table


def _nothing_to_learn(measured: Measured, attempts: int) -> Iterator[str]:
    """Say what no row between never and always means, and what to change."""
    count = len(measured.rows)
    if measured.never == count:
        fix = f"take a stronger model, more --attempts than {attempts}, or --set prompts.answer=fenced"
    elif measured.always == count:
        fix = "take harder rows, or a smaller model"
    else:
        fix = f"take more --attempts than {attempts}, or another model"
    yield f"no row is solved sometimes: GRPO learns from rows whose answers differ, and would learn nothing here; {fix}"


def difficulty_lines(measured: Measured, out: Path, attempts: int) -> Iterator[str]:
    """What else there is to say of a model's attempts, and how to train on the rows between.

    Args:
        measured: what came of them.
        out: the file that they were written to.
        attempts: that were asked for at each row.
    """
    rates = ", ".join(f"pass@{k} {measured.pass_at(k):.1%}" for k in dict.fromkeys((1, attempts)))
    yield f"{measured.model}: {counted(measured.attempts, 'attempt')} at {counted(len(measured.rows), 'row')}, {rates}"
    if measured.left_out:
        reasons = Counter(one.reason for one in measured.left_out)
        yield f"not asked: {', '.join(f'{reason} {count}' for reason, count in reasons.most_common())}"
    if measured.errors:
        yield f"not counted, because they could not be judged: {counted(len(measured.errors), 'attempt')}; the same command tries them again"
    dropped = Counter(reject.reason for reject in measured.not_selected)
    why = f" (left out: {', '.join(f'{reason} {count}' for reason, count in dropped.most_common())})" if dropped else ""
    yield f"the recipe's select keeps {measured.selected} of {counted(len(measured.rows), 'row')} for training{why}"
    if not measured.between:
        yield from _nothing_to_learn(measured, attempts)
    if 0 < measured.between < len(measured.rows):
        # Half an attempt, so that no rounding decides.
        edge = 0.5 / attempts
        yield (
            f"the {measured.between} between: --set select.difficulty={out} --set select.min_pass_rate={edge:g}"
            f" --set select.max_pass_rate={1 - edge:g}"
        )
