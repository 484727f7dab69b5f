"""Rows, splits and the files of a dataset: what readers and other harnesses rely on."""

from __future__ import annotations

import ast
import importlib
import json
import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.publish.small import MODULE, RECIPE, SmallBuild
from ttc_data.dataset import Dataset
from ttc_data.edits import apply_patch
from ttc_data.publish.rows import SPLITS, assign_splits, instance_id, write_splits
from ttc_data.publish.script import END, START
from ttc_data.records import Sample, Source, Target
from ttc_data.row import Row
from ttc_data.rules import ImageRules, MaskRules, SplitRules
from ttc_data.solve.task import hidden_tests, reference_of

ROOT = Path(__file__).resolve().parent.parent.parent
REPOS = ("owner/alpha", "owner/beta", "pypi/gamma", "pypi/delta")
HALVES = SplitRules(train=0.5, validation=0.2, test=0.3)

names = st.text("abc/-._XYZ09é", min_size=1, max_size=12)
rules = st.sampled_from([SplitRules(), HALVES, SplitRules(train=0.01, test=0.99), SplitRules(train=0, test=1)])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    build = SmallBuild(tmp_path_factory.mktemp("small"), REPOS, RECIPE.model_copy(update={"splits": HALVES}))
    build.write()
    return build


# Splits


@given(st.sets(names, min_size=1), rules, st.integers(0, 9), st.randoms(use_true_random=False))
def test_splits_depend_on_the_names_and_the_seed_alone(
    repos: set[str], shares: SplitRules, seed: int, order: Random
) -> None:
    shuffled = sorted(repos)
    order.shuffle(shuffled)
    splits = assign_splits(shuffled, shares, seed)
    assert splits == assign_splits(sorted(repos), shares, seed)
    assert splits.keys() == repos
    assert set(splits.values()) <= set(SPLITS)


@given(st.sets(names, min_size=1), rules, st.integers(0, 9))
def test_train_is_never_empty_when_it_has_a_share(repos: set[str], shares: SplitRules, seed: int) -> None:
    splits = assign_splits(repos, shares, seed)
    assert ("train" in splits.values()) == (shares.train > 0)


@given(st.sets(names, min_size=1), names, rules, st.integers(0, 9))
def test_another_repository_moves_no_other(repos: set[str], more: str, shares: SplitRules, seed: int) -> None:
    """A set that grows keeps its test split, but for one repository that stood in for an empty train split."""
    before, after = assign_splits(repos, shares, seed), assign_splits(repos | {more}, shares, seed)
    moved = {repo for repo in repos if before[repo] != after[repo]}
    assert len(moved) <= 1
    assert all(before[repo] == "train" and list(before.values()).count("train") == 1 for repo in moved)


def test_a_split_without_a_share_gets_nothing() -> None:
    splits = assign_splits([f"owner/{number}" for number in range(200)], SplitRules(), 0)
    assert set(splits.values()) == {"train", "test"}
    assert 0 < list(splits.values()).count("test") < 50  # 20 are expected


# Rows


@given(
    st.text(min_size=1, max_size=40),
    st.sampled_from(["Owner/Some.Name_x-1", "pypi/more-itertools", "local/A", "local/é", "o" * 99 + "/" + "n" * 99]),
)
def test_an_instance_id_is_a_valid_image_tag(qualname: str, repo: str) -> None:
    """https://docs.docker.com/reference/cli/docker/image/tag: at most 128 characters, none of them a dash at first."""
    source = Source("git", repo, "1", "MIT", "git:x", "tree", 1, 1, "")
    target = Target("s", "m.py", qualname, "function", False, (0, 1), "def f():", "", (0, 0), (), ())
    sample = Sample("t", "s", "e", "p", "body", "m.py", qualname, "", "", "", (), (), (), 0.0, "")
    name = instance_id(source, target, sample)
    assert re.fullmatch(r"[a-z0-9_][a-z0-9_.-]{0,127}", name)
    assert name == instance_id(source, target, sample)


def test_ids_are_unique_and_the_same_for_the_same_sample(small: SmallBuild, tmp_path: Path) -> None:
    ids = [row.instance_id for row in small.rows()]
    assert len(ids) == len(set(ids)) == 3 * len(REPOS)
    again = SmallBuild(tmp_path, REPOS, small.recipe)
    assert [row.instance_id for row in again.rows()] == ids


def test_the_patch_of_a_row_gives_the_original_file(small: SmallBuild) -> None:
    for row in small.rows():
        assert reference_of(row) == {"pkg/mod.py": MODULE}
        (given_file,) = row.ttc_files
        assert "NotImplementedError" in given_file.text
        ast.parse(given_file.text)


def test_a_row_says_all_that_its_tests_need(small: SmallBuild) -> None:
    """The deciding tests that the repository does not have travel in `test_patch`."""
    for row in small.rows():
        added = hidden_tests(row)
        assert added
        assert {path for path, text in apply_patch({}, row.test_patch).items() if text} == set(added)
        files = {test.partition("::")[0] for test in (*row.FAIL_TO_PASS, *row.PASS_TO_PASS)}
        assert files == {*added, "tests/test_mod.py"}
        lines = row.eval_script.splitlines()
        command, _ = lines[lines.index(f"echo '{START}'") + 1 : lines.index(f"echo '{END}'")]
        assert all(file in command for file in files)


