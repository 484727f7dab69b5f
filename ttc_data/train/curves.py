"""What a training run logs, as JSON lines and as one page with curves that needs no network."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterator, Mapping
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import Any

from ttc_data.whole import write_whole

METRICS, PAGE = "metrics.jsonl", "curves.html"
WIDTH, HEIGHT = 420, 160
MOST_POINTS = 2 * WIDTH
# In front, in this order; the others follow by name.
FIRST = (
    "reward", "rewards/tests/mean", "tests/solved", "tests/share", "tests/groups_that_learn", "completions/mean_length",
    "tests/trivial", "tests/applied", "tests/tampered", "tests/error", "loss", "grad_norm", "kl", "entropy", "step_time",
    "sandbox/wall_seconds", "sandbox/busy_seconds", "sandbox/runs",
)  # fmt: skip
LENGTH, TRIVIAL = "completions/mean_length", "tests/trivial"
# A run of 60 steps that was paid for stubs had a median of 28 tokens in its last ten steps, of 364 in its first.
COLLAPSED_LENGTH, COLLAPSED_TRIVIAL = 0.25, 0.25
STEPS_COMPARED = 10
Points = list[tuple[float, float]]


def append(folder: Path, step: int, figures: Mapping[str, Any]) -> None:
    """Add one line; what is no finite number is null, and counted as a gap in its curve."""
    kept = {
        name: float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
        for name, value in figures.items()
        if value is None or isinstance(value, (int, float))
    }
    with (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, **kept}) + "\n")


def keep_until(folder: Path, step: int) -> None:
    """Forget what was logged after a step: a run that goes on from its checkpoint logs it again."""
    path = folder / METRICS
    if not path.is_file():
        return
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
    write_whole(path, "".join(f"{line}\n" for line in kept))


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf  # torn


def said(folder: Path) -> str:
    """The newest figures in a line, `""` before the first step."""
    path = folder / METRICS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in reversed(lines):
        step = _step_of(line)
        figures = json.loads(line) if math.isfinite(step) else {}
        if "step_time" in figures:
            shares = {
                "reward": "reward {:.3f}",
                "tests/solved": "{:.1%} solved",
                "tests/applied": "{:.1%} can be applied",
            }
            known = [form.format(figures[name]) for name, form in shares.items() if figures.get(name) is not None]
            warning = collapsed(folder)
            told = f"step {step:.0f}: {', '.join(known)}; {figures['step_time']:.1f} s a step"
            return f"{told}; {warning}" if warning else told
    return ""


def curves(folder: Path) -> dict[str, Points]:
    """Every figure's values by step, those a person looks at first in front."""
    found: dict[str, Points] = {}
    path = folder / METRICS
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        step = _step_of(line)
        if math.isfinite(step):
            for name, value in json.loads(line).items():
                if name != "step" and value is not None:
                    found.setdefault(name, []).append((step, value))
    order = [name for prefix in ("", "eval_") for first in FIRST if (name := prefix + first) in found]
    return {name: found[name] for name in dict.fromkeys((*order, *sorted(found)))}


def collapsed(folder: Path) -> str:
    """Say in a line that a run's answers have collapsed, `""` where they have not.

    They have where the last ten steps' answers are a quarter as long as the first ten's, or a quarter of them are trivial
    bodies and were not before.
    """
    found = curves(folder)
    told = []
    for name, form in ((LENGTH, "{:.0f} tokens, {:.0f} at first"), (TRIVIAL, "{:.0%} trivial bodies, {:.0%} at first")):
        values = [value for _, value in found.get(name, [])]
        if len(values) >= 2 * STEPS_COMPARED:
            first, last = median(values[:STEPS_COMPARED]), median(values[-STEPS_COMPARED:])
            fell = last < COLLAPSED_LENGTH * first if name == LENGTH else last - first > COLLAPSED_TRIVIAL
            told += [form.format(last, first)] if fell else []
    return f"the answers have collapsed ({'; '.join(told)}): look at the completions before training on" if told else ""


def write_page(folder: Path, title: str) -> Path:
    """Write the page, whole or not at all."""
    path = folder / PAGE
    write_whole(path, "".join(_page(title, curves(folder), collapsed(folder))))
    return path


def _page(title: str, found: Mapping[str, Points], warning: str) -> Iterator[str]:
    yield (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>"
        ":root{color-scheme:light dark;font:14px system-ui,sans-serif}body{margin:2rem auto;max-width:1320px;padding:0 1rem}"
        "main{display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fill,minmax(300px,1fr))}figure{margin:0}"
        "figcaption{display:flex;justify-content:space-between;gap:1rem}svg{width:100%;height:auto;border:1px solid #8884}"
        "polyline{fill:none;stroke:#2f6fde;stroke-width:1.6}[role=alert]{padding:.6rem .8rem;border-left:4px solid #c0392b;background:#c0392b22}.raw{stroke-opacity:.3;stroke-width:1}"
        "text{font-size:11px;fill:currentColor;opacity:.7}</style>"
        f"<h1>{html.escape(title)}</h1>{f'<p role=alert>{html.escape(warning)}</p>' if warning else ''}<main>"
    )
    for name, points in found.items():
        yield f"<figure><figcaption><b>{html.escape(name)}</b><span>{points[-1][1]:.4g}</span></figcaption>{_plot(points)}</figure>"
    yield "</main>" if found else "</main><p>Nothing is logged yet.</p>"


def thinned(points: Points) -> Points:
    """Of many points the lowest and the highest of each stretch, so that what stands out still does."""
    length = -(-2 * len(points) // MOST_POINTS)
    if length <= 2:
        return points
    stretches = (points[at : at + length] for at in range(0, len(points), length))
    by_value = ((min(one, key=itemgetter(1)), max(one, key=itemgetter(1))) for one in stretches)
    return [point for pair in by_value for point in sorted(pair)]


def _plot(points: Points) -> str:
    """An SVG of the values and of their running mean over a tenth of the run."""
    steps, values = [step for step, _ in points], [value for _, value in points]
    low, high = min(values), max(values)
    span, length = (high - low) or 1.0, (steps[-1] - steps[0]) or 1.0

    def line(kind: str, shown: Points) -> str:
        places = " ".join(
            f"{10 + (step - steps[0]) / length * (WIDTH - 20):.1f},{HEIGHT - 20 - (value - low) / span * (HEIGHT - 40):.1f}"
            for step, value in shown
        )
        return f'<polyline class="{kind}" points="{places}"/>'

    around = max(1, len(points) // 10)
    sums = list(accumulate(values, initial=0.0))
    means = [
        (step, (sums[at + 1] - sums[max(0, at + 1 - around)]) / min(at + 1, around)) for at, step in enumerate(steps)
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{low:.4g} to {high:.4g}">'
        f'{line("raw", thinned(points))}{line("mean", thinned(means))}<text x="6" y="14">{high:.4g}</text>'
        f'<text x="6" y="{HEIGHT - 5}">{low:.4g}</text>'
        f'<text x="{WIDTH - 6}" y="{HEIGHT - 5}" text-anchor="end">step {steps[-1]:g}</text></svg>'
    )
