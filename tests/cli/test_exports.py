"""`ttcdata export`, `ttcdata image build` and `ttcdata image push` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.conftest import NOWHERE, Here, refused
from tests.publish.small import SmallBuild


def test_an_export_says_where_how_many_rows_are(here: Here, small: SmallBuild) -> None:
    ran = here("export", "sft", str(small.out), "chats", "--limit", "2")
    assert (ran.returncode, ran.stdout) == (0, "2 rows in chats\n")
    lines = [line for path in Path("chats").iterdir() for line in path.read_text().splitlines()]
    assert len(lines) == 2
    ran = here("export", "harbor", str(small.out), "tasks", "--row", json.loads(lines[0])["instance_id"])
    assert (ran.returncode, ran.stdout) == (0, "1 row in tasks\n")
    assert [path.name for path in Path("tasks").iterdir()] == [json.loads(lines[0])["instance_id"]]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["export", "arrow", "SET", "out"], 2, ["FORMAT", "'arrow'", "ttcdata export --help"]),
        (["export", "sft", "SET"], 2, ["DEST"]),
        (["export", "sft", "nowhere", "out"], 1, ["nowhere: no dataset there"]),
        (["export", "sft", "SET", "out", "--split", "dev"], 1, ["--split dev", "name one of them"]),
        (["export", "sft", "SET", "out", "--row", "nobody"], 1, ["no row nobody"]),
        (["export", "harbor", "SET", "out", "--registry", "https://x"], 1, ["'https://x'", "HOST[:PORT][/PATH]"]),
        (["image", "push", "SET", "https://x"], 1, ["'https://x'", "HOST[:PORT][/PATH]"]),
        (["image", "build", "SET", "--row", "nobody"], 1, ["no row nobody"]),
        (["image", "build", "nowhere"], 1, ["nowhere: no dataset there"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_exported_is_one_line(
    here: Here, small: SmallBuild, arguments: Sequence[str], code: int, words: Sequence[str]
) -> None:
    given = [str(small.out) if word == "SET" else word for word in arguments]
    ran = here(*given)
    last = ran.stderr.splitlines()[-1]
    assert ran.returncode == code
    assert last.startswith("error: ")
    assert all(word in last for word in words), last
    assert "Traceback" not in ran.stderr
    assert not Path("out").exists()


def test_images_without_an_engine_are_one_line(here: Here, small: SmallBuild) -> None:
    refused(here("image", "build", str(small.out), DOCKER_HOST=NOWHERE), 1, "no Docker engine at", "make engine")
    assert not (small.out / "images.json").exists()
