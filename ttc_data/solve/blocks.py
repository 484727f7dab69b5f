"""Search/replace blocks: read, applied, and written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ttc_data.errors import PatchRejected
from ttc_data.lang.python.splicing.layout import blanks_of, lines_of, newline_of
from ttc_data.solve.chat import block_spans, line_above, name_on, named_file

_DIVIDES = re.compile(r"[ \t]*={4,9}[ \t]*")
_NUMBER = re.compile(r"[ \t]*:(?:start|end)_line:[ \t]*\d+[ \t]*")
_BELOW_NUMBERS = re.compile(r"[ \t]*-{5,9}[ \t]*")
DIVIDERS_TRIED = 16
"""A heading's underline looks like the line between the two parts."""


@dataclass(frozen=True, slots=True)
class Block:
    """A search/replace block."""

    path: str
    """Of the given file that it is for; empty where it names another."""
    name: str
    """What stands above it, where that is a name and little else."""
    lines: tuple[str, ...]
    """Between its first and its last mark."""


def read_blocks(text: str, given: Mapping[str, str], path: str) -> list[Block]:
    """The search/replace blocks of an answer, each with the file that it is for: the target's where it names none."""
    lines = text.split("\n")
    found: list[Block] = []
    last_path = path
    for first, last in block_spans(lines):
        known, name = named_file(name_on(lines[first]) or line_above(lines, first), given)
        if not name and found and not found[-1].path:
            known, name = "", found[-1].name
        last_path = known if name else last_path
        margin = blanks_of(lines[first])
        inside = tuple(line.removeprefix(margin) for line in lines[first + 1 : last])
        found.append(Block(last_path, name, _without_numbers(inside)))
    return found


