"""For Harbor: a folder for each task, whose tests run in the row's image and write the reward."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from ttc_data.dataset import Dataset
from ttc_data.plain import plain
from ttc_data.publish.exports.tasks import ExportedRow, write
from ttc_data.publish.script import PATIENCE
from ttc_data.row import Row

AGENT_S = 1800.0
TEST = """#!/bin/bash
# Puts the tests back as they were, runs them, and writes /logs/verifier/reward.json and reward.txt.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p /logs/verifier
bash "$here/eval.sh" > /logs/verifier/tests.log 2>&1
status=$?
exec python3 -I "$here/grade.py" "$here/tests.json" /logs/verifier/tests.log "$status" /logs/verifier
"""
SOLVE = """#!/bin/bash
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd /testbed && git apply --whitespace=nowarn "$here/gold.patch"
"""
INSTRUCTION = """The repository lies at `/testbed`. Change its files there.

{problem}
"""


def write_tasks(dataset: Dataset, tasks: Iterable[ExportedRow], folder: Path) -> int:
    """Write one folder a task, as `harbor run --path FOLDER` reads them; the number of tasks."""
    grader = files("ttc_data.publish.exports").joinpath("harbor_grade.py").read_text(encoding="utf-8")
    limit = PATIENCE * dataset.recipe.tests.sample_timeout_s + 60
    count = 0
    for task in tasks:
        row, place = task.row, folder / task.row.instance_id
        tests = {"FAIL_TO_PASS": row.FAIL_TO_PASS, "PASS_TO_PASS": row.PASS_TO_PASS}
        write(place / "instruction.md", INSTRUCTION.format(problem=row.problem_statement.strip()))
        write(place / "task.toml", _toml(row, task.split, limit))
        write(place / "environment/Dockerfile", f"FROM {row.image}\n")
        write(place / "tests/test.sh", TEST, executable=True)
        write(place / "tests/eval.sh", row.eval_script, executable=True)
        write(place / "tests/grade.py", grader)
        write(place / "tests/tests.json", json.dumps(tests, indent=2) + "\n")
        write(place / "solution/solve.sh", SOLVE, executable=True)
        write(place / "solution/gold.patch", row.patch)
        count += 1
    return count


def _toml(row: Row, split: str, limit: float) -> str:
    # A JSON string is a TOML string.
    texts = (f"ttcdata/{row.instance_id}", row.repo, row.license, row.image)
    # TOML takes no halves of characters, in which JSON's escapes name those beyond U+FFFF.
    name, repo, license_, image = (json.dumps(plain(text), ensure_ascii=False) for text in texts)
    return f"""schema_version = "1.4"

[task]
name = {name}

[metadata]
repo = {repo}
license = {license_}
split = "{split}"

[verifier]
timeout_sec = {limit:.1f}

[agent]
timeout_sec = {AGENT_S:.1f}

[environment]
docker_image = {image}
workdir = "/testbed"
"""
