"""Sets that were made to harm whoever reads them.

Each ends in one line that names the set, the field and the value; nothing outside the cache is written or read.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import duckdb
import pytest

from tests.cli.conftest import Here, refused
from tests.foreign.conftest import contents
from tests.foreign.hostile import HostileSet
from ttc_data.records import FileText, Tripwire

OUTSIDE = "outside"
HASH = f"--hash=sha256:{64 * '0'}"
NESTED = "[" * 100_000
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 10)}]}}\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
Technique = Callable[[HostileSet, Path], None]


def environment(**changes: object) -> Technique:
    """An environment with other values; `OUTSIDE` in one stands for an absolute path."""

    def change(hostile: HostileSet, outside: Path) -> None:
        hostile.change_environment(**{name: placed(value, outside) for name, value in changes.items()})

    return change


def placed(value: object, outside: Path) -> object:
    if isinstance(value, str):
        return value.replace("OUTSIDE", str(outside))
    if isinstance(value, tuple):
        return tuple(placed(one, outside) for one in value)
    return replace(value, path=str(placed(value.path, outside))) if isinstance(value, FileText) else value


def row(**changes: object) -> Technique:
    def change(hostile: HostileSet, outside: Path) -> None:
        hostile.change_row(**{name: placed(value, outside) for name, value in changes.items()})

    return change


def recipe(**changes: object) -> Technique:
    return lambda hostile, outside: hostile.change_recipe(**changes)


def text(name: str, said: str) -> Technique:
    """A file of the set with another text; `KEY` in its name is the environment's."""
    return lambda hostile, outside: hostile.write(
        name.replace("KEY", hostile.environment.key).replace("TREE", hostile.environment.tree), said
    )


def link(name: str) -> Technique:
    """A file of the set that is a link to one of the reader's."""

    def change(hostile: HostileSet, outside: Path) -> None:
        place = hostile.folder / name.replace("KEY", hostile.environment.key).replace("TREE", hostile.environment.tree)
        place.rename(outside)
        place.symlink_to(outside)

    return change


def fifo(name: str) -> Technique:
    def change(hostile: HostileSet, outside: Path) -> None:
        place = hostile.folder / name.replace("KEY", hostile.environment.key)
        place.unlink()
        os.mkfifo(place)

    return change


def renamed_split(name: str) -> Technique:
    def change(hostile: HostileSet, outside: Path) -> None:
        (file,) = (hostile.folder / "data").iterdir()
        file.rename(file.with_name(name))

    return change


def without(column: str) -> Technique:
    """Rows that lack a column, or have another one twice as it were."""
    return selected(f"* EXCLUDE ({column}) FROM {{table}}")


def selected(what: str) -> Technique:
    """Other rows: a query over those that are there."""

    def change(hostile: HostileSet, outside: Path) -> None:
        table = hostile.folder / "data" / "train-00000-of-00001.parquet"
        with duckdb.connect() as connection:
            query = "SELECT " + what.format(table=f"read_parquet('{table}')")
            connection.sql(query).write_parquet(str(table.with_suffix(".new")))
        table.with_suffix(".new").rename(table)

    return change


def archive(*members: tarfile.TarInfo) -> Technique:
    """A tree that was packed by hand, beside a file as every tree has."""

    def change(hostile: HostileSet, outside: Path) -> None:
        place = hostile.folder / "trees" / f"{hostile.environment.tree}.tar.gz"
        with tarfile.open(place, "w:gz", format=tarfile.PAX_FORMAT) as tar:
            for member in (tarfile.TarInfo("pkg/mod.py"), *members):
                member.name = str(placed(member.name, outside))
                member.linkname = str(placed(member.linkname, outside))
                tar.addfile(member, io.BytesIO(bytes(member.size)))

    return change


def member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "", size: int = 0, **headers: str) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.size, found.pax_headers = kind, to, size, headers
    return found