def test_the_prompt_asks_for_the_target_and_hides_its_body(small: SmallBuild) -> None:
    for row in small.rows():
        assert [message.role for message in row.prompt] == ["system", "user"]
        asked = row.prompt[1].content
        assert f"`{row.ttc_target}`" in asked
        assert "total = a + b" not in asked or row.ttc_target != "add"
        assert row.ttc_docstring.splitlines()[0] in row.problem_statement


def test_a_definition_that_is_gone_is_described_by_its_interface(tmp_path: Path) -> None:
    whole = RECIPE.model_copy(update={"mask": MaskRules(mode="whole")})
    row = next(row for row in SmallBuild(tmp_path, ["owner/alpha"], whole).rows() if row.ttc_target == "add")
    assert "def add" not in row.ttc_files[0].text
    assert "def add(a, b):" in row.problem_statement
    assert "def add(a, b):" in row.prompt[1].content
    assert reference_of(row) == {"pkg/mod.py": MODULE}


# Files


def test_the_same_rows_in_any_order_give_the_same_bytes(small: SmallBuild, tmp_path: Path) -> None:
    rows = list(small.rows())
    splits = assign_splits({row.repo for row in rows}, HALVES, 0)
    written = []
    for number in range(3):
        Random(number).shuffle(rows)
        folder = tmp_path / str(number)
        counts = write_splits(lambda: iter(rows), splits, folder)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
        assert sum(counts.values()) == len(rows)
    assert written[0] == written[1] == written[2]
    assert all(name.endswith("-00000-of-00001.parquet") for name in written[0])


def test_splits_that_are_written_again_leave_nothing_of_the_old(small: SmallBuild, tmp_path: Path) -> None:
    rows = list(small.rows())
    write_splits(lambda: iter(rows), dict.fromkeys(REPOS, "train"), tmp_path)
    assert write_splits(lambda: iter(rows), dict.fromkeys(REPOS, "test"), tmp_path) == {"test": len(rows)}
    assert [path.name for path in tmp_path.iterdir()] == ["test-00000-of-00001.parquet"]


def test_text_survives_the_files(small: SmallBuild, tmp_path: Path) -> None:
    """What JSON, DuckDB or parquet might change: quotes, control characters, other planes, the line ends of Windows."""
    odd = "é\r\n\t'\"\\ \x00\x1f\u2028 😀 {} [] \x7f"
    row = replace(
        next(small.rows()), problem_statement=odd, ttc_docstring=odd, FAIL_TO_PASS=(f"t.py::{odd}", "t.py::b")
    )
    write_splits(lambda: iter([row]), {row.repo: "train"}, tmp_path / "data")
    (tmp_path / "recipe.yaml").write_bytes((small.out / "recipe.yaml").read_bytes())
    assert list(Dataset(tmp_path).rows()) == [row]


def header(card: Path) -> dict[str, Any]:
    _, front, _ = card.read_text(encoding="utf-8").split("---\n", 2)
    loaded: dict[str, Any] = yaml.safe_load(front)
    return loaded


def test_the_card_names_the_files_that_are_there(small: SmallBuild) -> None:
    dataset = small.out / "dataset"
    (config,) = header(dataset / "README.md")["configs"]
    named = {entry["split"]: sorted(dataset.glob(entry["path"])) for entry in config["data_files"]}
    assert all(named.values())
    assert sorted(file for files in named.values() for file in files) == sorted((dataset / "data").iterdir())
    for split, files in named.items():
        assert all(file.name.startswith(f"{split}-") for file in files)


def test_the_card_says_what_the_build_did(small: SmallBuild) -> None:
    text = (small.out / "dataset" / "README.md").read_text(encoding="utf-8")
    assert f"{3 * len(REPOS)} rows of {len(REPOS)} repositories" in text
    assert "| mine | 5 | 4 | 1 |" in text
    assert "| mine | `license_not_allowed` | 1 |" in text
    assert all(f"| {repo} | abc | MIT | 3 |" in text for repo in REPOS)


def test_a_card_whose_words_would_break_yaml_still_parses(tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(
        update={"name": "0-1", "description": "a: b # c\n---\n- d", "image": ImageRules(base="x:y")}
    )
    build = SmallBuild(tmp_path, ["owner/alpha"], recipe)
    build.write()
    assert header(build.out / "dataset" / "README.md")["pretty_name"] == "0-1"


def test_a_dataset_loads_as_readers_load_it(small: SmallBuild, tmp_path: Path) -> None:
    datasets: Any = importlib.import_module("datasets")  # has no types
    loaded = datasets.load_dataset(str(small.out / "dataset"), cache_dir=str(tmp_path))
    assert sum(loaded.num_rows.values()) == 3 * len(REPOS)
    where = {split: {row["repo"] for row in loaded[split]} for split in loaded}
    assert sum(len(repos) for repos in where.values()) == len(REPOS), "a repository in two splits"
    schema = json.loads((ROOT / "schemas" / "stack-impl.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for split in loaded:
        for row in loaded[split]:
            validator.validate(row)


def test_a_dataset_without_rows_is_not_written(tmp_path: Path) -> None:
    build = SmallBuild(tmp_path, [])
    assert build.write() == {}
    assert not (build.out / "dataset").exists()
    assert (build.out / "recipe.yaml").is_file()


def test_the_rows_of_a_dataset_are_the_rows_that_were_written(small: SmallBuild) -> None:
    read = sorted(Dataset(small.out).rows(), key=lambda row: row.instance_id)
    made: list[Row] = sorted(small.rows(), key=lambda row: row.instance_id)
    assert read == made
    assert {row.instance_id for row in Dataset(small.out).rows(limit=2)} == {row.instance_id for row in made[:2]}
