"""A repository is read from one commit's objects; nothing that it configures is run."""

from __future__ import annotations

import os
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
from git import Repo

from tests.projects import write_files
from ttc_data.errors import SourceRefused, SourceUnavailable
from ttc_data.lang.python.packaging.metadata import read_metadata
from ttc_data.recipe import parse_source
from ttc_data.records import Source
from ttc_data.rules import GitSource, LicenseRules, TreeLimits
from ttc_data.sources.git import check_local, fetch
from ttc_data.trees.store import TreeStore

LIMITS, ANY = TreeLimits(), LicenseRules(allow=(), allow_unknown=True)
DATE = "2024-02-03T04:05:06+02:00"


@pytest.fixture
def project(tmp_path: Path) -> Repo:
    folder = tmp_path / "work" / "project"
    (folder / "pkg").mkdir(parents=True)
    repo = Repo.init(folder, initial_branch="main")
    with repo.config_writer() as config:
        config.set_value("user", "name", "A")
        config.set_value("user", "email", "a@example.invalid")
        config.set_value("uploadpack", "allowFilter", "true")
    _commit(repo, {"pkg/__init__.py": b"X = 1\r\n", "setup.cfg": b"[metadata]\nlicense = MIT\n"})
    repo.create_tag("v1")
    return repo


def _commit(repo: Repo, files: dict[str, bytes]) -> str:
    for path, data in files.items():
        (Path(repo.working_dir) / path).write_bytes(data)
    repo.git.add("--all")
    repo.git.update_environment(GIT_AUTHOR_DATE=DATE, GIT_COMMITTER_DATE=DATE)
    repo.git.commit("--message", "x")
    return repo.head.commit.hexsha


def _fetch(tmp_path: Path, url: str, revision: str = "HEAD", limits: TreeLimits = LIMITS, repo: str = "") -> Source:
    source = GitSource(url=url, revision=revision, repo=repo)
    return fetch(source, TreeStore(tmp_path / "trees"), limits, ANY, tmp_path / "cache")


def _files(tmp_path: Path, source: Source) -> dict[str, bytes]:
    return dict(TreeStore(tmp_path / "trees").files(source.tree))


def test_a_commit_is_read_and_never_the_working_tree(tmp_path: Path, project: Repo) -> None:
    (Path(project.working_dir) / "pkg/__init__.py").write_bytes(b"changed")
    source = _fetch(tmp_path, str(project.working_dir), "v1")
    assert _files(tmp_path, source) == {"pkg/__init__.py": b"X = 1\r\n", "setup.cfg": b"[metadata]\nlicense = MIT\n"}
    assert (source.kind, source.repo, source.license) == ("git", "local/project", "MIT")
    assert source.revision == project.head.commit.hexsha
    assert source.created_at == "2024-02-03T02:05:06Z"


def test_a_url_is_cloned_once_and_follows_a_moved_branch(tmp_path: Path, project: Repo) -> None:
    url = Path(project.working_dir).as_uri()
    first = _fetch(tmp_path, url, "main", repo="owner/name")
    assert first.repo == "owner/name"
    second = _commit(project, {"new.py": b"Y = 2\n"})
    assert _fetch(tmp_path, url, "main").revision == second
    Path(project.working_dir).rename(tmp_path / "gone")
    assert _fetch(tmp_path, url, second).files == 3
    with pytest.raises(SourceUnavailable, match="cannot be cloned"):
        _fetch(tmp_path, url, "main")


def test_links_out_and_submodules_are_left_out_and_the_executable_bit_stays(tmp_path: Path, project: Repo) -> None:
    folder = Path(project.working_dir)
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    project.git.update_index("--add", "--cacheinfo", f"160000,{project.head.commit.hexsha},sub")
    project.git.add("link", "run.sh")
    project.git.commit("--message", "x")
    source = _fetch(tmp_path, str(folder))
    assert sorted(_files(tmp_path, source)) == ["pkg/__init__.py", "run.sh", "setup.cfg"]
    TreeStore(tmp_path / "trees").unpack(source.tree, tmp_path / "out")
    assert os.access(tmp_path / "out/run.sh", os.X_OK)


