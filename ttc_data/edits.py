r"""Unified diffs over many files: write and apply.

Lines end with `\n` and nothing else here, as they do for git: a form feed, a lone `\r` or U+2028 is part of its line.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ttc_data.errors import PatchRejected, TtcError
from ttc_data.hunks import PatchSection, apply_hunks, file_of, read_sections, renamed

MAX_PATCH_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_TOUCHED_BYTES = 64 * 1024 * 1024
MAX_TOUCHED_FILES = 500
TIMEOUT_S = 30.0

_LINK_MODES = ("120000", "160000")
_MODE_HEADERS = ("old mode ", "new mode ", "new file mode ", "deleted file mode ", "index ")
_SOURCE_HEADERS = ("--- ", "rename from ", "copy from ")
_NO_NEWLINE = "\\ No newline at end of file\n"


def unified_diff(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> str:
    """Write the diff that `git apply` turns `before` into `after` with, exactly.

    Args:
        before: text by path; a path that is missing or None is a file that does not exist.
        after: likewise.

    Returns:
        The diff, files in the order of their paths; empty when nothing differs.
    """
    pieces: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        pieces.append(f"diff --git {_quoted('a/' + path)} {_quoted('b/' + path)}\n")
        if old is None:
            pieces.append("new file mode 100644\n")
        elif new is None:
            pieces.append("deleted file mode 100644\n")
        origin = "/dev/null" if old is None else _named("a/" + path)
        goal = "/dev/null" if new is None else _named("b/" + path)
        diff = difflib.unified_diff(_lines(old), _lines(new), origin, goal)
        pieces += [line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}" for line in diff]
    return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a diff makes of files."""

    files: Mapping[str, bytes | None]
    """New contents of what changed, None for a deleted file."""
    left_out: tuple[str, ...] = ()
    """Parts of the diff that were passed over, in words."""


def apply_patch(files: Mapping[str, bytes], patch: str) -> dict[str, bytes | None]:
    """Apply anybody's unified diff; parts of it that change binary files or do not fit test files are passed over.

    Args:
        files: contents by path; only touched paths are read.
        patch: a unified diff, with or without `a/` and `b/` before its paths.

    Returns:
        What the patch changed: new contents, None for a deleted file.

    Raises:
        PatchRejected: with one line that says what is wrong with the patch.
    """
    return dict(apply_diff(files, patch).files)


def nothing(path: str) -> bool:
    """Of no path."""
    return False


def apply_diff(
    files: Mapping[str, bytes],
    patch: str,
    only: Mapping[str, object] | None = None,
    may_miss: Callable[[str], bool] = nothing,
) -> Applied:
    """Apply a diff, and say what of it was passed over.

    git does it, in a private folder that holds the touched files only and no links. A first try is strict, the second
    lets git count the hunks' lines itself: models miscount. What git does not take is read by `hunks`, which puts each
    hunk where its lines are.

    Args:
        files: contents by path; only touched paths are read.
        patch: a unified diff.
        only: paths that may change; parts for others are passed over. None lets all change.
        may_miss: of a path, whether parts for it may be left out where they do not fit, as those for tests.

    Raises:
        PatchRejected: with one line that says what is wrong with the patch.
    """
    try:
        data = patch.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PatchRejected("the patch is not valid Unicode text; remove the lone surrogates") from error
    if not patch.strip():
        raise PatchRejected("the patch is empty; give a unified diff")
    if len(data) > MAX_PATCH_BYTES:
        raise PatchRejected(f"the patch has {len(data)} bytes, at most {MAX_PATCH_BYTES} are read")
    patch = renamed(patch, files if only is None else dict.fromkeys(only))
    data = patch.encode("utf-8")
    _refuse_by_header(patch)
    options = _strip_of(patch)
    with tempfile.TemporaryDirectory(prefix="ttc-patch-") as name:
        home = Path(name)
        patch_file = home / "answer.patch"
        patch_file.write_bytes(data if data.endswith(b"\n") else data + b"\n")
        refused: PatchRejected | None = None
        for attempt, more in (("plain", ()), ("recount", ("--recount",))):
            try:
                return _within(_applied(home / attempt, patch_file, files, (*options, *more)), only, patch)
            except PatchRejected as error:
                refused = refused or error
    try:
        return _placed(files, patch, only, may_miss)
    except PatchRejected:
        raise refused or PatchRejected("the patch does not apply") from None


