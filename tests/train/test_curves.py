"""Figures of a run: kept by step, without gaps that lie, and drawn on one page."""

from __future__ import annotations

import json
import math
from pathlib import Path

from ttc_data.train.curves import METRICS, MOST_POINTS, append, curves, keep_until, said, thinned, write_page


def test_the_newest_step_is_said_in_a_line(tmp_path: Path) -> None:
    assert said(tmp_path) == ""
    append(tmp_path, 3, {"reward": 0.25, "tests/solved": 0.125, "tests/applied": math.nan, "step_time": 1.26})
    append(tmp_path, 3, {"eval_tests/solved": 0.5})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "step_')
    assert said(tmp_path) == "step 3: reward 0.250, 12.5% solved; 1.3 s a step"


def test_what_is_no_number_is_a_gap(tmp_path: Path) -> None:
    append(tmp_path, 1, {"reward": 0.5, "loss": math.nan, "note": "text", "kl": None})
    append(tmp_path, 2, {"reward": 1, "loss": 0.25})
    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert lines[0] == {"step": 1, "reward": 0.5, "loss": None, "kl": None}
    assert curves(tmp_path) == {"reward": [(1, 0.5), (2, 1.0)], "loss": [(2, 0.25)]}


def test_a_run_that_goes_on_from_a_checkpoint_logs_no_step_twice(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        append(tmp_path, step, {"reward": step})
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 4, "rew')
    keep_until(tmp_path, 2)
    append(tmp_path, 3, {"reward": 30})
    assert curves(tmp_path)["reward"] == [(1, 1), (2, 2), (3, 30)]


def test_the_page_shows_every_curve_and_needs_nothing_else(tmp_path: Path) -> None:
    for step in range(1, 30):
        append(tmp_path, step, {"zebra": step, "reward": step / 30, "flat": 1})
    page = write_page(tmp_path, "a <run>").read_text()
    assert page.index("<b>reward</b>") < page.index("<b>flat</b>") < page.index("<b>zebra</b>")
    assert "a &lt;run&gt;" in page
    assert "http" not in page
    assert page.count("<svg") == 3
    assert "nan" not in page


def test_a_run_that_logged_nothing_yet_says_so(tmp_path: Path) -> None:
    assert "Nothing is logged yet" in write_page(tmp_path, "run").read_text()


def test_of_many_points_those_that_stand_out_are_drawn() -> None:
    points = [(float(step), 0.5) for step in range(5_000)]
    points[1_234], points[4_000] = (1_234.0, 9.0), (4_000.0, -9.0)
    drawn = thinned(points)
    assert len(drawn) <= MOST_POINTS
    assert (1_234.0, 9.0) in drawn
    assert (4_000.0, -9.0) in drawn
    assert [step for step, _ in drawn] == sorted(step for step, _ in drawn)
    assert thinned(points[:100]) == points[:100]