def test_hooks_and_filters_of_the_repository_do_not_run(tmp_path: Path, project: Repo) -> None:
    folder = Path(project.working_dir)
    mark = tmp_path / "ran"
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        hook = folder / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)
    (folder / ".gitattributes").write_text("*.py filter=evil\n")
    project.git.add(".gitattributes")
    project.git.commit("--message", "x", "--no-verify")
    mark.unlink(missing_ok=True)
    with project.config_writer() as config:
        config.set_value('filter "evil"', "smudge", f"touch {mark}; cat")
        config.set_value("core", "fsmonitor", f"touch {mark}")
    for url in (str(folder), folder.as_uri()):
        assert _files(tmp_path, _fetch(tmp_path, url))["pkg/__init__.py"] == b"X = 1\r\n"
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["blob", "tree", "commit"])
def test_a_repository_that_lacks_objects_cannot_name_a_program_to_fetch_them(
    tmp_path: Path, project: Repo, kind: str
) -> None:
    folder = Path(project.working_dir)
    mark = tmp_path / "ran"
    commit = project.head.commit
    lost = {"blob": commit.tree["setup.cfg"].hexsha, "tree": commit.tree.hexsha, "commit": commit.hexsha}[kind]
    (folder / ".git/objects" / lost[:2] / lost[2:]).unlink()
    with project.config_writer() as config:
        config.set_value("core", "repositoryFormatVersion", "1")
        config.set_value("extensions", "partialClone", "origin")
        config.set_value('remote "origin"', "url", f"ext::sh -c touch% {mark}")
        config.set_value('remote "origin"', "promisor", "true")
        config.set_value('protocol "ext"', "allow", "always")
    with pytest.raises((SourceUnavailable, SourceRefused)):
        _fetch(tmp_path, str(folder))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("url", "revision"),
    [
        ("--upload-pack=touch x", "HEAD"),
        ("ext::sh -c 'touch x'", "HEAD"),
        ("ext::sh%20x/y", "HEAD"),
        ("ftp://host/x/y", "HEAD"),
        ("FD://7", "HEAD"),
        ("https://host.invalid/x/y\n", "HEAD"),
        (".", "--output=x"),
    ],
)
def test_options_and_program_transports_are_refused(tmp_path: Path, url: str, revision: str) -> None:
    with pytest.raises(SourceUnavailable, match=r"must not|not allowed"):
        _fetch(tmp_path, url, revision)


def test_an_unknown_revision_and_a_folder_without_git(tmp_path: Path, project: Repo) -> None:
    for revision in ("v9", "0" * 40, "HEAD..main", "HEAD:setup.cfg"):
        with pytest.raises(SourceRefused) as refused:
            _fetch(tmp_path, str(project.working_dir), revision)
        assert refused.value.reason == "revision_not_found"
    for url in (str(tmp_path), str(tmp_path / "none"), str(Path(project.working_dir) / "pkg")):
        with pytest.raises(SourceUnavailable, match=r"not a git repository|none': no such folder"):
            _fetch(tmp_path, url)


def test_a_file_above_the_limit_is_refused_locally_and_not_even_cloned(tmp_path: Path, project: Repo) -> None:
    _commit(project, {"big.bin": os.urandom(50_000)})
    for url in (str(project.working_dir), Path(project.working_dir).as_uri()):
        with pytest.raises(SourceRefused) as refused:
            _fetch(tmp_path, url, limits=TreeLimits(max_file_bytes=10_000))
        assert refused.value.reason == "file_too_large"
    clone = next((tmp_path / "cache").glob("*.git"))
    assert sum(file.stat().st_size for file in clone.rglob("*") if file.is_file()) < 40_000


def test_a_tree_bomb(tmp_path: Path, project: Repo) -> None:
    """Eight levels of ten entries that all name the same tree: nine objects, 10^8 files."""
    blob = project.head.commit.tree["setup.cfg"].hexsha
    entries = "".join(f"100644 blob {blob}\tf{n}\n" for n in range(10))
    for _ in range(8):
        with (tmp_path / "entries").open("w+") as file:
            file.write(entries)
            file.seek(0)
            tree = project.git.mktree(istream=file)
        entries = "".join(f"040000 tree {tree}\td{n}\n" for n in range(10))
    commit = project.git.commit_tree(tree, "-m", "bomb")
    with pytest.raises(SourceRefused) as refused:
        _fetch(tmp_path, str(project.working_dir), commit, TreeLimits(max_files=500))
    assert refused.value.reason == "too_many_files"


def test_credentials_in_a_url_are_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as unavailable:
        _fetch(tmp_path, "https://user:secret@127.0.0.1:1/owner/name.git")
    assert "secret" not in str(unavailable.value)