def surrogate(hostile: HostileSet, outside: Path) -> None:
    path = hostile.folder / "environments" / f"{hostile.environment.key}.json"
    described = {**asdict(hostile.environment), "metadata": [{"path": "a", "text": "\ud800"}]}
    path.write_text(json.dumps({"environment": described}), encoding="utf-8")


WIRE = Tripwire("../x", 1, 2, "of", "off", "value", ("tests/test_mod.py::test_it",), ())
SETS: dict[str, tuple[Technique, str]] = {
    "metadata_absolute": (environment(metadata=(FileText("OUTSIDE", "x"),)), "metadata.0.path"),
    "metadata_above": (environment(metadata=(FileText("../../../../outside", "x"),)), "metadata.0.path"),
    "metadata_through_a_folder": (environment(metadata=(FileText("a/../../../../outside", "x"),)), "metadata.0.path"),
    "metadata_git_hooks": (environment(metadata=(FileText(".git/hooks/post-checkout", "x"),)), "metadata.0.path"),
    "metadata_of_a_package": (environment(metadata=(FileText("pytest/__init__.py", "x"),)), "metadata.0"),
    "metadata_of_a_path_file": (environment(metadata=(FileText("evil.pth", "import os"),)), "metadata.0"),
    "metadata_of_another_kind": (environment(metadata=(FileText("x-1.dist-info/RECORD", "x"),)), "metadata.0"),
    "generated_absolute": (environment(generated=(FileText("OUTSIDE", "x"),)), "generated.0.path"),
    "generated_above": (environment(generated=(FileText("../../../../outside", "x"),)), "generated.0.path"),
    "generated_nul": (environment(generated=(FileText("a\0b", "x"),)), "generated.0.path"),
    "generated_long_name": (environment(generated=(FileText("a" * 5_000, "x"),)), "generated.0.path"),
    "roots_absolute": (environment(roots=("OUTSIDE", "")), "roots.0"),
    "roots_above": (environment(roots=("../../../outside",)), "roots.0"),
    "roots_two_in_one": (environment(roots=("src:/etc",)), "roots.0"),
    "test_files_above": (environment(test_files=("../../outside",)), "test_files.0"),
    "pytest_loads_a_plugin": (environment(pytest_args=("-p", "evil")), "pytest_args.0"),
    "pytest_writes_a_report": (environment(pytest_args=("--junitxml=OUTSIDE",)), "pytest_args.0"),
    "python_is_an_option": (environment(python="--config-settings"), "python"),
    "platform_is_an_option": (environment(platform="--cache-dir=OUTSIDE"), "platform"),
    "tree_is_a_path": (environment(tree="../../outside"), "tree"),
    "lock_index_with_a_variable": (environment(lock="--index-url http://127.0.0.1:9/${SECRET}/simple\n"), "lock"),
    "lock_includes_a_file": (environment(lock="-r OUTSIDE\n"), "lock"),
    "lock_constrained_by_a_file": (environment(lock="-c OUTSIDE\n"), "lock"),
    "lock_address": (environment(lock=f"x @ http://127.0.0.1:9/x.whl {HASH}\n"), "lock"),
    "lock_git": (environment(lock=f"git+https://127.0.0.1:9/x {HASH}\n"), "lock"),
    "lock_path": (environment(lock=f"./x.whl {HASH}\n"), "lock"),
    "lock_file_address": (environment(lock=f"x @ file://OUTSIDE {HASH}\n"), "lock"),
    "lock_variable_in_a_marker": (environment(lock=f"x==1 ; os_name == '${{SECRET}}' {HASH}\n"), "lock"),
    "lock_version_is_an_archive": (environment(lock=f"x==1.0+evil.whl {HASH}\n"), "lock"),
    "lock_range": (environment(lock=f"x>=1 {HASH}\n"), "lock"),
    "lock_without_hashes": (environment(lock="x==1\n"), "lock"),
    "lock_weak_hash": (environment(lock=f"x==1 --hash=md5:{32 * '0'}\n"), "lock"),
    "lock_goes_on": (environment(lock=f"x==1 \\\n  {HASH}\n"), "lock"),
    "lock_without_an_end": (environment(lock=f"x==1 {HASH}"), "lock"),
    "lock_editable": (environment(lock="-e OUTSIDE\n"), "lock"),
    "lock_carriage_return": (environment(lock=f"x==1 {HASH}\r-r OUTSIDE\n"), "lock"),
    "lock_many_lines": (environment(lock=f"x==1 {HASH}\n" * 3_000), "lock"),
    "lock_nested_marker": (environment(lock=f"x==1 ; {'(' * 5_000}os_name == 'x'{')' * 5_000} {HASH}\n"), "lock"),
    "surrogate_in_a_text": (surrogate, "environments/"),
    "id_absolute": (row(instance_id="OUTSIDE"), "instance_id"),
    "id_above": (row(instance_id="../../outside"), "instance_id"),
    "id_hidden": (row(instance_id=".ssh"), "instance_id"),
    "id_option": (row(instance_id="-rf"), "instance_id"),
    "id_two_lines": (row(instance_id="a\nb"), "instance_id"),
    "id_long": (row(instance_id="a" * 300), "instance_id"),
    "row_path_above": (row(path="../outside"), "path"),
    "row_file_above": (row(ttc_files=(FileText("../../../outside", "x"),)), "ttc_files.0.path"),
    "row_file_absolute": (row(ttc_files=(FileText("OUTSIDE", "x"),)), "ttc_files.0.path"),
    "row_environment_is_a_path": (row(ttc_environment="../../outside"), "ttc_environment"),
    "row_test_is_an_option": (row(FAIL_TO_PASS=("--rootdir=/::test",)), "FAIL_TO_PASS.0"),
    "row_test_above": (row(FAIL_TO_PASS=("../outside.py::test",)), "FAIL_TO_PASS.0"),
    "row_image_two_lines": (row(image="x\nRUN evil"), "image"),
    "row_date_is_an_option": (row(created_at="--exec=evil"), "created_at"),
    "row_tripwire_above": (row(ttc_tripwires=(WIRE,)), "ttc_tripwires.0.path"),
    "row_tripwire_line": (row(ttc_tripwires=(replace(WIRE, path="t.py", line=-(10**6)),)), "ttc_tripwires.0.line"),
    "row_path_is_no_file_of_it": (row(path="nowhere.py"), "path"),
    "row_files_twice": (row(ttc_files=(FileText("pkg/mod.py", "x"),) * 2), "ttc_files.1.path"),
    "row_file_and_folder": (
        row(ttc_files=(FileText("pkg/mod.py/x", "x"), FileText("pkg/mod.py", "x"))),
        "ttc_files.0.path",
    ),
    "row_endless": (row(ttc_max_run_s=float("inf")), "ttc_max_run_s"),
    "row_no_number": (row(ttc_max_run_s=float("nan")), "ttc_max_run_s"),
    "row_counts": (row(ttc_oracle_calls=2**62), "ttc_oracle_calls"),
    "row_date_that_is_none": (row(created_at="2026-13-99"), "created_at"),
    "row_of_many_tests": (row(FAIL_TO_PASS=tuple(f"t.py::t{i}" for i in range(100_001))), "FAIL_TO_PASS"),
    "row_tripwire_without_a_test": (
        row(ttc_tripwires=(replace(WIRE, path="t.py", tests=()),)),
        "ttc_tripwires.0.tests",
    ),
    "metadata_twice": (environment(metadata=(FileText("x-1.dist-info/METADATA", "x"),) * 2), "metadata.1.path"),
    "generated_file_and_folder": (
        environment(generated=(FileText("a", "x"), FileText("a/b", "x"))),
        "generated.1.path",
    ),
    "generated_in_place_of_a_folder": (environment(generated=(FileText("pkg", "x"),)), "generated.0.path"),
    "generated_below_a_file": (environment(generated=(FileText("pkg/mod.py/x", "x"),)), "generated.0.path"),
    "roots_a_file": (environment(roots=("", "pkg/mod.py")), "roots.1"),
    "roots_below_a_file": (environment(roots=("pkg/mod.py/x",)), "roots.0"),
    "roots_a_generated_file": (environment(roots=("a",), generated=(FileText("a", "x"),)), "roots.0"),
    "platform_unknown": (environment(platform="x86_64-foo"), "platform"),
    "column_missing": (without("patch"), "patch"),
    "id_of_two_rows": (selected("* FROM {table} UNION ALL SELECT * FROM {table}"), "instance_id"),
    "id_of_no_row": (selected("* REPLACE (NULL::VARCHAR AS instance_id) FROM {table}"), "instance_id"),
    "column_of_our_own": (selected("*, 'x' AS filename FROM {table}"), "filename"),
    "columns_missing": (without("instance_id, ttc_schema_version, FAIL_TO_PASS"), "instance_id"),
    "tree_link_out": (archive(member("a", tarfile.SYMTYPE, "OUTSIDE")), "trees/"),
    "tree_link_above": (archive(member("a", tarfile.SYMTYPE, "../../../outside")), "trees/"),
    "tree_hard_link_out": (archive(member("a", tarfile.LNKTYPE, "OUTSIDE")), "trees/"),
    "tree_through_a_link": (archive(member("a", tarfile.SYMTYPE, "."), member("a/../../outside")), "trees/"),
    "tree_above": (archive(member("../../outside")), "trees/"),
    "tree_absolute": (archive(member("OUTSIDE")), "trees/"),
    "tree_git_hook": (archive(member("a/.GIT/hooks/post-checkout")), "trees/"),
    "tree_device": (archive(member("a", tarfile.CHRTYPE)), "trees/"),
    "tree_pipe": (archive(member("a", tarfile.FIFOTYPE)), "trees/"),
    "tree_file_and_folder": (archive(member("pkg/mod.py/x")), "trees/"),
    "tree_file_twice": (archive(member("pkg/mod.py", size=1)), "trees/"),
    "tree_bomb": (archive(member("a", size=21 * 1024**2)), "trees/"),
    "tree_date_endless": (archive(member("a", mtime="inf")), "trees/"),
    "tree_date_none": (archive(member("a", mtime="nan")), "trees/"),
    "tree_header_large": (archive(member("a", comment="x" * 3_000_000)), "trees/"),
    "tree_of_other_files": (archive(member("a")), "trees/"),
    "tree_no_archive": (text("trees/TREE.tar.gz", "no gzip"), "trees/"),
    "memory": (recipe(sandbox={"memory_bytes": 10**15}), "sandbox.memory_bytes"),
    "processes": (recipe(sandbox={"processes": 10**8}), "sandbox.processes"),
    "scratch": (recipe(sandbox={"scratch_bytes": 10**15}), "sandbox.scratch_bytes"),
    "hours": (recipe(tests={"sample_timeout_s": 1e9}), "tests.sample_timeout_s"),
    "endless": (recipe(tests={"sample_timeout_s": float("inf")}), "tests.sample_timeout_s"),
    "not_a_number": (recipe(tests={"test_timeout_s": float("nan")}), "tests.test_timeout_s"),
    "room": (recipe(environment={"max_environment_bytes": 10**15}), "environment.max_environment_bytes"),
    "image": (recipe(image={"base": "evil.example/x:1"}), "image.base"),
    "image_two_lines": (recipe(image={"base": "x\nRUN evil"}), "image.base"),
    "source_is_no_source": (recipe(sources=["x", {"kind": []}, 3]), "sources.0"),
    "recipe_nested": (text("recipe.yaml", NESTED), "recipe.yaml"),
    "recipe_grows": (text("recipe.yaml", BOMB), "recipe.yaml"),
    "recipe_grows_by_merging": (text("recipe.yaml", MERGED), "recipe.yaml"),
    "recipe_bad_date": (text("recipe.yaml", "environment: {exclude_newer: 2001-99-99}"), "recipe.yaml"),
    "recipe_large": (text("recipe.yaml", f"description: {'x' * 1_000_000}"), "recipe.yaml"),
    "recipe_key_of_no_form": (recipe(**{"k" * 300: 1}), "recipe.yaml"),
    "recipe_key_in_a_section": (recipe(sandbox={"a\nerror: b": 1}), "sandbox."),
    "recipe_of_unknown_keys": (recipe(sandbox={f"k{i}": 1 for i in range(60)}), "more than 50 keys"),
    "recipe_long_number": (recipe(seed=10**400), "recipe.yaml"),
    "recipe_of_python": (text("recipe.yaml", "!!python/object/apply:os.system [touch outside]"), "recipe.yaml"),
    "environment_nested": (text("environments/KEY.json", NESTED), "environments/"),
    "environment_no_object": (text("environments/KEY.json", "[]"), "environment"),
    "environment_large_number": (text("environments/KEY.json", "9" * 5_000), "environments/"),
    "withdrawn_id": (
        text("deprecated.jsonl", '{"instance_id": "../x", "reason": "r", "since": "2026-01-01"}'),
        "deprecated.jsonl:1",
    ),
    "withdrawn_nested": (text("deprecated.jsonl", NESTED), "deprecated.jsonl:1"),
    "recipe_link": (link("recipe.yaml"), "recipe.yaml"),
    "rows_link": (link("data/train-00000-of-00001.parquet"), "data/train-"),
    "environment_link": (link("environments/KEY.json"), "environments/"),
    "tree_link": (link("trees/TREE.tar.gz"), "trees/"),
    "recipe_pipe": (fifo("recipe.yaml"), "recipe.yaml"),
    "rows_pipe": (fifo("data/train-00000-of-00001.parquet"), "data/"),
    "split_is_a_pattern": (renamed_split("*.parquet"), "data/*.parquet"),
    "split_hides_a_quote": (renamed_split('a"\nb.parquet'), "data/a"),
    "rows_are_no_parquet": (text("data/train-00000-of-00001.parquet", "PAR1 no PAR1"), "data"),
}


