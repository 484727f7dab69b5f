"""Answers are kept: whole lines only, by key, and never in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.errors import BuildError, StorageFull
from ttc_data.llm.journal import AnswerJournal
from ttc_data.llm.request import Reply, Request, Sampling
from ttc_data.records import JsonObject

SAMPLING = Sampling("small")


def answer(number: int, text: str = "said") -> Reply:
    key = Request((("user", str(number)),), SAMPLING).key
    return Reply(key, text, "stop", 10, 5, 0.25)


def written(folder: Path, *answers: Reply) -> Path:
    journal = AnswerJournal(folder)
    for one in answers:
        journal.write([one])
    journal.close()
    return folder / "answers-0.jsonl"


def test_what_was_written_is_there_when_the_folder_is_opened_again(tmp_path: Path) -> None:
    large = answer(1, "é\u2028\n" * 100_000)
    written(tmp_path, answer(0), large)
    journal = AnswerJournal(tmp_path)
    assert [journal.get(one.key) for one in (answer(0), large, answer(2))] == [answer(0), large, None]
    assert (len(journal), journal.prompt_tokens, journal.completion_tokens) == (2, 20, 10)
    journal.close()


@pytest.mark.parametrize("cut", [1, 20, 60, 120])
def test_a_torn_last_line_is_dropped_and_written_over(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path, answer(0), answer(1))
    data = path.read_bytes()
    end = data.index(b"\n") + 1
    os.truncate(path, min(end + cut, len(data) - 1))
    journal = AnswerJournal(tmp_path)
    assert answer(0).key in journal
    assert answer(1).key not in journal
    journal.write([answer(2)])
    journal.close()
    assert path.read_bytes().count(b"\n") == 2
    again = AnswerJournal(tmp_path)
    assert again.get(answer(2).key) == answer(2)
    again.close()


@given(st.binary(max_size=200))
def test_no_bytes_keep_a_folder_from_being_opened(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    """A disk that lost power may leave anything; what can be read is used."""
    folder = tmp_path_factory.mktemp("noise")
    path = written(folder, answer(0))
    path.write_bytes(path.read_bytes() + noise + b"\n")
    written(folder, answer(1))
    journal = AnswerJournal(folder)
    assert [journal.get(answer(number).key) for number in (0, 1)] == [answer(0), answer(1)]
    journal.close()


def test_an_answer_whose_text_is_damaged_is_asked_for_again(tmp_path: Path) -> None:
    path = written(tmp_path, answer(0), answer(1))
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"text": "said"', b'"text": "sa\x00\x00"', 1))
    journal = AnswerJournal(tmp_path)
    assert [journal.get(answer(number).key) for number in (0, 1)] == [None, answer(1)]
    assert answer(0).key not in journal
    journal.close()


HOLDER = """
import sys
from pathlib import Path
from tests.llm.test_journal import AnswerJournal, answer
journal = AnswerJournal(Path(sys.argv[1]))
journal.write([answer(7)])
print("held", flush=True)
sys.stdin.read()
"""


def test_two_processes_have_a_file_each_and_read_each_others(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        journal = AnswerJournal(tmp_path)
        assert journal.get(answer(7).key) == answer(7)
        journal.write([answer(8)])
        journal.sync()
        journal.close()
        other.communicate(b"")
    assert {path.name for path in tmp_path.iterdir()} == {"answers-0.jsonl", "answers-1.jsonl"}
    again = AnswerJournal(tmp_path)
    assert len(again) == 2
    again.close()


def test_a_full_disk_is_told_and_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = AnswerJournal(tmp_path)
    journal.write([answer(0)])
    real = os.pwrite

    def half(file: int, data: bytes, offset: int) -> int:
        if len(data) < 40:
            raise OSError(28, "No space left on device")
        return real(file, data[:40], offset)

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(StorageFull, match="No space left on device; free some space and run the same command again"):
        journal.write([answer(1)])
    monkeypatch.undo()
    assert (tmp_path / "answers-0.jsonl").read_bytes().count(b"\n") == 1
    journal.write([answer(2)])
    assert journal.get(answer(2).key) == answer(2)
    journal.close()


def test_of_answers_written_together_those_that_fit_on_the_disk_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = AnswerJournal(tmp_path)
    real, room = os.pwrite, 2 * len((written(tmp_path / "other", answer(0))).read_bytes()) + 20

    def limited(file: int, data: bytes, offset: int) -> int:
        if offset >= room:
            raise OSError(28, "No space left on device")
        return real(file, data[: room - offset], offset)

    monkeypatch.setattr(os, "pwrite", limited)
    with pytest.raises(StorageFull):
        journal.write([answer(number) for number in range(4)])
    monkeypatch.undo()
    assert [journal.get(answer(number).key) for number in range(4)] == [answer(0), answer(1), None, None]
    journal.write([answer(3)])
    journal.close()
    again = AnswerJournal(tmp_path)
    assert [answer(number).key in again for number in range(4)] == [True, True, False, True]
    again.close()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BuildError, match=r"file/answers: .*; name a folder that can be written"):
        AnswerJournal(tmp_path / "file" / "answers")


def test_a_key_knows_all_that_an_answer_depends_on() -> None:
    def key(sampling: Sampling = SAMPLING, text: str = "a", schema: JsonObject | None = None) -> str:
        return Request((("user", text),), sampling, schema).key

    fields: dict[str, Any] = {"model": "b", "temperature": 0.5, "max_tokens": 5, "top_p": 0.5, "seed": 1, "number": 1}
    keys = {key(), key(text="b"), key(schema={}), *(key(replace(SAMPLING, **{k: v})) for k, v in fields.items())}
    assert len(keys) == 9
    assert key(schema={"a": 1, "b": 2}) == key(schema={"b": 2, "a": 1})
    assert key(Sampling("small", temperature=1)) == key(Sampling("small", temperature=1.0))
