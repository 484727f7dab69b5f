"""Links that stay in the tree become copies of what they lead to; all others are named."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from git import Repo

from tests.projects import commit, write_files
from ttc_data.cache import Cache
from ttc_data.errors import SourceRefused
from ttc_data.lang.python.modules import gives_away
from ttc_data.recipe import Recipe
from ttc_data.records import Reject, Source
from ttc_data.rules import GitSource, LicenseRules, TreeLimits
from ttc_data.sources.archives import read_archive
from ttc_data.sources.mine import mine, requests
from ttc_data.trees.foreign import TreeFile
from ttc_data.trees.links import LeftOut, TreeLink
from ttc_data.trees.store import TreeStore

FILES = {
    "data/r.txt": "r",
    "data/deep/s.txt": "s",
    "pkg/__init__.py": "",
    "pkg/code.py": "def answer():\n    return 42\n",
    "tests/test_r.py": "def test_r():\n    assert open('tests/r.txt').read() == 'r'\n",
}
INSIDE = {
    "tests/r.txt": "../data/r.txt",
    "tests/chain.txt": "r.txt",
    "tests/data": "../data",
    "tests/through.txt": "data/deep/s.txt",
    # A kernel follows the link and then goes to the parent of where it is.
    "tests/up.txt": "data/../pkg/__init__.py",
    "more": "./tests/../data/deep/",
    "tests_again": "tests/test_r.py",
}
COPIES = {
    "tests/r.txt": "r",
    "tests/chain.txt": "r",
    "tests/data/r.txt": "r",
    "tests/data/deep/s.txt": "s",
    "tests/through.txt": "s",
    "tests/up.txt": "",
    "more/s.txt": "s",
    "tests_again": FILES["tests/test_r.py"],
}
OUTSIDE = {
    "passwd": "/etc/passwd",
    "tests/above.txt": "../../other/r.txt",
    "tests/deep": "../data/deep",
    "round": "about",
    "about": "round",
    "pkg/self": ".",
    "pkg/tree": "..",
    "gone.txt": "data/gone.txt",
    "code.py": "pkg/code.py",
    "lib": "pkg",
}
REASONS = {
    "passwd": "link_escapes",
    "tests/above.txt": "link_escapes",
    "round": "link_loops",
    "about": "link_loops",
    "pkg/self": "link_loops",
    "pkg/tree": "link_loops",
    "gone.txt": "link_dangles",
    "code.py": "link_to_code",
    "lib": "link_to_code",
    "lib/self": "link_loops",
    "lib/tree": "link_loops",
}


def tar(folder: Path, files: Mapping[str, str], links: Mapping[str, str]) -> Path:
    path = folder / "p-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, target in links.items():  # before what they lead to
            member = tarfile.TarInfo(f"p-1.0/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
        for name, text in files.items():
            member = tarfile.TarInfo(f"p-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def zipped(folder: Path, files: Mapping[str, str], links: Mapping[str, str]) -> Path:
    path = folder / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, target in links.items():
            info = zipfile.ZipInfo(f"p-1.0/{name}")
            info.external_attr = 0o120777 << 16
            archive.writestr(info, target)
        for name, text in files.items():
            archive.writestr(f"p-1.0/{name}", text)
    return path


def put(
    folder: Path, files: Iterable[TreeFile | TreeLink], limits: TreeLimits | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """The stored files, and the reason of each link that is none of them."""
    store = TreeStore(folder / "trees")
    left: list[LeftOut] = []
    stored = store.put(files, limits or TreeLimits(), left.append, gives_away)
    texts = {path: data.decode() for path, data in store.files(stored.tree)}
    return texts, {link.path: link.reason for link in left}


def as_links(links: Mapping[str, str]) -> list[TreeLink]:
    return [TreeLink(path, target) for path, target in links.items()]


DATA = [TreeFile(path, text.encode()) for path, text in FILES.items()]


@pytest.mark.parametrize("pack", [tar, zipped])
def test_links_in_an_archive_are_copies_of_what_they_lead_to(
    pack: Callable[[Path, Mapping[str, str], Mapping[str, str]], Path], tmp_path: Path
) -> None:
    assert put(tmp_path, read_archive(pack(tmp_path, FILES, INSIDE), TreeLimits())) == ({**FILES, **COPIES}, {})


def test_links_in_a_repository_are_copies_and_those_that_lead_nowhere_are_rejects_with_their_name(
    tmp_path: Path,
) -> None:
    folder = write_files(tmp_path / "project", dict(FILES))
    for path, target in {**INSIDE, **OUTSIDE}.items():
        (folder / path).symlink_to(target)
    commit(folder)
    cache = Cache(tmp_path / "cache")
    recipe = Recipe(
        name="links", sources=(GitSource(url=str(folder)),), license=LicenseRules(allow=(), allow_unknown=True)
    )
    (request,) = requests(recipe, cache, print)
    source, *rejects = mine(request)
    assert isinstance(source, Source)
    deep = {"tests/deep/s.txt": "s", "lib/__init__.py": ""}
    found = {path: data.decode() for path, data in cache.trees.files(source.tree)}
    assert found == {**FILES, **COPIES, **deep}
    assert all(isinstance(reject, Reject) for reject in rejects)
    assert {
        reject.subject.rpartition(": ")[2]: reject.reason for reject in rejects if isinstance(reject, Reject)
    } == REASONS
    details = [reject.detail for reject in rejects if isinstance(reject, Reject)]
    assert "'passwd' leads to '/etc/passwd', outside the tree" in details
    assert len({reject.key for reject in rejects}) == len(REASONS)


def test_a_link_to_code_gives_no_copy_of_what_is_masked(tmp_path: Path) -> None:
    """The solver of `pkg/code.py::answer` would read it in the copy."""
    texts, left = put(tmp_path, [*DATA, TreeLink("tests/code.py", "../pkg/code.py")])
    assert (texts, left) == (FILES, {"tests/code.py": "link_to_code"})


def test_a_second_name_of_a_file_in_a_tar_is_a_copy(tmp_path: Path) -> None:
    path = tar(tmp_path, FILES, {})
    first = tarfile.TarInfo("p-1.0/data/r.txt")
    first.size = 1
    second = tarfile.TarInfo("p-1.0/tests/r.txt")
    second.type, second.linkname = tarfile.LNKTYPE, "p-1.0/data/r.txt"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(first, io.BytesIO(b"r"))
        archive.addfile(second)
    assert put(tmp_path, read_archive(path, TreeLimits())) == ({"data/r.txt": "r", "tests/r.txt": "r"}, {})


def test_a_tree_without_links_has_the_name_that_it_had(tmp_path: Path) -> None:
    store = TreeStore(tmp_path)
    plain = store.put([TreeFile("a.txt", b"a"), TreeFile("b.txt", b"a")], TreeLimits())
    linked = store.put([TreeLink("b.txt", "a.txt"), TreeFile("a.txt", b"a")], TreeLimits())
    assert plain == linked
    assert plain.tree == "03fc44235ddce47a4f8d0d40ea24d4f932ba9a5a35b100656eff8d471571292b"


def test_folders_of_links_to_each_other_end_at_the_limits(tmp_path: Path) -> None:
    """Twenty folders, each with two links to the next one: a million files, or none and a million links."""
    links = {f"{n}/{side}": f"../{n + 1}" for n in range(20) for side in "ab"}
    for files in ([TreeFile("20/x", b"x")], [TreeFile("x", b"x")]):
        with pytest.raises(SourceRefused) as refused:
            put(tmp_path, [*files, *as_links(links)], TreeLimits(max_files=1000))
        assert refused.value.reason == "too_many_files"


@pytest.mark.parametrize("path", ["../x", ".git/x", "\udcff", "x" * 300])
def test_a_link_at_a_path_that_no_tree_has_is_named(path: str, tmp_path: Path) -> None:
    texts, left = put(tmp_path, [*DATA, TreeLink(path, "data/r.txt")])
    assert texts == FILES
    assert set(left.values()) <= {"path_escapes", "path_not_text", "path_too_long"}
    assert len(left) == 1
    str(left).encode()


def test_a_repository_may_hold_links_that_are_no_text(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "project", dict(FILES))
    (folder / "odd").symlink_to(b"\xff".decode("utf-8", "surrogateescape"))
    commit(folder)
    assert Repo(folder).head.commit.tree["odd"].mode == 0o120000
    recipe = Recipe(
        name="odd", sources=(GitSource(url=str(folder)),), license=LicenseRules(allow=(), allow_unknown=True)
    )
    (request,) = requests(recipe, Cache(tmp_path / "cache"), print)
    _, reject = mine(request)
    assert isinstance(reject, Reject)
    assert reject.reason == "link_dangles"
    assert reject.detail.isascii()