@pytest.fixture(autouse=True)
def no_sandbox_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hush-hush")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def validate(here: Here, hostile: HostileSet, tmp_path: Path, technique: Technique, *more: str) -> tuple[str, str]:
    """The one line, and what else was touched."""
    outside = tmp_path / OUTSIDE
    outside.write_text("the reader's own\n", encoding="utf-8")
    technique(hostile, outside)
    before = contents(tmp_path, tmp_path / "cache")
    ran = here("validate", str(hostile.folder), "--local", *more)
    code = ran.returncode
    line = refused(ran, code)
    assert code in (1, 2)
    assert ran.stdout == ""
    assert contents(tmp_path, tmp_path / "cache") == before
    return line, str(outside)


@pytest.mark.local
@pytest.mark.parametrize("technique", list(SETS))
def test_it_ends_in_one_line_and_touches_nothing(
    here: Here, hostile: HostileSet, tmp_path: Path, technique: str
) -> None:
    change, named = SETS[technique]
    line, _ = validate(here, hostile, tmp_path, change)
    assert str(hostile.folder) in line
    assert named in line
    assert "hush-hush" not in line
    assert "the reader's own" not in line
    assert not list((tmp_path / "cache").rglob("*outside*"))


@pytest.mark.parametrize("form", ["swebench", "harbor", "verifiers", "sft"])
@pytest.mark.parametrize(
    "technique", [name for name in SETS if name.startswith(("id_", "row_", "metadata_", "split_", "tree_"))]
)
def test_an_export_writes_nothing_outside_its_folder(
    here: Here, hostile: HostileSet, tmp_path: Path, technique: str, form: str
) -> None:
    SETS[technique][0](hostile, tmp_path / OUTSIDE)
    before = contents(tmp_path, tmp_path / "cache")
    refused(here("export", form, str(hostile.folder), "dest"), 1)
    assert contents(tmp_path, tmp_path / "cache") == before
