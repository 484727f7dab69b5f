r"""Unified diffs as people and models write them, read by what they say and not by their numbers.

git refuses a hunk that says that it begins at line 1 and does not, one of a file with other line ends, and one whose
file it does not find. Here a hunk is put where its lines are; where they are several times, at the place nearest to its
number. Lines end with `\n`, as for git.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ttc_data.errors import PatchRejected

_HEADER = re.compile(r"@@(?: -(?P<start>[0-9]+)(?:,(?P<old>[0-9]+))? \+[0-9]+(?:,(?P<new>[0-9]+))? @@)?")
_LONG_NUMBER = re.compile(r"[0-9]{10}")
"""No file has so many lines, and `int` refuses numbers of more than 4,300 digits."""
_SIGNATURE = re.compile(r"\d+\.\d+")
"""git's version, below `-- `, ends a patch that was made to be mailed."""
_UPDATE = "*** Update File: "
_NOWHERE = "/dev/null"
_LABEL = re.compile(r"[ \t]+(?:\(.{0,60}\)|\d{4}-\d\d-\d\d.*)\Z")
"""Behind a path: `(original)`, or a time."""
_FOLDERS = frozenset(
    {"a", "b", "old", "new", "orig", "original", "modified", "updated", "before", "after", "src", "lib"}
)
_PLACEHOLDERS = frozenset({"a", "b", "old", "new", "original", "modified", "updated", "before", "after", "file"})
_GIT = re.compile(r"diff --git (?P<old>\S+) (?P<new>\S+)")
_MADE = ("new file mode ", "rename from ", "copy from ", f"--- {_NOWHERE}")
_MORE_THAN_TEXT = ("rename from ", "rename to ", "copy from ", "copy to ", "old mode ", "new mode ")


@dataclass(slots=True)
class Hunk:
    """Lines that go, come and stay, each with its sign before it."""

    start: int
    """Line of the file that it says it begins at, from 1; 0 where it says none."""
    old: int
    """How many lines of the file it says it holds; -1 where it says nothing."""
    new: int
    lines: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """It holds as many lines as it says."""
        signs = [line[0] for line in self.lines]
        held = (len(signs) - signs.count("+") - signs.count("\\"), len(signs) - signs.count("-") - signs.count("\\"))
        return self.old >= 0 and held >= (self.old, self.new)


@dataclass(slots=True)
class PatchSection:
    """What a diff does to one file."""

    old: str
    """As written; empty for a file that is made."""
    new: str
    """As written; empty for a file that is removed."""
    hunks: list[Hunk] = field(default_factory=list)
    binary: bool = False
    more_than_text: bool = False
    """It renames, copies, or changes a mode."""


def read_sections(patch: str) -> list[PatchSection]:
    """Take a diff apart; text around it is passed over.

    Raises:
        PatchRejected: lines with a sign stand in no hunk, or a hunk's header has a number that no file has lines for.
    """
    lines = [line.removesuffix("\r") for line in patch.split("\n")]
    found: list[PatchSection] = []
    hunk: Hunk | None = None
    ended = False
    for at, line in enumerate(lines):
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if header := _GIT.match(line):
            found.append(PatchSection(header["old"], header["new"]))
            hunk, ended = None, False
        elif line.startswith(_UPDATE):
            name = line.removeprefix(_UPDATE).strip()
            found.append(PatchSection(name, name))
            hunk, ended = None, False
        elif line.startswith("--- ") and following.startswith("+++ "):
            if (
                not found
                or found[-1].hunks
                or found[-1].binary
                or not lines[at - 1].startswith(("diff ", "index ", "new ", "deleted ", "old ", "similarity "))
            ):
                found.append(PatchSection("", ""))
            found[-1].old, found[-1].new = _name(line), _name(following)
            hunk, ended = None, False
        elif line.startswith("+++ ") and hunk is None:
            continue
        elif line.startswith("@@") and found:
            header = _HEADER.match(line)
            hunk, ended = _hunk(header), False
            found[-1].hunks.append(hunk)
        elif hunk is not None and (line[:1] in (" ", "+", "-", "\\", "\t") or not line):
            if line == "-- " and _SIGNATURE.match(following):
                ended = True
            elif ended and line[:1] in ("+", "-") and not hunk.is_complete:
                raise PatchRejected(f"line {at + 1} of the patch, {line[:60]!r}, stands in no hunk")
            if not ended:
                hunk.lines.append(line or " ")
        elif found and line.startswith(("Binary files ", "GIT binary patch")):
            found[-1].binary = True
        elif found and line.startswith(_MORE_THAN_TEXT):
            found[-1].more_than_text = True
        elif hunk is not None:
            ended = True
    return found


def _hunk(header: re.Match[str] | None) -> Hunk:
    if header is None or header["start"] is None:
        return Hunk(0, -1, -1)
    if _LONG_NUMBER.search(header[0]):
        raise PatchRejected(
            f"the hunk {header[0][:60]!r} has a number of more than 9 digits; no file has so many lines"
        )
    return Hunk(int(header["start"]), int(header["old"] or 1), int(header["new"] or 1))


def _name(line: str) -> str:
    name = line[4:].partition("\t")[0].strip().strip('"')
    return "" if name == _NOWHERE else name


def file_of(name: str, files: Mapping[str, object]) -> str:
    """The file that a diff means, with or without `a/`, `b/` or `./`; a name that no file has without them."""
    bare = name.removeprefix("./")
    short = bare[2:] if re.match(r"[abciow]/", bare) else bare
    return next((path for path in (name, bare, short) if path in files), short)


