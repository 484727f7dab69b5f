"""Each claim about foreign sets names its test, and the test is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.foreign.test_sets import SETS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## A published set is foreign data\n")[2].partition("\n## ")[0]


def test_every_test_that_the_threat_model_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 15
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path, _ in named}
    assert [f"{path}::{name}" for path, name in named if f"def {name}(" not in texts[path]] == []


def test_every_claim_about_foreign_sets_names_a_test() -> None:
    rows = [line for line in SECTION.split("\n") if line.startswith("| ")][1:]
    assert len(rows) > 10
    for row in rows:
        tests = row.removesuffix(" |").rsplit(" | ", 1)[1]
        techniques = re.findall(r"`([a-z_]+)`", tests)
        assert "::" in tests or techniques, row
        assert set(techniques) <= set(SETS), row
