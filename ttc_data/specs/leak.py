"""Does a task give its answer away: in its spec, or in what masking left of the file?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ttc_data.lang.python import syntax
from ttc_data.lang.python.facts import Function, statements_of
from ttc_data.records import Span, Target
from ttc_data.specs.grams import GRAM, PROMPT, Gram, body_code, body_tokens, grams, held, overlap, text_at

MOST_OVERLAP = 0.5
"""Share of a body's grams above which a text holds the body."""
MIN_TOKENS = 16
"""Shorter bodies are found in innocent text: only their overlap is told."""
SHINGLE = 5
MIN_SIMILARITY = 0.9
"""Share of common shingles of two syntax trees, of all that either has, from which one is a copy of the other."""
MIN_STATEMENTS = 3
"""Nested ones counted; smaller bodies are alike by nature."""
MIN_SHARE = 0.5
"""Of what was cut out, that must have a copy or be a call elsewhere; it is less than all for classes only."""

_ASYNC_WORD = re.compile(r"_?async_?|(?<=^__)a(?=(?:enter|exit|iter|next)__$)", re.IGNORECASE)
_ASYNC_NODES = {"AsyncFor": "For", "AsyncWith": "With", "AsyncFunctionDef": "FunctionDef"}
_NOT_CODE = frozenset(("ctx", "annotation", "returns", "type_comment", "kind", "is_async", "type_params", "simple"))


@dataclass(frozen=True, slots=True)
class Leak:
    """What of a target's body the solver can read."""

    overlap: float
    """Share, 0 to 1, of the body's token grams that the spec holds; examples that use the target are not counted."""
    kind: str
    """`copy`, `spec`, `comment` or `call_through`, the worst first; `""` when nothing was found."""
    place: str
    """Where, for people: `line 120: def other(a):`, a line of the masked file; `""` when nothing was found."""


@dataclass(frozen=True, slots=True)
class _Definition:
    """A function of the original file."""

    span: Span
    """Whole lines, from `def`."""
    body: int
    """Where the first statement after the docstring starts."""
    qualname: str
    statements: int
    labels: tuple[str, ...]
    """The syntax tree after the docstring in preorder; locals have numbers for names."""
    callee: str
    """Qualified name of the only thing that it calls, when it passes its parameters on; else `""`."""


@dataclass(frozen=True, slots=True)
class _Facts:
    definitions: tuple[_Definition, ...]
    texts: tuple[Span, ...]
    """Whole lines of blocks of comments and of strings that stand alone."""
    lines: dict[str, list[int]]
    """A line of such a text, without blanks -> indices into `texts`."""


def leak(target: Target, original: bytes, masked: str, spec: str) -> Leak:
    """Look for the body that masking removed in what the solver is given. Never raises on what is in the texts.

    Args:
        target: a target of `original`.
        original: the file's bytes.
        masked: the file as the solver sees it.
        spec: the text that asks for the behaviour.
    """
    facts = _facts(original)
    code, tokens = body_code(target, original), body_tokens(target, original)
    wanted = set(grams(tokens, GRAM))
    share, first_line = overlap(target, original, spec)
    long_enough = len(tokens) >= MIN_TOKENS
    if place := _copy(target, facts, original, masked):
        return Leak(share, "copy", place)
    if long_enough and share > MOST_OVERLAP:
        return Leak(share, "spec", f"spec: {first_line}")
    if long_enough and (place := _comment(target, facts, code, wanted, original, masked)):
        return Leak(share, "comment", place)
    if place := _call_through(target, facts, original, masked):
        return Leak(share, "call_through", place)
    return Leak(share, "", "")


# What is left of the file


def _shown(original: bytes, masked: str, span: Span) -> str:
    """`line N: FIRST LINE` where the masked file still has these lines, else `""`."""
    text = text_at(original, span)
    at = masked.find(text)
    return (
        f"line {masked.count(chr(10), 0, at) + 1}: {text.strip().splitlines()[0]}" if text.strip() and at >= 0 else ""
    )


def _outside(target: Target, span: Span) -> bool:
    return all(span[1] <= first or end <= span[0] for first, end in target.bodies)


def _removed(target: Target, facts: _Facts) -> list[_Definition]:
    """The functions whose bodies were cut out."""
    return [
        one
        for one in facts.definitions
        if any(one.span[0] < end and first <= one.body < end and one.span[0] <= first for first, end in target.bodies)
    ]


