"""Runs of a body's code tokens, and how many of them a text holds."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from ttc_data.records import Span, Target
from ttc_data.specs.docstring import PARSER

GRAM = 6
"""Code tokens in a row that count as found together."""
Gram: TypeAlias = tuple[str, ...]
_LAYOUT = frozenset(
    (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
)
_ROUGH = re.compile(r"\w+|[^\w\s]")
PROMPT = re.compile(r"[#:!\s]*(?:>>> |\.\.\. )?")


def overlap(target: Target, original: bytes, spec: str) -> tuple[float, str]:
    """The share, 0 to 1, of the grams of a target's body that a spec holds, and the first line of it that does.

    Args:
        target: a target of `original`.
        original: the file's bytes.
        spec: a text; its examples that use the target are not counted.
    """
    tokens = body_tokens(target, original)
    return held(set(grams(tokens, GRAM)), prose(spec, target.qualname.rpartition(".")[2]), min(GRAM, len(tokens)))


def body_tokens(target: Target, original: bytes) -> list[str]:
    """The code tokens of what masking removes."""
    return list(chain.from_iterable(map(tokens_of, body_code(target, original))))


def body_code(target: Target, original: bytes) -> list[str]:
    """The lines of what masking removes."""
    return [line for first, end in target.bodies for line in text_at(original, (first, end)).splitlines()]


def text_at(original: bytes, span: Span) -> str:
    """The text of a span of bytes."""
    return original[slice(*span)].decode(errors="replace")


def tokens_of(line: str) -> list[str]:
    """The code tokens of one line; from where Python gives up, words and signs."""
    line = line.replace("`", " ").strip()
    found: list[str] = []
    end = 0
    try:
        for token in tokenize.generate_tokens(iter([line]).__next__):
            if token.type not in _LAYOUT and token.string.strip():
                found.append(token.string.replace("'", '"'))
            if token.start[0] == 1:
                end = max(end, token.end[1])
    except (tokenize.TokenError, SyntaxError, ValueError):
        found += _ROUGH.findall(line[end:])
    return found


def grams(tokens: Sequence[str], most: int) -> Iterator[Gram]:
    """The runs of so many tokens, or of all where there are fewer."""
    size = min(most, len(tokens))
    if size:
        yield from (tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1))


def prose(spec: str, name: str) -> list[str]:
    """The lines of a spec, without examples that use the target and without what examples print."""
    try:
        parts = PARSER.parse(spec)
    except ValueError:  # prompts that are no doctest count as prose
        parts = [spec]
    uses = re.compile(rf"(?<!def )(?<!class )\b{re.escape(name)}\b")
    kept = [part if isinstance(part, str) else "" if uses.search(part.source) else part.source for part in parts]
    return [line for part in kept for line in part.splitlines()]


def held(wanted: set[Gram], lines: Iterable[str], size: int) -> tuple[float, str]:
    """The share of grams that a text holds, and the line where the first of them starts."""
    tokens = [(token, line) for line in lines for token in tokens_of(PROMPT.sub("", line, count=1))]
    if not wanted or len(tokens) < size:
        return 0.0, ""
    words = [token for token, _ in tokens]
    found: dict[Gram, str] = {}
    for at in range(len(words) - size + 1):
        gram = tuple(words[at : at + size])
        if gram in wanted:
            found.setdefault(gram, tokens[at][1])
    return len(found) / len(wanted), next(iter(found.values()), "").strip()
