"""Fields that must agree: one line that names set, field and value, from whatever reads the row."""

from __future__ import annotations

import pytest
import yaml

from tests.cli.conftest import Here, refused
from tests.foreign.hostile import HostileSet
from tests.models import serving
from ttc_data.dataset import Dataset
from ttc_data.pins import LOCK
from ttc_data.records import FileText

READERS = {
    "show": ["show", "SET", "--rows", "3"], "evidence": ["evidence", "SET", "owner"], "report": ["report", "SET", "--to", "page.html"],
    "sft": ["export", "sft", "SET", "sft"], "verifiers": ["export", "verifiers", "SET", "verifiers"],
    "difficulty": ["difficulty", "SET", "--out", "d.jsonl", "--llm", "SERVER", "--set", "prompts.max_tokens=0"],
    "push": ["push", "SET", "owner/name"], "check": ["check", "SET"],
}  # fmt: skip
"""Commands that no sandbox is needed for."""


@pytest.mark.parametrize("command", READERS)
def test_a_row_whose_path_is_not_among_its_files_is_named_by_whatever_reads_it(
    here: Here, hostile: HostileSet, command: str
) -> None:
    hostile.change_row(path="nowhere.py")
    with serving(lambda prompt, asked: "no") as server:
        words = {"SET": str(hostile.folder), "SERVER": server.url}
        ran = here(*(words.get(word, word) for word in READERS[command]))
    if command == "difficulty":  # its model is named before
        assert ran.returncode == 1
        assert "path: must be among ttc_files, is 'nowhere.py'" in ran.stderr.splitlines()[-1]
    elif command in ("check", "push"):  # these tell of all that is wrong
        assert ran.returncode == 1
        assert "Traceback" not in ran.stderr
        assert "path: must be among ttc_files, is 'nowhere.py'" in ran.stdout + ran.stderr
    else:
        refused(ran, 1, "path", "nowhere.py")


def test_a_patch_that_does_not_change_the_target_s_file_is_named(here: Here, hostile: HostileSet) -> None:
    hostile.change_row(patch="--- /dev/null\n+++ b/pkg/other.py\n@@ -0,0 +1 @@\n+x\n")
    refused(here("evidence", str(hostile.folder), "owner"), 1, str(hostile.folder), "patch: must", "pkg/mod.py")
    assert "left out" in here("export", "sft", str(hostile.folder), "sft").stderr


def test_a_test_patch_that_adds_nothing_is_named(here: Here, hostile: HostileSet) -> None:
    hostile.change_row(test_patch="no diff")
    for form in ("harbor", "swebench"):
        refused(here("export", form, str(hostile.folder), form), 1, str(hostile.folder), "test_patch: must")


def test_keys_that_a_recipe_does_not_know_are_named(here: Here, hostile: HostileSet) -> None:
    hostile.change_recipe(sandbox={"colour": "red"}, novelty=1)
    told = here("show", str(hostile.folder)).stdout
    assert "sandbox.colour" in told
    assert "novelty" in told
    assert "sandbox.colour" in here("check", str(hostile.folder)).stdout
    hostile.change_recipe(**{"\x1b[31m": 1})
    refused(here("show", str(hostile.folder)), 2, "recipe.yaml", "must be a key of a recipe")


LOCKED = {"recipe": "HASH", "ttcdata": "1", "python": "3.11", "platform": "linux", "mined": "x", "sources": []}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": "other"}, "of recipe"),
        ({"recipe": ["x"]}, "recipe"),
        ({"extra": 1}, "extra"),
        ({"python": None}, "python"),
        ({"sources": [{"source": {"kind": "git", "url": "x"}, "tree": "../../x"}]}, "tree"),
        ({"sources": [{"source": {"kind": "evil"}}]}, "sources.0"),
        ({"sources": [{"source": {"kind": "git", "url": "x"}, "tree": "", "run": "x"}]}, "run"),
        ({"mined": 10**400}, "64 bits"),
    ],
)
def test_a_lock_that_was_changed_is_one_line(here: Here, hostile: HostileSet, change: object, words: str) -> None:
    assert isinstance(change, dict)
    lock = {**LOCKED, "recipe": Dataset(hostile.folder).recipe.hash, **change}
    hostile.write(LOCK, yaml.safe_dump(lock))
    refused(here("build", str(hostile.folder), "--locked", "--dry-run"), 2, LOCK, words)


def test_a_locked_build_reads_environments_through_the_gate(here: Here, hostile: HostileSet) -> None:
    hostile.change_environment(metadata=(FileText("x-1.dist-info/METADATA", "x"),) * 2)
    hostile.write(LOCK, yaml.safe_dump({**LOCKED, "recipe": Dataset(hostile.folder).recipe.hash}))
    refused(here("build", str(hostile.folder), "--locked", "--dry-run"), 1, str(hostile.folder), "metadata.1.path")
