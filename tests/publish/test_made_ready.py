"""What a push does to a set before it goes out: checks that may refuse it, and images that its rows then name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.curate.test_secrets import KEYS
from tests.hub import Hub
from tests.publish.conftest import NAME, Here, refused
from tests.publish.small import SmallBuild
from tests.publish.test_push import published
from ttc_data.dataset import Dataset
from ttc_data.publish import images
from ttc_data.publish.images import RowImage, image_name, repository_in

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw:DeprecationWarning")


@pytest.fixture
def small(tmp_path: Path) -> SmallBuild:
    build = SmallBuild(tmp_path / "own", ("one/alpha", "two/beta"))
    build.write()
    return build


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of rows whose images were sent: their folders cannot be run, so none is made, and digests are numbers."""
    names: list[str] = []

    def push_images(dataset: Path, registry: str, **options: Any) -> Iterator[RowImage]:
        for number, row in enumerate(Dataset(dataset).rows()):
            names.append(row.instance_id)
            place = f"{repository_in(registry)}:{row.instance_id}"
            yield RowImage(row.instance_id, place, f"sha256:{number}", f"sha256:{number:064}", 100, 0.1)

    monkeypatch.setattr(images, "push_images", push_images)
    return names


def test_rows_name_the_images_that_were_pushed(hub: Hub, here: Here, small: SmallBuild, sent: list[str]) -> None:
    before = {row.instance_id: row for row in Dataset(small.out).rows()}
    assert {row.image for row in before.values()} == {image_name(row) for row in before.values()}
    pushed = here(small.out, NAME, "--images", "host/org")
    assert pushed.returncode == 0, pushed.stderr
    assert sent == list(before)
    for number, row in enumerate(Dataset(NAME).rows()):
        assert row.image == f"host/org/ttcdata-row@sha256:{number:064}"
        assert {**vars_of(before[row.instance_id]), "image": row.image} == vars_of(row)
    card = published(hub)["README.md"].decode()
    assert f"each of the {len(before)} rows" in card
    assert "`host/org/ttcdata-row:INSTANCE_ID`" in card
    again = here(small.out, NAME, "--images", "host/org")
    assert again.stdout.startswith("nothing to push")


def test_images_of_a_set_that_is_refused_are_not_pushed(
    hub: Hub, here: Here, small: SmallBuild, sent: list[str]
) -> None:
    (small.out / "dataset" / "notes.txt").write_text(KEYS["npm token"], encoding="utf-8")
    refused(here(small.out, NAME, "--images", "host/org"), "secrets: npm token", "in notes.txt:1", "--allow secrets")
    assert (sent, hub.log) == ([], [])
    assert here(small.out, NAME, "--allow", "secrets:notes.txt").returncode == 0
    assert "notes.txt:1" in published(hub)["README.md"].decode().partition("Published in spite of:")[2]


def test_a_registry_that_is_none_is_said_before_anything_is_sent(hub: Hub, here: Here, small: SmallBuild) -> None:
    refused(here(small.out, NAME, "--images", "https://host"), "registry 'https://host'", "must be HOST")
    assert hub.log == []


def vars_of(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}