def test_credentials_in_a_url_are_for_its_server_and_on_no_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every user of a machine can read what its programs are started with."""
    real, arguments, headers = shutil.which("git"), tmp_path / "arguments", tmp_path / "headers"
    (tmp_path / "bin").mkdir()
    noting = tmp_path / "bin/git"
    ask = f"{real} config --get-urlmatch http.extraHeader"
    noting.write_text(
        f'#!/bin/sh\necho "$@" >> {arguments}\n'
        f"{ask} https://127.0.0.1:1/owner/name.git >> {headers}\n{ask} https://127.0.0.1:2/owner/name.git >> {headers}\n"
        f'exec {real} "$@"\n'
    )
    noting.chmod(0o755)
    monkeypatch.setenv("PATH", str(noting.parent), prepend=":")
    with pytest.raises(SourceUnavailable):
        _fetch(tmp_path, "https://user:se%2Fcret@127.0.0.1:1/owner/name.git")
    assert headers.read_text() == f"Authorization: Basic {b64encode(b'user:se/cret').decode()}\n"
    assert "https://127.0.0.1:1/owner/name.git" in arguments.read_text()
    assert "cret" not in arguments.read_text()


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_a_repository_of_sha256_is_read_as_any_other(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--object-format=sha256", "--initial-branch=main")
    write_files(folder, {"a/b.py": "x = 1\n", "r.txt": "r"})
    (folder / "a/link.txt").symlink_to("../r.txt")
    git(folder, "add", "--all")
    git(folder, "commit", "--message", "x", "--date", DATE)
    git(folder, "tag", "v2.0")
    for url in (str(folder), folder.as_uri()):
        source = _fetch(tmp_path, url)
        assert _files(tmp_path, source) == {"a/b.py": b"x = 1\n", "r.txt": b"r", "a/link.txt": b"r"}
        assert (len(source.revision), source.tagged) == (64, "2.0")
        assert source.created_at.endswith("Z")
    assert _fetch(tmp_path, folder.as_uri(), source.revision).key == source.key


def test_a_branch_with_a_slash_in_a_folder_with_an_at(tmp_path: Path, project: Repo) -> None:
    folder = Path(project.working_dir)
    project.git.checkout("-b", "feature/x")
    newer = _commit(project, {"new.py": b"Y = 2\n"})
    project.git.checkout("main")
    moved = folder.rename(folder.parent / "at@home")
    asked = parse_source(f"git:{moved}@feature/x")
    assert isinstance(asked, GitSource)
    assert _fetch(tmp_path, asked.url, asked.revision).revision == newer


@pytest.mark.parametrize(
    ("tags", "version"),
    [
        (("v1.2.3",), "1.2.3"), (("1.2.3", "1.10.0", "1.11.0rc1"), "1.11.0rc1"), (("project-2.0", "release"), "2.0"),
        (("nightly",), ""), ((), ""),
    ],
)  # fmt: skip
def test_a_tag_is_the_version_where_the_build_backend_asks_for_it(
    tmp_path: Path, project: Repo, tags: tuple[str, ...], version: str
) -> None:
    project.git.tag("--delete", "v1")
    project.create_tag("v0.1")
    metadata = b'[project]\nname = "p"\ndynamic = ["version"]\n'
    _commit(project, {"pyproject.toml": metadata + b'[build-system]\nrequires = ["hatch-vcs"]\n'})
    for tag in tags:
        project.create_tag(tag, message="annotated" if tag == "1.2.3" else None)
    source = _fetch(tmp_path, str(project.working_dir))
    files = _files(tmp_path, source)
    assert source.tagged == version
    assert read_metadata(files, source.tagged).version == source.tagged
    files["pyproject.toml"] = metadata + b'[tool.hatch.version]\npath = "x.py"\n'
    assert read_metadata(files, source.tagged).version == ""


def said_of(tmp_path: Path, source: GitSource) -> list[str]:
    said: list[str] = []
    check_local(source, LIMITS, tmp_path / "cache", said.append)
    return said


def test_what_is_in_no_commit_is_said_in_a_line_and_runs_nothing(tmp_path: Path, project: Repo) -> None:
    folder = Path(project.working_dir)
    mark = tmp_path / "ran"
    (folder / ".gitattributes").write_text("*.py filter=evil\n*.txt text\n")
    _commit(project, {".gitignore": b"*.log\n", "lines.txt": b"a\n", "staged.py": b"", "gone.py": b""})
    source = GitSource(url=str(folder))
    (folder / "lines.txt").write_bytes(b"a\r\n")  # a line end is no change
    (folder / "pkg/__init__.py").touch()
    assert said_of(tmp_path, source) == []
    (folder / "a.log").write_text("ignored")
    (folder / "pkg/__init__.py").write_text("X = 2\n")
    (folder / "new.py").write_text("")
    (folder / "gone.py").unlink()
    blob = project.git.hash_object("-w", "--no-filters", str(folder / ".gitignore"))
    project.git.update_index("--cacheinfo", f"100644,{blob},staged.py")
    with project.config_writer() as config:
        config.set_value('filter "evil"', "clean", f"touch {mark}; cat")
        config.set_value("core", "fsmonitor", f"touch {mark}")
    (line,) = said_of(tmp_path, source)
    commit = project.head.commit.hexsha
    assert (
        f"commit {commit[:12]} is mined without what is in no commit: 4 files (gone.py, new.py, pkg/__init__.py, ...)"
        in line
    )
    assert "\n" not in line
    assert not mark.exists()
    assert said_of(tmp_path, source.model_copy(update={"revision": commit})) == []
    assert said_of(tmp_path, source.model_copy(update={"revision": "v1"})) == []