def _without_numbers(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A block without the lines that say where it stands, `:start_line:14` and `-------`: what it holds says so as well."""
    count = next((at for at, line in enumerate(lines) if not _NUMBER.fullmatch(line)), 0)
    return lines[count + bool(count and _BELOW_NUMBERS.fullmatch(lines[count])) :]


def apply_block(text: str, block: Block) -> str:
    """Put the second part of a block in place of its first, which must be found exactly once.

    Raises:
        PatchRejected: it is not, or there is no line between the parts.
    """
    dividers = [number for number, line in enumerate(block.lines) if _DIVIDES.fullmatch(line)]
    if not dividers:
        raise PatchRejected("a search/replace block has no ======= between its parts")
    refused: PatchRejected | None = None
    for divider in reversed(dividers[:DIVIDERS_TRIED]):  # the longest first part that the file has
        try:
            return _replaced(text, block.lines[:divider], block.lines[divider + 1 :])
        except PatchRejected as error:
            refused = error
    raise refused or PatchRejected("a search/replace block has no ======= between its parts")


def _replaced(text: str, search: tuple[str, ...], replace: tuple[str, ...]) -> str:
    if not any(line.strip() for line in search):
        raise PatchRejected("a search part is empty: it must be found exactly once")
    lines = lines_of(text)
    bare = [line.rstrip("\r\n") for line in lines]
    indent, places = "", _places(bare, search)
    if not places:  # as models copy: without blanks at the ends of lines
        places = _places([line.rstrip() for line in bare], [line.rstrip() for line in search])
    if not places:  # or without the common indent
        wanted, own = _at_margin(search)
        shifted = [place for place in range(len(bare)) if _shift(bare, place, wanted) is not None]
        if len(shifted) == 1:
            indent = (_shift(bare, shifted[0], wanted) or "").removeprefix(own)
            replace = tuple(indent + line if line.strip() else line for line in replace)
        places = shifted
    if len(places) != 1:
        shown = next(line.strip() for line in search if line.strip())[:80]
        raise PatchRejected(f"search part {shown!r} is found {len(places)} times, must be found exactly once")
    end = places[0] + len(search)
    newline = newline_of(lines, places[0])
    new = [line + newline for line in replace]
    if new and end == len(lines) and not lines[-1].endswith(("\n", "\r")):
        new[-1] = replace[-1]
    return "".join([*lines[: places[0]], *new, *lines[end:]])


def _places(lines: list[str], wanted: tuple[str, ...] | list[str]) -> list[int]:
    count, wanted = len(wanted), list(wanted)
    return [
        place
        for place in range(len(lines) - count + 1)
        if lines[place] == wanted[0] and lines[place : place + count] == wanted
    ]


def _at_margin(lines: tuple[str, ...]) -> tuple[list[str], str]:
    """Lines without their common indent, and that indent."""
    indents = [blanks_of(line) for line in lines if line.strip()]
    common = indents[0]
    while not all(indent.startswith(common) for indent in indents):
        common = common[:-1]
    return [line.removeprefix(common).rstrip() for line in lines], common


def _shift(lines: list[str], place: int, wanted: list[str]) -> str | None:
    """The indent under which the wanted lines stand at a place; None where they do not."""
    if place + len(wanted) > len(lines):
        return None
    at = next(number for number, line in enumerate(wanted) if line)
    first = lines[place + at]
    indent = blanks_of(first)
    own = blanks_of(wanted[at])
    if first.strip() != wanted[at].strip() or not indent.endswith(own):
        return None
    indent = indent[: len(indent) - len(own)]
    held = lines[place : place + len(wanted)]
    same = all(line.rstrip() == (indent + want if want else "") for line, want in zip(held, wanted, strict=True))
    return indent if same else None


def in_blocks(path: str, before: str, after: str) -> str:
    """Write a change of a file as the search/replace blocks that prompts ask for: what `read_blocks` reads.

    Args:
        path: of the file.
        before: what a model is given.
        after: what the answer makes of it.

    Raises:
        PatchRejected: blocks cannot say it, because the file holds lines that read like their marks, for instance.
    """
    old, new = _lines(before), _lines(after)
    whole = [(0, len(old), 0, len(new))]
    for hunks in (list(_hunks(old, new)), whole):
        text = "\n".join(
            f"{path}\n<<<<<<< SEARCH\n{''.join(old[i:j])}=======\n{''.join(new[k:m])}>>>>>>> REPLACE\n"
            for i, j, k, m in hunks
        )
        try:
            if _alike(_applied(text, path, before), after):
                return text
        except PatchRejected:
            continue
    raise PatchRejected(f"{path}: no search/replace block says this change")


def _applied(text: str, path: str, before: str) -> str:
    changed, blocks = before, read_blocks(text.replace("\r\n", "\n"), {path: before}, path)
    if not blocks:
        raise PatchRejected("there is no block in the answer")
    for block in blocks:
        if any(_DIVIDES.fullmatch(line) for line in block.lines[block.lines.index("=======") + 1 :]):
            raise PatchRejected("a line of the file reads like the line between the parts of a block")
        changed = apply_block(changed, block)
    return changed


def _lines(text: str) -> list[str]:
    """Lines as search/replace blocks have them: each ends with a newline, and nothing else ends one."""
    return [f"{line}\n" for line in text.removesuffix("\n").split("\n")]


def _hunks(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Spans of lines that differ, each with as many around it as it takes to be found once."""
    most = min(len(old), len(new))
    first = next((at for at in range(most) if old[at] != new[at]), most)
    last = next((at for at in range(most - first) if old[-1 - at] != new[-1 - at]), most - first)
    count = 1
    while count < len(old):
        # Only what differs, and what is shown around it: to compare 5,000 lines takes a tenth of a second.
        skip, keep = max(first - count, 0), max(last - count, 0)
        middle = difflib.SequenceMatcher(None, old[skip : len(old) - keep], new[skip : len(new) - keep], autojunk=False)
        groups = middle.get_grouped_opcodes(count)
        spans = [(g[0][1] + skip, g[-1][2] + skip, g[0][3] + skip, g[-1][4] + skip) for g in groups]
        if all(_found_once(old, i, j) for i, j, _, _ in spans):
            yield from spans
            return
        count *= 2
    yield 0, len(old), 0, len(new)


def _found_once(lines: list[str], start: int, end: int) -> bool:
    searched = "".join(lines[start:end])
    return bool(searched.strip()) and "".join(lines).count(searched) == 1


def _alike(one: str, other: str) -> bool:
    """Whether two texts are the same but for their line ends, which a chat does not keep."""
    return one.replace("\r\n", "\n").rstrip("\n") == other.replace("\r\n", "\n").rstrip("\n")
