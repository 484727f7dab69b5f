"""What keeps a set from being published: each is one line and exit code 1, readers see what they saw, the next push goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb
import pytest
from huggingface_hub import constants

from tests.hub import Fault, Hub
from tests.publish.conftest import NAME, READS, STRANGER, Here, Waits, contents, refused
from tests.publish.small import RECIPE, SmallBuild
from tests.publish.test_push import published, sent, version
from ttc_data.errors import PushFailed
from ttc_data.publish.findings import Finding
from ttc_data.publish.hub import Remote
from ttc_data.publish.push import (
    BATCH_BYTES,
    BATCH_FILES,
    LocalFile,
    batches,
    check_limits,
    local_files,
    plan_of,
    push,
    version_of,
)
from ttc_data.rules import Deprecation

RETRY_AFTER = {"Retry-After": "7"}
UNKNOWN = "hf_unknown"
# The client's uploads by LFS hand httpx2 a file in a way that httpx2 no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw:DeprecationWarning")


# The user and the name


@pytest.mark.parametrize("name", ["set", "org/set/more", "org/my set", "org/set--1", "org/", "org/.git"])
def test_a_name_that_is_none(name: str, hub: Hub, here: Here, first: SmallBuild) -> None:
    refused(here(first.out, name), name)
    assert hub.log == []


def test_no_token(hub: Hub, here: Here, first: SmallBuild) -> None:
    refused(here(first.out, token=""), "no token", "hf auth login", "HF_TOKEN")
    assert hub.log == []


def test_a_token_that_nobody_knows(hub: Hub, here: Here, first: SmallBuild) -> None:
    refused(here(first.out, token=UNKNOWN), "does not know this token")


def test_a_token_that_may_only_read(hub: Hub, here: Here, first: SmallBuild) -> None:
    refused(here(first.out, token=READS), "may only read", "settings/tokens")
    assert hub.repos == {}


def test_a_token_of_somebody_else(hub: Hub, here: Here, first: SmallBuild) -> None:
    refused(here(first.out, token=STRANGER), "may not write there")
    hub.put(NAME, {})
    refused(here(first.out, token=STRANGER), "may not write there")
    assert sent(hub, "lfs") == 0
    assert here(first.out).returncode == 0


def test_a_client_that_is_offline(hub: Hub, here: Here, monkeypatch: pytest.MonkeyPatch, first: SmallBuild) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused(here(first.out), "HF_HUB_OFFLINE is set")
    assert hub.log == []


def test_no_dataset_in_the_folder(hub: Hub, here: Here, tmp_path: Path) -> None:
    refused(here(tmp_path), str(tmp_path), "no dataset there")
    assert hub.log == []


# What is there already


def table(folder: Path, columns: str) -> bytes:
    path = folder / "table.parquet"
    duckdb.sql(f"COPY (SELECT {columns}) TO '{path}'")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ("1 AS question", "no column ttc_schema_version"),
        ("'9.10' AS ttc_schema_version", "schema 9.10, newer than"),
        ("'1.0' AS ttc_schema_version, 1 AS bug", "a column bug that this one lacks"),
    ],
)
def test_another_set_is_replaced_only_when_that_is_meant(
    columns: str, why: str, hub: Hub, here: Here, tmp_path: Path, first: SmallBuild
) -> None:
    hub.put(NAME, {"data/train.parquet": table(tmp_path, columns)})
    refused(here(first.out, NAME, "--revision", "candidate"), why, "--overwrite")
    assert list(hub.repos[NAME].branches) == ["main"]
    refused(here(first.out), why, "--overwrite")
    assert sent(hub, "lfs") == 0
    assert here(first.out, NAME, "--overwrite").returncode == 0
    assert published(hub) == contents(first)


def test_an_older_version_of_ours_is_replaced(hub: Hub, here: Here, tmp_path: Path, first: SmallBuild) -> None:
    hub.put(NAME, {"data/train.parquet": table(tmp_path, "'1.0' AS ttc_schema_version"), "LICENSE": b"MIT"})
    assert here(first.out).returncode == 0
    assert published(hub) == {**contents(first), "LICENSE": b"MIT"}


def test_the_set_of_another_recipe_is_another_set(hub: Hub, here: Here, tmp_path: Path, first: SmallBuild) -> None:
    assert here(first.out).returncode == 0
    other = SmallBuild(tmp_path, ["owner/alpha", "owner/beta"], RECIPE.model_copy(update={"name": "other"}))
    other.write()
    refused(here(other.out), "holds the set 'small', and this one is 'other'", "--overwrite")
    assert published(hub) == contents(first)
    assert here(other.out, NAME, "--overwrite").returncode == 0
    assert published(hub) == contents(other)


def test_a_set_whose_rows_are_mostly_gone_is_another_set(
    hub: Hub, here: Here, tmp_path: Path, first: SmallBuild
) -> None:
    """Another choice of projects keeps the recipe's name. What is withdrawn by name may go."""
    assert here(first.out).returncode == 0
    other = SmallBuild(tmp_path / "other", ["owner/gamma"])
    other.write()
    refused(here(other.out), "6 of its 6 rows not in this one", "--overwrite")
    assert published(hub) == contents(first)
    rows = [row.instance_id for row in first.rows()]
    withdrawn = tuple(Deprecation(instance_id=name, reason="wrong", since=date(2026, 1, 2)) for name in rows[:4])
    fewer = SmallBuild(
        tmp_path / "fewer", ["owner/alpha", "owner/beta"], RECIPE.model_copy(update={"deprecated": withdrawn})
    )
    fewer.write()
    assert here(fewer.out, NAME, "--allow", "proof").returncode == 0
    assert published(hub) == contents(fewer)


