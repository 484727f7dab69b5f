"""The docstring as the spec: normalised, with or without the answers of its examples."""

from __future__ import annotations

import doctest
import re

from ttc_data.records import Spec, Target
from ttc_data.rules import SpecRules

PARSER = doctest.DocTestParser()
TRAILING_BLANKS = re.compile(r"[ \t]+$", re.MULTILINE)
MANY_BLANK_LINES = re.compile(r"\n{3,}")


def docstring_spec(target: Target, rules: SpecRules) -> Spec:
    """Make the spec of a target's own docstring."""
    text = normalise(target.docstring)
    if rules.doctest_answers == "drop":
        text = normalise(without_answers(text))
    return Spec(target.key, "docstring", text)


def normalise(text: str) -> str:
    """Trailing blanks and runs of blank lines as people write them; indentation stays, it is `cleandoc`'s already."""
    return MANY_BLANK_LINES.sub("\n\n", TRAILING_BLANKS.sub("", text)).strip()


def without_answers(text: str) -> str:
    """Leave out what a docstring's examples are expected to print; text that is no doctest stays as it is."""
    try:
        parts = PARSER.parse(text)
    except ValueError:
        return text
    kept: list[str] = []
    for part in parts:
        if isinstance(part, str):
            kept.append(part)
            continue
        indent = " " * part.indent
        first, *more = part.source.split("\n")
        if not part.source.endswith("\n\n"):
            more.pop()  # the line end that doctest adds where the source has none
        kept.append(f"{indent}>>> {first}\n")
        kept.extend(f"{indent}... {line}".rstrip() + "\n" for line in more)
    return "".join(kept)
