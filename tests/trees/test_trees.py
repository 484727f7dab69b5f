"""The tree store keeps what it is given, byte for byte, under one name a content, and takes nothing that escapes."""

from __future__ import annotations

import gzip
import hashlib
import multiprocessing
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ttc_data.errors import BuildError, DatasetError, SourceRefused, StorageFull
from ttc_data.rules import TreeLimits
from ttc_data.trees.store import TreeFile, TreeStore, disk_full_named

LIMITS = TreeLimits()
PROJECT = (
    TreeFile("pkg/__init__.py", b"X = 1\r\n"),
    TreeFile("Pkg.txt", b"\xff\x00"),
    TreeFile("run.sh", b"#!/bin/sh\n", executable=True),
    TreeFile("pkg/\u00e9.py", b""),
)


def _put_many(folder: str) -> str:
    files = [TreeFile(f"f{number}.py", os.urandom(0) + b"x" * 1000) for number in range(200)]
    return TreeStore(Path(folder)).put(files, LIMITS).tree


def test_a_tree_gives_back_every_byte_sorted_by_path(tmp_path: Path) -> None:
    store = TreeStore(tmp_path / "trees")
    stored = store.put(PROJECT, LIMITS)
    assert (stored.files, stored.size) == (4, 19)
    assert list(store.files(stored.tree)) == sorted((file.path, file.data) for file in PROJECT)
    store.unpack(stored.tree, tmp_path / "out")
    assert (tmp_path / "out/pkg/__init__.py").read_bytes() == b"X = 1\r\n"
    assert os.access(tmp_path / "out/run.sh", os.X_OK)
    assert not os.access(tmp_path / "out/Pkg.txt", os.X_OK)


def test_order_and_dates_do_not_change_a_tree_and_everything_else_does(tmp_path: Path) -> None:
    one, two = TreeStore(tmp_path / "one"), TreeStore(tmp_path / "two")
    first = one.put(PROJECT, LIMITS)
    second = two.put([TreeFile(f.path, f.data, f.executable, modified=99) for f in reversed(PROJECT)], LIMITS)
    assert first == second
    assert one.path(first.tree).read_bytes() == two.path(second.tree).read_bytes()
    other_bit = [TreeFile(f.path, f.data, executable=False) for f in PROJECT]
    other_name = [*PROJECT[1:], TreeFile("PKG/__init__.py", b"X = 1\r\n")]
    assert len({first.tree, one.put(other_bit, LIMITS).tree, one.put(other_name, LIMITS).tree}) == 3


def test_the_archive_names_no_time_and_no_owner(tmp_path: Path) -> None:
    store = TreeStore(tmp_path)
    path = store.path(store.put(PROJECT, LIMITS).tree)
    assert path.read_bytes()[3:8] == b"\0\0\0\0\0"  # no file name flag, no time
    with tarfile.open(path) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in tar} == {(0, 0, 0, "", "")}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.from_regex(r"[a-z]{1,3}\.py", fullmatch=True), st.binary(max_size=50), min_size=1))
def test_any_tree_survives_the_store(tmp_path: Path, content: dict[str, bytes]) -> None:
    store = TreeStore(tmp_path)
    stored = store.put([TreeFile(path, data) for path, data in content.items()], LIMITS)
    assert dict(store.files(stored.tree)) == content


def test_two_processes_may_put_the_same_tree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert len(set(pool.map(_put_many, [str(tmp_path)] * 4))) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "path_escapes"),
        ("../x.py", "path_escapes"),
        ("a/../../x.py", "path_escapes"),
        ("a//x.py", "path_escapes"),
        ("./x.py", "path_escapes"),
        ("", "path_escapes"),
        ("a\0.py", "path_escapes"),
        (".git/config", "path_escapes"),
        ("a/.GIT/hooks/post-checkout", "path_escapes"),
        ("\udcff.py", "path_not_text"),
        ("x" * 300, "path_too_long"),
    ],
)
def test_a_path_that_could_leave_the_tree_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        TreeStore(tmp_path).put([TreeFile(path, b"")], LIMITS)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("files", "limits", "reason"),
    [
        ([TreeFile("a", b"1"), TreeFile("a", b"1")], LIMITS, "duplicate_path"),
        ([TreeFile("a/b", b"1"), TreeFile("a", b"1")], LIMITS, "duplicate_path"),
        ([], LIMITS, "tree_empty"),
        ([TreeFile("a", b"12345")], TreeLimits(max_file_bytes=4), "file_too_large"),
        ([TreeFile("a", b"123"), TreeFile("b", b"123")], TreeLimits(max_tree_bytes=5), "tree_too_large"),
        ([TreeFile("a", b""), TreeFile("b", b"")], TreeLimits(max_files=1), "too_many_files"),
    ],
)
def test_what_breaks_a_limit_leaves_nothing_behind(
    tmp_path: Path, files: list[TreeFile], limits: TreeLimits, reason: str
) -> None:
    with pytest.raises(SourceRefused) as refused:
        TreeStore(tmp_path).put(files, limits)
    assert refused.value.reason == reason
    assert list(tmp_path.iterdir()) == []


def test_a_published_archive_is_taken_only_under_its_own_hash(tmp_path: Path) -> None:
    theirs, ours = TreeStore(tmp_path / "theirs"), TreeStore(tmp_path / "ours")
    stored = theirs.put(PROJECT, LIMITS)
    assert ours.add_archive(theirs.path(stored.tree)) == stored
    assert ours.add_archive(theirs.path(stored.tree)) == stored
    forged = tmp_path / f"{hashlib.sha256(b'x').hexdigest()}.tar.gz"
    forged.write_bytes(theirs.path(stored.tree).read_bytes())
    with pytest.raises(DatasetError, match="its content hashes to"):
        ours.add_archive(forged)
    assert [path.name for path in ours.folder.iterdir()] == [f"{stored.tree}.tar.gz"]


def test_a_tree_name_cannot_name_another_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="64 hexadecimal digits"):
        TreeStore(tmp_path).path("../../etc/passwd")


def test_a_missing_or_damaged_tree_says_what_to_do(tmp_path: Path) -> None:
    store = TreeStore(tmp_path)
    with pytest.raises(BuildError, match="run the build again"):
        list(store.files("0" * 64))
    stored = store.put(PROJECT, LIMITS)
    path = store.path(stored.tree)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BuildError, match="delete it"):
        list(store.files(stored.tree))
    path.write_bytes(gzip.compress(b"no tar"))
    with pytest.raises(BuildError, match="delete it"):
        store.unpack(stored.tree, tmp_path / "out")


def test_a_full_disk_has_a_name(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageFull, match="free some space"),
        disk_full_named(tmp_path),
        Path("/dev/full").open("wb", 0) as full,
    ):
        full.write(b"x")
