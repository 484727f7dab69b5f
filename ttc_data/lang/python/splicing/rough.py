"""Code as it comes out of a chat: with prose round it, cut off, numbered, behind prompts. What of it is Python?

Only whole statements count. What a line says is never mended, and neither is a definition that does not parse.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from ttc_data.lang.python import syntax
from ttc_data.lang.python.facts import definition_nodes
from ttc_data.lang.python.splicing.definitions import bindings, bound_by, used_by
from ttc_data.lang.python.splicing.layout import blanks_of, dedented, is_python, moved

ANSWERS_HELD = 16
"""The same code is asked for several times while an answer is read."""
MOST_SHOWN = 60
_BLOCKS = re.compile(r"(?:@|(?:async|def|class|if|try|with|for|while|match)\b)")
_DEFINES = re.compile(r"(?:@|(?:async[ \t]+)?def\b|class\b)")
_CLASS = re.compile(r"class[ \t]+(?P<name>\w+)\b.*:[ \t]*(?:#.*)?")
_NO_WORDS = (tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)
_GOES_ON = frozenset({"else", "elif", "except", "finally"})
_KEPT = (
    ast.Import,
    ast.ImportFrom,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.If,
    ast.Try,
    ast.With,
    ast.For,
    ast.While,
    ast.Match,
)
_NUMBER = re.compile(r"[ \t]*(?P<number>\d{1,5})(?:[ \t]*[|:.)])?(?: (?P<line>.*)|(?P<end>))")
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.)(?: (?P<line>.*)|(?P<end>))")
_ODD_BLANKS = str.maketrans({"\u00a0": " ", "\u2003": " ", "\u3000": " ", "\u200b": "", "\u2060": "", "\ufeff": ""})
_ODD_INDENT = re.compile(r"^[ \t\u00a0\u2003\u3000\u200b\u2060\ufeff]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Salvaged:
    """The Python in a text."""

    code: str
    """Its whole statements, at the margin."""
    passed_over: str
    """The first line that is in none of them; empty where only blank lines and comments are."""


@dataclass(frozen=True, slots=True)
class _Part:
    depth: int
    """Of its first line, in blanks."""
    text: str
    """At the margin."""
    first: int
    """Index of its first line."""


@lru_cache(ANSWERS_HELD)
def salvaged(code: str, names: tuple[str, ...]) -> Salvaged | None:
    """Take the whole statements out of a text that as a whole is no Python.

    Args:
        code: the text.
        names: of a definition, from the module inwards; of a class that does not parse round it what does is taken.

    Returns:
        None where no statement defines or binds the last name.
    """
    lines = code.split("\n")
    rough = _Rough(lines, names)
    parts = list(rough.parts(0, len(lines)))
    holders = [part for part in parts if _holds(part.text, names[-1]) and not _begins_a_body(part, lines)]
    if not holders:
        return None
    # What is deeper than the definition is of another one, whose beginning is not there.
    kept = [part for part in parts if part.depth <= holders[-1].depth]
    deeper = [part.first for part in parts if part.depth > holders[-1].depth]
    missed = sorted([*rough.missed, *deeper])
    shown = lines[missed[0]].strip()[:MOST_SHOWN] if missed else ""
    return Salvaged("\n".join(part.text for part in _needed(kept, names[-1])) + "\n", shown)


def _needed(parts: Sequence[_Part], name: str) -> list[_Part]:
    """The parts that hold or mention a definition, and those that these need: of a text that is cut off no others."""
    found = {part: _tree(part.text) for part in parts}
    binding: dict[str, list[_Part]] = {}
    for part, tree in found.items():
        for bound in bindings(tree.body):
            binding.setdefault(bound, []).append(part)
    waiting = [part for part, tree in found.items() if _holds(part.text, name) or name in used_by(tree)]
    kept: set[_Part] = set()
    while waiting:
        part = waiting.pop()
        if part not in kept:
            kept.add(part)
            for used in used_by(found[part]):
                waiting += binding.pop(used, [])
    return [part for part in parts if part in kept or _is_from_the_future(found[part])]


def _begins_a_body(part: _Part, lines: Sequence[str]) -> bool:
    """Whether a statement is the first of a body that lost its indent: what follows it is deeper, and in no block of it."""
    if _DEFINES.match(part.text):
        return False
    behind = lines[part.first + part.text.count("\n") + 1 :]
    return next((len(blanks_of(line)) > part.depth for line in behind if line.strip()), False)


def _tree(text: str) -> ast.Module:
    return syntax.parse(text.encode("utf-8", "surrogatepass"))


def _is_from_the_future(tree: ast.Module) -> bool:
    return any(isinstance(one, ast.ImportFrom) and one.module == "__future__" for one in tree.body)


def _holds(text: str, name: str) -> bool:
    tree = _tree(text)
    waiting = list(definition_nodes(tree.body))
    for node in waiting:
        if isinstance(node, ast.ClassDef):
            waiting += definition_nodes(node.body)
    if any(node.name == name for node in waiting):
        return True
    return any(
        isinstance(statement, (ast.Assign, ast.AnnAssign))
        and name in bound_by(statement)
        and not (statement.value and name in used_by(statement.value))
        for statement in tree.body
    )


class _Rough:
    def __init__(self, lines: Sequence[str], names: Sequence[str]) -> None:
        self.missed: list[int] = []
        """Indices of lines that are in no statement."""
        self._lines = lines
        self._outer = names[:-1]
        self._left = 4 * len(lines) + 1000
        """Lines that may still be read: an opened bracket reads to the end each time."""

    def parts(self, at: int, end: int) -> Iterator[_Part]:
        """The whole statements between two lines."""
        while at < end and self._left > 0:
            line = self._lines[at]
            said = line.strip()
            if not said or said.startswith("#"):
                at += 1
                continue
            count = self._length(at, end) if _may_begin(said) else 0
            text = "\n".join(moved("\n".join(self._lines[at : at + count]), 1, count, "")) if count else ""
            if count and _is_kept(text):
                yield _Part(len(blanks_of(line)), text, at)
                at += count
                continue
            self.missed.append(at)
            after = self._behind(at, end)
            named = _CLASS.fullmatch(said)
            if named and named["name"] in self._outer:
                yield from self._class(at, after)
            at = after

    def _class(self, at: int, end: int) -> Iterator[_Part]:
        """A class that does not parse: its header with the statements in it that do."""
        inner = list(self.parts(at + 1, end))
        if inner:
            body = [
                line for part in inner for line in moved(part.text, 1, part.text.count("\n") + 1, "    ")
            ]  # each at the margin before
            header = self._lines[at].strip()
            self.missed.remove(at)
            yield _Part(len(blanks_of(self._lines[at])), "\n".join([header, *body]), at)

    def _behind(self, at: int, end: int) -> int:
        """The line behind one that is in no statement; of a definition that does not parse, behind its block."""
        said = self._lines[at].strip()
        if not _DEFINES.match(said) and not (_BLOCKS.match(said) and is_python(f"{said} pass")):
            return at + 1
        depth = len(blanks_of(self._lines[at]))
        behind = at + 1
        while behind < end and (not self._lines[behind].strip() or len(blanks_of(self._lines[behind])) > depth):
            behind += 1
        return behind

    def _length(self, at: int, end: int) -> int:
        rest = (f"{line}\n" for line in self._lines[at:end])
        count, read = statement_length(rest)
        self._left -= read
        return count


def _may_begin(said: str) -> bool:
    return bool(_BLOCKS.match(said)) or said.startswith(("import ", "from ")) or "=" in said or "(" in said


def _is_kept(text: str) -> bool:
    try:
        body = _tree(text).body
    except SyntaxError:
        return False
    return bool(body) and all(
        isinstance(statement, _KEPT) or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call))
        for statement in body
    )


def statement_length(lines: Iterator[str]) -> tuple[int, int]:
    """Measure the statement that lines begin with, its decorators and further branches included.

    Args:
        lines: with their ends; what follows the statement need not be Python.

    Returns:
        How many lines it has, 0 where it does not end; and how many lines were read.
    """
    read = 0

    def line() -> str:
        nonlocal read
        read += 1
        return next(lines, "")

    depth = end = 0
    said = ""
    base: int | None = None
    begins, decorated = True, False
    try:
        for token in tokenize.generate_tokens(line):
            if token.type == tokenize.INDENT:
                if said not in ("", ":"):  # no block begins here: what follows is of another statement
                    break
                depth += 1
            elif token.type == tokenize.DEDENT:
                depth -= 1
                if base is not None and depth < base:
                    break
            elif token.type == tokenize.NEWLINE:
                end = token.end[0] if token.end[1] else token.start[0]
                base, begins = depth if base is None else base, True
            elif token.type not in (tokenize.NL, tokenize.COMMENT) and begins:
                at_base = base is None or depth == base
                if base is not None and at_base and not decorated and token.string not in _GOES_ON:
                    break
                decorated, begins = at_base and token.string == "@", False
            if token.type not in _NO_WORDS:
                said = token.string
    except IndentationError:
        pass  # what follows stands less deep, at a depth that nothing before has
    except (tokenize.TokenError, SyntaxError):
        return 0, read
    return (0 if decorated else end), read


def excerpt(code: str, name: str) -> str | None:
    """A definition of that name in code that as a whole is no Python: from its decorators to where its block ends.

    Returns:
        The last one that is whole, at the margin.
    """
    lines = code.split("\n")
    starts = re.compile(rf"[ \t]*(?:async[ \t]+def|def|class)[ \t]+{re.escape(name)}\b")
    found = [at for at, line in enumerate(lines) if starts.match(line)]
    for start in reversed(found[-8:]):
        end, _ = statement_length(iter(f"{line}\n" for line in lines[start:]))
        if not end:
            continue
        first = start
        while first and lines[first - 1].lstrip().startswith("@"):
            first -= 1
        return dedented("\n".join(lines[first : start + end]))
    return None


def without_layout(code: str) -> str:
    """Code without what a page or a shell put before its lines: numbers, prompts, blanks that are no blanks to Python.

    Returns:
        The code as it is where it is Python already, or is none without them.
    """
    if is_python(dedented(code)):
        return code
    for mended in (_without_numbers, _without_prompts, _with_plain_indent):
        new = mended(code)
        if new and new != code and is_python(dedented(new)):
            return new
    return code


def _without_numbers(code: str) -> str:
    found = [_NUMBER.fullmatch(line) for line in code.strip("\n").split("\n")]
    numbers = [int(one["number"]) for one in found if one]
    if len(numbers) < max(2, len(found)) or any(b != a + 1 for a, b in pairwise(numbers)):
        return ""
    return "\n".join(one["line"] or "" for one in found if one)


def _without_prompts(code: str) -> str:
    lines = code.strip("\n").split("\n")
    if not lines[0].lstrip().startswith(">>> "):
        return ""
    found = [_PROMPT.fullmatch(line) for line in lines]  # what has no prompt was printed
    said = [one["line"] or "" for one in found if one]
    return "\n".join(said) if any(map(_DEFINES.match, said)) else ""  # else it is an example


def _with_plain_indent(code: str) -> str:
    return _ODD_INDENT.sub(lambda indent: indent[0].translate(_ODD_BLANKS), code)
