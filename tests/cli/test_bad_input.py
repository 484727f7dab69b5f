"""What is wrong with the input is one line on stderr, without a traceback, and exit status 1 (input) or 2 (usage)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
from git import Repo

from tests.cli.conftest import NOWHERE, PROGRAM, Here, Shell, refused
from tests.publish.small import SmallBuild
from ttc_data.store import Build

ONE_PROJECT = "sources: [{kind: pypi, projects: [toolz]}]\n"


def write_parquet(query: str, path: Path) -> None:
    with duckdb.connect() as connection:
        connection.sql(query).write_parquet(str(path))


# Usage and recipes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "nope"], ["'nope'", "stack-impl"]),
        (["build", "stack-imp"], ["did you mean 'stack-impl'"]),
        (["build", "demo", "--set", "tests.rns=5"], ["tests.rns", "did you mean 'runs'"]),
        (["build", "demo", "--set", "tests.runs=often"], ["tests.runs", "'often'"]),
        (["build", "demo", "--set", "tests.runs=0"], ["tests.runs", "greater than or equal to 2"]),
        (["build", "demo", "--set", "tests.runs"], ["section.field=value"]),
        (["build", "demo", "--set", "license.allow=[MIT"], ["not YAML"]),
        (["build", "demo", "--set", "seed.more=1"], ["seed"]),
        (["build", "demo", "--source", "svn:somewhere"], ["'svn:somewhere'", "pypi:NAME"]),
        (["build", "demo", "--source", "pypi:"], ["pypi:NAME"]),
        (["build", "demo", "--docker", "--local"], ["docker", "local", "name one"]),
        (["build", "demo", "--docker", "--sandbox", "local"], ["name one"]),
        (["validate", ".", "--docker", "--local"], ["name one"]),
        (["grade", ".", "--predictions", "x", "--docker", "--local"], ["name one"]),
        (["build", "demo", "--sandbox", "podman"], ["--sandbox", "'podman'", "ttcdata build --help"]),
        (["build", "demo", "--limit", "-1"], ["--limit", "ttcdata build --help"]),
        (["build", "demo", "--workers", "many"], ["--workers", "ttcdata build --help"]),
        (["build"], ["RECIPE", "ttcdata build --help"]),
        (["build", "demo", "--frobnicate"], ["--frobnicate"]),
        (["grade", "."], ["--predictions"]),
        (["frobnicate"], ["frobnicate", "ttcdata --help"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_word_on_the_command_line_is_one_line(
    here: Here, arguments: Sequence[str], words: Sequence[str]
) -> None:
    refused(here(*arguments), 2, *words)
    assert list(Path().iterdir()) == [], "something was written"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ONE_PROJECT + "colour: red\n", ["colour", "unknown key"]),
        ("sources: []\n", ["sources"]),
        ("sources: [{kind: cvs, url: x}]\n", ["sources.0", "cvs"]),
        ("name: x\n", ["sources"]),
        (ONE_PROJECT + "splits: {train: 0.5, test: 0.1}\n", ["splits", "must be 1"]),
        ("- a\n", ["mapping"]),
        ("a: [\n", ["not YAML"]),
    ],
)
def test_a_wrong_recipe_is_one_line(here: Here, text: str, words: Sequence[str]) -> None:
    Path("mine.yaml").write_text(text, encoding="utf-8")
    refused(here("build", "mine.yaml"), 2, "mine.yaml", *words)


def test_a_recipe_that_is_not_text_is_one_line(here: Here) -> None:
    Path("mine.yaml").write_bytes(b"\xff\xfe\x00")
    refused(here("build", "mine.yaml"), 2, "mine.yaml")


def test_the_program_says_the_same_in_a_process_of_its_own(shell: Shell) -> None:
    refused(shell.run("build", "demo", "--sandbox", "podman"), 2, "'podman'")
    refused(shell.run("build", "nope"), 2, "'nope'")


# Places


def test_no_engine_is_one_line_with_what_to_do(here: Here, small: SmallBuild) -> None:
    for arguments in (["build", "demo", "--docker"], ["validate", str(small.out), "--docker"]):
        refused(here(*arguments, DOCKER_HOST=NOWHERE), 1, NOWHERE, "make engine", "--sandbox local")
    missing = f"unix://{Path.cwd()}/none.sock"
    refused(here("build", "demo", "--docker", DOCKER_HOST=missing), 1, missing, "No such file")


def test_no_sandbox_at_all_is_one_line(shell: Shell) -> None:
    ran = shell.run("build", "demo", DOCKER_HOST=NOWHERE, PATH=shell.only("git"))
    refused(ran, 1, "no Docker engine", "bwrap", "install it")


def test_projects_of_the_index_are_listed_where_there_is_no_git(shell: Shell) -> None:
    ran = shell.run("build", "demo", "--dry-run", PATH=shell.only())
    assert ran.stderr == ""
    assert ran.returncode == 0


def test_a_folder_that_cannot_be_written_is_one_line(here: Here) -> None:
    Path("taken").touch()
    refused(here("build", "demo", "--out", "taken"), 1, "--out taken", "can be written")
    refused(here("build", "demo", "--out", "taken/inside"), 1, "--out taken/inside", "can be written")
    refused(here("build", "demo", "--out", "/proc/ttcdata"), 1, "/proc/ttcdata", "can be written")


@pytest.mark.local
def test_a_full_disk_is_one_line_that_names_it(shell: Shell, small: SmallBuild) -> None:
    """A write that fails does not say where: once it was "the disk: no space left"."""
    disk = shell.folder / "disk"
    disk.mkdir()
    one_page = ["bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--size", "4096", "--tmpfs", str(disk)]
    ran = subprocess.run(
        [*one_page, str(PROGRAM), "export", "sft", str(small.out), f"{disk}/out"],
        cwd=shell.folder, env=shell.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 1
    said = [line for line in ran.stderr.splitlines() if not line.startswith("export: ")]
    assert said == [f"error: {disk}: the disk is full; free some space and run the same command again"]


def test_a_full_standard_output_is_one_line(shell: Shell, small: SmallBuild) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [str(PROGRAM), "show", str(small.out)],
            cwd=shell.folder, env=shell.environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert ran.stderr == "error: standard output: the disk is full; free some space and run the same command again\n"
    assert ran.returncode == 1


def test_a_path_that_the_system_refuses_is_one_line(here: Here) -> None:
    line = refused(here("show", "x" * 300), 1, "File name too long", "check the path")
    assert len(line) < 200


def test_a_build_that_another_process_writes_is_left_alone(here: Here) -> None:
    held = Build(Path.cwd() / "busy")
    try:
        refused(here("build", "demo", "--out", "busy"), 1, "another process is writing it")
    finally:
        held.close()


@pytest.mark.parametrize("command", ["validate", "show"])
def test_nothing_built_yet_is_one_line(here: Here, command: str) -> None:
    refused(here(command), 1, "no build under out/", "ttcdata build")
    (Path.cwd() / "empty").mkdir()
    refused(here(command, "empty"), 1, "empty")
    refused(here(command, "missing"), 1, "missing")


# Sources, before anything is run


@pytest.mark.parametrize("write", [None, "junk", "columns", "nothing"])
def test_a_stack_that_cannot_be_read_is_one_line(here: Here, write: str | None) -> None:
    path = Path.cwd() / "stack.parquet"
    if write == "junk":
        path.write_bytes(b"PAR1 this is not parquet PAR1")
    elif write == "columns":
        write_parquet("SELECT 'a' AS text, 1 AS stars", path)
    elif write == "nothing":
        path.mkdir()
    ran = here("build", "demo", "--source", "stack:stack.parquet", "--dry-run")
    line = refused(ran, 1, "stack.parquet")
    if write == "columns":
        assert "max_stars_repo_name" in line


def test_without_the_hub_the_open_projects_are_mined_and_a_line_says_so(shell: Shell) -> None:
    ran = shell.run("build", "stack-impl", "--dry-run")
    assert ran.returncode == 0, ran.stderr
    (line,) = ran.stderr.splitlines()
    assert "the-stack-dedup" in line
    assert "mining the recipe's open projects instead" in line
    assert "pypi:boltons==26.2.0" in ran.stdout


def test_a_hub_that_does_not_answer_is_no_traceback(shell: Shell) -> None:
    ran = shell.run("build", "stack-impl", "--dry-run", HF_HUB_OFFLINE="0", HF_ENDPOINT="http://127.0.0.1:9")
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 0
    assert "mining the recipe's open projects instead" in ran.stderr


@pytest.mark.parametrize(
    ("where", "words"),
    [(".", ["not a git repository"]), ("missing", ["missing'", "no such folder"]), ("repo@v9", ["no revision 'v9'"])],
)
@pytest.mark.parametrize("more", [["--sandbox", "local-unsafe"], ["--dry-run"]])
def test_a_local_repository_that_is_not_there_is_an_error_and_nothing_is_written(
    here: Here, where: str, words: Sequence[str], more: Sequence[str]
) -> None:
    """Once it was a build of eight empty stages, and advice to look at rejects, of which there were none."""
    with Repo.init("repo") as repo:
        repo.index.commit("empty")
    refused(here("build", "demo", "--source", f"git:{Path.cwd()}/{where}", *more), 1, *words)
    assert not Path("out/demo/records").exists()


# Datasets and predictions


@pytest.mark.parametrize("command", [["validate"], ["grade", "--predictions", "answers.jsonl"]])
def test_a_dataset_without_a_column_names_it(here: Here, small: SmallBuild, command: Sequence[str]) -> None:
    folder = Path("less/data")
    folder.mkdir(parents=True)
    query = f"SELECT * EXCLUDE (patch, ttc_kind) FROM '{small.out}/dataset/data/*.parquet'"
    write_parquet(query, folder / "train.parquet")
    refused(here(command[0], "less", *command[1:]), 1, "less", "no column patch, ttc_kind")


def test_a_dataset_without_its_recipe_or_files_is_one_line(here: Here, small: SmallBuild) -> None:
    folder = Path("bare/data")
    folder.mkdir(parents=True)
    refused(here("validate", "bare"), 1, "no data/*.parquet")
    for file in (small.out / "dataset" / "data").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    refused(here("validate", "bare"), 1, "no recipe.yaml")


def answer(instance: object, patch: object = "") -> str:
    return json.dumps({"instance_id": instance, "model_name_or_path": "m", "model_patch": patch})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["nonsense"], ["answers.jsonl:1", "no JSON"]),
        (['{"instance_id": "x"}'], ["answers.jsonl:1", "model_patch"]),
        ([answer(3)], ["answers.jsonl:1", "instance_id"]),
        (["[3]"], ["answers.jsonl[0]", "must be an object"]),
        (["[" * 100_000], ["answers.jsonl", "nested too deeply"]),
    ],
    ids=["not JSON", "a key is missing", "a number for a name", "a list of numbers", "nested"],
)
def test_a_wrong_prediction_names_its_line(
    here: Here, small: SmallBuild, lines: Sequence[str], words: Sequence[str]
) -> None:
    known = next(small.rows()).instance_id
    Path("answers.jsonl").write_text("\n".join(lines).replace("KNOWN", known), encoding="utf-8")
    refused(here("grade", str(small.out), "--predictions", "answers.jsonl"), 1, *words)


@pytest.mark.local
def test_an_unknown_row_is_one_line_and_the_rest_goes_on(here: Here, small: SmallBuild) -> None:
    known = next(small.rows()).instance_id
    lines = [answer("nobody__knows-it"), answer(known), answer(known)]
    Path("answers.jsonl").write_text("\n".join(lines), encoding="utf-8")
    ran = here("grade", str(small.out), "--predictions", "answers.jsonl", "--local")
    assert ran.returncode == 1
    told = ran.stdout.splitlines()
    assert f"not graded  nobody__knows-it (m)  unknown_instance  not in {small.out}" in told
    assert {f"unsolved  {known} (m)  patch_empty", f"unsolved  {known} (m, answer 2)  patch_empty"} <= set(told)
    assert told[-1] == "0 of 2 solved, 1 not graded"


@pytest.mark.local
def test_a_line_says_which_models_answer_it_is_about(here: Here, small: SmallBuild) -> None:
    known = next(small.rows()).instance_id
    answers = [{"instance_id": known, "model_patch": "", "model_name_or_path": name} for name in ("one", "two", "two")]
    Path("answers.jsonl").write_text("\n".join(map(json.dumps, answers)), encoding="utf-8")
    ran = here("grade", str(small.out), "--predictions", "answers.jsonl", "--local")
    told = {line.removeprefix(f"unsolved  {known} ") for line in ran.stdout.splitlines() if "patch_empty" in line}
    assert told == {"(one)  patch_empty", "(two)  patch_empty", "(two, answer 2)  patch_empty"}


@pytest.mark.local
def test_a_line_without_an_answer_is_told_and_the_rest_goes_on(here: Here, small: SmallBuild) -> None:
    known = next(small.rows()).instance_id
    Path("answers.jsonl").write_text(f"{{torn\n{answer(known)}\n", encoding="utf-8")
    ran = here("grade", str(small.out), "--predictions", "answers.jsonl", "--local")
    assert ran.returncode == 1
    told = ran.stdout.splitlines()
    assert told[0].startswith("not graded  answers.jsonl:1  no_prediction  no JSON")
    assert told[-1] == "0 of 1 solved, 1 not graded"
    ran = here("grade", str(small.out), "--predictions", "answers.jsonl", "--local", "--json")
    *outcomes, last = map(json.loads, ran.stdout.splitlines())
    assert {outcome["reason"] for outcome in outcomes} == {"no_prediction", "patch_empty"}
    assert [(score["answers"], score["solved"], score["pass_at"]) for score in last["scores"]] == [(1, 0, {"1": 0.0})]


def test_predictions_that_are_not_there_are_one_line(here: Here, small: SmallBuild) -> None:
    refused(here("grade", str(small.out), "--predictions", "none.jsonl"), 1, "none.jsonl")
    refused(here("grade", str(small.out), "--predictions", "."), 1, "--predictions")
    Path("binary").write_bytes(b"\xff\xfe")
    refused(here("grade", str(small.out), "--predictions", "binary"), 1, "binary")