def test_a_set_of_other_files_is_another_set(hub: Hub, here: Here, first: SmallBuild) -> None:
    hub.put(NAME, {"data/train.csv": b"a,b\n"})
    refused(here(first.out), "holds another set (data/train.csv", "--overwrite")


def test_a_public_set_is_not_taken_for_a_private_one(hub: Hub, here: Here, first: SmallBuild) -> None:
    hub.put(NAME, {})
    refused(here(first.out, NAME, "--private"), "is public", "/settings")
    assert sent(hub, "lfs") == 0


def test_a_tag_of_other_content_is_not_moved(hub: Hub, here: Here, first: SmallBuild) -> None:
    before = hub.put(NAME, {}).branches["main"]
    hub.repos[NAME].tags[version(first)] = before
    refused(here(first.out), version(first), "tags are not moved")
    assert hub.repos[NAME].tags == {version(first): before}
    assert sent(hub, "lfs") == 0


def test_a_tag_is_no_branch(hub: Hub, here: Here, first: SmallBuild, second: SmallBuild) -> None:
    here(first.out)
    refused(here(second.out, NAME, "--revision", version(first)), "is a tag", "--revision")


def test_what_a_gitignore_on_the_hub_names_is_published(hub: Hub, here: Here, first: SmallBuild) -> None:
    """The Hub would leave the files out of the commit without a word."""
    hub.put(NAME, {".gitignore": b"trees/\n*.json\n"})
    assert here(first.out).returncode == 0
    assert published(hub) == {**contents(first), ".gitignore": b"trees/\n*.json\n"}


