"""Target + Spec -> masked files, and back.

The cut is byte-exact: what was cut out is kept beside the masked text, and `restore` gives the original file.
"""

from __future__ import annotations

import codecs
import inspect
import textwrap
from dataclasses import dataclass

from ttc_data.errors import MaskingFailed
from ttc_data.lang.python import syntax
from ttc_data.records import MaskMode, Span, Target

_PLACEHOLDER = b"raise NotImplementedError"
_EMPTY_BLOCK = b"pass"


@dataclass(frozen=True, slots=True)
class Cut:
    """One place where the masked file differs from the original."""

    span: Span
    """In the masked file."""
    original: bytes


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked file and what puts the original back."""

    text: bytes
    cuts: tuple[Cut, ...]
    """In the order of the text, not overlapping."""


def mask(text: bytes, target: Target, spec_text: str, mode: MaskMode) -> Masked:
    """Cut a target out of its file and leave the spec in its place.

    `body` keeps header, decorators and docstring, puts the spec where it differs from the docstring, and lets each
    body raise NotImplementedError. `whole` removes the definition; the spec then stands in the prompt only.

    Args:
        text: the file's bytes.
        target: a target of this very file.
        spec_text: taken as it is when it equals the target's docstring, else dedented and stripped as docstrings are.
        mode: what the solver no longer sees.

    Raises:
        MaskingFailed: `masked_file_does_not_parse`; `empty_spec`; `nothing_to_mask`; or `foreign_target` when the
            spans do not lie in this text.
    """
    if not 0 <= target.span[0] < target.span[1] <= len(text):
        raise MaskingFailed(
            "foreign_target", f"{target.path}::{target.qualname}: span {target.span}, {len(text)} bytes"
        )
    if mode == "whole":
        return _without_definition(text, target)
    if not target.bodies:
        raise MaskingFailed("nothing_to_mask", f"{target.path}::{target.qualname} has no body to hide")
    edits = [(span, _placeholder(text, span)) for span in target.bodies]
    if spec_text != target.docstring:
        edits.append((target.docstring_span, _docstring(text, target, spec_text)))
    return _checked(_replaced(text, edits), target)


def restore(masked: Masked) -> bytes:
    """Put back what `mask` cut out: the original file, byte for byte."""
    pieces, position = [], 0
    for cut in masked.cuts:
        pieces += [masked.text[position : cut.span[0]], cut.original]
        position = cut.span[1]
    return b"".join([*pieces, masked.text[position:]])


def interface(text: bytes, target: Target, spec_text: str) -> str:
    """What a prompt shows when the definition is gone: header, attributes, the headers of a class's methods; no body.

    Raises:
        MaskingFailed: as `mask`.
    """
    masked = mask(text, target, spec_text, "body")
    first, end = target.span
    end += len(masked.text) - len(text)
    start = masked.text.rfind(b"\n", 0, first) + 1
    return textwrap.dedent(masked.text[start:end].decode("utf-8").replace("\r\n", "\n"))


def docstring_literal(text: str, indent: str) -> str:
    """Write a docstring that evaluates, after `inspect.cleandoc`, to this text.

    Args:
        text: as `inspect.cleandoc` gives it, no blank lines at the end.
        indent: blanks before every line but the first.
    """
    quoted = syntax.string_literal(text)
    first, *rest = text.split("\n")
    if not rest and first == first.lstrip():
        return f'"""{quoted}"""'
    # The summary may stand behind the quotes only where the other lines alone still show the margin.
    opening = "" if first.strip() and inspect.cleandoc(text) == text else f"\n{indent}"
    lines = quoted.split("\n")
    indented = "\n".join([lines[0], *(indent + line if line else "" for line in lines[1:])])
    return f'"""{opening}{indented}\n{indent}"""'


def _without_definition(text: bytes, target: Target) -> Masked:
    start, end = target.span
    line_start = max(text.rfind(b"\n", 0, start), text.rfind(b"\r", 0, start)) + 1
    if not line_start and text.startswith(codecs.BOM_UTF8):
        line_start = len(codecs.BOM_UTF8)
    next_line = end + len(_newline_at(text, end))
    try:
        return _checked(_replaced(text, [((line_start, next_line), b"")]), target)
    except MaskingFailed:  # a block that held nothing else
        return _checked(_replaced(text, [((start, end), _EMPTY_BLOCK)]), target)


def _replaced(text: bytes, edits: list[tuple[Span, bytes]]) -> Masked:
    pieces: list[bytes] = []
    cuts: list[Cut] = []
    position = length = 0
    for (start, end), new in sorted(edits):
        length += start - position
        pieces += [text[position:start], new]
        cuts.append(Cut((length, length + len(new)), text[start:end]))
        length += len(new)
        position = end
    return Masked(b"".join([*pieces, text[position:]]), tuple(cuts))


def _checked(masked: Masked, target: Target) -> Masked:
    try:
        syntax.check_syntax(masked.text)
    except SyntaxError as error:
        where = f"{target.path}::{target.qualname}"
        raise MaskingFailed("masked_file_does_not_parse", f"{where}: line {error.lineno}: {error.msg}") from error
    return masked


def _placeholder(text: bytes, body: Span) -> bytes:
    start, end = body
    if text[start - 1 : start] in (b"\n", b"\r"):
        return syntax.indent_of(text[start:end]) + _PLACEHOLDER
    return _PLACEHOLDER  # behind the header or the docstring, on the same line


def _docstring(text: bytes, target: Target, spec_text: str) -> bytes:
    # A first line that is empty puts all lines under one margin: cleandoc treats the first line differently.
    spec = inspect.cleandoc("\n" + spec_text.replace("\r\n", "\n")).rstrip()
    if not spec:
        raise MaskingFailed("empty_spec", f"{target.path}::{target.qualname}")
    start = target.docstring_span[0]
    before = text[max(text.rfind(b"\n", 0, start), text.rfind(b"\r", 0, start)) + 1 : start]
    code = before.lstrip(b" \t\f")
    indent = before[: len(before) - len(code)].rpartition(b"\f")[2].decode() + ("    " if code else "")
    literal = docstring_literal(spec, indent).encode("utf-8")
    return literal.replace(b"\n", _newline_of(text, target))


def _newline_of(text: bytes, target: Target) -> bytes:
    """The line end that the file uses at the target, else anywhere, else a plain newline."""
    for start in (target.span[0], 0):
        offset = start + len(text[start:].splitlines()[0]) if text[start:] else len(text)
        if newline := _newline_at(text, offset):
            return newline
    return b"\n"


def _newline_at(text: bytes, offset: int) -> bytes:
    if text[offset : offset + 2] == b"\r\n":
        return b"\r\n"
    return text[offset : offset + 1] if text[offset : offset + 1] in (b"\n", b"\r") else b""