def _within(changed: Mapping[str, bytes | None], only: Mapping[str, object] | None, patch: str) -> Applied:
    sections = read_sections(patch) if "\nBinary files " in patch else []
    binary = [f"{file_of(one.old, changed)}: a binary file" for one in sections if one.binary]
    if only is None:
        return Applied(changed, tuple(binary))
    kept = {path: data for path, data in changed.items() if path in only}
    if not kept and changed:
        raise PatchRejected(f"the patch changes {', '.join(sorted(changed))}: not among the files that were given")
    others = [_not_given(path) for path in sorted(changed) if path not in kept]
    return Applied(kept, (*others, *binary))


def _not_given(path: str) -> str:
    return f"{path}: not one of the files that were given"


def _strip_of(patch: str) -> tuple[str, ...]:
    """How git is to read the paths: as they are, where none has the `a/` or `b/` that git writes."""
    names = [
        line[4:].strip() for line in patch.split("\n") if line.startswith(("--- ", "+++ ")) and "/dev/null" not in line
    ]
    prefixed = any(re.match(r'"?[abciow]/', name) for name in names) or not names
    return () if prefixed else ("-p0",)


def _placed(
    files: Mapping[str, bytes], patch: str, only: Mapping[str, object] | None, may_miss: Callable[[str], bool]
) -> Applied:
    """Apply a diff by what its hunks say; parts for binary files, and for test files that they do not fit, stay out."""
    changed: dict[str, bytes | None] = {}
    left_out: list[str] = []
    sections = read_sections(patch)
    if len(sections) > MAX_TOUCHED_FILES:
        raise PatchRejected(f"the patch touches {len(sections)} files, at most {MAX_TOUCHED_FILES} are taken")
    for section in sections:
        path = file_of(section.old or section.new, files)
        _refuse_escape(path)
        if section.binary:
            left_out.append(f"{path}: a binary file")
            continue
        if only is not None and path not in only:
            left_out.append(_not_given(path))
            continue
        if not section.hunks and not section.more_than_text:
            continue
        try:
            changed[path] = _made(files, changed, path, section)
        except PatchRejected as error:
            if not may_miss(path):
                raise
            left_out.append(f"{path}: {error}")
    if not changed:
        raise PatchRejected("the patch changes nothing that can be changed")
    return Applied(
        {path: data for path, data in changed.items() if path not in files or data != files[path]}, tuple(left_out)
    )


def _made(
    files: Mapping[str, bytes], changed: Mapping[str, bytes | None], path: str, section: PatchSection
) -> bytes | None:
    """The content of a file after a part of a diff."""
    if section.more_than_text:
        raise PatchRejected(f"{path}: a rename, a copy or a change of mode that does not apply")
    before = changed.get(path, files.get(path) if path in files else None)
    if before is None and section.old:
        raise PatchRejected(f"{path}: no such file")
    if before is not None and not section.old:
        raise PatchRejected(f"{path}: already exists")
    content = before or b""
    if len(content) > MAX_FILE_BYTES:
        raise PatchRejected(f"{path} has {len(content)} bytes: at most {MAX_FILE_BYTES} a file can be patched")
    text = apply_hunks(content.decode("utf-8", "surrogateescape"), section)
    return text.encode("utf-8", "surrogateescape") if section.new else None


def _applied(
    tree: Path, patch_file: Path, files: Mapping[str, bytes], options: tuple[str, ...]
) -> dict[str, bytes | None]:
    tree.mkdir()
    before: dict[str, bytes] = {}
    read = 0
    for path in _touched(tree, patch_file, options):
        if path in before or path in files:
            content = before[path] if path in before else files[path]
            read += len(content)  # a file that is copied twice counts twice
            if len(content) > MAX_FILE_BYTES or read > MAX_TOUCHED_BYTES:
                raise PatchRejected(f"{path} has {len(content)} bytes: at most {MAX_FILE_BYTES} a file can be patched")
            if path not in before:
                before[path] = content
                _write(tree / path, content)
    _git(tree, patch_file, *options)
    after = dict(_read(tree))
    changed: dict[str, bytes | None] = {path: content for path, content in after.items() if before.get(path) != content}
    return changed | {path: None for path in before if path not in after}


