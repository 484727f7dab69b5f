"""Rows of single files become repositories, in an order and with contents that do not depend on the files' layout."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ttc_data.errors import DatasetError, SourceRefused, SourceUnavailable
from ttc_data.rules import LicenseRules, StackSource, TreeLimits
from ttc_data.sources.stack import StackIndex, reachable
from ttc_data.sources.stack_rows import StackFile, StackRepository
from ttc_data.trees.store import TreeStore

LIMITS = TreeLimits()
REAL_ROW = Path(__file__).parents[3] / "shared/data/stack/stack_v1_dedup_real_row.jsonl"


def row(repo: str, path: str, content: str = "x = 1\n", **changes: Any) -> dict[str, Any]:
    return {
        "hexsha": "a", "size": len(content), "ext": "py", "lang": "Python", "max_stars_repo_path": path,
        "max_stars_repo_name": repo, "max_stars_repo_head_hexsha": f"head-{repo}", "max_stars_repo_licenses": ["MIT"],
        "max_stars_count": 5, "max_stars_repo_stars_event_min_datetime": "2020-01-02T03:04:05.000Z", "content": content,
    } | changes  # fmt: skip


ROWS = [
    row("b/two", "pkg/__init__.py", "Y = 'é'\r\n"),
    row("a/one", "tests/test_a.py"),
    row("b/two", "test_pkg.py", max_stars_repo_licenses=["MIT", "ISC"]),
    row("a/one", "a.py", "second\n", hexsha="b"),
    row("a/one", "a.py", "first\n", hexsha="a"),
    row("c/famous", "c_test.py", max_stars_count=900.0, max_stars_repo_stars_event_min_datetime=None),
    row("d/untested", "d.py"),
    row("e/java", "test_e.py", lang="Java"),
    row("f/gpl", "test_f.py", max_stars_repo_licenses=["MIT", "GPL-3.0"]),
    row("g/none", "test_g.py", max_stars_repo_licenses=[]),
    row("h/unstarred", "test_h.py", max_stars_count=None),
]


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.with_suffix(".jsonl")
    lines.write_text("".join(json.dumps(one) + "\n" for one in rows))
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM read_json('{lines}')) TO '{path}' (FORMAT parquet)")
    lines.unlink()
    return path


def index(path: str, folder: Path, licenses: LicenseRules | None = None, **rules: Any) -> StackIndex:
    return StackIndex(StackSource(path=path, **rules), licenses or LicenseRules(), folder)


def names(stack: StackIndex) -> list[str]:
    found = [one.repo for one in stack.repositories()]
    stack.close()
    return found


def kept(stack: StackIndex) -> list[StackFile]:
    return [file for file in stack.files() if isinstance(file, StackFile)]


def test_rows_become_repositories_most_stars_first(tmp_path: Path) -> None:
    data = parquet(tmp_path / "data.parquet", ROWS)
    stack = index(str(data), tmp_path / "cache")
    repositories = list(stack.repositories())
    assert repositories[0] == StackRepository("c/famous", "head-c/famous", 900, ("MIT",), "", 1)
    assert [one.repo for one in repositories] == ["c/famous", "a/one", "b/two", "h/unstarred"]
    assert repositories[2].licenses == ("ISC", "MIT")
    stack.close()


def test_a_repository_is_fetched_whole_once_a_path(tmp_path: Path) -> None:
    stack = index(str(parquet(tmp_path / "data.parquet", ROWS)), tmp_path / "cache")
    by_name = {one.repo: one for one in stack.repositories()}
    trees = TreeStore(tmp_path / "trees")
    one = stack.fetch(by_name["a/one"], trees, LIMITS, LicenseRules())
    assert dict(trees.files(one.tree)) == {"a.py": b"first\n", "tests/test_a.py": b"x = 1\n"}
    assert (one.kind, one.revision, one.created_at) == ("stack", "head-a/one", "2020-01-02T03:04:05Z")
    two = stack.fetch(by_name["b/two"], trees, LIMITS, LicenseRules())
    assert dict(trees.files(two.tree))["pkg/__init__.py"] == "Y = 'é'\r\n".encode()
    assert two.license == "ISC AND MIT"
    assert two.origin == "stack:data.parquet#b/two@head-b/two"
    with pytest.raises(SourceRefused) as refused:
        stack.fetch(by_name["b/two"], trees, LIMITS, LicenseRules(allow=("MIT",)))
    assert refused.value.reason == "license_not_allowed"
    stack.close()


def test_rules_choose_repositories(tmp_path: Path) -> None:
    data, cache = str(parquet(tmp_path / "data.parquet", ROWS)), tmp_path / "cache"
    assert names(index(data, cache, max_repositories=2)) == ["c/famous", "a/one"]
    assert names(index(data, cache, min_stars=6)) == ["c/famous"]
    assert "d/untested" in names(index(data, cache, require_tests=False))
    assert names(index(data, cache, LicenseRules(allow=("isc", "MIT")), min_stars=1)) == ["c/famous", "a/one", "b/two"]
    assert "g/none" in names(index(data, cache, LicenseRules(allow_unknown=True)))
    assert "f/gpl" in names(index(data, cache, LicenseRules(allow=())))


def test_the_order_of_rows_and_files_does_not_matter(tmp_path: Path) -> None:
    parquet(tmp_path / "one/data.parquet", ROWS)
    parquet(tmp_path / "two/sub/y.parquet", ROWS[::-2])
    parquet(tmp_path / "two/x.parquet", ROWS[::2] if len(ROWS) % 2 == 0 else ROWS[-2::-2])
    one, two = (index(str(tmp_path / name), tmp_path / "cache" / name) for name in ("one", "two"))
    assert list(one.repositories()) == list(two.repositories())
    trees = TreeStore(tmp_path / "trees")
    for repository in one.repositories():
        assert (
            one.fetch(repository, trees, LIMITS, LicenseRules()).tree
            == two.fetch(repository, trees, LIMITS, LicenseRules()).tree
        )
    one.close()
    two.close()


def test_the_same_inputs_are_grouped_once(tmp_path: Path) -> None:
    data, cache = str(parquet(tmp_path / "data.parquet", ROWS)), tmp_path / "cache"
    names(index(data, cache))
    (grouped,) = cache.glob("grouped-*.sqlite")
    before = grouped.stat().st_mtime_ns
    names(index(data, cache, max_repositories=1))
    assert [file.stat().st_mtime_ns for file in cache.glob("*.sqlite")] == [before]


def test_contents_may_exceed_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttc_data.sources.stack._MEMORY_LIMIT", "60MB")
    with duckdb.connect() as connection:  # 96 MB in two files; one repository has half of it
        for part in range(2):
            connection.execute(
                "COPY (SELECT md5(i::VARCHAR) AS hexsha, 'Python' AS lang, 'test_' || i || '.py' AS max_stars_repo_path, "
                "'a/' || if(i % 4 < 2, 0, 1 + i % 50) AS max_stars_repo_name, 'head' AS max_stars_repo_head_hexsha, "
                "['MIT'] AS max_stars_repo_licenses, repeat(md5(i::VARCHAR), 250) AS content "
                f"FROM range({part}, 12000, 2) t(i)) TO '{tmp_path}/{part}.parquet' (ROW_GROUP_SIZE 2048)"
            )
    stack = index(str(tmp_path), tmp_path / "cache")
    repositories = list(stack.repositories())
    assert sum(one.files for one in repositories) == 12_000
    trees = TreeStore(tmp_path / "trees")
    largest = max(repositories, key=lambda one: one.files)
    source = stack.fetch(largest, trees, LIMITS, LicenseRules())
    assert (source.files, source.size) == (6000, 6000 * 8000)
    stack.close()


def test_other_columns_are_named(tmp_path: Path) -> None:
    v2 = parquet(tmp_path / "v2.parquet", [{"blob_id": "x", "repo_name": "a/b", "path": "/c.py"}])
    with pytest.raises(DatasetError, match=r"lacks the columns max_stars_repo_head.*content.*The Stack v2 holds no"):
        index(str(v2), tmp_path / "cache")
    with pytest.raises(DatasetError, match=r"lacks the columns content; for unit: file .*The Stack v2 holds no"):
        index(str(v2), tmp_path / "cache", unit="file")


def test_what_is_not_there_or_no_parquet_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no parquet file there"):
        index(str(tmp_path / "none"), tmp_path / "cache")
    assert "no parquet file there" in (reachable(str(tmp_path / "*.parquet")) or "")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no PAR1")
    assert reachable(str(tmp_path / "*.parquet")) is None
    with pytest.raises(DatasetError, match="cannot be read as parquet"):
        index(str(tmp_path / "bad.parquet"), tmp_path / "cache")


def test_a_hostile_path_refuses_its_repository_only(tmp_path: Path) -> None:
    rows = [row("x/evil", "../../test_x.py"), row("x/good", "test_x.py")]
    stack = index(str(parquet(tmp_path / "data.parquet", rows)), tmp_path / "cache")
    evil, good = stack.repositories()
    trees = TreeStore(tmp_path / "trees")
    with pytest.raises(SourceRefused) as refused:
        stack.fetch(evil, trees, LIMITS, LicenseRules())
    assert refused.value.reason == "path_escapes"
    assert stack.fetch(good, trees, LIMITS, LicenseRules()).files == 1
    stack.close()


DOCUMENTED = 'def f():\n    """Say something."""\n'


def test_rows_are_files_each_with_its_own_licence_and_repository(tmp_path: Path) -> None:
    rows = [
        row("b/two", "src/pkg/b.py", DOCUMENTED, max_stars_repo_licenses=["MIT", "ISC"]),
        row("a/one", "a.py", DOCUMENTED + "# later\n", hexsha="b"),
        row("a/one", "a.py", DOCUMENTED, hexsha="a"),
        row("a/one", "c.py", DOCUMENTED.replace('"""', "'''")),
        row("a/one", "plain.py"),
        row("a/one", "gpl.py", DOCUMENTED, max_stars_repo_licenses=["GPL-3.0"]),
        row("e/java", "e.java", DOCUMENTED, lang="Java"),
        row("x/evil", "../../x.py", DOCUMENTED),
        row("x/keyword", "class.py", DOCUMENTED),
    ]
    stack = index(str(parquet(tmp_path / "data.parquet", rows)), tmp_path / "cache", unit="file")
    trees = TreeStore(tmp_path / "trees")
    files = {(file.repo, file.path): file for file in kept(stack) if file.hash == "a"}
    assert list(files) == [
        ("b/two", "src/pkg/b.py"), ("a/one", "a.py"), ("a/one", "c.py"), ("x/evil", "../../x.py"), ("x/keyword", "class.py"),
    ]  # fmt: skip
    assert list((tmp_path / "cache").glob("*.parquet")) == []
    first = stack.fetch_file(files["a/one", "a.py"], trees, LIMITS, LicenseRules())
    assert dict(trees.files(first.tree)) == {"a.py": DOCUMENTED.encode()}
    two = stack.fetch_file(files["b/two", "src/pkg/b.py"], trees, LIMITS, LicenseRules())
    assert (two.kind, two.unit, two.repo, two.revision, two.license, two.created_at) == (
        "stack", "file", "b/two", "head-b/two", "ISC AND MIT", "2020-01-02T03:04:05Z",
    )  # fmt: skip
    assert two.origin == "stack:data.parquet#b/two@head-b/two:src/pkg/b.py"
    assert list(dict(trees.files(two.tree))) == ["src/pkg/b.py"]
    for name, reason in (("x/evil", "../../x.py"), "path_escapes"), (("x/keyword", "class.py"), "path_not_importable"):
        with pytest.raises(SourceRefused) as refused:
            stack.fetch_file(files[name], trees, LIMITS, LicenseRules())
        assert refused.value.reason == reason
    stack.close()


