"""Every command takes a set by its build's folder, its own folder or its name on the Hub, and a row by any part of its id."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.cli.conftest import NOWHERE, Here, refused
from tests.hub import serving
from tests.publish.small import SmallBuild
from ttc_data.dataset import build_of

HUB = "org/set"
# Made-up rows say nothing of their mutants and lean on one session: only the names are tried here.
ALLOWED = ("--allow", "proof", "--allow", "sizes")


@pytest.fixture
def hub(small: SmallBuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serving(HUB, small.out / "dataset") as endpoint:
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        files = "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + files)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield HUB


FORMS: dict[str, Callable[[SmallBuild], str]] = {
    "build": lambda small: str(small.out),
    "dataset": lambda small: str(small.out / "dataset"),
    "hub": lambda small: HUB,
}
READ = {
    "show": (["show", "SET", "--rows", "1"], "2 of 6 rows with a tripwire"),
    "evidence": (["evidence", "SET", "alpha-add"], "owner__alpha-add"),
    "report": (["report", "SET", "--to", "page.html"], "6 rows"),
    "check": (["check", "SET", *ALLOWED], "6 rows: may be published"),
    "schema": (["schema", "check", "SET"], "6 of 6 rows are as schema"),
    "export": (["export", "sft", "SET", "chats", "--row", "alpha-add"], "1 row in chats"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", READ)
def test_a_set_is_named_the_same_way_everywhere(
    command: str, form: str, here: Here, small: SmallBuild, hub: str
) -> None:
    words, said = READ[command]
    ran = here(*(FORMS[form](small) if word == "SET" else word for word in words))
    assert ran.returncode == 0, ran.stderr
    assert said in ran.stdout


# What runs tests has found the set when it looks for an engine.
RUN = [
    ["validate", "SET", "--docker"],
    ["grade", "SET", "--predictions", "answers.jsonl", "--docker"],
    ["image", "build", "SET", "--row", "alpha-add"],
    ["image", "push", "SET", "localhost:1", "--row", "alpha-add"],
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("words", RUN, ids=lambda words: " ".join(words[:2]))
def test_a_command_that_runs_tests_finds_the_set(
    words: Sequence[str], form: str, here: Here, small: SmallBuild, hub: str
) -> None:
    name = next(small.rows()).instance_id
    answer = {"instance_id": name, "model_name_or_path": "me", "model_patch": "x"}
    Path("answers.jsonl").write_text(json.dumps(answer), encoding="utf-8")
    ran = here(*(FORMS[form](small) if word == "SET" else word for word in words), DOCKER_HOST=NOWHERE)
    refused(ran, 1, "no Docker engine at")


BY_ROW = [
    ["evidence", "SET", "ROW"],
    ["export", "harbor", "SET", "tasks", "--row", "ROW"],
    ["image", "build", "SET", "--row", "ROW"],
]


@pytest.mark.parametrize("words", BY_ROW, ids=lambda words: " ".join(words[:2]))
def test_a_part_that_several_rows_have_names_a_few(words: Sequence[str], here: Here, small: SmallBuild) -> None:
    given = {"SET": str(small.out), "ROW": "owner__"}
    first = sorted(row.instance_id for row in small.rows())[:3]
    refused(
        here(*(given.get(word, word) for word in words)),
        1,
        f"row 'owner__': 6 rows hold it, for instance {', '.join(first)}; give more of the id",
    )


@pytest.mark.parametrize("words", BY_ROW, ids=lambda words: " ".join(words[:2]))
def test_a_part_that_no_row_has(words: Sequence[str], here: Here, small: SmallBuild) -> None:
    given = {"SET": str(small.out), "ROW": "nobody"}
    refused(here(*(given.get(word, word) for word in words)), 1, "no row nobody", "shows all ids")


def test_a_whole_id_is_that_row_though_another_begins_with_it(here: Here, small: SmallBuild, tmp_path: Path) -> None:
    whole = next(row.instance_id for row in small.rows() if row.ttc_target == "Counter")
    ran = here("export", "harbor", str(small.out), "tasks", "--row", whole, "--row", whole[6:])
    assert (ran.returncode, ran.stdout) == (0, "1 row in tasks\n")


def test_the_page_of_a_dataset_lies_in_its_builds_folder(
    here: Here, small: SmallBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is published holds nothing else, from wherever it is named."""
    for folder, name in ((small.out, "dataset"), (small.out / "dataset", ".")):
        monkeypatch.chdir(folder)
        found = build_of(name)
        assert found is not None
        assert found.resolve() == small.out.resolve()
        assert here("report", name).returncode == 0
        assert (small.out / "report.html").is_file()
        assert not (small.out / "dataset" / "report.html").exists()


def test_a_spec_is_previewed_in_the_build_around_a_dataset(here: Here, small: SmallBuild) -> None:
    ran = here("spec", "preview", "add", "--build", str(small.out / "dataset"), "--llm", "http://127.0.0.1:9/v1")
    refused(ran, 1, f"{small.out}: no build there whose suites have run")


def test_a_set_without_its_build_says_what_it_lacks(here: Here, small: SmallBuild) -> None:
    shutil.copytree(small.out / "dataset", "alone")
    refused(here("show", "alone", "--rejects"), 1, "alone is without its build's records", "name the build's folder")
    shown = here("show", "alone").stdout
    assert "mine" in shown
    assert "alone: funnel" in shown
