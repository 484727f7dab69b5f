"""A build that asks a model: its specs pass the gates or give way, its calls become tests, its attempts are graded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ttc_data
from tests.models import MODEL, Server, serving
from tests.projects import shapes
from ttc_data.building import Built
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.recipe import Recipe
from ttc_data.row import Row
from ttc_data.rules import GitSource, LlmRules, SpecRules, TestRules

pytestmark = [pytest.mark.network, pytest.mark.local]

TTCDATA = Path(sys.executable).parent / "ttcdata"
SPECS: dict[str, dict[str, Any]] = {
    "area": {
        "purpose": "Gives the area of a square or of a circle of the given size, exact for squares and as a float for circles.",
        "parameters": [
            {"name": "kind", "type": "one of two words", "meaning": "which shape it is: square or circle"},
            {"name": "size", "type": "a number", "meaning": "the side of the square, or the radius of the circle"},
        ],
        "returns": "The area, in the square of whatever unit the size has.",
        "errors": [{"exception": "ValueError", "when": "the shape is neither of the two that are known"}],
        "examples": [{"call": 'area("square", 3)', "result": "9"}, {"call": 'area("cube", 1)', "result": "raises ValueError"}],
    },
    "scale": {
        "purpose": "Gives a new list in which every size of the given list is multiplied by the factor, in the same order.",
        "parameters": [
            {"name": "sizes", "type": "an iterable of numbers", "meaning": "what is to be multiplied, left as it is"},
            {"name": "factor", "type": "a number, 2 when it is left out", "meaning": "what each of them is multiplied by"},
        ],
        "returns": "A list as long as the given one.",
        "examples": [{"call": "scale([1, 2])", "result": "[1, 2]"}],
    },
    "unreached": {
        "purpose": "Writes the given value as text and turns that text around, so that its last character comes first.",
        "parameters": [{"name": "value", "type": "anything", "meaning": "what is turned around once it is written as text"}],
        "returns": "The text turned around.",
        "examples": [{"call": "unreached(123)", "result": "'321'"}],
    },
}  # fmt: skip
RIGHT = {
    "area": (
        '    import math\n    if kind == "square":\n        return size * size\n    if kind == "circle":\n        return math.pi * size**2\n'
        '    raise ValueError(f"unknown shape: {kind}")\n'
    ),
    "unreached": "    return str(value)[::-1]\n",
}


def answer(prompt: str, asked: dict[str, Any]) -> str:
    name = next((name for name in SPECS if f"`{name}`" in prompt), "")
    if prompt.startswith("You write specifications"):
        return json.dumps(SPECS[name]) if name else "I would rather not."
    if prompt.startswith("Propose"):
        return "```python\nunreached(12)\nunreached('abc')\nprint('no')\nunreached(\n```"
    if name in RIGHT and asked.get("seed", 0) % 2 == 0:
        return f"```python\n{RIGHT[name]}```"
    return "```python\nreturn 0\n```"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(answer) as running:
        yield running


@pytest.fixture(scope="module")
def built(server: Server, cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Built:
    project = shapes(tmp_path_factory.mktemp("asked") / "shapes")
    recipe = Recipe(
        name="shapes", sources=(GitSource(url=str(project), repo="geometry/shapes"),),
        tests=TestRules(runs=2, mutants=8, model_calls=12, test_timeout_s=2, suite_timeout_s=60, sample_timeout_s=30),
        llm=LlmRules(urls=(server.url,), at_once=8), spec=SpecRules(origin="model", attempts=2, solver_attempts=2),
    )  # fmt: skip
    return ttc_data.build(recipe, tmp_path_factory.mktemp("built"), sandbox="local", cache=cache, workers=2)


@pytest.fixture(scope="module")
def rows(built: Built) -> dict[str, Row]:
    return {row.ttc_target: row for row in Dataset(built.folder).rows()}


def test_a_spec_that_holds_is_what_the_solver_reads(rows: dict[str, Row]) -> None:
    area = rows["area"]
    assert (area.ttc_spec_origin, area.ttc_spec_model, area.ttc_spec_rejected) == ("model", MODEL, "")
    assert "Gives the area of a square or of a circle" in area.ttc_files[0].text
    assert "Gives the area of a square or of a circle" in area.prompt[1].content
    assert area.ttc_docstring.startswith("Compute the area")


def test_a_spec_with_an_example_that_does_not_hold_gives_way_to_the_docstring(rows: dict[str, Row]) -> None:
    scale = rows["scale"]
    assert (scale.ttc_spec_origin, scale.ttc_spec_rejected) == ("docstring", "spec_example_fails")
    assert "Multiply every size" in scale.ttc_files[0].text
    assert rows["Pile.put"].ttc_spec_rejected == "model_answer_is_no_spec"


def test_a_models_calls_are_counted_with_the_lines_that_are_none(built: Built, rows: dict[str, Row]) -> None:
    found = duckdb.connect().execute(
        "SELECT model_calls, model_lines_dropped FROM read_parquet(?) WHERE test_origin = 'generated'",
        [str(built.folder / "records" / "prove.parquet")],
    ).fetchall()  # fmt: skip
    assert found == [(2, 2)]
    assert (
        "+    result = unreached(12)\n+    assert isinstance(result, str)\n+    assert result == '21'\n"
        in rows["unreached"].test_patch
    )


def test_attempts_at_a_task_are_graded_by_its_own_tests(rows: dict[str, Row]) -> None:
    solved = {
        name: (row.ttc_solver_attempts, row.ttc_solver_pass_at_1, row.ttc_solver_pass_at_k)
        for name, row in rows.items()
    }
    assert solved["area"] == (2, 0.5, 1.0)
    assert solved["unreached"] == (2, 0.5, 1.0)
    assert solved["scale"] == (2, 0.0, 0.0)


def test_nothing_is_asked_twice_and_the_same_recipe_gives_the_same_rows(
    built: Built, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = len(server.prompts)
    assert before == len(set(server.prompts)) + sum(server.prompts.count(one) - 1 for one in set(server.prompts))
    records = built.folder / "records"
    data = {path.name: path.read_bytes() for path in (built.folder / "dataset" / "data").iterdir()}
    for name in ("specify", "mask", "prove", "solve"):
        for path in records.glob(f"{name}.*"):
            path.unlink()
    (built.folder / "build.json").unlink()
    recipe = Dataset(built.folder).recipe
    again = ttc_data.build(
        recipe, built.folder, sandbox="local", cache=Cache(tmp_path_factory.mktemp("again")), workers=2
    )
    assert again.rows == built.rows
    assert len(server.prompts) == before
    assert {path.name: path.read_bytes() for path in (built.folder / "dataset" / "data").iterdir()} == data


def test_one_target_can_be_looked_at_before_a_build_is_paid_for(built: Built, server: Server) -> None:
    def shown(target: str) -> subprocess.CompletedProcess[str]:
        command = [
            str(TTCDATA),
            "spec",
            "preview",
            target,
            "--build",
            str(built.folder),
            "--llm",
            server.url,
            "--local",
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    good, bad, many = shown("shapes.py::area"), shown("scale"), shown("Pil")
    assert (good.returncode, bad.returncode, many.returncode) == (0, 1, 1)
    assert "this is the spec" in good.stdout
    assert "passes spec_invents_parameter" in good.stdout
    assert "stopped by spec_example_fails" in bad.stdout
    assert "attempt 2" in bad.stdout
    assert "are 3 targets" in many.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--llm", "http://127.0.0.1:9/v1"], "http://127.0.0.1:9/v1 does not answer"),
        (["--llm", "URL", "--model", "other"], "'other' is not served"),
        (["--set", "spec.origin=model"], "no model is named"),
        (["--llm", "URL", "--serve", "some/model"], "both asked for"),
        (["--gpus", "2"], "--gpus 2 is for a server that is started here"),
        (["--serve", "some/model"], "vLLM is not installed"),
    ],
)
def test_a_model_that_cannot_be_asked_is_one_line(
    built: Built, server: Server, options: list[str], said: str, tmp_path: Path
) -> None:
    given = [server.url if one == "URL" else one for one in options]
    source = f"git:{Dataset(built.folder).recipe.model_dump()['sources'][0]['url']}"
    command = [str(TTCDATA), "build", "demo", "--source", source, "--out", str(tmp_path / "out"), "--local", *given]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode in (1, 2)
    assert said in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr
