"""Code that stands in something else: in a field of JSON, between two backticks, behind a word on its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ttc_data.errors import PatchRejected
from ttc_data.lang.python.splicing.bodies import gives_back
from ttc_data.lang.python.splicing.definitions import names_of, parsed
from ttc_data.lang.python.splicing.layout import dedented
from ttc_data.lang.python.splicing.splice import is_in, weight
from ttc_data.solve.chat import block_spans, has_fence, is_diff, pieces

MOST_SPANS = 64
_JSON = re.compile(r"(?:\A|^[ \t]*(?:`{3,}|~{3,})[^\n]*\n)\s*[{\[]\s*[\"{\[]", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`(?P<code>[^`\n]+)`(?!`)")
_BEHIND_A_WORD = re.compile(r"^[^\n`]{1,60}:[*_ \t]+(?=(?:async[ \t]+)?def\b|class\b|\w+[ \t]*=)", re.MULTILINE)


def without_json(text: str, qualname: str) -> str:
    """What a field of an answer in JSON says, where the answer, or its one fence with JSON in it, is an object with code.

    Args:
        text: the answer; it is given back as it is where no field holds code, or another fence has the target.
        qualname: of the target.

    Raises:
        PatchRejected: several fields hold different answers.
    """
    if not _JSON.search(text):
        return text
    fences = pieces(text)
    packed = (
        [text]
        if text.lstrip()[:1] in ("{", "[")
        else [one.code for one in fences if one.code.lstrip()[:1] in ("{", "[")]
    )
    others = [piece.code for piece in fences if piece.code not in packed]
    if len(packed) != 1 or any(is_in(code, qualname) for code in others):
        return text
    try:
        said = [value for value in _texts(json.loads(packed[0], strict=False)) if _is_answer(value, qualname)]
    except ValueError:
        return text
    if not said:
        return text
    if len(set(said)) > 1:
        raise PatchRejected(f"{len(set(said))} fields of the answer's JSON hold different code: give one answer")
    return said[-1] if _is_marked(said[-1]) else f"```python\n{said[-1]}\n```\n"


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _is_marked(text: str) -> bool:
    return has_fence(text) or is_diff(text) or bool(block_spans(text.split("\n")))


def _is_answer(text: str, qualname: str) -> bool:
    if _is_marked(text) or is_in(text, qualname):
        return True
    try:
        return gives_back(parsed(dedented(text), "the field"))
    except PatchRejected:
        return False


def inside_a_line(text: str, qualname: str) -> str | None:
    """Code between two backticks, or behind a word and a colon as in `Answer: def f(x): return x`; the last that has the target.

    Returns:
        None where there is none with more of the target than its name.
    """
    spans = [found["code"] for found in _SPAN.finditer(text)][-MOST_SPANS:]
    behind = [text[found.end() :] for found in _BEHIND_A_WORD.finditer(text)][-MOST_SPANS:]
    return next(
        (code for code in reversed([*behind, *spans]) if is_in(code, qualname) and weight(code, qualname) > 1), None
    )


def unqualified(code: str, qualname: str) -> str:
    """Code for a method that stands at the margin under its class's name: `def Box.area(self):`, `Box.area = lambda self: 1`.

    Args:
        code: it is given back as it is where it has the class.
        qualname: of the target.
    """
    names = names_of(qualname)
    if len(names) == 1 or re.search(rf"^[ \t]*class[ \t]+{re.escape(names[-2])}\b", code, re.MULTILINE):
        return code
    suffixes = "|".join(re.escape(".".join(names[skip:])) for skip in range(len(names) - 1))
    code = re.sub(
        rf"^([ \t]*(?:async[ \t]+)?def[ \t]+)(?:{suffixes})\b", rf"\g<1>{names[-1]}", code, flags=re.MULTILINE
    )
    return re.sub(rf"^(?:{suffixes})(?=[ \t]*=(?!=))", names[-1], code, flags=re.MULTILINE)
