"""A push, as a user types it: what readers get, what is sent, and what is left when it is stopped in the middle."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.hub import Fault, Hub
from tests.publish.conftest import NAME, PROGRAM, READS, STRANGER, Here, User, contents, refused
from tests.publish.small import SmallBuild
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError
from ttc_data.publish.push import local_files, version_of

UPLOADS = {"lfs": ("PUT", "^/lfs/"), "xet": ("POST", "^/v1/xorbs/")}
# The client's uploads by LFS hand httpx2 a file in a way that httpx2 no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw:DeprecationWarning")
by_both = pytest.mark.parametrize("way", list(UPLOADS))
LOAD = """
import json, sys
from datasets import load_dataset
name, *revisions = sys.argv[1:]
loaded = [load_dataset(name, revision=revision) for revision in revisions]
print(json.dumps([[row for split in splits.values() for row in split] for splits in loaded]))
"""


def version(build: SmallBuild) -> str:
    dataset = Dataset(build.out)
    return version_of(local_files(dataset.folder), dataset.version)


def sent(hub: Hub, way: str) -> int:
    """Uploads of large files that arrived."""
    return sum(one.status == 200 for one in hub.asked(*UPLOADS[way]))


def published(hub: Hub, revision: str = "main") -> dict[str, bytes]:
    """The set's files, without what the Hub itself puts there."""
    files = hub.read(NAME, revision)
    del files[".gitattributes"]
    return files


@by_both
def test_a_set_is_published_in_one_commit_with_a_tag(
    way: str, hub: Hub, tmp_path: Path, here: Here, first: SmallBuild
) -> None:
    hub.page = 4  # entries of one answer about the tree
    hub.part_size = 5_000  # smaller than the tables, larger than the trees
    pushed = User(hub, tmp_path, lfs=way == "lfs").push(first)
    assert pushed.returncode == 0, pushed.stderr
    assert published(hub) == contents(first)
    assert [commit.message for commit in hub.repos[NAME].history()] == [f"{version(first)}: 6 rows", "initial commit"]
    assert hub.repos[NAME].tags == {version(first): hub.repos[NAME].branches["main"]}
    assert sent(hub, way)
    assert len(hub.asked("PUT", "/lfs/.*/2$")) == (len(hub.repos[NAME].files_of("parquet")) if way == "lfs" else 0)
    assert re.search(r" (\d+) of \1 files ready, \d+\.\d kB", pushed.stderr)

    hub.forget()
    again = here(first.out)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith(f"nothing to push: main of {NAME} holds this set already")
    assert len(hub.repos[NAME].history()) == 2
    assert [one for one in hub.log if one.method in ("POST", "PUT")] == []


def test_a_published_set_is_loaded_by_its_name_as_it_was_built(
    hub: Hub, tmp_path: Path, here: Here, first: SmallBuild, second: SmallBuild
) -> None:
    for build in (first, second):
        assert here(build.out).returncode == 0
    loaded = User(hub, tmp_path, READS).run(sys.executable, "-c", LOAD, NAME, version(first), "main")
    for build, rows in zip((first, second), json.loads(loaded.stdout), strict=True):
        built = {row.instance_id: asdict(row) for row in Dataset(build.out).rows()}
        assert {row["instance_id"]: row for row in rows} == json.loads(json.dumps(built))


def test_a_new_version_replaces_the_old_one_in_one_commit(
    hub: Hub, here: Here, first: SmallBuild, second: SmallBuild
) -> None:
    """Files of the old version go, those that did not change are not sent, and what others put there stays."""
    here(first.out)
    hub.put(NAME, {"LICENSE": b"a licence", "figures/a.png": b"\x89PNG"})
    hub.forget()
    pushed = here(second.out)
    assert pushed.returncode == 0, pushed.stderr
    old, new = contents(first), contents(second)
    assert published(hub) == {**new, "LICENSE": b"a licence", "figures/a.png": b"\x89PNG"}
    assert published(hub, version(first)) == old
    assert len(hub.repos[NAME].history()) == 4
    assert len(hub.repos[NAME].tags) == 2
    changed = {path for path in new if old.get(path) != new[path]}
    assert sent(hub, "lfs") == sum(path.endswith((".gz", ".parquet")) for path in changed)
    gone = len(old.keys() - new.keys())
    assert gone == 2
    assert f"{len(changed)} files" in pushed.stdout
    assert f"{gone} removed in one commit" in pushed.stdout


