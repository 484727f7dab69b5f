"""The lists of wrong and of right answers that `benchmarks/hurried.py` and `benchmarks/right.py` grade."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FIRST, SECOND = (sorted((BENCHMARKS / folder).glob("*.yaml")) for folder in ("hurried", "hurried/second"))
FILES = [*FIRST, *SECOND]


def listed(file: Path) -> list[dict[str, Any]]:
    """A file's answers, each with its path."""
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [{"path": data["path"], **answer} for answer in data["answers"]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_each_wrong_answer_is_one_definition_of_its_target_with_a_witness(file: Path) -> None:
    for answer in listed(file):
        (definition,) = ast.parse(answer["code"]).body
        assert isinstance(definition, ast.FunctionDef | ast.ClassDef), answer["target"]
        assert definition.name == answer["target"].split(".")[-1]
        assert answer["why"].strip()
        witness = ast.parse(answer["witness"]).body
        assert isinstance(witness[-1], ast.Expr), answer["target"]
        ast.parse(answer["witness"].strip().splitlines()[-1], mode="eval")  # the last line stands alone


def test_the_list_is_long_and_broad_and_says_nothing_twice() -> None:
    answers = [(file.stem, answer) for file in FILES for answer in listed(file)]
    rows = {(project, answer["path"], answer["target"]) for project, answer in answers}
    bodies = Counter(ast.dump(ast.parse(answer["code"])) + answer["path"] for _, answer in answers)
    assert len(FIRST) == len(SECOND) == 10
    assert len(answers) >= 250
    assert len(rows) >= 200
    assert max(bodies.values()) == 1


def test_the_right_answers_are_definitions_of_their_targets_and_many() -> None:
    found = [
        answer
        for file in (BENCHMARKS / "right").glob("*.yaml")
        for answer in yaml.safe_load(file.read_text(encoding="utf-8"))["answers"]
    ]
    assert len(found) >= 60
    for answer in found:
        (definition,) = ast.parse(answer["code"]).body
        assert isinstance(definition, ast.FunctionDef | ast.ClassDef), answer["target"]
        assert definition.name == answer["target"].split(".")[-1]
