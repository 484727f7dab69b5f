"""What is printed says `1 row` and `2 rows`: numbers that may be one pass `counted`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ttc_data.plain import counted

ROOT = Path(__file__).parent.parent / "ttc_data"
THINGS = re.compile(r" (?:[a-z]+ )?(?:rows|answers|samples|projects|attempts|findings|sources|models)\b")
# Never one: rows that share an id, a run of failures that ends the training, a number of our own.
SEVERAL = {"dataset.py", "check_rows.py", "hub.py", "difficulty.py", "rewards.py"}


@pytest.mark.parametrize(("count", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (12_000, "12,000 rows")])
def test_one_is_said_in_the_singular(count: int, said: str) -> None:
    assert counted(count, "row") == said


def test_every_number_before_a_plural_is_counted() -> None:
    found = [
        f"{path.name}:{node.lineno}: {{{ast.unparse(number.value)}}}{text.value!s}"
        for path in sorted(ROOT.rglob("*.py"))
        if path.name not in SEVERAL
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        for number, text in zip(node.values, node.values[1:], strict=False)
        if isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant) and THINGS.match(str(text.value))
    ]
    assert not found, "write counted(number, 'row')"
