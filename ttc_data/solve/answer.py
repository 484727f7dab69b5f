"""What a model answers, as files: search/replace blocks, or one fenced piece of code.

Nothing of an answer is run here, and nothing but the files that the model was given can come out changed.
"""

from __future__ import annotations

import ast
import difflib
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from ttc_data.errors import PatchRejected
from ttc_data.lang import python
from ttc_data.lang.facts import Function, docstring_of

_BLOCK = re.compile(
    r"^<{5,9} SEARCH[ \t]*\n(?P<search>.*?)^={5,9}[ \t]*\n(?P<replace>.*?)^>{5,9} REPLACE[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n`]*\n(?P<code>.*?)^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
_THINKING = re.compile(r"^.*</think>", re.DOTALL)
FILES_HELD = 64
"""Parsed: the answers to a row all change the same file."""
_Definition: TypeAlias = Function | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer makes of the files that the model was given."""

    files: Mapping[str, str | None]
    """Path to new text of the files that changed, None for one that is removed."""
    left_out: tuple[str, ...] = ()
    """What the answer holds and no file got, in words."""


def read_answer(text: str, given: Mapping[str, str], path: str, qualname: str) -> Answer:
    """Read what a model said, in any form, and apply it to the files that it was given.

    Args:
        text: what it said; what it thought before, up to `</think>`, is passed over.
        given: path to text.
        path: of the target.
        qualname: of the target: where a fenced piece of code goes.

    Raises:
        PatchRejected: there is no code in it, a search part is not found exactly once, or the code is no Python.
    """
    files = given
    text = _THINKING.sub("", text).replace("\r\n", "\n")
    blocks = list(_BLOCK.finditer(text))
    changed: dict[str, str] = {}
    for block in blocks:
        name = _named(text[: block.start()], files, path)
        changed[name] = _replaced(changed.get(name, files[name]), block["search"], block["replace"])
    if not blocks:
        fences = [fence["code"] for fence in _FENCE.finditer(text)]
        if not fences:
            raise PatchRejected("no search/replace block and no fenced code in the answer")
        last = qualname.rpartition(".")[2]
        code = next((one for one in reversed(fences) if re.search(rf"\b(def|class) {last}\b", one)), fences[-1])
        changed[path] = with_definition(files[path], qualname, code)
    return Answer({name: new for name, new in changed.items() if new != files[name]})


def _named(before: str, files: Mapping[str, str], path: str) -> str:
    """The file that a block is for: the last line above it, where that is one; else the target's."""
    lines = [
        line.strip().strip("`*#: ")
        for line in before.splitlines()
        if line.strip() and not line.startswith(("```", "~~~"))
    ]
    name = lines[-1] if lines else ""
    if name in files:
        return name
    if "/" in name and name.endswith(".py") and " " not in name:
        raise PatchRejected(f"{name}: not one of the files that were given ({', '.join(files)})")
    return path


def _replaced(text: str, search: str, replace: str) -> str:
    if not search.strip():
        raise PatchRejected("a search part is empty: it must be found exactly once")
    count = text.count(search)
    if count == 1 and (text.startswith(search) or f"\n{search}" in text):
        return text.replace(search, replace)
    # As models copy: without blanks at the ends of lines, or without the common indent.
    lines, wanted = text.splitlines(keepends=True), [line.rstrip() for line in search.splitlines()]
    bare = [line.rstrip() for line in lines]
    places = [at for at in range(len(bare) - len(wanted) + 1) if bare[at : at + len(wanted)] == wanted]
    if len(places) != 1:
        shown = search.strip().splitlines()[0][:80]
        raise PatchRejected(f"search part {shown!r} is found {len(places) or count} times, must be found exactly once")
    end = places[0] + len(wanted)
    return "".join([*lines[: places[0]], replace, *lines[end:]])


def in_blocks(path: str, before: str, after: str) -> str:
    """Write a change of a file as the search/replace blocks that prompts ask for: what `read_answer` reads.

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
            if _alike(read_answer(text, {path: before}, path, "").files.get(path, before) or "", after):
                return text
        except PatchRejected:
            continue
    raise PatchRejected(f"{path}: no search/replace block says this change")


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


def with_definition(text: str, qualname: str, code: str) -> str:
    """Put a definition, or the body of one, in place of the one that a file has.

    Args:
        text: the file.
        qualname: of the definition.
        code: the definition with whatever imports it needs, a whole file that holds it, or its body's statements.

    Raises:
        PatchRejected: the code does not parse, or the file has no such definition.
    """
    source = text.encode("utf-8", "surrogatepass")
    code = textwrap.dedent(code).strip("\n") + "\n"
    old = _find(_parsed(source, "the file"), qualname)
    if old is None:
        raise PatchRejected(f"no {qualname} in the file")
    try:
        tree = python.parse(code.encode("utf-8", "surrogatepass"))
    except SyntaxError as error:
        if not isinstance(old, ast.ClassDef):
            return _with_body(text, old, code)
        raise PatchRejected(f"the code is no Python: {error.msg}, line {error.lineno}") from error
    if not tree.body:
        raise PatchRejected("there is no statement in the code")
    new = _find(tree, qualname) or _find(tree, qualname.rpartition(".")[2])
    if new is None:
        if isinstance(old, ast.ClassDef) or any(isinstance(one, (ast.FunctionDef, ast.ClassDef)) for one in tree.body):
            raise PatchRejected(f"no {qualname} in the code")
        return _with_body(text, old, code)
    if _names(_parsed(source, "the file")) <= _names(tree):
        return code
    imports = [
        ast.get_source_segment(code, one) or "" for one in tree.body if isinstance(one, (ast.Import, ast.ImportFrom))
    ]
    lines = text.splitlines(keepends=True)
    first, last = _first_line(old) - 1, old.end_lineno or old.lineno
    indent = lines[old.lineno - 1][: old.col_offset]
    if _first_line(new) == new.lineno:  # without decorators: those of the file stay
        first = old.lineno - 1
    body = textwrap.dedent("".join(code.splitlines(keepends=True)[_first_line(new) - 1 : new.end_lineno]))
    lines[first:last] = [textwrap.indent(body, indent)]
    if imports:
        outer = next(
            one for one in _parsed(source, "the file").body if one.lineno <= old.lineno <= (one.end_lineno or 0)
        )
        at = min(_first_line(outer) - 1, first)
        lines[at:at] = [f"{one}\n" for one in imports if not one.startswith("from __future__")]
    return "".join(lines)


def _with_body(text: str, old: Function, code: str) -> str:
    """Put statements in place of what follows a function's docstring."""
    lines = text.splitlines(keepends=True)
    docstring = docstring_of(old)
    body = old.body[1:] if docstring else old.body
    if not body or body[0].lineno == old.lineno:
        raise PatchRejected(f"{old.name} has no body of its own lines to put the code in")
    indent = lines[body[0].lineno - 1][: body[0].col_offset]
    lines[body[0].lineno - 1 : old.end_lineno] = [textwrap.indent(code, indent)]
    changed = "".join(lines)
    _parsed(changed.encode("utf-8", "surrogatepass"), "the code")
    return changed


def definition_lines(text: str, qualname: str) -> tuple[int, int] | None:
    """First and last line, counted from 1, of a definition in a file; None where it has none of that name."""
    try:
        found = _find(python.parse(text.encode("utf-8", "surrogatepass")), qualname)
    except SyntaxError:
        return None
    return (_first_line(found), found.end_lineno or found.lineno) if found else None


@lru_cache(FILES_HELD)
def _parsed(source: bytes, what: str) -> ast.Module:
    """The tree is to be read: who asks next for the same text gets the same one."""
    try:
        return python.parse(source)
    except SyntaxError as error:
        raise PatchRejected(f"{what} is no Python: {error.msg}, line {error.lineno}") from error


def _find(tree: ast.Module, qualname: str) -> _Definition | None:
    """The last definition of that name: it is the one that counts."""
    block: list[ast.stmt] = tree.body
    found: _Definition | None = None
    for name in qualname.replace("<locals>.", "").split("."):
        here = [one for one in _inside(block) if one.name == name]
        if not here:
            return None
        found = here[-1]
        block = found.body
    return found


def _inside(block: list[ast.stmt]) -> list[_Definition]:
    found: list[_Definition] = []
    for statement in block:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append(statement)
            continue
        for field in ("body", "orelse", "finalbody"):
            found += _inside(getattr(statement, field, []))
    return found


def _names(tree: ast.Module) -> set[str]:
    return {one.name for one in _inside(tree.body)}


def _first_line(node: ast.stmt) -> int:
    """The line of a statement or of its first decorator."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])