def _most(removed: Sequence[_Definition], places: dict[str, str]) -> str:
    """The first of the places, when the functions that have one make up enough of what was cut out."""
    held = sum(len(one.labels) for one in removed if one.qualname in places)
    enough = held >= MIN_SHARE * sum(len(one.labels) for one in removed)
    return next(iter(places.values()), "") if enough else ""


def _copy(target: Target, facts: _Facts, original: bytes, masked: str) -> str:
    others = [one for one in facts.definitions if one.statements >= MIN_STATEMENTS and _outside(target, one.span)]
    removed = _removed(target, facts)
    places: dict[str, str] = {}
    for one in removed:
        if one.statements < MIN_STATEMENTS:
            continue
        for other in others:
            if _alike(one.labels, other.labels) and (place := _shown(original, masked, other.span)):
                places[one.qualname] = place
                break
    return _most(removed, places)


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if one == other:
        return True
    if not MIN_SIMILARITY <= len(one) / len(other) <= 1 / MIN_SIMILARITY:
        return False
    left, right = set(grams(one, SHINGLE)), set(grams(other, SHINGLE))
    return len(left & right) >= MIN_SIMILARITY * len(left | right)


def _comment(
    target: Target, facts: _Facts, code: Sequence[str], wanted: set[Gram], original: bytes, masked: str
) -> str:
    near = {index for line in code for index in facts.lines.get(_bare(line), ())}
    for index in sorted(near):
        span = facts.texts[index]
        if not _outside(target, span) or (span[0] < target.docstring_span[1] and target.docstring_span[0] < span[1]):
            continue
        share, _ = held(wanted, text_at(original, span).splitlines(), GRAM)
        if share > MOST_OVERLAP and (place := _shown(original, masked, span)):
            return place
    return ""


def _call_through(target: Target, facts: _Facts, original: bytes, masked: str) -> str:
    removed = _removed(target, facts)
    others = {one.qualname: one for one in facts.definitions if _outside(target, one.span)}
    places: dict[str, str] = {}
    for one in removed:
        if (other := others.get(one.callee)) and (place := _shown(original, masked, other.span)):
            places[one.qualname] = place
    return _most(removed, places)


# The original file, read once for all of its targets


@lru_cache(maxsize=8)
def _facts(original: bytes) -> _Facts:
    try:
        tree = syntax.parse(original)
    except SyntaxError:
        return _Facts((), (), {})
    starts = syntax.line_starts(original)
    definitions: list[_Definition] = []
    strings: list[tuple[int, int]] = []
    inside: set[int] = set()
    waiting: list[tuple[ast.AST, tuple[str, ...]]] = [(tree, ())]
    while waiting:  # not a recursion: trees are deeper than Python's stack
        node, scope = waiting.pop()
        inner = scope
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if statements_of(node):
                    definitions.append(_definition(node, scope, starts))
                inner = (*scope, node.name, "<locals>")
            case ast.ClassDef():
                inner = (*scope, node.name)
            case ast.Expr(value=ast.Constant(value=str()), lineno=first, end_lineno=int(last)):
                strings.append((first, last))
            case ast.Constant(value=str() | bytes(), lineno=first, end_lineno=int(last)):
                inside.update(range(first + 1, last + 1))
            case ast.JoinedStr(lineno=first, end_lineno=int(last)):
                inside.update(range(first + 1, last + 1))
            case _:
                pass
        waiting.extend((child, inner) for child in ast.iter_child_nodes(node))
    source = original.splitlines()
    blocks = [*_comment_blocks(source, inside), *strings]
    lines: dict[str, list[int]] = {}
    for index, (first, last) in enumerate(blocks):
        for line in {_bare(line.decode(errors="replace")) for line in source[first - 1 : last]} - {""}:
            lines.setdefault(line, []).append(index)
    definitions.sort(key=lambda one: one.span)
    return _Facts(tuple(definitions), tuple((starts[first - 1], starts[last]) for first, last in blocks), lines)


def _bare(line: str) -> str:
    """A line of code without blanks, comment sign and prompt; nothing when it is too short to tell."""
    bare = "".join(PROMPT.sub("", line, count=1).split())
    return bare if len(bare) > len("return x") else ""


