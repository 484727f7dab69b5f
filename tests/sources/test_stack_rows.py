"""Rows are kept by repository, file by file, so that nothing that was taken is taken again."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from ttc_data.errors import DatasetError, StorageFull
from ttc_data.sources.stack_rows import StackRepository, StackRow, StackRows


def row(path: str, key: str | None = "a", content: bytes = b"x", repo: str = "a/b", stars: int = 1) -> StackRow:
    return StackRow(repo, "head", path, key, stars, ["MIT", None], "2020-01-02T03:04:05Z" if key else None, content)


def test_an_interrupted_copy_goes_on_after_the_last_whole_file(tmp_path: Path) -> None:
    asked: list[str] = []

    def rows(file: str) -> Iterator[StackRow]:
        asked.append(file)
        yield row(f"{file}_1.py")
        if asked == ["one", "two"]:
            raise KeyboardInterrupt
        yield row(f"{file}_2.py")

    stored = StackRows(tmp_path / "rows.sqlite")
    with pytest.raises(KeyboardInterrupt):
        stored.fill(["one", "two", "three"], rows)
    for _ in range(2):
        stored.fill(["one", "two", "three"], rows)
    assert asked == ["one", "two", "two", "three"]
    assert [path for path, _ in stored.contents("a/b", "head")] == [
        "one_1.py", "one_2.py", "three_1.py", "three_2.py", "two_1.py", "two_2.py",
    ]  # fmt: skip


def test_of_a_path_the_first_by_hash_stays_and_none_comes_last(tmp_path: Path) -> None:
    stored = StackRows(tmp_path / "rows.sqlite")
    taken = [
        row("x.py", None, b"none"), row("x.py", "b", b"b"), row("x.py", "a", b"a"),
        row("é.py", None, b"first"), row("é.py", None, b"second"), row("Z.py", content=b""),
    ]  # fmt: skip
    stored.fill(["one"], lambda _: taken)
    assert list(stored.contents("a/b", "head")) == [("Z.py", b""), ("x.py", b"a"), ("é.py", b"first")]
    assert list(stored.contents("a/b", "other")) == []


def test_repositories_by_stars_then_by_name(tmp_path: Path) -> None:
    stored = StackRows(tmp_path / "rows.sqlite")
    names = ("b/é", "b/z", "B/z", "c/d")
    stored.fill(["one"], lambda _: [row("x.py", repo=name, stars=2 if name == "c/d" else 1) for name in names])
    assert [one.repo for one in stored.repositories(0)] == ["c/d", "B/z", "b/z", "b/é"]
    assert list(stored.repositories(1)) == [StackRepository("c/d", "head", 2, ("MIT",), "2020-01-02T03:04:05Z", 1)]


def test_who_comes_second_waits_and_has_nothing_to_do(tmp_path: Path) -> None:
    first_is_in, asked = threading.Event(), []

    def rows(file: str) -> Iterator[StackRow]:
        asked.append(file)
        first_is_in.set()
        yield row("x.py")

    def fill() -> None:
        StackRows(tmp_path / "rows.sqlite").fill(["one"], rows)

    first = threading.Thread(target=fill)
    first.start()
    assert first_is_in.wait(10)
    fill()
    first.join()
    assert asked == ["one"]


class Interrupted(sqlite3.Connection):
    """Somebody presses Ctrl-C while SQLite works."""

    def set_progress_handler(self, progress_handler: Callable[[], int | None] | None, n: int) -> None:
        def handler() -> int | None:
            os.kill(os.getpid(), signal.SIGINT)
            return progress_handler() if progress_handler else 0

        super().set_progress_handler(handler, n)


def test_ctrl_c_ends_what_sqlite_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = StackRows(tmp_path / "rows.sqlite")
    stored.fill(["one"], lambda _: [row("x.py", repo=f"a/{n}") for n in range(20_000)])
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Interrupted))
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(stored.repositories(1))
    finally:
        signal.signal(signal.SIGINT, previous)


def test_a_damaged_file_and_a_full_disk_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.sqlite").write_text("no database, but long enough to be looked at as one" * 40)
    with pytest.raises(DatasetError, match=r"is damaged .*delete it"):
        StackRows(tmp_path / "rows.sqlite").fill(["one"], lambda _: [])
    connect = sqlite3.connect

    def small(*args: object, **words: object) -> sqlite3.Connection:
        connection = connect(tmp_path / "small.sqlite")
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(StorageFull, match="the disk is full"):
        StackRows(tmp_path / "small.sqlite").fill(["one"], lambda _: [row("x.py", content=os.urandom(99_999))])
