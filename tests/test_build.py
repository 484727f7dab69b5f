"""The whole way on a real repository: mined, proven, written, loaded, proven again, graded."""

from __future__ import annotations

import filecmp
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

import ttc_data
from tests.hub import Account, Hub, running
from tests.projects import SHAPES, shapes
from ttc_data.building import Built
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.edits import unified_diff
from ttc_data.hosts.open import SandboxKind, open_host
from ttc_data.lang.python.oracle import Oracle
from ttc_data.progress import LOG
from ttc_data.publish.rows import write_splits
from ttc_data.recipe import Recipe
from ttc_data.report import NAME
from ttc_data.rules import GitSource, StackSource, TestRules

pytestmark = pytest.mark.network

RULES = TestRules(runs=3, mutants=8, generate=False, test_timeout_s=2, suite_timeout_s=60, sample_timeout_s=30)
TTCDATA = Path(sys.executable).parent / "ttcdata"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shapes(tmp_path_factory.mktemp("mined") / "shapes", hangs=True)


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """The same without the tests that hang: what is built of it in seconds can be built often."""
    project = shapes(tmp_path_factory.mktemp("calm") / "shapes")
    return Recipe(name="shapes", sources=(GitSource(url=str(project), repo="geometry/shapes"),), tests=RULES)


@pytest.fixture(scope="session")
def recipe(project: Path) -> Recipe:
    return Recipe(name="shapes", sources=(GitSource(url=str(project), repo="geometry/shapes"),), tests=RULES)


@pytest.fixture(
    scope="session",
    params=[pytest.param("docker", marks=pytest.mark.docker), pytest.param("local", marks=pytest.mark.local)],
)
def sandbox(request: pytest.FixtureRequest) -> SandboxKind:
    kind: SandboxKind = request.param
    return kind