# The Hub and the network


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "whoami"),
        ("POST", "repos/create"),
        ("GET", "/refs"),
        ("GET", "/tree/"),
        ("POST", "/commit/"),
        ("POST", "/tag/"),
    ],
)
@pytest.mark.parametrize(
    ("status", "headers"), [(429, {"RateLimit": '"api";r=0;t=7'}), (429, RETRY_AFTER), (503, RETRY_AFTER)]
)
def test_what_passes_is_waited_for(
    method: str,
    path: str,
    status: int,
    headers: dict[str, str],
    hub: Hub,
    here: Here,
    waits: Waits,
    first: SmallBuild,
) -> None:
    hub.faults = [Fault(method, path, status=status, headers=headers, times=2)]
    pushed = here(first.out)
    assert pushed.returncode == 0, pushed.stderr
    assert len(hub.asked(method, path)) > 2
    assert set(waits.seconds) <= {7, 8}  # the client adds a second
    assert len(waits.seconds) == 2
    assert published(hub) == contents(first)


@pytest.mark.parametrize("path", ["/preupload/", "/commit/", "/tag/"])
def test_what_does_not_pass_is_one_line_and_the_next_push_goes_on(
    path: str, hub: Hub, here: Here, waits: Waits, first: SmallBuild
) -> None:
    hub.faults = [Fault("POST", path, status=503, times=99)]
    refused(here(first.out), "still answers 503 after 6 attempts", "push again")
    assert len(hub.asked("POST", path)) == 6
    assert published(hub) == (contents(first) if path == "/tag/" else {})
    before = sent(hub, "lfs")

    hub.faults.clear()
    assert here(first.out).returncode == 0
    assert published(hub) == contents(first)
    assert list(hub.repos[NAME].tags) == [version(first)]
    assert sent(hub, "lfs") == (before or len(hub.objects))
    assert len(hub.repos[NAME].history()) == 2


@pytest.mark.parametrize("path", ["repos/create", "/commit/", "/tag/"])
@pytest.mark.parametrize("kind", ["cut", "lost"])
def test_what_is_asked_again_is_done_once(
    kind: Literal["cut", "lost"], path: str, hub: Hub, here: Here, waits: Waits, first: SmallBuild
) -> None:
    """The connection ends before the Hub has it all, or after it did what was asked. A commit's branch tells which."""
    hub.faults = [Fault("POST", path, kind)]
    pushed = here(first.out)
    assert pushed.returncode == 0, pushed.stderr
    assert published(hub) == contents(first)
    assert len(hub.repos[NAME].history()) == 2
    assert list(hub.repos[NAME].tags) == [version(first)]
    assert len(hub.asked("POST", path)) == (1 if kind == "lost" and path == "/commit/" else 2)


def test_a_network_that_is_lost_is_one_line(hub: Hub, here: Here, waits: Waits, first: SmallBuild) -> None:
    hub.faults = [Fault("PUT", "^/lfs/", "cut", times=99)]
    refused(here(first.out), "the connection to", "check the network and push again")
    assert published(hub) == {}
    hub.faults.clear()
    assert here(first.out).returncode == 0


def test_tables_that_cannot_be_read_are_one_line(hub: Hub, here: Here, first: SmallBuild) -> None:
    hub.put(NAME, {"data/train.parquet": b"no parquet"})
    refused(here(first.out), "its tables cannot be read", "too small to be a Parquet file")
    hub.put(NAME, {"data/train.parquet": b"no parquet" * 9})
    hub.faults = [Fault("POST", "/paths-info/", status=403, times=99)]
    refused(here(first.out), "its tables cannot be read (switched on by a test)")


