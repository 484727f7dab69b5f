"""Tables that several commands print."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from ttc_data.funnel import fallbacks, funnel, reject_reasons

REASONS_SHOWN = 3


def funnel_table(out: Path) -> Table:
    """What entered each stage of a build, what was left, and the most frequent reasons for the rest."""
    table = Table(title=Text(f"{out}: funnel"), title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in ("stage", "in", "kept", "dropped", "seconds"):
        table.add_column(name, justify="left" if name == "stage" else "right", no_wrap=True)
    table.add_column("why", overflow="fold")
    reasons = reject_reasons(out)
    instead = [f"docstring for {reason} {count}" for reason, count in fallbacks(out)]
    for step in funnel(out):
        mine = [f"{reason} {count}" for stage, reason, count in reasons if stage == step.stage]
        mine += instead if step.stage == "specify" else []
        more = f", and {len(mine) - REASONS_SHOWN} more" if len(mine) > REASONS_SHOWN else ""
        table.add_row(
            f"{step.stage} (running)" if step.running else step.stage,
            str(step.entered),
            str(step.kept),
            str(step.rejected),
            f"{step.seconds:.1f}",
            ", ".join(mine[:REASONS_SHOWN]) + more,
        )
    return table