@pytest.fixture(scope="session")
def built(sandbox: SandboxKind, recipe: Recipe, cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return ttc_data.build(recipe, tmp_path_factory.mktemp(f"built-{sandbox}"), sandbox=sandbox, cache=cache, workers=2)


@pytest.fixture(scope="session")
def alone(sandbox: SandboxKind, calm: Recipe, cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one worker builds of it, which whatever else builds it is compared with."""
    out = tmp_path_factory.mktemp(f"alone-{sandbox}")
    return ttc_data.build(calm, out, sandbox=sandbox, cache=cache, workers=1).folder


def rejects(built: Built, stage: str) -> dict[str, str]:
    path = built.folder / "records" / f"{stage}.rejects.parquet"
    return dict(duckdb.connect().execute("SELECT subject, reason FROM read_parquet(?)", [str(path)]).fetchall())


def test_every_target_that_a_test_decides_becomes_a_row(built: Built) -> None:
    rows = {row.ttc_target: row for row in Dataset(built.folder).rows()}
    assert set(rows) == {"area", "scale", "Pile", "Pile.put", "Pile.take"}
    area = rows["area"]
    assert area.ttc_gold_passes == area.ttc_gold_runs == 3
    needed = {
        "tests/test_shapes.py::test_square[2]",
        "tests/test_shapes.py::test_circle",
        "tests/test_shapes.py::test_unknown_shape",
    }
    others = {f"tests/test_shapes.py::test_square[{size}]" for size in (1, 5)}  # they notice nothing that [2] does not
    assert {test for test in area.FAIL_TO_PASS if test.startswith("tests/")} == needed | others
    assert {test for test in area.ttc_first_look if test.startswith("tests/")} == needed
    baselines = {baseline.name: baseline.passed for baseline in area.ttc_baselines}
    assert baselines["pass"] == ()
    assert all(set(passed) < set(area.FAIL_TO_PASS) for passed in baselines.values())
    of_scale = {baseline.name: baseline.passed for baseline in rows["scale"].ttc_baselines}
    assert of_scale["return_expected:[2, 4]"] == ("tests/test_shapes.py::test_scale",), "what its tests expect is tried"
    assert all((row.ttc_left_out, row.ttc_max_run_s) == ((), RULES.max_run_s) for row in rows.values())
    assert all(row.ttc_mutation_score >= RULES.min_mutation_score and row.ttc_mutants for row in rows.values())
    assert all(0 < row.ttc_branch_coverage <= 1 and row.ttc_stubs_passed == 0 for row in rows.values())
    assert "tests/test_shapes.py::test_scale" in area.PASS_TO_PASS
    assert area.license == "MIT"
    assert area.created_at.startswith("2026-01-02T03:04:05")


def test_tests_that_fail_hang_or_flicker_are_in_no_row(built: Built) -> None:
    for row in Dataset(built.folder).rows():
        named = " ".join((*row.FAIL_TO_PASS, *row.PASS_TO_PASS))
        assert not any(word in named for word in ("that_fails", "hangs", "never_lets_go", "order_of_a_set"))


def test_what_is_dropped_is_counted_with_its_reason(built: Built) -> None:
    extract = rejects(built, "extract")
    assert extract["latin.py"] == "not_utf8"
    assert extract["broken.py"] == "file_does_not_parse"
    assert rejects(built, "specify") == {"geometry/shapes shapes.py::unreached": "no_test_reaches_it"}


def test_a_target_that_no_test_reaches_gets_written_ones(
    sandbox: SandboxKind, calm: Recipe, cache: Cache, tmp_path: Path
) -> None:
    wanted = calm.model_copy(update={"tests": RULES.model_copy(update={"generate": True})})
    made = ttc_data.build(wanted, tmp_path / "written", sandbox=sandbox, cache=cache, workers=2)
    row = next(row for row in Dataset(made.folder).rows() if row.ttc_target == "unreached")
    assert row.ttc_test_origin == "generated"
    assert row.ttc_mutation_score >= RULES.min_mutation_score
    assert all(test.startswith("ttc_generated/") for test in row.FAIL_TO_PASS)
    assert "assert " in row.test_patch
    opened = Dataset(made.folder)
    environment = opened.environment(row.ttc_environment, cache)
    texts = {path: data.decode("utf-8", "replace") for path, data in cache.trees.files(environment.tree)}
    host = open_host(sandbox, cache=cache, recipe=wanted, say=print)
    with closing(host), closing(host.open(environment)) as one:
        oracle = Oracle.of_row(row, environment, texts, lambda _, job: one.run(job), wanted.seed)
        assert len(oracle.calls) == row.ttc_oracle_calls > 8, "as the build counted them"
        (same, other) = oracle.compare([{row.path: SHAPES}, {row.path: SHAPES.replace("[::-1]", "[::-2]")}])
    assert same.agrees
    assert other.aspects["value"]


def test_a_repository_without_tests_has_rows_by_examples_and_written_tests(
    sandbox: SandboxKind, cache: Cache, tmp_path: Path
) -> None:
    project = shapes(tmp_path / "shapes", tests=False)
    source = GitSource(url=str(project), repo="geometry/untested")
    rules = RULES.model_copy(update={"generate": True})
    recipe = Recipe(name="untested", sources=(source,), tests=rules)
    made = ttc_data.build(recipe, tmp_path / "out", sandbox=sandbox, cache=cache, workers=2)
    origins = {row.ttc_target: row.ttc_test_origin for row in Dataset(made.folder).rows()}
    assert origins.pop("area") == "doctest"
    assert origins == dict.fromkeys(("scale", "unreached", "Pile", "Pile.put", "Pile.take"), "generated")
    dataset = made.folder / "dataset"
    proven = ttc_data.validate(dataset, sandbox=sandbox, cache=Cache(tmp_path / "elsewhere"))
    assert [result.solved for result in proven] == [True] * made.rows
    neither = recipe.model_copy(update={"tests": RULES.model_copy(update={"doctests": False})})
    none = ttc_data.build(neither, tmp_path / "none", sandbox=sandbox, cache=cache, workers=2)
    assert rejects(none, "environment") == {"geometry/untested": "no_test_files"}


def test_the_solver_is_given_no_trace_of_the_body(built: Built) -> None:
    for row in Dataset(built.folder).rows():
        if row.ttc_target == "area":
            (file,) = row.ttc_files
            assert "math.pi" not in file.text
            assert "must not be read" not in file.text
            assert "Compute the area" in file.text


def test_the_docstring_examples_are_a_test_that_an_answer_cannot_edit(built: Built) -> None:
    area = next(row for row in Dataset(built.folder).rows() if row.ttc_target == "area")
    assert any(test.startswith("ttc_doctests/") for test in area.FAIL_TO_PASS)
    assert "+++ b/ttc_doctests/" in area.test_patch


def test_the_set_loads_as_anybody_loads_it(built: Built) -> None:
    from datasets.load import load_dataset

    loaded = load_dataset(str(built.folder / "dataset"))
    assert {split: len(rows) for split, rows in loaded.items()} == built.splits
    assert loaded["train"][0]["prompt"][0]["role"] == "system"


def test_a_written_set_is_proven_again(built: Built, sandbox: SandboxKind, cache: Cache) -> None:
    results = list(ttc_data.validate(built.folder, sandbox=sandbox, repeat=2, cache=cache))
    assert [result for result in results if not result.solved] == []
    assert len(results) == built.rows


def test_a_set_is_proven_again_on_a_machine_that_has_nothing_but_the_set(
    built: Built, sandbox: SandboxKind, tmp_path: Path
) -> None:
    """Environments are made again from the dataset's own folder."""
    results = list(ttc_data.validate(built.folder / "dataset", sandbox=sandbox, limit=2, cache=Cache(tmp_path)))
    assert [result.solved for result in results] == [True, True]


def test_a_set_on_the_hub_is_proven_again_by_its_name(
    built: Built, sandbox: SandboxKind, cache: Cache, tmp_path: Path
) -> None:
    """Published as its author types it, proven as a reader does, who has nothing but the name and a token."""
    hub = Hub()
    hub.accounts = {
        "hf_author": Account("author", orgs=("geometry",)),
        "hf_reader": Account("reader", "read", ("geometry",)),
    }
    name = "geometry/shapes-impl"
    with running(hub) as endpoint:
        said = []
        for token, command in (
            ("hf_author", ["push", str(built.folder), name, "--private"]),
            ("hf_reader", ["validate", name, "--sandbox", sandbox, "--limit", "1"]),
        ):
            home = {"HF_HOME": str(tmp_path / token), "HF_TOKEN": token, "TTCDATA_CACHE": str(cache.folder)}
            done = subprocess.run(
                [str(TTCDATA), *command],
                capture_output=True,
                text=True,
                check=False,
                cwd=tmp_path,
                env={**os.environ, "HF_ENDPOINT": endpoint, **home},
            )
            assert done.returncode == 0, done.stderr
            said.append(done.stdout)
    assert "sent and 0 removed in one commit" in said[0]
    assert said[1].startswith("1 of 1 row valid")


def test_answers_are_graded_by_what_they_do(built: Built, sandbox: SandboxKind, cache: Cache, tmp_path: Path) -> None:
    rows = {row.ttc_target: row for row in Dataset(built.folder).rows()}
    cheat = (
        "diff --git a/tests/test_shapes.py b/tests/test_shapes.py\n--- a/tests/test_shapes.py\n"
        "+++ b/tests/test_shapes.py\n@@ -1,2 +1,2 @@\n-import math\n+import math as math\n import unittest\n"
    )
    answers = {
        "area": rows["area"].patch,
        "scale": "",
        "Pile": "not a patch",
        "Pile.put": cheat,
        "Pile.take": rows["Pile.take"].patch.replace("self.things.pop()", "self.things.pop(0)"),
    }
    lines = [
        json.dumps({"instance_id": rows[name].instance_id, "model_name_or_path": "me", "model_patch": patch})
        for name, patch in answers.items()
    ]
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text("\n".join(lines) + "\n")
    graded = {
        result.instance_id: result
        for result in ttc_data.grade_predictions(built.folder, predictions, sandbox=sandbox, cache=cache)
    }
    reasons = {name: graded[rows[name].instance_id].reason for name in answers}
    assert reasons == {
        "area": "",
        "scale": "patch_empty",
        "Pile": "patch_rejected",
        "Pile.put": "fail_to_pass_failed",
        "Pile.take": "fail_to_pass_failed",
    }
    assert graded[rows["area"].instance_id].reward == 1.0


FORGERIES = {
    "equals_everything": "class Same:\n    def __eq__(self, other):\n        return True\n    def __ne__(self, other):\n"
    "        return False\n    def __hash__(self):\n        return 0\ndef scale(sizes, factor=2):\n    return Same()\n",
    "reads_the_test": "def scale(sizes, factor=2):\n    import sys\n    frame = sys._getframe(1)\n"
    "    text = open(frame.f_code.co_filename).read().splitlines()[frame.f_lineno - 1]\n"
    "    return eval(text.partition('==')[2], frame.f_globals, frame.f_locals)\n",
}  # fmt: skip


@pytest.mark.parametrize("technique", sorted(FORGERIES))
def test_an_answer_that_computes_nothing_is_unmasked(
    built: Built, sandbox: SandboxKind, cache: Cache, tmp_path: Path, technique: str
) -> None:
    """It passes the tests as they are, and what they were altered to as well."""
    row = next(row for row in Dataset(built.folder).rows() if row.ttc_target == "scale")
    (given,) = row.ttc_files
    patch = unified_diff({given.path: given.text}, {given.path: given.text + FORGERIES[technique]})
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text(
        json.dumps({"instance_id": row.instance_id, "model_name_or_path": "me", "model_patch": patch})
    )
    (graded,) = ttc_data.grade_predictions(built.folder, predictions, sandbox=sandbox, cache=cache)
    assert set(graded.fail_to_pass.values()) == {"passed"}, "as written"
    assert (graded.solved, graded.reward, graded.reason) == (False, 0.0, "tripwire_passed")


def test_every_row_carries_a_tripwire(built: Built) -> None:
    for row in Dataset(built.folder).rows():
        assert row.ttc_tripwires, row.ttc_target
        for edit in row.ttc_tripwires:
            assert edit.tests
            assert edit.path in {test.partition("::")[0] for test in row.FAIL_TO_PASS}


def test_a_row_whose_tripwire_the_reference_passes_does_not_hold(
    built: Built, sandbox: SandboxKind, cache: Cache, tmp_path: Path
) -> None:
    copied = tmp_path / "dataset"
    shutil.copytree(built.folder / "dataset", copied)
    row = next(row for row in Dataset(built.folder).rows() if row.ttc_target == "scale")
    weak = replace(row.ttc_tripwires[0], new=row.ttc_tripwires[0].old)
    write_splits(lambda: iter([replace(row, ttc_tripwires=(weak,))]), {row.repo: "train"}, copied / "data")
    (result,) = ttc_data.validate(copied, sandbox=sandbox, cache=cache)
    assert (result.solved, result.reason) == (False, "tripwire_does_not_hold")
    assert result.detail == f"{weak.tests[0]}: passed"


def same_bytes(one: Path, other: Path) -> list[str]:
    """Files that differ between two builds, apart from times, and the journals, the page and the log that hold them."""
    names = {str(path.relative_to(one)) for path in one.rglob("*") if path.is_file()}
    names |= {str(path.relative_to(other)) for path in other.rglob("*") if path.is_file()}
    timed = {name for name in names if name.endswith((".jsonl", ".times.parquet")) or name in (".lock", NAME, LOG)}
    return sorted(n for n in names - timed if not (one / n).is_file() or not filecmp.cmp(one / n, other / n, False))


def test_the_number_of_workers_changes_no_byte(
    alone: Path, sandbox: SandboxKind, calm: Recipe, cache: Cache, tmp_path: Path
) -> None:
    ttc_data.build(calm, tmp_path / "four", sandbox=sandbox, cache=cache, workers=4)
    assert same_bytes(alone, tmp_path / "four") == []


@pytest.mark.local
@pytest.mark.parametrize("sandbox", ["local"], indirect=True)
def test_a_build_killed_again_and_again_ends_with_the_same_bytes(
    alone: Path, calm: Recipe, cache: Cache, tmp_path: Path
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(calm.model_dump(mode="json")))
    command = [str(TTCDATA), "build", str(path), "--out", str(tmp_path / "killed"), "--local", "--workers", "2"]
    environment = {**os.environ, "TTCDATA_CACHE": str(cache.folder)}
    journals = tmp_path / "killed" / "records"
    draw = random.Random(7)
    kills = 0

    def lines() -> int:
        return sum(path.read_bytes().count(b"\n") for path in journals.glob("*.jsonl"))

    while True:
        goal = lines() + draw.randint(1, 5)
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and lines() < goal:
            time.sleep(0.02)
        time.sleep(draw.uniform(0, 0.5))
        if process.poll() is not None:
            assert process.returncode == 0
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills, "the build was never killed: the test showed nothing"
    assert same_bytes(alone, tmp_path / "killed") == []


@pytest.mark.local
def test_rows_of_the_stack_become_trees_with_their_own_tests(cache: Cache, tmp_path: Path) -> None:
    """The Stack holds files, not projects: one repository's rows are put together, and its licence is kept."""
    connection = duckdb.connect()
    test = "from shapes import scale\n\n\ndef test_scale():\n    assert scale([1, 2]) == [2, 4]\n"
    connection.execute("CREATE TABLE rows (hexsha VARCHAR, size BIGINT, ext VARCHAR, lang VARCHAR, content VARCHAR,"
        " max_stars_repo_path VARCHAR, max_stars_repo_name VARCHAR, max_stars_repo_head_hexsha VARCHAR,"
        " max_stars_repo_licenses VARCHAR[], max_stars_count BIGINT, max_stars_repo_stars_event_min_datetime VARCHAR)")  # fmt: skip
    for number, (repo, path, text, license_) in enumerate(
        [
            ("a/shapes", "shapes.py", SHAPES, "MIT"),
            ("a/shapes", "tests/test_shapes.py", test, "MIT"),
            ("b/copyleft", "shapes.py", SHAPES, "GPL-3.0"),
            ("b/copyleft", "tests/test_shapes.py", test, "GPL-3.0"),
            ("c/untested", "shapes.py", SHAPES, "MIT"),
        ]
    ):
        connection.execute(
            "INSERT INTO rows VALUES (?, ?, 'py', 'Python', ?, ?, ?, ?, [?], 60, '2020-01-02T03:04:05.000Z')",
            [f"{number:040}", len(text), text, path, repo, "f" * 40, license_],
        )
    parquet = tmp_path / "stack.parquet"
    connection.execute(f"COPY rows TO '{parquet}' (FORMAT parquet)")
    connection.close()
    recipe = Recipe(name="stack", sources=(StackSource(path=str(parquet)),), tests=RULES)
    built = ttc_data.build(recipe, tmp_path / "out", sandbox="local", cache=cache)
    rows = list(Dataset(built.folder).rows())
    assert {(row.repo, row.license) for row in rows} == {("a/shapes", "MIT")}
    assert {row.ttc_target for row in rows} == {"scale", "area"}
    assert {row.ttc_target: row.ttc_test_origin for row in rows} == {"scale": "repository", "area": "doctest"}
