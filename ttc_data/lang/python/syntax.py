r"""Python text to spans, with `ast`.

Offsets count bytes of the file's original UTF-8 bytes, end exclusive: a byte order mark counts, `\r\n` and a lone
`\r` end a line as `\n` does, a form feed does not. A span that ends with a line ends *before* that line's end, so
a file without a final newline is no special case.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import PurePosixPath
from types import CodeType
from typing import TypeVar

from ttc_data.lang.python.alone import alone
from ttc_data.lang.python.facts import (
    Function,
    Node,
    complexity_of,
    definition_nodes,
    docstring_of,
    is_attribute_access,
    is_dunder,
    is_stub_or_abstract,
    is_trivial_wrapper,
    last_name,
    maskable_methods,
)
from ttc_data.records import Lines, Span, TargetKind

T = TypeVar("T")
_PROPERTY = frozenset({"property", "cached_property", "setter", "getter", "deleter"})
_TEST_FOLDERS = frozenset({"test", "tests", "testing"})
_TEST_FILES = frozenset({"test.py", "tests.py", "conftest.py"})
_BLANKS = b" \t\f"


TREES_HELD = 16
# A number of so many digits after 0x, 0o or 0b is no syntax error, and cannot be written in decimal, as `ast.unparse` and
# `ast.dump` do. 10**4_300, the most that `int` converts, has 3,571 hexadecimal digits.
_LONG_NUMBER = re.compile(rb"0[xXoObB][0-9a-fA-F_]{3570}")
_MOST_BITS = 14_280


@dataclass(frozen=True, slots=True)
class Definition:
    """A function, method or class of one file, with the facts that the rules of extraction ask for."""

    qualname: str
    """As Python's `__qualname__`: `Class.method`, `outer.<locals>.inner`."""
    kind: TargetKind
    is_async: bool
    nested_in_function: bool
    decorators: tuple[str, ...]
    """Expressions as written, without the `@`."""
    span: Span
    """From the first decorator's `@` to the end of the last line, comments as deep as the body included."""
    signature: str
    """As written, from `async`, `def` or `class` to the colon; line ends are `\\n`."""
    docstring: str | None
    """As `inspect.cleandoc` gives it."""
    docstring_span: Span | None
    """The string literal with its prefix, all parts of an implicit concatenation, without parentheses around it."""
    bodies: tuple[Span, ...]
    """What comes after the docstring; for a class, that of each method that has something to hide."""
    body_lines: tuple[Lines, ...]
    """The lines of `bodies`. A body on the header's own line has that line."""
    indent: str
    """Blanks before the first statement; empty when it stands on the header's line."""
    complexity: int
    """Cyclomatic, inner functions included; that of the hardest method for a class."""
    code_lines: int
    """Lines of `bodies` that hold more than blanks and comments."""
    is_stub_or_abstract: bool
    """Nothing but `...`, `pass` or `raise NotImplementedError`, or declared abstract; never a class."""
    is_overload: bool
    is_trivial_wrapper: bool
    """One call that passes parameters on and adds nothing."""
    is_property_boilerplate: bool
    """A property that returns, sets or deletes one attribute."""
    is_dunder: bool
    is_private: bool
    """Its own name, or that of a class around it, starts with an underscore and is no dunder."""


def definitions(source: bytes) -> list[Definition]:
    """Find every function, method and class of a file, in the order of the text.

    Raises:
        SyntaxError: when the bytes are not UTF-8, declare another encoding, or do not parse; nothing else.
    """
    try:
        return list(_Spans(source).visit(parse(source).body, (), in_class=False, in_function=False))
    except (RecursionError, MemoryError) as error:
        raise SyntaxError("nested too deeply") from error


def check_syntax(source: bytes) -> None:
    """Compile a file without running it, and without making a tree of it, which takes twice as long.

    Raises:
        SyntaxError: when Python could not import these bytes as UTF-8 source; nothing else.
    """
    if _LONG_NUMBER.search(source):
        parse(source)
    _read(source, lambda text: compile(text, "<source>", "exec", dont_inherit=True))


def parse(source: bytes) -> ast.Module:
    """Parse a file. With `compiled` and `check_syntax` the one place of the project that does: see `alone`.

    Raises:
        SyntaxError: when the bytes are not UTF-8, declare another encoding, or do not parse; nothing else.
    """
    tree = _read(source, ast.parse)
    if _LONG_NUMBER.search(source) and any(map(_is_too_long, ast.walk(tree))):
        raise SyntaxError("a number too long to be written in decimal")
    return tree


def _read(source: bytes, read: Callable[[str], T]) -> T:
    try:
        text = source.removeprefix(codecs.BOM_UTF8).decode()
        if not source.isascii():
            encoding, _ = tokenize.detect_encoding(io.BytesIO(b"\n".join(source.splitlines()[:2])).readline)
            if encoding not in ("utf-8", "utf-8-sig"):
                raise SyntaxError(f"declared encoding {encoding} is not UTF-8")
        with alone():
            return read(text)
    except ValueError as error:  # null bytes, bytes that are not UTF-8
        raise SyntaxError(str(error)) from error
    except (RecursionError, MemoryError) as error:
        raise SyntaxError("nested too deeply") from error


