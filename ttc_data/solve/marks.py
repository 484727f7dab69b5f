"""Marks round an answer that are none of its code: tokens and channels of a chat, tags, quotes; and thoughts."""

from __future__ import annotations

import re

from ttc_data.errors import PatchRejected
from ttc_data.lang.python.splicing.layout import dedented, is_python
from ttc_data.solve.chat import block_spans, has_fence, is_diff, pieces

_THOUGHT = "</think>"
_THINKS = re.compile(r"\s*<(?P<name>think|thinking|thoughts?|reasoning|reflection|scratchpad)>")
_TOKEN = r"(?:<\|\w{1,40}\|>|<\uff5c[^\uff5c\n]{1,40}\uff5c>|</?s>)"
_BEGIN = re.compile(rf"\s*(?:{_TOKEN}(?:assistant\b)?\n*)+")
_END = re.compile(rf"{_TOKEN}\Z")
MOST_ENDS, LONGEST_END = 8, 44
_ANSWER = re.compile(r"^[ \t]*<answer>[ \t]*\n", re.MULTILINE)
_CHANNEL = re.compile(r"(?:<\|start\|>assistant)?<\|channel\|>(?P<name>\w+)[^<\n]{0,60}<\|message\|>")
_SAID_CHANNELS = re.compile(r"analysis\S[\s\S]*?assistantfinal")
"""The same where whoever sampled dropped the tokens."""
_NAMES = r"(?:code|python|answer|solution|final_answer|response|output)"
_OPENS = re.compile(
    rf"^[ \t]*(?:(?:<pre[^<>\n]{{0,60}}>)?<{_NAMES}(?: [^<>\n]{{0,60}})?>|\[(?:PYTHON|CODE|ANSWER)\])[ \t]*",
    re.MULTILINE,
)
_CLOSES = re.compile(rf"[ \t]*(?:</{_NAMES}>(?:</pre>)?|\[/(?:PYTHON|CODE|ANSWER)\])[ \t]*$", re.MULTILINE)
_CODE_ON_FENCE = re.compile(
    r"^(?P<fence>[ \t]*(?:`{3,}|~{3,})(?:python3?|py)?)[ \t]*(?=(?:(?:async )?def|class) \w|import \w|from \S+ import |@\w)",
    re.MULTILINE,
)
_FENCE_BEHIND_PROSE = re.compile(
    r"^(?P<prose>[^\n`]*[^\s`])[ \t]*(?P<fence>```(?:python3?|py|diff))[ \t]*$", re.MULTILINE
)
_LITERAL = re.compile(r"\s*(?P<quotes>\'{3}|\"{3})(?:python3?|py)[ \t]*\n(?P<code>.*\n)[ \t]*(?P=quotes)\s*", re.DOTALL)
"""A fence of quotes."""
_QUOTED_FENCE = re.compile(r"^[ \t]*> ?(?:`{3}|~{3})", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]*>(?!>) ?", re.MULTILINE)


def without_marks(text: str) -> str:
    """What was said, without the tokens of a chat round it; tags round code become fences, quoted fences plain ones.

    Raises:
        PatchRejected: the answer ends before its final channel.
    """
    text = (
        _BEGIN.sub("", _final(_without_end(text)), 1) if text.lstrip().startswith("<") else _final(_without_end(text))
    )
    if _QUOTED_FENCE.search(text) and not has_fence(text):
        text = _QUOTE.sub("", text)
    if literal := _LITERAL.fullmatch(text):
        text = f"```python\n{literal['code']}```\n"
    behind = _FENCE_BEHIND_PROSE.search(text)
    if behind and not has_fence(text[: behind.start()]):
        text = f"{text[: behind.end('prose')]}\n{text[behind.start('fence') :]}"
    return _with_fences(_CODE_ON_FENCE.sub(r"\g<fence>\n", text))


def _without_end(text: str) -> str:
    for _ in range(MOST_ENDS):
        bare = text.rstrip()
        found = _END.search(bare, max(0, len(bare) - LONGEST_END))
        if found is None:
            break
        text = bare[: found.start()] + "\n"
    bare = text.rstrip()
    return _ANSWER.sub("", bare.removesuffix("</answer>"), 1) if bare.endswith("</answer>") else text


def _final(text: str) -> str:
    """What stands in the last final channel, where an answer has channels."""
    if _CHANNEL.match(text.lstrip()):
        final = [found for found in _CHANNEL.finditer(text) if found["name"] == "final"]
        if not final:
            raise PatchRejected("the answer ends inside its thoughts: it has no final channel")
        return text[final[-1].end() :]
    said = _SAID_CHANNELS.match(text)
    return text[said.end() :] if said else text


def _with_fences(text: str) -> str:
    """Tags round code as fences, where there are no others, and the text is not code that holds tags."""
    if not _OPENS.search(text) or not _CLOSES.search(text):
        return text
    if has_fence(text) or is_diff(text) or block_spans(text.split("\n")) or is_python(dedented(text)):
        return text
    return _CLOSES.sub("\n```", _OPENS.sub("```python\n", text))


def without_thoughts(text: str) -> str:
    """What comes after the thoughts. A `</think>` inside code is part of the code.

    Raises:
        PatchRejected: the answer ends inside its thoughts.
    """
    if begun := _THINKS.match(text):
        _, closed, behind = text.partition(f"</{begun['name']}>")
        if not closed:
            raise PatchRejected(f"the answer ends inside <{begun['name']}>: nothing is said after the thoughts")
        text = behind
    if _THOUGHT not in text or is_python(dedented(text.strip("\n"))):
        return text
    lines = text.split("\n")
    code = {number for piece in pieces(text) if piece.understood for number in range(piece.first, piece.last + 1)}
    code |= {number for first, last in block_spans(lines) for number in range(first, last + 1)}
    if is_diff(text):
        code |= {number for number, line in enumerate(lines) if line.startswith(("+", "-", " "))}
    last = max((number for number, line in enumerate(lines) if _THOUGHT in line and number not in code), default=-1)
    if last < 0:
        return text
    return "\n".join([lines[last].rpartition(_THOUGHT)[2], *lines[last + 1 :]])
