import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ttc_data.edits import MAX_FILE_BYTES, MAX_PATCH_BYTES, apply_diff, apply_patch, unified_diff
from ttc_data.errors import PatchRejected
from ttc_data.lang.python.syntax import is_test_path

NEW = "diff --git a/{0} b/{0}\nnew file mode {1}\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+{2}\n"
FILES = {"x.py": b"one\ntwo\nthree\n", "dir/y.py": b"a\r\nb\r\n", "w.py": b"b\na\nb\n"}
CHANGE = "--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"

WITHIN = "--- a/dir/y.py\n+++ b/dir/y.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
BINARY = "diff --git a/l.png b/l.png\nindex 1234567..89abcde 100644\nBinary files a/l.png and b/l.png differ\n"

texts = st.text(alphabet=st.sampled_from("ab+- @\\\n\n\r\f\u2028\0é") | st.characters(exclude_categories=["Cs"]))
names = st.sampled_from(["a.py", "b c.py", "d/é.py", 'q"u\\.py', "t\tab.py", "d/-.py", "d/e/ f "])
trees = st.dictionaries(names, st.none() | texts)


def encoded(tree: Mapping[str, str | None]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in tree.items() if text is not None}


@settings(deadline=None, max_examples=60)
@given(trees, trees)
@example({"a.py": "one\r\ntwo"}, {"a.py": "one\r\n\x0ctwo\u2028\r\n"})
@example({"b c.py": ""}, {"d/é.py": ""})
@example({"a.py": "-- a/x\n"}, {"a.py": "++ b/x\n"})
def test_applying_a_diff_gives_exactly_what_it_was_made_from(
    before: dict[str, str | None], after: dict[str, str | None]
) -> None:
    patch = unified_diff(before, after)
    paths = [path for path in {*before, *after} if before.get(path) != after.get(path)]
    if not paths:
        assert patch == ""
        return
    new = encoded(after)
    assert apply_patch(encoded(before), patch) == {path: new.get(path) for path in paths}


@settings(deadline=None, max_examples=60)
@given(
    st.text()
    | st.lists(st.sampled_from([*CHANGE.splitlines(keepends=True), "GIT binary patch\n", "x", "\0"])).map("".join)
)
def test_no_text_makes_apply_patch_raise_anything_but_patch_rejected(patch: str) -> None:
    try:
        apply_patch(FILES, patch)
    except PatchRejected:
        return


