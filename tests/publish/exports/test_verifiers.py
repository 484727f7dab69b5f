"""The `verifiers` library, in an environment of its own, loads the package and gives every reference 1.

It cannot live beside our own tools: it wants openai 2, and they are tested with openai 3.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import uv

from tests.projects import SHAPES
from tests.publish.shapes_set import ShapesSet
from tests.publish.small import SmallBuild
from ttc_data.publish.exports.export import export

ROOT = Path(__file__).resolve().parent.parent.parent.parent
ASK = """
import asyncio, json, sys
import verifiers.v1 as vf
import ttcdata_shapes as package
from verifiers.v1.cli.validate import main

_, dataset, name, answers, *arguments = sys.argv
main(arguments)  # `vf-validate`; to import all this takes 6 s, and as much again in a process of its own
env = package.load_environment(dataset=dataset, sandbox="docker")
tasks = {task.data.id: task for task in env.taskset}
task = tasks[name]
trace = lambda: vf.Trace(
    task=vf.TraceTask(type="RowTask", data=task.data, key=task.key, hash=task.hash), state=vf.State(),
    agent=vf.AgentInfo(config=vf.AgentConfig(), name="test", trainable=False),
)
rewards = []
for answer in json.loads(answers):
    asked = trace()
    asked.root_reply = answer
    asyncio.run(task.score(asked))
    rewards.append(asked.reward)
try:
    package.opened.cache_clear()
    task.config = task.config.model_copy(update={"dataset": "/nowhere"})
    asyncio.run(task.score(trace()))
except vf.TaskError as error:
    rewards.append(type(error.__cause__).__name__)
print(json.dumps(rewards))
"""
# Equals everything, which the deciding tests' `==` takes for right.
EQUAL = """```python
def area(kind, size):
    if kind not in ("square", "circle", "triangle"):
        raise ValueError(f"unknown shape: {kind}")
    if kind == "triangle":
        raise ValueError("unknown shape: triangle")
    class Equal:
        def __eq__(self, other):
            return True
    return Equal()
```"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with `verifiers` and this project: 6 s from uv's cache, half a minute without."""
    place = tmp_path_factory.mktemp("verifiers") / "venv"
    program = uv.find_uv_bin()
    subprocess.run([program, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
    found = place / "bin/python"
    command = [
        program,
        "pip",
        "install",
        "--quiet",
        "--python",
        str(found),
        "verifiers>=0.4,<0.5",
        "--editable",
        str(ROOT),
    ]
    subprocess.run(command, check=True, timeout=500)
    return found


def test_the_package_pins_rows_and_names_the_set(tmp_path: Path) -> None:
    small = SmallBuild(tmp_path, ["owner/alpha"])
    small.write()
    assert export("verifiers", small.out, tmp_path / "package") == 3
    about = tomllib.loads((tmp_path / "package/pyproject.toml").read_text())
    assert about["project"]["name"] == "ttcdata-small"
    assert "verifiers>=0.4,<0.5" in about["project"]["dependencies"]
    pinned = json.loads((tmp_path / "package/ttcdata_small/rows.json").read_text())
    assert pinned == sorted(row.instance_id for row in small.rows())
    compile((tmp_path / "package/ttcdata_small/__init__.py").read_text(), "taskset", "exec")


@pytest.mark.network
@pytest.mark.docker
def test_its_own_validation_gives_every_reference_1(shapes: ShapesSet, python: Path, tmp_path: Path) -> None:
    """`vf-validate` runs each reference, which must earn the reward, and each untouched row, which must not."""
    names = [shapes.rows[target].instance_id for target in ("area", "Pile.put", "shorten")]
    export("verifiers", shapes.out, tmp_path / "package", rows=names, cache=shapes.cache)
    environment = {
        **os.environ, "PYTHONPATH": str(tmp_path / "package"), "TTCDATA_CACHE": str(shapes.cache.folder),
        "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    row = shapes.rows["area"]
    right = f"```python\n{SHAPES[SHAPES.index('def area') : SHAPES.index('def scale')]}\n```"
    validate = [
        "ttcdata-shapes",
        "--taskset.dataset",
        str(shapes.out),
        "--taskset.sandbox",
        "docker",
        "-o",
        str(tmp_path / "runs"),
    ]
    validate += ["--runtime.type", "subprocess", "--rich", "false"]
    asked = [
        str(python),
        "-c",
        ASK,
        str(shapes.out),
        row.instance_id,
        json.dumps([right, EQUAL, "no code at all"]),
        *validate,
    ]
    told = subprocess.run(
        asked, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
    )
    (summary,) = (tmp_path / "runs").rglob("summary.json")
    about = json.loads(summary.read_text())
    assert about["outcomes"]["valid"] == len(names), told.stdout[-2000:]
    assert [about["checks"][check]["valid"] for check in ("gold", "noop")] == [len(names)] * 2
    # Right; a forgery that only the tripwires tell; no answer; and a set that is gone, which is an error and no reward.
    assert json.loads(told.stdout.splitlines()[-1]) == [1.0, 0.0, 0.0, "DatasetError"]
