"""Chat messages that end with the reference: read as an answer, they give it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.publish.shapes_set import ShapesSet
from tests.publish.small import SmallBuild
from ttc_data.dataset import Dataset
from ttc_data.edits import unified_diff
from ttc_data.errors import PatchRejected
from ttc_data.publish.exports.export import export
from ttc_data.publish.exports.sft import reference_answer, write_tasks
from ttc_data.publish.exports.tasks import ExportedRow
from ttc_data.solve.answer import read_answer
from ttc_data.solve.blocks import in_blocks
from ttc_data.solve.task import reference_of

lines = st.lists(st.sampled_from(["a = 1", "b = 2", "    return a", "", "# =====", "x" * 30, "é\t"]), max_size=12)


def test_an_answer_read_as_ours_is_gives_the_reference(tmp_path: Path) -> None:
    small = SmallBuild(tmp_path, ["owner/alpha"])
    small.write()
    assert export("sft", small.out, tmp_path / "sft") == 3
    rows = {row.instance_id: row for row in Dataset(small.out).rows()}
    (file,) = (tmp_path / "sft").iterdir()
    for line in map(json.loads, file.read_text().splitlines()):
        row = rows[line["instance_id"]]
        assert [message["role"] for message in line["messages"]] == ["system", "user", "assistant"]
        assert line["messages"][1]["content"] == row.prompt[1].content
        assert line["license"] == row.license
        given_ = {one.path: one.text for one in row.ttc_files}
        answer = line["messages"][2]["content"]
        assert read_answer(answer, given_, row.path, row.ttc_target).files == reference_of(row)


def test_an_answer_shows_what_changes_and_not_the_whole_file(shapes: ShapesSet) -> None:
    for row in shapes.rows.values():
        assert len(reference_answer(row)) < len(row.ttc_files[0].text) + 400
    assert len(reference_answer(shapes.rows["Pile.take"])) < 600


@given(lines, lines, st.booleans())
def test_blocks_say_any_change_of_a_file_that_has_text(before: list[str], after: list[str], ended: bool) -> None:
    end = "\n" if ended else ""
    old, new = "\n".join(["start", *before]) + end, "\n".join(["start", *after]) + end
    text = in_blocks("m.py", old, new)
    assert (read_answer(text, {"m.py": old}, "m.py", "").files.get("m.py", old) or "").rstrip("\n") == new.rstrip("\n")


def test_a_file_whose_lines_read_like_marks_is_left_out_and_named(shapes: ShapesSet, tmp_path: Path) -> None:
    row = shapes.rows["scale"]
    old = row.ttc_files[0].text.replace("    raise NotImplementedError", "=======\n    raise NotImplementedError")
    new = old.replace("    raise NotImplementedError", "    return sizes")
    with pytest.raises(PatchRejected, match="no search/replace block"):
        in_blocks(row.path, old, new)
    given_ = (replace(row.ttc_files[0], text=old),)
    broken = replace(row, ttc_files=given_, patch=unified_diff({row.path: old}, {row.path: new}))
    told: list[str] = []
    assert write_tasks([ExportedRow(broken, "train"), ExportedRow(row, "train")], tmp_path, told.append) == 1
    assert len(told) == 1
    assert told[0].startswith(f"{row.instance_id}: left out (")