def _touched(tree: Path, patch_file: Path, options: tuple[str, ...]) -> list[str]:
    """The paths a patch may read or write, as git understands them, and those that files are taken from."""
    listed = _git(tree, patch_file, "--numstat", "-z", *options)
    paths = [entry.split("\t", 2)[-1] for entry in listed.split("\0") if entry]
    if not paths:
        raise PatchRejected("the patch changes nothing; give a unified diff with `diff --git`, `---` and `+++` lines")
    if len(paths) > MAX_TOUCHED_FILES:
        raise PatchRejected(f"the patch touches {len(paths)} files, at most {MAX_TOUCHED_FILES} are taken")
    for path in paths:
        _refuse_escape(path)
    for line in patch_file.read_bytes().decode("utf-8").split("\n"):
        for header in _SOURCE_HEADERS:
            if line.startswith(header):
                name = _unquoted(line.removeprefix(header).rstrip("\r").split("\t")[0])
                name = name.removeprefix("a/") if header == "--- " and "-p0" not in options else name
                # Lines of a hunk can look like this too: nothing to refuse, git judges what it reads as a header.
                if not _escapes(name):
                    paths.append(name)
    return paths


def _refuse_by_header(patch: str) -> None:
    lines = patch.split("\n")
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("--- ") and following.startswith("+++ "):
            for name in (line[4:].split("\t")[0].strip(), following[4:].split("\t")[0].strip()):
                if name.startswith("/") and name != "/dev/null":
                    _refuse_escape(name)
        if line.startswith(_MODE_HEADERS) and line.rstrip().endswith(_LINK_MODES):
            raise PatchRejected(f"the patch has {line.strip()!r}: links and submodules are refused; change plain files")


def _escapes(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return not parts or path.startswith("/") or "\0" in path or any(p in ("..", ".git") for p in map(str.lower, parts))


def _refuse_escape(path: str) -> None:
    if _escapes(path):
        raise PatchRejected(f"the patch touches {path!r}, which is outside the tree; use paths inside it")


def _write(place: Path, content: bytes) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise PatchRejected(f"the patch takes {place.name!r} for a file and for a folder") from error


def _read(tree: Path) -> Iterator[tuple[str, bytes]]:
    for folder, folders, names in os.walk(tree):
        folders.sort()
        for name in sorted([*names, *(f for f in folders if (Path(folder) / f).is_symlink())]):
            place = Path(folder) / name
            status = place.lstat()
            path = place.relative_to(tree).as_posix()
            if not stat.S_ISREG(status.st_mode):
                raise PatchRejected(f"the patch makes {path!r} something other than a plain file")
            if status.st_size > MAX_FILE_BYTES:
                raise PatchRejected(f"the patch makes {path!r} {status.st_size} bytes long, at most {MAX_FILE_BYTES}")
            yield path, place.read_bytes()


def _git(tree: Path, patch_file: Path, *options: str) -> str:
    # Nothing of the user's configuration may change what a patch does; outside a repository git takes no path that
    # leaves the folder. Links are never made.
    command = ["git", "-c", "core.autocrlf=false", "-c", "core.symlinks=false", "apply", "--whitespace=nowarn"]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(tree.parent),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(tree.parent),
    }
    try:
        done = subprocess.run(
            [*command, *options, str(patch_file)], cwd=tree, env=environment, capture_output=True, timeout=TIMEOUT_S
        )
    except FileNotFoundError as error:
        raise TtcError("no `git` on PATH; install git to apply patches") from error
    except subprocess.TimeoutExpired as error:
        raise PatchRejected(f"git took more than {TIMEOUT_S:g} s for the patch; make it smaller") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").splitlines() or [f"git ended with {done.returncode}"]
        cause = next((line for line in said if line.startswith("error: ")), said[0]).removeprefix("error: ")
        raise PatchRejected(f"the patch does not apply ({cause.replace(str(patch_file), 'the patch')})")
    return done.stdout.decode("utf-8", "surrogateescape")


def _lines(text: str | None) -> list[str]:
    pieces = (text or "").split("\n")
    return [piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _quoted(name: str) -> str:
    """A path as git writes it: in quotes, with C escapes, where it holds quotes, backslashes or control characters."""
    if all(character.isprintable() and character not in '"\\' for character in name):
        return name
    kept = (chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03o}" for b in name.encode("utf-8"))
    return '"' + "".join(kept) + '"'


def _named(name: str) -> str:
    """A path behind `---` or `+++`, where git ends a name that holds blanks with a tab."""
    quoted = _quoted(name)
    return f"{quoted}\t" if " " in quoted else quoted


def _unquoted(name: str) -> str:
    if not (name.startswith('"') and name.endswith('"')):
        return name
    try:
        return name[1:-1].encode("latin-1").decode("unicode_escape").encode("latin-1").decode("utf-8")
    except UnicodeError:  # no name that git would have written: it matches no file
        return ""