def test_a_hub_that_is_not_there_is_not_waited_for(
    here: Here, monkeypatch: pytest.MonkeyPatch, waits: Waits, first: SmallBuild
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port: nobody listens
    refused(here(first.out), "the connection to http://127.0.0.1:9 failed")
    assert waits.seconds == []


@pytest.mark.parametrize("when", ["/preupload/", "/commit/"])
def test_a_commit_of_somebody_else_is_not_built_over(
    when: str, hub: Hub, here: Here, waits: Waits, first: SmallBuild
) -> None:
    """While our files went up, or while our commit was lost."""
    waits.meanwhile = lambda: hub.put(NAME, {"data/x.parquet": b"x"})
    hub.faults = [Fault("POST", when, status=503)]
    refused(here(first.out), "somebody else", "push again")
    assert published(hub) == {"data/x.parquet": b"x"}
    assert hub.repos[NAME].tags == {}


def test_a_file_that_changes_while_it_is_sent(
    hub: Hub, here: Here, waits: Waits, tmp_path: Path, first: SmallBuild
) -> None:
    folder = shutil.copytree(first.out / "dataset", tmp_path / "copy")
    waits.meanwhile = lambda: (folder / "README.md").write_text("# Another\n", encoding="utf-8")
    hub.faults = [Fault("POST", "/preupload/", status=503)]
    refused(here(folder), "README.md: was changed while it was sent")
    assert published(hub) == {}


@pytest.mark.parametrize("largest", [2_000, 20])
def test_a_file_that_is_too_large_for_the_hub(largest: int, hub: Hub, here: Here, first: SmallBuild) -> None:
    hub.largest = largest
    refused(here(first.out), f"larger than {largest} bytes")
    assert published(hub) == {}


# Before the Hub is asked


def file(path: str, size: int) -> LocalFile:
    return LocalFile(path, Path(path), size, f"{path} {size}", "")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([file("data/a.parquet", 500 * 10**9 + 1)], "data/a.parquet: 500.0 GB"),
        ([file(f"trees/{number}", 1) for number in range(10_001)], "trees/: 10001 files"),
    ],
)
def test_what_the_hub_never_takes(files: list[LocalFile], why: str) -> None:
    check_limits(files[:1] if len(files) > 1 else [file("data/a.parquet", 500 * 10**9)])
    with pytest.raises(PushFailed, match=why):
        check_limits(files)


def finding(allowed: bool) -> Callable[[Path], Iterable[Finding]]:
    return lambda folder: [Finding("secrets", f"a key in {folder.name}", allowed), Finding("licence", "none", True)]


def test_what_a_check_found_keeps_the_set_here(hub: Hub, here: Here, first: SmallBuild) -> None:
    with pytest.raises(PushFailed, match=r"secrets: a key in dataset; .* --allow secrets$"):
        push(first.out, NAME, check=finding(allowed=False))
    assert hub.log == []


def test_what_is_allowed_is_published(hub: Hub, here: Here, monkeypatch: pytest.MonkeyPatch, first: SmallBuild) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_writes")
    pushed = push(first.out, NAME, check=finding(allowed=True))
    assert published(hub) == contents(first)
    assert pushed.version == version(first)


# What is sent


def test_batches_are_bounded_and_hold_every_file_once() -> None:
    sizes = [1, BATCH_BYTES, 1, 1, BATCH_BYTES * 9, *[3] * (BATCH_FILES + 1)]
    files = [file(str(number), size) for number, size in enumerate(sizes)]
    made = list(batches(files))
    assert [one for batch in made for one in batch] == files
    for batch in made:
        assert len(batch) <= BATCH_FILES
        assert len(batch) == 1 or sum(one.size for one in batch) <= BATCH_BYTES
    assert len(made) < len(files) / 10


def test_a_version_names_its_content(first: SmallBuild, second: SmallBuild) -> None:
    files = local_files(first.out / "dataset")
    assert version_of(files, "1.2") == version_of(reversed(files), "1.2") != version_of(files[1:], "1.2")
    assert version_of(files, "1.2").startswith("v1.2-")
    assert version(first) != version(second)


def test_hidden_files_stay_here(tmp_path: Path) -> None:
    for name in ("data/.train.jsonl", ".cache/x", "data/a.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert [one.path for one in local_files(tmp_path)] == ["data/a.parquet"]


def test_nothing_is_removed_outside_of_the_folders_of_a_dataset() -> None:
    names = ("LICENSE", "data/old.parquet", "data.txt", "trees/x", "paper/trees/x")
    plan = plan_of([], Remote("", dict.fromkeys(names, "")))
    assert plan.remove == ("data/old.parquet", "trees/x")