def meant_by(name: str, files: Mapping[str, object]) -> str:
    """The file that a name in a diff means where it is not its path: the one that ends as it does.

    `core.py`, `old/shop/core.py`, `src/shop/core.py` and `/testbed/shop/core.py` all mean `shop/core.py`, where no other
    file ends so. A name that leaves the tree means none.
    """
    known = file_of(name, files)
    if known in files or not known or ".." in known.split("/"):
        return known
    bare = _LABEL.sub("", known).removesuffix(".orig").lstrip("/")
    ends = [path for path in files if path == bare or path.endswith(f"/{bare}")]
    if not ends:  # of those behind which folders too many stand, the one that has most of the name
        ends = sorted((path for path in files if _is_extended(path, bare, known)), key=len)[-1:]
    return ends[0] if len(ends) == 1 else known


def _is_extended(path: str, name: str, written: str) -> bool:
    """Whether a name is a path behind folders; behind any folder stand many files of a path that has none itself."""
    if not name.endswith(f"/{path}"):
        return False
    folders = name.removesuffix(f"/{path}").split("/")
    return "/" in path or written.startswith("/") or all(folder in _FOLDERS for folder in folders)


def renamed(patch: str, files: Mapping[str, object], target: str = "") -> str:
    """A diff whose headers have the paths of the files that they mean.

    Args:
        patch: a unified diff.
        files: by path.
        target: the file that names such as `original` and `modified` mean; empty where they mean none.
    """
    lines = patch.split("\n")
    for at, line in enumerate(lines):
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if line.startswith("--- ") and following.startswith("+++ "):
            old, new = _name(line), _name(following)
            meant = [_file_meant(name, files, target) for name in (old, new) if old]
            if (
                old
                and (meant[0] or meant[1])
                and any(name and file_of(name, files) not in files for name in (old, new))
            ):
                path = meant[0] or meant[1]
                lines[at] = f"--- a/{path}"
                lines[at + 1] = f"+++ b/{path}" if new else following
        elif header := _GIT.fullmatch(line.rstrip("\r")):
            path = _file_meant(header["old"], files, target)
            made = any(behind.startswith(_MADE) for behind in lines[at + 1 : at + 5])
            if path and file_of(header["old"], files) not in files and not made:
                lines[at] = f"diff --git a/{path} b/{path}"
    return "\n".join(lines)


def _file_meant(name: str, files: Mapping[str, object], target: str) -> str:
    path = meant_by(name, files) if name else ""
    if path in files:
        return path
    word = name.removesuffix(".py").removesuffix("_file").lower()
    return target if word in _PLACEHOLDERS and target in files else ""


def apply_hunks(text: str, section: PatchSection) -> str:
    """The text of a file after its hunks.

    Raises:
        PatchRejected: a hunk's lines are not found, or in several places of which none is meant.
    """
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    if not lines[-1]:
        lines.pop()
    done: list[str] = []
    count = len(lines)
    for hunk in section.hunks:
        at, body = _place(lines, hunk, count - len(lines))
        done, lines = _laid(done, lines, at, body)
    return "".join([*done, *lines])


def _place(lines: list[str], hunk: Hunk, passed: int) -> tuple[int, list[str]]:
    """Where in the lines that are left a hunk goes, and its lines without blank ones that ended the message."""
    body, trimmed = hunk.lines, hunk.lines[:]
    while trimmed and trimmed[-1] == " ":
        trimmed.pop()
    for attempt in (body, trimmed):
        old = [line[1:] for line in attempt if line[0] in (" ", "-", "\t")]
        if not old:
            if not attempt:
                raise PatchRejected("a hunk of the patch has no lines")
            return min(max(hunk.start - passed, 0), len(lines)), attempt
        for bare in (_without_end, str.rstrip):
            held, wanted = [bare(line) for line in lines], [bare(line) for line in old]
            places = [
                at
                for at in range(len(held) - len(wanted) + 1)
                if held[at] == wanted[0] and held[at : at + len(wanted)] == wanted
            ]
            if places:
                return _nearest(places, hunk, passed, old), attempt
    shown = next((line[1:].strip() for line in body if line[0] in (" ", "-") and line.strip(" -")), "")
    raise PatchRejected(f"the lines of a hunk are not in the file: {shown[:80]!r}")


def _nearest(places: list[int], hunk: Hunk, passed: int, old: list[str]) -> int:
    if len(places) == 1:
        return places[0]
    stated = hunk.start - 1 - passed
    ranked = sorted(places, key=lambda place: abs(place - stated))
    if hunk.start < 2 or abs(ranked[0] - stated) == abs(ranked[1] - stated):
        raise PatchRejected(
            f"the lines of a hunk are in {len(places)} places of the file, from {old[0].strip()[:60]!r}; show more lines"
        )
    return ranked[0]


def _without_end(line: str) -> str:
    return line.rstrip("\r\n")


def _laid(done: list[str], lines: list[str], at: int, body: list[str]) -> tuple[list[str], list[str]]:
    """What is written so far with a hunk after it, and the lines that are left."""
    done = [*done, *lines[:at]]
    near = lines[at] if at < len(lines) else (done[-1] if done else "\n")
    newline = "\r\n" if near.endswith("\r\n") else "\n"
    added = False
    for line in body:
        sign, rest = line[0], line[1:]
        if sign == "+":
            if done and not done[-1].endswith("\n"):
                done[-1] += newline
            done.append(rest + newline)
            added = True
            continue
        if sign == "\\":
            if added:
                done[-1] = done[-1].rstrip("\r\n")
            continue
        if sign != "-":
            done.append(lines[at])
        at += 1
        added = False
    return done, lines[at:]
