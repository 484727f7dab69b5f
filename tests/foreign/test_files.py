"""What is written from what others wrote: cards, pages and export folders hold it, and do nothing that it says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Here, refused
from tests.foreign.hostile import HostileSet
from tests.foreign.test_terminal import SEVEN, hostile_set, said_by
from tests.foreign.texts import obeyed, storable
from ttc_data.publish.card import cell, code, write_card
from ttc_data.publish.check_files import SECTIONS
from ttc_data.publish.exports.export import export
from ttc_data.publish.facts import read_facts
from ttc_data.report.write import write_report

FEW = settings(max_examples=8, deadline=None)
QUICK = settings(max_examples=300, deadline=None)


def put_in(facts: Any, text: str) -> Any:
    """Facts with the text in the place of every text that a project or a model gave."""
    kept = ("stage", "name", "dataset", "ttcdata", "schema", "recipe_hash", "build", "since", "instance_id")
    if isinstance(facts, dict):
        return {
            key: text if isinstance(value, str) and key not in kept else put_in(value, text)
            for key, value in facts.items()
        }
    return [put_in(one, text) for one in facts] if isinstance(facts, list) else facts


@QUICK
@given(st.text())
def test_a_cell_is_one_cell(text: str) -> None:
    for shown in (cell(text), code(text)):
        assert "\n" not in shown
        assert obeyed(shown) == []
        assert re.sub(r"\\\\", "", shown).count("|") == re.sub(r"\\\\", "", shown).count("\\|")
    assert not set("<>") & set(cell(text))
    assert "`" not in code(text)


@FEW
@given(storable)
def test_a_card_of_hostile_facts_has_its_own_shape(text: str) -> None:
    with hostile_set() as hostile:
        facts = read_facts(hostile.folder / "card.json")
        write_card(hostile.folder, facts)
        sound = (hostile.folder / "README.md").read_text(encoding="utf-8")
        changed = {**put_in(facts, text), "licenses": {text: 3}, "spec_models": {text: 3}, "description": "Mine."}
        recipe = hostile.folder / "recipe.yaml"
        recipe.write_text(recipe.read_text(encoding="utf-8") + yaml.safe_dump({"description": f"```\n{text}\n~~~"}))
        write_card(hostile.folder, changed)
        said = (hostile.folder / "README.md").read_text(encoding="utf-8")
    assert obeyed(said) == []
    _, front, body = said.split("---\n", 2)
    assert yaml.safe_load(front)["configs"] == yaml.safe_load(sound.split("---\n", 2)[1])["configs"]
    outside = re.sub(r"^(`{3,})yaml\n.*?^\1$", "", body, flags=re.DOTALL | re.MULTILINE)
    headings = [line[3:] for line in outside.split("\n") if line.startswith("## ")]
    assert headings == [name for name in SECTIONS if name in headings]
    assert set(headings) == set(SECTIONS)
    prose = re.sub(r"`[^`\n]*`", "", outside)  # a span of code may say what it likes
    assert re.findall(r"</?(?!details|summary)[a-z]+[ >]", prose) == []


@pytest.mark.parametrize("value", [None, 3, [], {}, "x", [None], [{"stage": 1}], [{"stage": "x" * 9_000}]])
@pytest.mark.parametrize("key", ["funnel", "rows", "licenses", "largest"])
def test_a_card_that_is_none_is_one_line(here: Here, hostile: HostileSet, key: str, value: Any) -> None:
    facts = read_facts(hostile.folder / "card.json")
    hostile.write("card.json", json.dumps({**facts, key: value}))
    for line in (("show", str(hostile.folder)), ("check", str(hostile.folder), "--card")):
        ran = here(*line)
        assert "Traceback" not in ran.stderr, ran.stderr
        assert ran.stderr.count("error: ") <= 1
    for whole in ("[]", "3", "[" * 100_000):
        hostile.write("card.json", whole)
        refused(here("show", str(hostile.folder)), 1, "card.json")


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEVEN)
def test_an_exports_files_are_of_its_form_whatever_rows_say(texts: list[str]) -> None:
    with hostile_set() as hostile:
        hostile.change_rows(lambda row: said_by(row, texts))
        place = hostile.folder.parent
        for form in ("swebench", "harbor", "sft", "verifiers"):
            export(form, hostile.folder, place / form)
        for path in (place / "harbor").rglob("task.toml"):
            task = tomllib.loads(path.read_text(encoding="utf-8"))
            assert set(task) == {"schema_version", "task", "metadata", "verifier", "agent", "environment"}
        for path in [*(place / "harbor").rglob("Dockerfile"), *(place / "swebench").rglob("Dockerfile")]:
            assert re.fullmatch(r"FROM ttcdata/row:[a-z0-9_.-]+\n", path.read_text(encoding="utf-8"))
        for path in (place / "swebench").rglob("*.yaml"):
            assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)
        for path in place.rglob("*.jsonl"):
            for line in path.read_bytes().splitlines():
                json.loads(line)
        tomllib.loads((place / "verifiers" / "pyproject.toml").read_text(encoding="utf-8"))
        page = write_report(hostile.folder, place / "page.html").path.read_text(encoding="utf-8")
    assert len(re.findall(r"<script>", page)) == 1
    assert obeyed(page) == []


def test_a_page_is_written_beside_the_set_and_nothing_into_it(hostile: HostileSet, tmp_path: Path) -> None:
    before = sorted(hostile.folder.rglob("*"))
    write_report(hostile.folder, tmp_path / "page.html")
    assert sorted(hostile.folder.rglob("*")) == before
