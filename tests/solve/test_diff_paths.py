"""Diffs that name a file otherwise than the set does, and those without headers of hunks, mean the same file."""

from __future__ import annotations

import pytest

from tests.solve.toys import BARE, FILE, FIRST, PATH, SOLVED, fenced, holds, read
from ttc_data.edits import apply_patch, unified_diff
from ttc_data.errors import PatchRejected
from ttc_data.solve.answer import read_patch

HEAD, HUNKS = BARE[: BARE.index("@@")], BARE[BARE.index("@@") :]
LINES = HUNKS[HUNKS.index("\n") + 1 :]


def diff(old: str, new: str) -> str:
    return f"--- {old}\n+++ {new}\n{HUNKS}"


NAMES = {
    "the file's name alone": diff("core.py", "core.py"),
    "the file's name behind a/ and b/": diff("a/core.py", "b/core.py"),
    "old/ and new/": diff("old/shop/core.py", "new/shop/core.py"),
    "original/ and modified/": diff("original/shop/core.py", "modified/shop/core.py"),
    "the path in the container": diff("/testbed/shop/core.py", "/testbed/shop/core.py"),
    "a path of somebody's machine": diff("/home/user/repo/shop/core.py", "/home/user/repo/shop/core.py"),
    "a whole path behind a/ and b/": diff("a/testbed/shop/core.py", "b/testbed/shop/core.py"),
    "src/ too much": diff("a/src/shop/core.py", "b/src/shop/core.py"),
    "a name that ends in .orig": diff("shop/core.py.orig", "shop/core.py"),
    "a time behind a tab": diff("shop/core.py\t2024-01-01 00:00:00", "shop/core.py\t2024-01-01 00:00:00"),
    "a time behind a blank": diff("shop/core.py 2024-01-01 00:00:00", "shop/core.py 2024-01-01 00:00:00"),
    "(original) and (modified)": diff("shop/core.py (original)", "shop/core.py (modified)"),
    "git's header alone": f"diff --git a/core.py b/core.py\n{HUNKS}",
    "git's header with a whole path": f"diff --git /testbed/{PATH} /testbed/{PATH}\n{diff(f'/testbed/{PATH}', f'/testbed/{PATH}')}",
    "git's header with the file's name": f"diff --git a/core.py b/core.py\n{diff('a/core.py', 'b/core.py')}",
    "no header of a hunk": HEAD + LINES,
}  # fmt: skip
OF_A_CHAT = {
    "original and modified": diff("original", "modified"),
    "old.py and new.py": f"--- old.py\n+++ new.py\n{LINES}",
    "signs alone in a fence of Python": ' def first_part(text):\n     """The part before the first separator."""\n-    raise NotImplementedError\n+    return _parts(text)[0]\n',
    "lines that stay as they are in the file": 'def first_part(text):\n    """The part before the first separator."""\n-    raise NotImplementedError\n+    return _parts(text)[0]\n',
}  # fmt: skip


def in_fence(text: str, info: str) -> str:
    return f"```{info}\n{text}```\n"


@pytest.mark.parametrize("form", [*NAMES, *OF_A_CHAT])
def test_a_diff_in_a_fence_is_applied(form: str) -> None:
    info = "python" if form.endswith("of Python") else "diff"
    assert read(in_fence((NAMES | OF_A_CHAT)[form], info), "first_part").files == {PATH: SOLVED}


@pytest.mark.parametrize("form", NAMES)
def test_a_diff_without_a_fence_is_applied(form: str) -> None:
    assert read(f"This changes it:\n\n{NAMES[form]}", "first_part").files == {PATH: SOLVED}


@pytest.mark.parametrize("form", [form for form in NAMES if form != "no header of a hunk"])
def test_a_patch_is_applied(form: str) -> None:
    files = {PATH: FILE.encode(), "shop/other.py": b"", "tests/test_core.py": b""}
    assert apply_patch(files, NAMES[form]) == {PATH: SOLVED.encode()}


def test_a_missing_src_is_found() -> None:
    assert apply_patch({f"src/{PATH}": FILE.encode()}, BARE) == {f"src/{PATH}": SOLVED.encode()}


REFUSED = {
    "a name that two files end with": ({PATH: FILE, "store/core.py": FILE}, diff("core.py", "core.py")),
    "a path that leaves the tree": ({PATH: FILE}, diff(f"a/../{PATH}", f"b/../{PATH}")),
    "another file of the name": ({PATH: FILE}, diff("a/market/core.py", "b/market/core.py")),
    "a file at the root": ({"core.py": FILE}, diff("a/market/core.py", "b/market/core.py")),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_may_mean_another_file_is_refused(form: str) -> None:
    given, patch = REFUSED[form]
    with pytest.raises(PatchRejected):
        apply_patch({path: text.encode() for path, text in given.items()}, patch)


def test_a_new_file_with_a_known_name_is_new() -> None:
    made = unified_diff({"market/core.py": None}, {"market/core.py": "x = 1\n"})
    assert apply_patch({"core.py": b"y = 2\n"}, made) == {"market/core.py": b"x = 1\n"}


def test_a_patch_says_what_of_it_was_left_out() -> None:
    binary = "diff --git a/x.png b/x.png\nBinary files a/x.png and b/x.png differ\n"
    answer = read_patch(BARE + binary, {PATH: FILE})
    assert answer.files == {PATH: SOLVED}
    assert answer.left_out == ("x.png: a binary file",)


def test_a_list_with_signs_is_no_diff() -> None:
    answer = fenced("- splits\n+ takes\n\ndef first_part(text):\n    return text.split('-')[0]")
    assert holds(read(answer, "first_part").files[PATH] or "", FIRST)
