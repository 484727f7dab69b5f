"""What is wrong with a set's columns and values is named by row and column; older sets are read, newer ones are refused."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import duckdb
import pytest

from tests.publish.small import SmallBuild
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, RecipeError
from ttc_data.publish.checks import check_dataset
from ttc_data.publish.conformity import Conformity
from ttc_data.recipe import load_recipe
from ttc_data.records import SCHEMA_VERSION
from ttc_data.row import SINCE, Row
from ttc_data.store import columns

REPOS = ("owner/alpha", "owner/beta")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    build = SmallBuild(tmp_path_factory.mktemp("small"), REPOS)
    build.write()
    return build


def rewritten(small: SmallBuild, folder: Path, select: str, name: str = "train-00000-of-00001.parquet") -> Path:
    """The same set with other columns: `select` stands between SELECT and FROM."""
    dataset = folder / "dataset"
    shutil.copytree(small.out / "dataset", dataset)
    old = dataset / "data" / "train-00000-of-00001.parquet"
    with duckdb.connect() as connection:
        made = connection.sql(f"SELECT {select} FROM '{small.out}/dataset/data/*.parquet' ORDER BY instance_id")
        old.unlink()
        made.write_parquet(str(dataset / "data" / name))
    return dataset


def faults(dataset: Path) -> list[str]:
    conformity = Conformity(dataset)
    return [str(one) for one in conformity.faults] + [
        str(fault) for checked in conformity.rows() for fault in checked.faults
    ]


def ids(small: SmallBuild) -> list[str]:
    return sorted(row.instance_id for row in small.rows())


def test_a_set_that_was_just_written_has_no_fault(small: SmallBuild) -> None:
    conformity = Conformity(small.out / "dataset")
    assert (conformity.version, conformity.faults, conformity.later) == (SCHEMA_VERSION, (), ())
    checked = list(conformity.rows())
    assert [one.row for one in checked] == sorted(small.rows(), key=lambda row: row.instance_id)
    assert {(one.split, one.faults) for one in checked} == {("train", ())}
    assert all(one.row is not None and one.row.patch.splitlines()[0].encode() in one.text for one in checked)


@pytest.mark.parametrize(
    ("select", "found"),
    [
        ("* EXCLUDE (patch, ttc_kind)", ["patch: the column is missing", "ttc_kind: the column is missing"]),
        ("*, 1 AS reward", [f"reward: no column of schema {SCHEMA_VERSION}"]),
        ("* REPLACE ('5' AS ttc_gold_runs)", ["ttc_gold_runs: the column's type is VARCHAR, must be BIGINT"]),
        ("* REPLACE (FAIL_TO_PASS::VARCHAR AS FAIL_TO_PASS)", ["FAIL_TO_PASS: the column's type is VARCHAR, must be VARCHAR[]"]),
    ],
)  # fmt: skip
def test_a_wrong_column_is_named_once(small: SmallBuild, tmp_path: Path, select: str, found: list[str]) -> None:
    assert faults(rewritten(small, tmp_path, select)) == [f"every row: {one}" for one in found]


@pytest.mark.parametrize(
    ("select", "column", "what"),
    [
        ("* REPLACE (NULL::VARCHAR AS patch)", "patch", "Input should be a valid string, is None"),
        ("* REPLACE (-1 AS ttc_gold_runs)", "ttc_gold_runs", "greater than or equal to 0, is -1"),
        ("* REPLACE (1.5::DOUBLE AS ttc_line_coverage)", "ttc_line_coverage", "less than or equal to 1, is 1.5"),
        ("* REPLACE ('module' AS ttc_kind)", "ttc_kind", "'function', 'method' or 'class', is 'module'"),
        (
            "* REPLACE ([{'role': 'robot', 'content': 'x'}] AS prompt)",
            "prompt.0.role",
            "'system', 'user' or 'assistant', is 'robot'",
        ),
    ],
)
def test_a_wrong_value_is_named_by_row_and_column(
    small: SmallBuild, tmp_path: Path, select: str, column: str, what: str
) -> None:
    found = faults(rewritten(small, tmp_path, select))
    assert len(found) == 6
    for name, line in zip(ids(small), found, strict=True):
        assert line.startswith(f"{name}: {column}: ")
        assert what in line


def test_a_row_without_an_id_is_named_by_its_place(small: SmallBuild, tmp_path: Path) -> None:
    found = faults(rewritten(small, tmp_path, "* REPLACE (NULL::VARCHAR AS instance_id)"))
    assert found[5].startswith("train-00000-of-00001.parquet row 5: instance_id: ")


def test_other_widths_of_numbers_are_no_fault(small: SmallBuild, tmp_path: Path) -> None:
    narrow = "* REPLACE (ttc_gold_runs::INTEGER AS ttc_gold_runs, ttc_line_coverage::FLOAT AS ttc_line_coverage)"
    assert faults(rewritten(small, tmp_path, narrow)) == []


def test_rows_of_every_split_and_file_are_looked_at(small: SmallBuild, tmp_path: Path) -> None:
    dataset = rewritten(small, tmp_path, "* REPLACE (2::DOUBLE AS ttc_mutation_score)", "test-00000-of-00002.parquet")
    shutil.copyfile(
        small.out / "dataset/data/train-00000-of-00001.parquet", dataset / "data" / "train-00000-of-00001.parquet"
    )
    shutil.copyfile(dataset / "data/test-00000-of-00002.parquet", dataset / "data" / "test-00001-of-00002.parquet")
    checked = list(Conformity(dataset).rows())
    assert [one.split for one in checked] == ["test"] * 12 + ["train"] * 6
    assert [bool(one.faults) for one in checked] == [True] * 12 + [False] * 6


# Versions


def older(small: SmallBuild, folder: Path, version: str) -> Path:
    absent = [name for name, since in SINCE.items() if since > version]
    return rewritten(small, folder, f"* EXCLUDE ({', '.join(absent)}) REPLACE ('{version}' AS ttc_schema_version)")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_older_minor_version_is_read_and_says_what_it_lacks(small: SmallBuild, tmp_path: Path, version: str) -> None:
    dataset = older(small, tmp_path, version)
    conformity = Conformity(dataset)
    assert (conformity.version, conformity.faults) == (version, ())
    assert all(one.row and not one.faults for one in conformity.rows())
    assert set(conformity.later) == {name for name, since in SINCE.items() if since > version}
    read = Dataset(dataset)
    assert f"schema {version}" in read.note
    assert all(name in read.note for name in conformity.later)
    rows = {row.instance_id: row for row in read.rows()}
    for made in small.rows():
        row = rows[made.instance_id]
        kept = {name: value for name, value in asdict(made).items() if name not in conformity.later}
        assert {**kept, "ttc_schema_version": version} == {
            name: value for name, value in asdict(row).items() if name not in conformity.later
        }
        assert (row.ttc_mutants, row.ttc_solver_pass_at_1, row.ttc_spec_rejected) == ((), None, "")
    assert read.count_guarded() == (2 if version == "1.1" else 0)
    assert read.distributions()


def test_the_checks_of_an_older_set_ask_for_what_it_has_and_say_what_is_not_known(
    small: SmallBuild, tmp_path: Path
) -> None:
    dataset = older(small, tmp_path, "1.0")
    (found,) = check_dataset(dataset)
    assert found.check == "proof"
    assert found.detail.startswith("schema 1.0 has no ttc_")
    assert "ttc_tripwires" in found.detail


@pytest.mark.parametrize("more", ["llm: ''", "from_a_later_version: {a: [1]}"])
def test_a_recipe_that_another_version_wrote_is_read(small: SmallBuild, tmp_path: Path, more: str) -> None:
    dataset = rewritten(small, tmp_path, "*")
    recipe = dataset / "recipe.yaml"
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(f"{text}\nlater: 1\n".replace("\nspec:\n", f"\nspec:\n  {more}\n"), encoding="utf-8")
    assert Dataset(dataset).recipe == small.recipe
    with pytest.raises(RecipeError, match="unknown key"):
        load_recipe(str(recipe))
    recipe.write_text(text.replace("runs: 5", "runs: 0"), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"tests\.runs"):
        Dataset(dataset)


def test_a_set_of_this_version_has_nothing_to_say(small: SmallBuild) -> None:
    assert Dataset(small.out).note == ""


def test_a_newer_major_version_is_refused_in_one_line(small: SmallBuild, tmp_path: Path) -> None:
    dataset = rewritten(small, tmp_path, "* REPLACE ('2.0' AS ttc_schema_version)")
    for reader in (Dataset, Conformity):
        with pytest.raises(DatasetError, match=r"rows of schema 2\.0, this ttcdata reads 1\.x") as caught:
            reader(dataset)
        assert "\n" not in str(caught.value)


def test_a_newer_minor_version_is_read_and_is_not_checked(small: SmallBuild, tmp_path: Path) -> None:
    dataset = rewritten(small, tmp_path, "* REPLACE ('1.9' AS ttc_schema_version), 1 AS ttc_later")
    assert {row.ttc_schema_version for row in Dataset(dataset).rows()} == {"1.9"}
    assert faults(dataset) == [
        f"every row: ttc_schema_version: 1.9 is newer than {SCHEMA_VERSION}, all that is known here"
    ]


@pytest.mark.parametrize("version", ["", "one", "1", "1.2.3"])
def test_a_version_that_is_none_is_refused(small: SmallBuild, tmp_path: Path, version: str) -> None:
    with pytest.raises(DatasetError, match="ttc_schema_version"):
        Conformity(rewritten(small, tmp_path, f"* REPLACE ('{version}' AS ttc_schema_version)"))


def test_every_later_column_is_one_of_the_rows() -> None:
    names = {name.strip('"') for name in columns(Row)}
    assert SINCE.keys() <= names
    assert max(SINCE.values()) <= SCHEMA_VERSION


def test_a_file_that_is_no_parquet_is_one_line(small: SmallBuild, tmp_path: Path) -> None:
    dataset = rewritten(small, tmp_path, "*")
    next((dataset / "data").iterdir()).write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(DatasetError, match="fetch the dataset again") as caught:
        Conformity(dataset)
    assert "\n" not in str(caught.value)