def _is_too_long(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value.bit_length() > _MOST_BITS


@lru_cache(maxsize=TREES_HELD)
def parse_shared(source: bytes) -> ast.Module:
    """Parse a file that is asked for again and again. The tree is everybody's: who has it must not change it.

    Raises:
        SyntaxError: as `parse`.
    """
    return parse(source)


def compiled(tree: ast.Module) -> CodeType:
    """Compile a tree that `parse` gave, whatever was changed in it.

    Raises:
        SyntaxError: when it does not compile; nothing else.
    """
    try:
        with alone():
            code: CodeType = compile(tree, "<source>", "exec", dont_inherit=True)
            return code
    except ValueError as error:
        raise SyntaxError(str(error)) from error
    except (RecursionError, MemoryError) as error:
        raise SyntaxError("nested too deeply") from error


def line_starts(source: bytes) -> list[int]:
    """Offsets of a file's lines as the parser counts them, and of its end: `node.lineno - 1` is the index of a line.

    A byte order mark is not part of the first line.
    """
    lines = source.splitlines(keepends=True)  # for bytes: \n, \r and \r\n only
    starts = list(accumulate(map(len, lines), initial=0))
    if source.startswith(codecs.BOM_UTF8):
        starts[0] = len(codecs.BOM_UTF8)
    return starts


def indent_of(block: bytes) -> bytes:
    """Return the blanks before the first line of code in a block that starts with a whole line.

    A form feed resets the column, so only what follows it counts; the first of lines joined by a backslash decides.
    """
    for line in block.splitlines():
        code = line.lstrip(_BLANKS)
        blanks = line[: len(line) - len(code)].rpartition(b"\f")[2]
        if not code or code.startswith(b"#") or (code == b"\\" and not blanks):
            continue
        return blanks
    return b""


def string_literal(text: str) -> str:
    """Quote text for a literal in three double quotes: line ends stay, whatever would change or end it is escaped."""
    quoted = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if quoted.endswith('"') and not quoted.endswith('\\"'):
        quoted = quoted[:-1] + '\\"'
    return "".join(_escaped(character) for character in quoted)


def _escaped(character: str) -> str:
    if character != "\n" and unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def is_test_path(path: str) -> bool:
    """Tell a test file, or a file of a test folder, from library code by its path with forward slashes."""
    parts = PurePosixPath(path)
    name = parts.name
    named_so = name in _TEST_FILES or (name.startswith("test_") and name.endswith(".py")) or name.endswith("_test.py")
    return named_so or not _TEST_FOLDERS.isdisjoint(parts.parts[:-1])


def test_path_globs() -> tuple[str, ...]:
    """The same as patterns, in which `**` stands for any folders: `is_test_path` holds where one of them matches."""
    return (
        *(f"**/{name}" for name in sorted((*_TEST_FILES, "test_*.py", "*_test.py"))),
        *(f"**/{folder}/**" for folder in sorted(_TEST_FOLDERS)),
    )


class _Spans:
    """One file's bytes, its lines, and the way from syntax nodes to offsets."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.starts = line_starts(source)

    def line_at(self, offset: int) -> int:
        return max(1, min(bisect_right(self.starts, offset), len(self.starts) - 1))

    def next_line(self, offset: int) -> int:
        return self.starts[self.line_at(offset)]

    def line_end(self, offset: int) -> int:
        line = self.line_at(offset)
        return self.starts[line - 1] + len(self.source[self.starts[line - 1] : self.starts[line]].rstrip(b"\r\n"))

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> int:
        if node.end_lineno is None or node.end_col_offset is None:
            raise SyntaxError("a node without an end")
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def span(self, node: ast.expr | ast.stmt) -> Span:
        return self.start(node), self.end(node)

    def text(self, span: Span) -> str:
        return self.source[slice(*span)].decode().replace("\r\n", "\n").replace("\r", "\n")

    def rest_of_line(self, offset: int) -> tuple[bool, int]:
        """Skip blanks, semicolons and backslash-newlines after a statement.

        Returns (True, where the logical line's next statement starts) or (False, where its last line ends).
        """
        while offset < len(self.source):
            byte = self.source[offset : offset + 1]
            if byte in b" \t\f;":
                offset += 1
            elif byte == b"\\":
                offset = self.next_line(offset)
            elif byte in b"#\r\n":
                return False, self.line_end(offset)
            else:
                return True, offset
        return False, len(self.source)

    def colon(self, node: Node) -> int:
        """Find the header's colon: after its last expression only `)`, `,`, `*`, `/` and comments can come first."""
        parts: list[ast.expr | ast.arg | ast.keyword] = [*getattr(node, "type_params", ())]
        if isinstance(node, ast.ClassDef):
            parts += [*node.bases, *node.keywords]
        else:
            found = node.args
            parts += [*found.posonlyargs, *found.args, *found.kwonlyargs, *found.defaults]
            parts += [part for part in (found.vararg, found.kwarg, node.returns, *found.kw_defaults) if part]
        offset = max((self.end(part) for part in parts), default=self.start(node))
        while (byte := self.source[offset : offset + 1]) != b":":
            if not byte:
                raise SyntaxError("a header without a colon")
            offset = self.line_end(offset) if byte == b"#" else offset + 1
        return offset

    def at_sign(self, decorator: ast.expr) -> int:
        """Find a decorator's `@`: the first character of its line; the expression may stand below, in parentheses."""
        for line in range(decorator.lineno, 0, -1):
            start, end = self.starts[line - 1 : line + 1]
            code = self.source[start:end].lstrip(_BLANKS)
            if code.startswith(b"@"):
                return end - len(code)
        raise SyntaxError("a decorator without its @")

    def indent(self, node: Node) -> bytes:
        """The blanks before the first statement of a block that starts on a line of its own, else nothing."""
        inline, offset = self.rest_of_line(self.colon(node) + 1)
        return b"" if inline else indent_of(self.source[self.next_line(offset) : self.start(node.body[0])] + b"x")

    def end_of(self, node: Node) -> int:
        """The end of the last statement's line, or of the last comment below it that is as deep as the block."""
        _, end = self.rest_of_line(self.end(node.body[-1]))
        depth = _width(self.indent(node))
        if not depth:
            return end
        for line in range(self.line_at(end), len(self.starts) - 1):
            content = self.source[self.starts[line] : self.starts[line + 1]]
            code = content.strip(b" \t\f\r\n")
            if code.startswith(b"#") and _width(content[: content.index(b"#")]) >= depth:
                end = self.line_end(self.starts[line])
            elif code:
                break
        return end

    def body(self, node: Function) -> Span | None:
        docstring = docstring_of(node)
        if docstring and len(node.body) == 1:
            return None
        inline, offset = self.rest_of_line(self.end(docstring) if docstring else self.colon(node) + 1)
        return offset if inline else self.next_line(offset), self.end_of(node)

    def visit(
        self, block: Sequence[ast.stmt], scope: tuple[str, ...], *, in_class: bool, in_function: bool
    ) -> Iterator[Definition]:
        for node in definition_nodes(block):
            yield self.definition(node, scope, in_class=in_class, in_function=in_function)
            is_class = isinstance(node, ast.ClassDef)
            inner = (*scope, node.name) if is_class else (*scope, node.name, "<locals>")
            yield from self.visit(node.body, inner, in_class=is_class, in_function=in_function or not is_class)

    def definition(self, node: Node, scope: tuple[str, ...], *, in_class: bool, in_function: bool) -> Definition:
        functions = [node] if not isinstance(node, ast.ClassDef) else list(maskable_methods(node))
        bodies = tuple(body for function in functions if (body := self.body(function)))
        docstring = docstring_of(node)
        decorators = [last_name(decorator) for decorator in node.decorator_list]
        function = None if isinstance(node, ast.ClassDef) else node
        names = (*scope, node.name)
        return Definition(
            qualname=".".join(names),
            kind="class" if function is None else "method" if in_class else "function",
            is_async=isinstance(node, ast.AsyncFunctionDef),
            nested_in_function=in_function,
            decorators=tuple(self.text(self.span(decorator)) for decorator in node.decorator_list),
            span=(self.at_sign(node.decorator_list[0]) if node.decorator_list else self.start(node), self.end_of(node)),
            signature=self.text((self.start(node), self.colon(node) + 1)),
            docstring=ast.get_docstring(node),
            docstring_span=self.span(docstring.value) if docstring else None,
            bodies=bodies,
            body_lines=tuple((self.line_at(start), self.line_at(end)) for start, end in bodies),
            indent=self.indent(node).decode(),
            complexity=max((complexity_of(function) for function in functions), default=1),
            code_lines=self.code_lines(functions, bodies),
            is_stub_or_abstract=function is not None and is_stub_or_abstract(function),
            is_overload="overload" in decorators,
            is_trivial_wrapper=function is not None and is_trivial_wrapper(function),
            is_property_boilerplate=function is not None
            and not _PROPERTY.isdisjoint(decorators)
            and is_attribute_access(function),
            is_dunder=is_dunder(node.name),
            is_private=any(name.startswith("_") and not is_dunder(name) for name in names),
        )

    def code_lines(self, functions: Sequence[Function], bodies: Sequence[Span]) -> int:
        in_strings: set[int] = set()
        for function in functions:
            for node in ast.walk(function):
                is_text = isinstance(node, ast.JoinedStr) or (
                    isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
                )
                if is_text and isinstance(node, ast.expr):
                    in_strings.update(range(node.lineno + 1, (node.end_lineno or 0) + 1))
        count = 0
        for start, end in bodies:
            first = self.line_at(start)
            for number, line in enumerate(self.source[start:end].splitlines(), first):
                code = line.strip(_BLANKS)
                count += bool(code) and (number in in_strings or not code.startswith(b"#"))
        return count


def _width(blanks: bytes) -> int:
    """The column after blanks as Python counts it: tabs go to multiples of 8, a form feed starts again."""
    return len(blanks.rpartition(b"\f")[2].expandtabs(8))
