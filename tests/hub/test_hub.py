"""The stand-in keeps what a Hub promises, as the unmodified client sees it; uploads are tested with `ttcdata push`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, HfFileSystem
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from tests.hub import Account, Hub, running, serving

NAME = "org/set"
WRITES, READS = "hf_writes", "hf_reads"


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    made.accounts = {WRITES: Account("me", orgs=("org",)), READS: Account("you", "read")}
    with running(made):
        yield made


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_revision_never_changes(hub: Hub, tmp_path: Path) -> None:
    old = hub.put(NAME, {"data/a.parquet": b"old", "b": b"b"}).branches["main"]
    api = HfApi(endpoint=hub.endpoint, token=WRITES)
    api.create_tag(NAME, tag="v1", repo_type="dataset")
    hub.put(NAME, {"data/a.parquet": b"new"})
    for revision, text in ((old, b"old"), ("v1", b"old"), ("main", b"new")):
        folder = api.snapshot_download(NAME, repo_type="dataset", revision=revision, cache_dir=tmp_path / "cache")
        assert files(Path(folder))["data/a.parquet"] == text
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag(NAME, tag="v1", repo_type="dataset")
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info(NAME, revision="v2")


def test_a_part_of_a_file_is_read(hub: Hub) -> None:
    hub.put(NAME, {"data/a.parquet": bytes(range(100))})
    system = HfFileSystem(endpoint=hub.endpoint, token=WRITES, skip_instance_cache=True)
    with system.open(f"datasets/{NAME}/data/a.parquet", "rb", block_size=8) as file:
        file.seek(90)
        assert file.read() == bytes(range(90, 100))
    (asked,) = hub.asked("GET", "/resolve/")
    assert asked.status == 206


def test_what_a_token_may_do(hub: Hub) -> None:
    hub.put(NAME, {"a": b"a"}, private=True)
    hub.put("org/open", {"a": b"a"})
    for token, name in ((False, NAME), (READS, NAME)):
        with pytest.raises((RepositoryNotFoundError, HfHubHTTPError), match="Repository"):
            HfApi(endpoint=hub.endpoint, token=token).dataset_info(name)
    assert HfApi(endpoint=hub.endpoint, token=WRITES).dataset_info(NAME).private
    assert not HfApi(endpoint=hub.endpoint, token=False).dataset_info("org/open").private
    with pytest.raises(HfHubHTTPError, match="rights to write"):
        HfApi(endpoint=hub.endpoint, token=READS).create_tag("org/open", tag="v1", repo_type="dataset")


def test_a_folder_is_served_as_a_public_set(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("a", encoding="utf-8")
    with serving(NAME, tmp_path) as endpoint:
        api = HfApi(endpoint=endpoint, token=False)
        assert {"data", "data/a.txt"} < {
            one.path for one in api.list_repo_tree(NAME, recursive=True, repo_type="dataset")
        }