@pytest.mark.parametrize(("way", "stop"), [("lfs", signal.SIGKILL), ("xet", signal.SIGINT)])
def test_a_push_that_is_stopped_before_its_commit_published_nothing_and_goes_on(
    way: str, stop: signal.Signals, hub: Hub, tmp_path: Path, here: Here, first: SmallBuild
) -> None:
    user = User(hub, tmp_path, lfs=way == "lfs")
    fault = Fault("POST", "/commit/", "hold")
    hub.faults.append(fault)
    with user.start(PROGRAM, "push", first.out, NAME) as process:
        assert fault.reached.wait(60)
        process.send_signal(stop)
        _, said = process.communicate(timeout=20)
    assert process.returncode == (130 if stop == signal.SIGINT else -stop)
    assert ("the same command goes on from there" in said) == (stop == signal.SIGINT)
    assert published(hub) == {}
    fault.release.set()

    assert sent(hub, way)
    hub.forget()
    again = here(first.out) if way == "lfs" else user.push(first)
    assert again.returncode == 0, again.stderr
    assert sent(hub, way) == 0
    assert published(hub) == contents(first)
    assert len(hub.repos[NAME].history()) == 2


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_push_that_is_stopped_between_uploads_sends_only_what_is_missing(
    stop: signal.Signals, hub: Hub, tmp_path: Path, here: Here, second: SmallBuild
) -> None:
    """Ctrl-C does not wait for the uploads that run."""
    fault = Fault("PUT", "^/lfs/", "hold", skip=2, times=9)
    hub.faults.append(fault)
    with User(hub, tmp_path, lfs=True).start(PROGRAM, "push", second.out, NAME) as process:
        assert fault.reached.wait(60)
        while len(hub.objects) < 2:  # the two before are sent at the same time
            time.sleep(0.01)
        process.send_signal(stop)
        process.communicate(timeout=20)
    assert process.returncode == (130 if stop == signal.SIGINT else -stop)
    assert published(hub) == {}
    arrived = set(hub.objects)
    assert len(arrived) == 2
    fault.release.set()

    hub.forget()
    assert here(second.out).returncode == 0
    assert sent(hub, "lfs") == len(hub.objects) - 2 > 0
    assert not [one for one in hub.asked("PUT", "^/lfs/") if one.path.removeprefix("/lfs/") in arrived]
    assert published(hub) == contents(second)


def test_a_connection_that_is_cut_in_an_upload_is_made_again(hub: Hub, here: Here, first: SmallBuild) -> None:
    hub.faults = [Fault(*UPLOADS["lfs"], "cut")]
    pushed = here(first.out)
    assert pushed.returncode == 0, pushed.stderr
    assert published(hub) == contents(first)
    assert len(hub.repos[NAME].history()) == 2


def test_chunks_whose_connection_is_cut_are_sent_again(hub: Hub, tmp_path: Path, first: SmallBuild) -> None:
    hub.faults = [Fault(*UPLOADS["xet"], "cut")]
    pushed = User(hub, tmp_path).push(first)
    assert pushed.returncode == 0, pushed.stderr
    assert published(hub) == contents(first)
    assert [one.status for one in hub.asked(*UPLOADS["xet"])] == [0, 200]


def test_a_hub_that_takes_no_chunks_is_one_line(hub: Hub, tmp_path: Path, first: SmallBuild) -> None:
    hub.faults = [Fault("GET", "/xet-write-token/", status=404, times=9)]
    refused(User(hub, tmp_path).push(first), "404 Not Found", "HF_HUB_DISABLE_XET=1")
    assert published(hub) == {}


def test_a_private_set_is_seen_by_its_organisation_alone(
    hub: Hub, here: Here, monkeypatch: pytest.MonkeyPatch, first: SmallBuild
) -> None:
    pushed = here(first.out, NAME, "--private")
    assert pushed.returncode == 0, pushed.stderr
    assert "(private)" in pushed.stdout
    assert hub.repos[NAME].private
    for token in ("", STRANGER):
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(DatasetError, match="check the name and the token"):
            Dataset(NAME)
    monkeypatch.setenv("HF_TOKEN", READS)
    assert Dataset(NAME).count() == 6


def test_a_branch_is_made_where_main_is_and_main_stays(
    hub: Hub, here: Here, first: SmallBuild, second: SmallBuild
) -> None:
    here(first.out)
    pushed = here(second.out, NAME, "--revision", "candidate")
    assert pushed.returncode == 0, pushed.stderr
    assert published(hub) == contents(first)
    assert published(hub, "candidate") == contents(second)
    assert hub.repos[NAME].tags[version(second)] == hub.repos[NAME].branches["candidate"]
    assert here(second.out).returncode == 0  # the version is good: main gets it too, under the tag that it has
    assert published(hub) == contents(second)
    assert len(hub.repos[NAME].tags) == 2
