"""Single files: what they import decides whether they are taken, and what is installed does not depend on which it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttc_data.errors import EnvironmentFailed
from ttc_data.hosts.host import EnvironmentStore
from ttc_data.interpreter import Interpreter
from ttc_data.lang.python.packaging.describe import describe
from ttc_data.lang.python.packaging.single import lay
from ttc_data.records import Environment, Source
from ttc_data.rules import EnvironmentRules, TreeLimits
from ttc_data.sandbox.protocol import Job
from ttc_data.trees.store import TreeFile, TreeStore

# Small ones, and one whose import has another name than its project.
RULES = EnvironmentRules(imports={"dateutil": "python-dateutil"}, extra_requirements=("iniconfig",))
INTERPRETER = Interpreter("3.11", "x86_64-manylinux_2_36")


def source(path: str, text: str, trees: TreeStore, repo: str = "a/thing") -> Source:
    stored = trees.put([TreeFile(path, text.encode())], TreeLimits())
    return Source("stack", repo, "r1", "MIT", "stack:x", stored.tree, 1, stored.size, "", unit="file")


class Described:
    """Describes single files, over a store of their trees."""

    def __init__(self, folder: Path) -> None:
        self.trees = TreeStore(folder / "trees")

    def __call__(self, path: str, text: str, repo: str = "a/thing") -> Environment:
        mined = source(path, text, self.trees, repo)
        return describe(mined, dict(self.trees.files(mined.tree)), INTERPRETER, RULES)

    def refusal(self, path: str, text: str, repo: str = "a/thing") -> tuple[str, str]:
        with pytest.raises(EnvironmentFailed) as refused:
            self(path, text, repo)
        return refused.value.reason, refused.value.detail


@pytest.fixture
def described(tmp_path: Path) -> Described:
    return Described(tmp_path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import os, torch.nn, requests\n", "requests, torch.nn"),
        ("from . import one, two\nfrom .three import x\nfrom .. import y\n", "..y, .one, .three, .two"),
        ("from pkg import beside\n", "pkg"),
        ("from pkg.beside import x\n", "pkg.beside"),
        ("".join(f"import m{n:02}\n" for n in range(14)), ", ".join(f"m{n:02}" for n in range(10)) + " and 4 more"),
    ],
)
def test_a_file_that_needs_what_is_not_there_is_refused_by_the_names(
    described: Described, text: str, names: str
) -> None:
    """Before anything is asked of the package index."""
    assert described.refusal("src/pkg/mod.py", text) == ("imports_not_allowed", names)


def test_what_lies_beside_a_file_is_not_taken_from_the_index(described: Described) -> None:
    """An allowed project's own file would find its answer in the installed release."""
    assert described.refusal("dateutil/more.py", "import dateutil.tz\n") == ("imports_not_allowed", "dateutil.tz")


def test_a_file_that_does_not_parse_is_named(described: Described) -> None:
    assert described.refusal("mod.py", "x = (\n") == ("file_does_not_parse", "mod.py line 1")


@pytest.mark.network
def test_files_share_one_of_two_environments(described: Described) -> None:
    plain = described("one/a.py", "import os\n")
    other = described("src/b.py", "import b\nimport json\ntry:\n    import torch\nexcept ImportError:\n    pass\n")
    needy = described("c.py", "def f():\n    import dateutil\n", repo="b/other")
    assert "dateutil" not in plain.lock
    assert "python-dateutil==" in needy.lock
    assert plain.key != other.key
    assert plain.ground.key == other.ground.key != needy.ground.key
    assert plain.ground.ground == plain.ground
    assert (plain.ground.tree, plain.ground.repo, plain.ground.source_key) == ("", "", "")


@pytest.mark.network
@pytest.mark.parametrize(
    ("path", "repo", "name"),
    [
        ("mod.py", "fork/iniconfig", "iniconfig"),
        ("iniconfig/mod.py", "a/thing", "iniconfig"),
        ("compat/iniconfig.py", "a/thing", "iniconfig"),
        ("mod.py", "fork/python_dateutil", "python-dateutil"),
        ("mod.py", "fork/dateutil", "dateutil"),
    ],
)
def test_a_file_of_an_installed_project_is_refused(described: Described, path: str, repo: str, name: str) -> None:
    refusal = described.refusal(path, "def f():\n    import dateutil\n", repo)
    assert refusal == ("project_is_installed", f"{name}: an answer could import it")


@pytest.mark.network
def test_a_shared_environment_is_installed_without_a_file_and_jobs_bring_it(
    described: Described, tmp_path: Path
) -> None:
    environment = described("src/pkg/mod.py", "x = 'é'\r\n")
    folder = EnvironmentStore(tmp_path / "environments", described.trees, 10**9).ensure(environment.ground)
    assert [file for file in (folder / "tree").rglob("*") if file.is_file()] == []
    assert {one.name for one in (folder / "tree").iterdir()} == {"src", "lib"}  # a runner lists them when it starts
    assert (folder / "site" / "iniconfig").is_dir()
    laid = lay(environment, Job(("t.py",), files={"t.py": "1"}), described.trees)
    assert laid.files == {"src/pkg/mod.py": "x = 'é'\r\n", "t.py": "1"}
    masked = Job(("t.py",), files={"src/pkg/mod.py": "masked"})
    assert lay(environment, masked, described.trees).files == {"src/pkg/mod.py": "masked"}
    assert lay(environment.ground, masked, described.trees) is masked


@pytest.mark.network
def test_a_repository_without_tests_is_not_taken_for_a_file() -> None:
    def untested(*paths: str) -> Environment:
        mined = Source("git", "a/thing", "r1", "MIT", "git:x", "1" * 64, len(paths), 1, "")
        return describe(mined, dict.fromkeys(paths, b"x = 1\n"), INTERPRETER, RULES, untested=True)

    environment, job = untested("thing.py"), Job(("t.py",))
    assert (environment.test_files, environment.ground) == ((), environment)
    assert lay(environment, job, TreeStore(Path("/nowhere"))) is job
    with pytest.raises(EnvironmentFailed, match="no_test_files"):
        untested("src/a.py", "lib/b.py")


def test_a_tree_without_files_is_always_there(tmp_path: Path) -> None:
    trees = TreeStore(tmp_path / "none")
    assert trees.has("")
    assert list(trees.files("")) == []
    trees.unpack("", tmp_path / "made")
    assert list((tmp_path / "made").iterdir()) == []