def test_files_of_the_repositories_with_most_stars(tmp_path: Path) -> None:
    rows = [row(f"a/{n}", f"m{k}.py", DOCUMENTED, max_stars_count=n) for n in range(4) for k in range(2)]
    data = str(parquet(tmp_path / "data.parquet", rows))
    stack = index(data, tmp_path / "cache", unit="file", max_repositories=2, min_stars=1)
    assert [(file.repo, file.path) for file in kept(stack)] == [
        ("a/2", "m0.py"), ("a/2", "m1.py"), ("a/3", "m0.py"), ("a/3", "m1.py"),
    ]  # fmt: skip
    stack.close()


@pytest.mark.parametrize(
    ("columns", "known"),
    [
        (
            {"blob_id": "b1", "repo_name": "a/b", "path": "/src/c.py", "detected_licenses": ["MIT"], "language": "Python",
             "revision_id": "r1", "revision_date": "2023-03-17T20:32:25", "star_events_count": 3},
            ("a/b", "r1", "src/c.py", ("MIT",), "2023-03-17T20:32:25Z"),
        ),
        (
            {"repository_name": "a/b", "path": "c.py", "licenses": ["MIT"], "lang": "Python"},
            ("a/b", "md5", "c.py", ("MIT",), ""),
        ),
        ({"path": "c.py"}, ("unknown/md5", "md5", "c.py", (), "")),
        ({"path": "c.py", "max_stars_repo_name": None}, ("unknown/md5", "md5", "c.py", (), "")),
    ],
    ids=["v2", "smol", "no more than a path", "a name that is not there"],
)  # fmt: skip
def test_files_of_other_sets_are_read_by_the_columns_they_have(
    tmp_path: Path, columns: dict[str, Any], known: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")  # a date without a zone is not this machine's
    data = str(parquet(tmp_path / "data.parquet", [{**columns, "content": DOCUMENTED}]))
    stack = index(data, tmp_path / "cache", LicenseRules(allow_unknown=True), unit="file")
    (file,) = kept(stack)
    md5 = hashlib.md5(DOCUMENTED.encode(), usedforsecurity=False).hexdigest()
    repo, revision = file.repo.replace(md5[:12], "md5"), file.revision.replace(md5, "md5")
    assert (repo, revision, file.path, file.licenses, file.created_at) == known
    stack.close()


class Hub:
    """Stands for the Hub's filesystem: names under `datasets/`, or an error that it gives."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def glob(self, path: str) -> list[str]:
        return ["datasets/o/n/data/x.parquet"] if path.startswith("hf://datasets/o/n") else []

    def info(self, path: str) -> dict[str, Any]:
        raise self.error or FileNotFoundError(path)

    def open(self, path: str, mode: str) -> Any:
        raise self.error or FileNotFoundError(path, mode)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError("401"), "log in"),
        (ConnectionError("no route"), "does not answer"),
        (TimeoutError(), "does not answer"),
        (FileNotFoundError("x"), "no parquet file there"),
    ],
)
def test_why_the_hub_cannot_be_read_is_one_line(error: Exception, reason: str) -> None:
    said = reachable("hf://datasets/o/n", Hub(error)) or ""
    assert reason in said
    assert "\n" not in said
    assert "no parquet file there" in (reachable("hf://datasets/o/other", Hub()) or "")


def local_hub(folder: Path) -> Any:
    """A folder as an fsspec filesystem for `hf://`. Made by hand: fsspec has no types to derive a class from."""
    folders: Any = importlib.import_module("fsspec.implementations.dirfs").DirFileSystem
    files: Any = importlib.import_module("fsspec.implementations.local").LocalFileSystem

    def strip(path: str) -> str:
        return path.removeprefix("hf://")

    inherited = vars(folders)["_join"]

    def join(self: Any, path: Any) -> Any:
        return inherited(self, strip(path) if isinstance(path, str) else path)

    words = {"protocol": "hf", "_strip_protocol": staticmethod(strip), "_join": join}
    return type("LocalHub", (folders,), words)(path=str(folder), fs=files())


def test_a_dataset_on_the_hub_is_read_through_its_filesystem(tmp_path: Path) -> None:
    parquet(tmp_path / "hub/datasets/o/n/data/x.parquet", ROWS)
    hub = local_hub(tmp_path / "hub")
    assert reachable("hf://datasets/o/n", hub) is None
    stack = StackIndex(StackSource(path="hf://datasets/o/n"), LicenseRules(), tmp_path / "cache", hub)
    assert names(stack) == ["c/famous", "a/one", "b/two", "h/unstarred"]


@pytest.mark.skipif(not REAL_ROW.is_file(), reason=f"the real row is not here: {REAL_ROW}")
def test_a_real_row_of_the_stack(tmp_path: Path) -> None:
    real = json.loads(REAL_ROW.read_text().splitlines()[0])
    stack = index(str(parquet(tmp_path / "real.parquet", [real])), tmp_path / "cache", require_tests=False)
    (repository,) = stack.repositories()
    trees = TreeStore(tmp_path / "trees")
    source = stack.fetch(repository, trees, LIMITS, LicenseRules())
    assert (source.repo, source.license, source.size) == ("jclarte/quarto", "MIT", real["size"])
    assert dict(trees.files(source.tree)) == {"tests/mcts_benchmark.py": real["content"].encode()}
    stack.close()


def test_a_hub_that_cannot_be_reached_is_a_reason_not_a_traceback() -> None:
    """This is what a build without network meets first; it then mines the recipe's open projects."""
    command = (
        "from ttc_data.sources.stack import reachable\n"
        "print(reachable('hf://datasets/bigcode/the-stack-dedup/data/python/*.parquet'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"},
    )
    assert "the Hub does not answer" in done.stdout