def test_a_diff_reads_as_git_writes_it() -> None:
    patch = unified_diff({"x.py": "a\nb", "old.py": "1\n"}, {"x.py": "a\nc\n", "new.py": "2"})
    assert patch == (
        "diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+2\n"
        "\\ No newline at end of file\n"
        "diff --git a/old.py b/old.py\ndeleted file mode 100644\n--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n"
        "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n-b\n"
        "\\ No newline at end of file\n+c\n"
    )


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        (CHANGE, {"x.py": b"one\n2\nthree\n"}),
        (CHANGE.rstrip("\n"), {"x.py": b"one\n2\nthree\n"}),
        ("Sure, here it is:\n\n" + CHANGE + "\nDone.\n", {"x.py": b"one\n2\nthree\n"}),
        (CHANGE.replace("-1,3 +1,3", "-1,7 +1,9"), {"x.py": b"one\n2\nthree\n"}),
        (CHANGE.replace("a/", "").replace("b/", ""), {"x.py": b"one\n2\nthree\n"}),
        ("--- a/dir/y.py\n+++ b/dir/y.py\n@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n", {"dir/y.py": b"a\r\nc\r\n"}),
        (
            "diff --git a/x.py b/z.py\nsimilarity index 100%\nrename from x.py\nrename to z.py\n",
            {"x.py": None, "z.py": FILES["x.py"]},
        ),
        ("diff --git a/x.py b/z.py\nsimilarity index 100%\ncopy from x.py\ncopy to z.py\n", {"z.py": FILES["x.py"]}),
        ("diff --git a/x.py b/x.py\nold mode 100644\nnew mode 100755\n", {}),
        (WITHIN, {"dir/y.py": b"a\r\nc\r\n"}),
        (WITHIN.replace("a/dir", "dir").replace("b/dir", "dir"), {"dir/y.py": b"a\r\nc\r\n"}),
        (WITHIN.replace("a/dir", "./dir").replace("b/dir", "./dir"), {"dir/y.py": b"a\r\nc\r\n"}),
        (CHANGE.replace("\n", "\r\n"), {"x.py": b"one\n2\nthree\n"}),
        ("--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n two\n-three\n+3\n", {"x.py": b"one\ntwo\n3\n"}),
        ("--- a/x.py\n+++ b/x.py\n@@ -0,0 +1,2 @@\n two\n-three\n+3\n", {"x.py": b"one\ntwo\n3\n"}),
        ("--- a/x.py\n+++ b/x.py\n@@ ... @@\n-two\n+2\n", {"x.py": b"one\n2\nthree\n"}),
        (CHANGE + BINARY, {"x.py": b"one\n2\nthree\n"}),
        (BINARY + CHANGE, {"x.py": b"one\n2\nthree\n"}),
        (CHANGE + CHANGE.replace("x.py", "tests/test_x.py"), {"x.py": b"one\n2\nthree\n"}),
        (NEW.format("dir/z.py", "100644", "1").replace("b/dir", "dir").replace("a/dir", "dir"), {"dir/z.py": b"1\n"}),
    ],
)
def test_what_models_and_git_write_is_applied(patch: str, changed: dict[str, bytes | None]) -> None:
    assert dict(apply_diff(FILES, patch, may_miss=is_test_path).files) == changed


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("I cannot do that.", "No valid patches"),
        ("\ud800", "lone surrogates"),
        (CHANGE.replace("two", "zwei"), "x.py"),
        (CHANGE.replace("x.py", "missing.py"), "missing.py"),
        (BINARY, "patch"),
        ("--- a/w.py\n+++ b/w.py\n@@ @@\n-b\n+c\n", "patch"),
        (NEW.format("../evil.py", "100644", "x"), "outside the tree"),
        (NEW.format("a/../../evil.py", "100644", "x"), "outside the tree"),
        (NEW.format(".git/hooks/post-checkout", "100755", "x"), "outside the tree"),
        ("--- /dev/null\n+++ /tmp/evil.py\n@@ -0,0 +1 @@\n+x\n", "outside the tree"),
        (NEW.format("link", "120000", "/etc/passwd"), "links and submodules"),
        (NEW.format("module", "160000", "Subproject commit " + "0" * 40), "links and submodules"),
        ("diff --git a/x.py b/x.py\nold mode 100644\nnew mode 120000\n", "links and submodules"),
        ("diff --git a/x b/x\nindex 0000000..1111111 120000\n", "links and submodules"),
        ("diff --git a/x b/x\nnew file mode 100644\nGIT binary patch\nliteral 1\nIcmZ\n\n", "binary"),
        (NEW.format("big.py", "100644", "x" * MAX_PATCH_BYTES), "at most"),
        ("".join(NEW.format(f"{n}.py", "100644", "x") for n in range(501)), "501 files"),
        ("diff --git a/../../etc/passwd b/z\nsimilarity index 100%\ncopy from ../../etc/passwd\ncopy to z\n", "apply"),
    ],
)
def test_a_patch_that_cannot_be_taken_is_rejected_in_one_line(patch: str, why: str) -> None:
    with pytest.raises(PatchRejected) as caught:
        apply_patch(FILES, patch)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_made_in_two_steps_reads_nothing_of_the_host(tmp_path: Path) -> None:
    """A file that says where it points, turned into a link by a later change of mode, then copied."""
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    patch = NEW.format("link", "100644", tmp_path / "secret")
    patch += "diff --git a/link b/link\nold mode 100644\nnew mode 120000\n"
    patch += "diff --git a/link b/copy\nsimilarity index 100%\ncopy from link\ncopy to copy\n"
    with pytest.raises(PatchRejected, match="links and submodules"):
        apply_patch({}, patch)


def test_a_file_over_the_limit_is_not_patched() -> None:
    with pytest.raises(PatchRejected, match="at most"):
        apply_patch({"x.py": FILES["x.py"] + b"#" * MAX_FILE_BYTES}, CHANGE)


def test_a_patch_that_copies_a_file_without_end_is_refused() -> None:
    copies = "".join(
        f"diff --git a/x.py b/{n}.py\nsimilarity index 100%\ncopy from x.py\ncopy to {n}.py\n" for n in range(100)
    )
    with pytest.raises(PatchRejected, match="at most"):
        apply_patch({"x.py": b"#" * (MAX_FILE_BYTES // 4)}, copies)


class Lazy(Mapping[str, bytes]):
    """A large tree: counts what is read of it."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __getitem__(self, path: str) -> bytes:
        self.read.append(path)
        return FILES[path]

    def __contains__(self, path: object) -> bool:
        return path in FILES

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("a large tree must not be walked")

    def __len__(self) -> int:
        return len(FILES)


def test_only_touched_files_are_read() -> None:
    tree = Lazy()
    apply_patch(tree, CHANGE)
    assert tree.read == ["x.py"]


def test_the_users_git_configuration_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text("[apply]\n\twhitespace = fix\n[core]\n\tautocrlf = true\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    patch = unified_diff({"x.py": "a\r\n"}, {"x.py": "b  \r\n"})
    assert apply_patch({"x.py": b"a\r\n"}, patch) == {"x.py": b"b  \r\n"}


def test_git_itself_takes_the_diff_in_a_repository(tmp_path: Path) -> None:
    """As SWE-bench's harness does: `git apply` in the tree."""
    before = {"x y.py": "a\r\nb", "gone.py": "", "é.py": "\x0c1\n"}
    after = {"x y.py": "a\r\nc\u2028d\n", "new/f.py": "", "é.py": "\x0c1"}
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for path, text in before.items():
        (tmp_path / path).write_bytes(text.encode())
    subprocess.run(["git", "apply"], input=unified_diff(before, after).encode(), cwd=tmp_path, check=True)
    found = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.py")}
    assert found == {path: text.encode() for path, text in after.items()}