def _comment_blocks(source: Sequence[bytes], inside: set[int]) -> Iterator[tuple[int, int]]:
    first = 0
    for number, line in enumerate([*source, b""], 1):
        is_comment = line.lstrip().startswith(b"#") and number not in inside
        if is_comment and not first:
            first = number
        elif first and not is_comment:
            yield first, number - 1
            first = 0


def _definition(node: Function, scope: tuple[str, ...], starts: Sequence[int]) -> _Definition:
    statements = statements_of(node)
    labels, count = _labels(node, statements)
    return _Definition(
        span=(starts[node.lineno - 1], starts[node.end_lineno or node.lineno]),
        body=starts[statements[0].lineno - 1] + statements[0].col_offset,
        qualname=".".join((*scope, node.name)),
        statements=count,
        labels=labels,
        callee=_callee(node, statements, scope),
    )


def _arguments(node: Function) -> list[ast.arg]:
    found = node.args
    every = [*found.posonlyargs, *found.args, found.vararg, *found.kwonlyargs, found.kwarg]
    return [argument for argument in every if argument]


def _labels(node: Function, statements: Sequence[ast.stmt]) -> tuple[tuple[str, ...], int]:
    """A body as words that renaming locals, other annotations and `async` do not change; and its statements."""
    names = {argument.arg for argument in _arguments(node)}
    names |= {name for part in statements for child in ast.walk(part) if (name := _bound(child))}
    numbers: dict[str, str] = {}
    labels: list[str] = []
    count = 0
    waiting: list[object] = list(reversed(statements))
    while waiting:
        match waiting.pop():
            case ast.Name(id=name) | ast.arg(arg=name) if name in names:
                labels.append(numbers.setdefault(name, f"${len(numbers)}"))
            case ast.Constant(value=int(value)):
                labels.append(hex(value))  # Python refuses to write a very long integer in decimal
            case ast.Constant(value=value):
                labels.append(repr(value))
            case ast.AST() as part:
                count += isinstance(part, ast.stmt)
                kind = type(part).__name__
                labels += [] if isinstance(part, ast.Await) else [_ASYNC_NODES.get(kind, kind)]
                waiting.extend(getattr(part, field) for field in reversed(part._fields) if field not in _NOT_CODE)
            case list() as parts:
                waiting.extend(reversed(parts))
            case str(name):
                labels.append("$" if name == node.name else _ASYNC_WORD.sub("", name))
            case nothing:
                labels.append(repr(nothing))  # what is left out is code too: `a[i:]` and `a[:i]`
    return tuple(labels), count


def _bound(node: ast.AST) -> str:
    """The name that a node makes local, if any."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.ExceptHandler(name=str(name)) | ast.arg(arg=name):
            return name
        case _:
            return ""


def _callee(node: Function, statements: Sequence[ast.stmt], scope: tuple[str, ...]) -> str:
    match [statement for statement in statements if not _is_warning(statement)]:
        case [ast.Return(value=ast.expr() as value)] | [ast.Expr(value=value)]:
            pass
        case [ast.Assign(targets=[ast.Name(id=kept)], value=value), ast.Return(value=ast.Name(id=given))] if (
            kept == given
        ):
            pass
        case _:
            return ""
    if isinstance(value, (ast.Await, ast.YieldFrom)) and value.value:
        value = value.value
    if not isinstance(value, ast.Call):
        return ""
    passed = [part.value if isinstance(part, ast.Starred) else part for part in value.args]
    passed += [keyword.value for keyword in value.keywords]
    parameters = [argument.arg for argument in _arguments(node)]
    is_method = bool(scope) and scope[-1] != "<locals>"
    owner = parameters[0] if is_method and parameters else ""
    used = {part.id for part in passed if isinstance(part, ast.Name)}
    own = set(parameters) - {owner}
    if not all(map(_is_plain, passed)) or not own <= used <= set(parameters) or (passed and not own):
        return ""  # with nothing of its own to pass on it sets a helper up: `return self._total("weight")`
    match value.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            return ".".join((*scope, attribute)) if name == owner else f"{name}.{attribute}"
        case _:
            return ""


def _is_plain(node: ast.expr) -> bool:
    """A name or a constant, also a negative one: passing it on is no work."""
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, (ast.Name, ast.Constant))


def _is_warning(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="warn") | ast.Name(id="warn"))):
            return True
        case _:
            return False
