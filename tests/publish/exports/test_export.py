"""What every export has in common: which rows, the same bytes each time, whole or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.publish.small import RECIPE, SmallBuild
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, ExportRefused
from ttc_data.progress import Quiet
from ttc_data.publish.exports import swebench
from ttc_data.publish.exports.export import ExportFormat, export
from ttc_data.publish.exports.tasks import ExportedRow, destination, tasks
from ttc_data.publish.rows import write_splits
from ttc_data.rules import SplitRules

REPOS = ("owner/alpha", "owner/beta", "pypi/gamma", "pypi/delta")


class Said(Quiet):
    """Remembers what a person is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


FORMATS: tuple[ExportFormat, ...] = ("swebench", "harbor", "verifiers", "sft")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    halves = RECIPE.model_copy(update={"splits": SplitRules(train=0.5, validation=0.2, test=0.3)})
    build = SmallBuild(tmp_path_factory.mktemp("small"), REPOS, halves)
    build.write()
    return build


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode) for path in files}


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_set_gives_the_same_bytes(small: SmallBuild, cache: Cache, tmp_path: Path, form: ExportFormat) -> None:
    for name in ("one", "two"):
        assert export(form, small.out, tmp_path / name, cache=cache) == 3 * len(REPOS)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert str(tmp_path) not in str(content(tmp_path / "one"))


@pytest.mark.parametrize("form", FORMATS)
def test_a_folder_that_holds_something_is_left_alone(
    small: SmallBuild, cache: Cache, tmp_path: Path, form: ExportFormat
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes").write_text("keep")
    with pytest.raises(ExportRefused, match="is there already; name a new folder"):
        export(form, small.out, tmp_path / "mine", cache=cache)
    assert content(tmp_path / "mine").keys() == {"notes"}


def test_an_export_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _broken_off(tmp_path / "place")
    assert list(tmp_path.iterdir()) == []


def _broken_off(place: Path) -> None:
    with destination(place) as folder:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt


def test_rows_are_chosen_by_split_id_and_number(small: SmallBuild, cache: Cache) -> None:
    dataset = Dataset(small.out)
    splits = dataset.splits()

    def ids(**chosen: Any) -> list[str]:
        return sorted(task.row.instance_id for task in tasks(dataset, cache=cache, **chosen))

    assert ids() == sorted(splits)
    for split in set(splits.values()):
        assert ids(split=split) == sorted(name for name, its in splits.items() if its == split)
    some = sorted(splits)[3:5]
    assert ids(names=some) == some
    assert ids(limit=2) == sorted(splits)[:2]
    assert {task.split for task in tasks(dataset, cache=cache)} == set(splits.values())
    with pytest.raises(DatasetError, match="--split dev: the set has "):
        ids(split="dev")
    with pytest.raises(DatasetError, match="no row nobody"):
        ids(names=["nobody"])


def copy_in(place: Path, folder: Path) -> None:
    if place.is_dir():
        shutil.copytree(place, folder / place.name)
    else:
        shutil.copy(place, folder)


def test_rows_of_older_builds_get_the_script_of_their_image(small: SmallBuild, cache: Cache, tmp_path: Path) -> None:
    old = [replace(row, eval_script="pytest") for row in small.rows()]
    write_splits(lambda: iter(old), dict.fromkeys(REPOS, "train"), tmp_path / "set/data")
    for name in ("recipe.yaml", "environments", "trees"):
        copy_in(small.out / "dataset" / name, tmp_path / "set")
    scripts = {task.row.instance_id: task.row.eval_script for task in tasks(Dataset(tmp_path / "set"), cache=cache)}
    assert scripts == {row.instance_id: row.eval_script for row in small.rows()}


def test_a_registry_names_the_images(small: SmallBuild, cache: Cache) -> None:
    for task in tasks(Dataset(small.out), registry="registry.example.com/org", cache=cache):
        assert task.row.image == f"registry.example.com/org/ttcdata-row:{task.row.instance_id}"


def test_what_swebench_cannot_name_is_left_out_there_and_said(small: SmallBuild, cache: Cache, tmp_path: Path) -> None:
    blank = "tests/test_mod.py::test_it[a b]"
    first, *others = small.rows()
    rows = [replace(first, FAIL_TO_PASS=(blank,)), *(replace(row, PASS_TO_PASS=(blank, "t::u")) for row in others)]
    write_splits(lambda: iter(rows), dict.fromkeys(REPOS, "train"), tmp_path / "set/data")
    for name in ("recipe.yaml", "environments", "trees"):
        copy_in(small.out / "dataset" / name, tmp_path / "set")
    said = Said()
    assert export("swebench", tmp_path / "set", tmp_path / "out", cache=cache, progress=said) == len(others)
    assert len(said.lines) == len(rows)
    (whole,) = [line for line in said.lines if "left out the row" in line]
    assert whole.startswith(first.instance_id)
    lines = [json.loads(line) for line in (tmp_path / "out/train.jsonl").read_text().splitlines()]
    assert {tuple(line["PASS_TO_PASS"]) for line in lines} == {("t::u",)}
    assert export("harbor", tmp_path / "set", tmp_path / "harbor", cache=cache) == len(rows)
    kept = json.loads((tmp_path / "harbor" / first.instance_id / "tests/tests.json").read_text())
    assert kept["FAIL_TO_PASS"] == [blank]


def test_text_that_breaks_lines_elsewhere_does_not_break_rows(small: SmallBuild, tmp_path: Path) -> None:
    """`swebench` splits its file with `str.splitlines`, which takes U+2028 and form feeds for ends of lines."""
    odd = replace(next(small.rows()), problem_statement="a\u2028b\x0cc\x85d\r\né")
    swebench.write_tasks(Dataset(small.out), [ExportedRow(odd, "test")], tmp_path, print)
    assert len((tmp_path / "test.jsonl").read_text().splitlines()) == 1
