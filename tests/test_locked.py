"""A set is built again from its own folder, whatever its sources and the package index give today."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from huggingface_hub import constants

import ttc_data
from tests.cli.conftest import Here, here, refused
from tests.hub import serving
from tests.projects import commit, shapes
from tests.publish.small import RECIPE, SmallBuild
from ttc_data.cache import Cache
from ttc_data.errors import BuildError, SourceUnavailable
from ttc_data.pins import LOCK, Lock, LockedSource, Pins, check_interpreter, check_mined, mined_key, read_pins
from ttc_data.recipe import Recipe
from ttc_data.records import FILE_ROOTS, Environment, Source, SourceKind
from ttc_data.rules import EnvironmentRules, GitSource, PypiSource, StackSource, TestRules
from ttc_data.sources.mine import locked_sources, requests
from ttc_data.sources.stack import at_commit

__all__ = ["here"]
RULES = TestRules(runs=2, mutants=4, generate=False, test_timeout_s=2, suite_timeout_s=60, sample_timeout_s=30)
NEW = '''

def perimeter(width: float, height: float) -> float:
    """Give the length of the way around a rectangle.

    >>> perimeter(1, 2)
    6
    """
    total = width + height
    return 2 * total
'''


def tables(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "dataset" / "data").iterdir()}


@pytest.mark.local
@pytest.mark.network
def test_the_rows_are_the_same_after_the_sources_and_the_index_moved_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, cache = shapes(tmp_path / "shapes"), Cache(tmp_path / "cache")
    recipe = Recipe(name="shapes", sources=(GitSource(url=str(project)),), tests=RULES)
    first = ttc_data.build(recipe, tmp_path / "first", sandbox="local", cache=cache, workers=2)
    assert first.rows
    locked = yaml.safe_load((first.folder / "dataset" / LOCK).read_text())
    with (project / "shapes.py").open("a") as file:
        file.write(NEW)
    commit(project)
    # What is installed is in the cache; nothing can be resolved anew.
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    newest = ttc_data.build(recipe, tmp_path / "newest", sandbox="local", cache=cache)
    assert newest.errors, "without the lock the index is asked"
    pins = read_pins(first.folder / "dataset", recipe.hash)
    again = ttc_data.build(recipe, tmp_path / "again", sandbox="local", cache=cache, workers=2, pins=pins)
    assert (again.errors, again.rows) == ((), first.rows)
    assert tables(again.folder) == tables(first.folder)
    assert yaml.safe_load((again.folder / "dataset" / LOCK).read_text()) == locked
    (source,) = locked["sources"]
    assert len(source["source"]["revision"]) == 40
    assert "ttcdata build recipe.yaml --locked" in (first.folder / "dataset" / "README.md").read_text()
    assert ttc_data.build(recipe, tmp_path / "again", sandbox="local", cache=cache, pins=pins).was_finished


def tree(repo: str) -> str:
    return hashlib.sha256(repo.encode()).hexdigest()


def source(kind: SourceKind, repo: str, revision: str, origin: str) -> Source:
    return Source(kind, repo, revision, "MIT", origin, tree(repo), 1, 1, "")


MINED = [
    source("pypi", "pypi/toolz", "1.2.0", "pypi:toolz==1.2.0"),
    source("git", "o/n", "a" * 40, f"git:https://host/o/n@{'a' * 40}"),
    source("stack", "a/b", "head", "stack:hf://datasets/o/stack@c0ffee/data/*.parquet#a/b@head"),
    source("stack", "c/d", "head", "stack:rows.parquet#c/d@head"),
]
ASKED = Recipe(
    name="mixed",
    sources=(
        PypiSource(projects=("toolz", "not-there")),
        GitSource(url="https://me:secret@host/o/n", repo="o/n"),
        StackSource(path="hf://datasets/o/stack/data/*.parquet", min_stars=3),
        StackSource(path="/home/me/rows.parquet", unit="file"),
        StackSource(path="hf://datasets/o/unreachable"),
    ),
)


def lock(*sources: LockedSource) -> Lock:
    return Lock(recipe=ASKED.hash, ttcdata="0", python="3.11", platform="linux", mined="m", sources=sources)


def test_names_become_versions_and_commits_without_secrets() -> None:
    assert [one.model_dump(exclude_defaults=True) for one in locked_sources(MINED, ASKED)] == [
        {"source": {"url": "https://host/o/n", "revision": "a" * 40, "repo": "o/n"}, "tree": tree("o/n")},
        {"source": {"projects": ("toolz==1.2.0",)}, "tree": tree("pypi/toolz")},
        {"source": {"path": "/home/me/rows.parquet", "unit": "file"}},
        {"source": {"path": "hf://datasets/o/stack@c0ffee/data/*.parquet", "min_stars": 3}},
    ]
    assert locked_sources(reversed(MINED), ASKED) == locked_sources(MINED, ASKED)


def test_what_is_locked_is_mined_and_nothing_else(tmp_path: Path) -> None:
    found = locked_sources(MINED[:2], ASKED)
    asked = [request.name for request in requests(ASKED, Cache(tmp_path), print, lock(*found))]
    assert asked == [f"git:https://host/o/n@{'a' * 40}", "pypi:toolz==1.2.0"]


def test_a_dataset_on_the_hub_is_read_at_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"a")
    with serving("o/stack", tmp_path) as endpoint:
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        pinned = at_commit("hf://datasets/o/stack/data/*.parquet")
        assert len(pinned.partition("@")[2].partition("/")[0]) == 40
        assert pinned.endswith("/data/*.parquet")
        assert at_commit("hf://datasets/o/stack@main/data") == pinned.removesuffix("/*.parquet")
        with pytest.raises(SourceUnavailable, match="not there"):
            at_commit("hf://datasets/o/other")
    assert at_commit("rows.parquet") == "rows.parquet"


def test_another_interpreter_is_refused() -> None:
    check_interpreter(lock(), "3.11", "linux")
    with pytest.raises(BuildError, match=r"built with Python 3\.11 on linux, this sandbox has Python 3\.12 on linux"):
        check_interpreter(lock(), "3.12", "linux")


def test_sources_that_changed_are_named() -> None:
    found = locked_sources(MINED[:2], ASKED)
    mined = {one.key: one.tree for one in MINED[:2]}
    same = lock(*found).model_copy(update={"mined": mined_key(list(mined))})
    check_mined(same, mined)
    with pytest.raises(BuildError, match=r"pypi:toolz==1\.2\.0 gives other files than when the set was built"):
        check_mined(same, {"key": "another tree", **dict(list(mined.items())[1:])})


def environment(source: str, *pinned: str) -> Environment:
    lines = "".join(f"{line} --hash=sha256:{64 * '0'}\n" for line in pinned)
    return Environment(source, "", "", "", "", "3.11", "linux", lines, FILE_ROOTS, (), (), (), ())


def test_single_files_share_what_the_sets_files_shared(tmp_path: Path) -> None:
    """One environment has nothing but what runs the tests, the other all projects of `environment.imports`."""
    build = SmallBuild(tmp_path, ["owner/alpha"])
    build.write()
    folder = build.out / "dataset"
    bare, full = environment("", "pytest==8.0"), environment("", "numpy==2.0", "pytest==8.0", "PyYAML==6.0")
    rules = EnvironmentRules(imports={"numpy": "numpy", "yaml": "pyyaml"})
    for one in (bare, full):
        described = folder / "environments" / f"{one.key}.json"
        described.write_text(json.dumps({"environment": asdict(one), "source": None}), encoding="utf-8")
    pins = Pins(folder, lock(), {}, (bare.key, full.key))
    today = environment("file", "pytest==9.0"), environment("file", "numpy==3.0", "pytest==9.0", "pyyaml==7.0")
    found = [pins.shared_environment(one, rules) for one in today]
    assert [one.lock if one else None for one in found] == [bare.lock, full.lock]
    assert [one.source_key if one else None for one in found] == ["file", "file"]
    assert Pins(folder, lock(), {}, (bare.key,)).shared_environment(today[1], rules) is None


def test_a_set_without_a_lock_and_another_recipe_are_one_line(here: Here, tmp_path: Path) -> None:
    build = SmallBuild(tmp_path, ["owner/alpha"])
    build.write()
    folder = build.out / "dataset"
    refused(here("build", str(build.out), "--locked", "--out", "x"), 2, "no ", LOCK)
    assert "--locked" not in (folder / "README.md").read_text(encoding="utf-8").partition("## How it was made")[2]
    (folder / LOCK).write_text("- no lock", encoding="utf-8")
    refused(here("build", str(folder), "--locked", "--out", "x"), 2, "damaged", "fetch the set again")
    made = lock().model_copy(update={"recipe": RECIPE.hash}).model_dump_json()
    (folder / LOCK).write_text(made, encoding="utf-8")
    ran = here("build", str(folder / "recipe.yaml"), "--locked", "--limit", "3", "--out", "x")
    refused(ran, 2, f"of recipe {RECIPE.hash}", "leave out --set")
    ran = here("build", str(build.out), "--locked", "--dry-run")
    assert ran.returncode == 0, ran.stderr
    assert "into out/small-locked" in ran.stdout
    refused(here("build", "nowhere", "--locked"), 1, "nowhere: no dataset there")
