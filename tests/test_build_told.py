"""What a build tells of itself: at its end, when it goes on, and in its log; and what it proves first, and for how long."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

import ttc_data
from tests.projects import commit, shapes, write_files
from tests.test_build import RULES, TTCDATA, rejects, same_bytes
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.funnel import funnel
from ttc_data.kinds.inputs import Inputs
from ttc_data.recipe import Recipe
from ttc_data.rules import GitSource
from ttc_data.store import Build

pytestmark = [pytest.mark.network, pytest.mark.local]


def test_a_build_tells_what_a_limit_left_out_and_what_was_kept_before_and_logs_it(cache: Cache, tmp_path: Path) -> None:
    source = GitSource(url=str(shapes(tmp_path / "shapes")), repo="geometry/shapes")
    recipe = Recipe(name="shapes", sources=(source,), tests=RULES)
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(recipe.model_dump(mode="json")))
    out = tmp_path / "out"
    command = [str(TTCDATA), "build", str(path), "--out", str(out), "--local", "--workers", "2", "--limit", "2"]
    environment = {**os.environ, "TTCDATA_CACHE": str(cache.folder), "COLUMNS": "160", "NO_COLOR": "1"}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    first = run()
    steps = {step.stage: step for step in funnel(out)}
    assert steps["prove"].entered == 2
    assert steps["prove"].untried == steps["mask"].kept - 2 > 0
    proved = next(line for line in first.stdout.splitlines() if line.startswith("prove "))
    assert "not tried" in first.stdout
    assert proved.split()[3:5] == [str(steps["prove"].rejected), str(steps["prove"].untried)]
    assert f"{steps['prove'].untried} samples were not tried." in (out / "dataset/README.md").read_text()
    assert all(step.wall_seconds is not None and step.wall_seconds <= step.seconds + 0.01 for step in steps.values())
    assert all(step.untried == 0 for step in steps.values() if step.stage != "prove")

    shutil.copytree(out, tmp_path / "before")
    (out / "build.json").unlink()  # as if it had been killed at its very end
    again = run()
    prove = next(line for line in again.stderr.splitlines() if line.startswith("prove: "))
    kept = steps["prove"].kept
    assert prove.startswith(f"prove: 2 done (2 before this run), {kept} kept, {steps['prove'].rejected} dropped (")
    assert same_bytes(tmp_path / "before", out) == []

    log = (out / "build.log").read_text()
    assert log.count(f"build shapes (recipe {Dataset(out).recipe.hash})") == 2
    for line in (*first.stdout.splitlines()[-2:], prove.partition(" (")[0]):
        assert line in log
    assert " ".join(proved.split()[:5]) in " ".join(log.split())
    assert not list((out / "dataset").rglob("build.log"))


def test_samples_with_most_to_do_are_proven_first_and_a_proof_that_takes_too_long_is_given_up(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("shapes", "solids")
    sources = tuple(GitSource(url=str(shapes(tmp_path / name)), repo=f"geometry/{name}") for name in names)
    hasty = Recipe(name="shapes", sources=sources, tests=RULES.model_copy(update={"max_proof_s": 0.001}))
    made = ttc_data.build(hasty, tmp_path / "out", sandbox="local", cache=cache, workers=2)
    found = rejects(made, "prove")
    assert set(found.values()) == {"proof_too_slow"}
    assert not made.rows
    with closing(Build(made.folder)) as folder:
        inputs = Inputs(folder, hasty, cache)
        took = inputs.suites.seconds_by("environment_key")
        assert len(took) == 2
        assert min(took.values()) > 0
        for keys in (sorted(took), sorted(took, reverse=True)):
            monkeypatch.setattr(
                inputs.suites, "seconds_by", lambda name, keys=keys: dict(zip(keys, (9.0, 1.0), strict=True))
            )
            samples = [case.sample for _, case in inputs.cases()]
            assert list(dict.fromkeys(sample.environment_key for sample in samples)) == keys, "the slower suite's first"
    assert len(samples) == len(found)
    counts = [len(sample.candidates) + len(sample.further) for sample in samples if sample.environment_key == keys[0]]
    half = (len(counts) + 1) // 2
    assert len(set(counts)) > 1
    assert min(counts[:half]) >= max(counts[half:])


ASIDE = "".join(
    f"""
def aside_{number}(values: list[int]) -> int:
    \"\"\"Give the sum of some values and {number}, or 0 where there is none.\"\"\"
    if not values:
        return 0
    return sum(values) + {number}
"""
    for number in range(9)
)


def test_a_limit_takes_what_a_test_reaches_first(cache: Cache, tmp_path: Path) -> None:
    """Ten of eleven targets of a project were once scripts that no test runs, and the limit was used up by them."""
    folder = shapes(tmp_path / "shapes")
    commit(write_files(folder, {"aside.py": ASIDE}))
    source = GitSource(url=str(folder), repo="geometry/shapes")
    rules = RULES.model_copy(update={"max_proof_s": 0.001, "generate": True})
    hasty = Recipe(name="shapes", sources=(source,), tests=rules, limit=1)
    made = ttc_data.build(hasty, tmp_path / "out", sandbox="local", cache=cache, workers=2)
    with closing(Build(made.folder)) as build:
        samples = [case.sample for _, case in Inputs(build, hasty.model_copy(update={"limit": 0}), cache).cases()]
        reached = {sample.key for sample in samples if sample.candidates or sample.further}
        assert 0 < len(reached) < len(samples) - 3
        limited = Inputs(build, hasty.model_copy(update={"limit": len(reached)}), cache)
        assert {case.sample.key for _, case in limited.cases()} == reached
