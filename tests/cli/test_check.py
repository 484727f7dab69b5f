"""`ttcdata check` and `ttcdata schema`, as people type them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import jsonschema
import pytest

from tests.cli.conftest import Here, refused
from tests.curate.test_secrets import KEYS
from tests.publish.small import SmallBuild
from ttc_data.publish.checks import CHECKS


def lines(text: str) -> dict[str, str]:
    """What is said of each check."""
    return dict(line.split(maxsplit=1) for line in text.splitlines() if line.split(maxsplit=1)[0] in CHECKS)


def test_a_sound_set_is_one_line_a_check(here: Here, small: SmallBuild) -> None:
    ran = here("check", str(small.out))
    assert ran.returncode == 0
    assert list(lines(ran.stdout)) == list(CHECKS)
    assert set(lines(ran.stdout).values()) == {"ok", "1 allowed"}
    assert "allowed: 4 of 6 rows without a tripwire" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "6 rows: may be published"


def test_a_finding_exits_1_until_it_is_allowed_and_then_is_on_the_card(here: Here, small: SmallBuild) -> None:
    shutil.copytree(small.out / "dataset", "set")
    Path("set/notes.txt").write_text(KEYS["npm token"], encoding="utf-8")
    ran = here("check", "set")
    assert ran.returncode == 1
    assert lines(ran.stdout)["secrets"] == "1 found"
    assert "notes.txt:1" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "6 rows: not to be published like this"
    assert "notes.txt" not in Path("set/README.md").read_text(encoding="utf-8")
    allowed = here("check", "set", "--allow", "secrets:notes.txt", "--card")
    assert allowed.returncode == 0
    assert lines(allowed.stdout)["secrets"] == "1 allowed"
    assert "notes.txt:1" in Path("set/README.md").read_text(encoding="utf-8").partition("Published in spite of:")[2]


def test_the_card_of_a_set_on_the_hub_is_not_written(here: Here) -> None:
    refused(here("check", "org/name", "--card"), 2, "--card", "org/name")


def test_a_check_that_does_not_exist_is_one_line(here: Here, small: SmallBuild) -> None:
    refused(here("check", str(small.out), "--allow", "licences"), 2, "'licences'", "did you mean 'licence'")


@pytest.mark.parametrize("command", [["check"], ["schema", "check"]])
def test_what_is_no_dataset_is_one_line(here: Here, command: list[str]) -> None:
    refused(here(*command), 1, "no build under out/")
    refused(here(*command, "missing"), 1, "missing")
    (Path.cwd() / "bare" / "data").mkdir(parents=True)
    refused(here(*command, "bare"), 1, "bare")


def test_the_newest_build_is_checked_when_none_is_named(here: Here, small: SmallBuild) -> None:
    (Path.cwd() / "out").mkdir()
    (Path.cwd() / "out" / "done").symlink_to(small.out)
    for command in (["check"], ["schema", "check"]):
        assert here(*command).returncode == 0


def test_the_schema_of_a_sound_set_holds(here: Here, small: SmallBuild) -> None:
    ran = here("schema", "check", str(small.out))
    assert (ran.returncode, ran.stdout) == (0, "6 of 6 rows are as schema 1.3 says\n")


def test_wrong_rows_are_shown_a_screenful_and_the_rest_is_counted(here: Here, small: SmallBuild) -> None:
    shutil.copytree(small.out / "dataset", "set")
    (file,) = Path("set/data").iterdir()
    with duckdb.connect() as connection:
        wrong = "* REPLACE (-1 AS ttc_gold_runs, NULL::VARCHAR AS path), 1 AS more"
        made = connection.sql(f"SELECT {wrong} FROM (SELECT f.* FROM '{file}' f, range(4))")
        made.write_parquet("other.parquet")
    Path("other.parquet").replace(file)
    ran = here("schema", "check", "set")
    assert ran.returncode == 1
    said = ran.stdout.splitlines()
    assert said[0].startswith("every row: more: no column")
    assert "and 28 more" in said, "2 faults in each of 24 rows, of which 20 are shown"
    assert said[-1] == "0 of 24 rows are as schema 1.3 says; columns that are not: 1"
    assert len(said) < 25


def test_the_schema_is_shown(here: Here) -> None:
    ran = here("schema", "show")
    described = json.loads(ran.stdout)
    jsonschema.Draft202012Validator.check_schema(described)
    assert "instance_id" in described["properties"]
    refused(here("schema", "show", "swe-repair"), 2, "'swe-repair'", "stack-impl")
