"""Rows to prompts that fit a model's context: chat messages as published, shortened by name where they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ttc_data.lang.python.splicing.definitions import definition_lines
from ttc_data.publish.rows import AnswerForm, answer_form
from ttc_data.records import Reject
from ttc_data.row import Message, Row

Shortening: TypeAlias = Literal["none", "window"]
CountTokens: TypeAlias = Callable[[Sequence[Message]], int]
"""Tokens of chat messages with the model's template round them, and the beginning of its answer."""
LEFT_OUT = "# ... {count} lines left out ..."


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked of one row."""

    instance_id: str
    repo: str
    messages: tuple[Message, ...]
    tokens: int
    shortened: Shortening
    """`window`: of the file, only lines round the target are shown. Its tests see the whole file."""

    @property
    def key(self) -> str:
        """The row's id."""
        return self.instance_id


def prompts(
    rows: Iterable[Row], count: CountTokens, most: int, *, shorten: bool = True, form: AnswerForm = "blocks"
) -> Iterator[Prompt | Reject]:
    """Ask for each row in at most so many tokens.

    Args:
        rows: of a dataset.
        count: tokens of messages.
        most: tokens of a prompt; 0 means any number.
        form: how the model is asked to answer; what rewards read takes either.
        shorten: show fewer lines of a file that does not fit, in place of leaving the row out.

    Yields:
        A prompt, or a reject `prompt_too_long`.
    """
    for row in rows:
        messages = _asked(row, form)
        tokens = count(messages)
        if not most or tokens <= most:
            yield Prompt(row.instance_id, row.repo, messages, tokens, "none")
            continue
        found = _shortened(row, messages, count, most) if shorten else None
        if found is None:
            yield Reject(
                row.instance_id, "prompt", "prompt_too_long", f"{tokens} tokens, at most {most}", row.ttc_target
            )
        else:
            yield found


def _asked(row: Row, form: AnswerForm) -> tuple[Message, ...]:
    published, wanted = (answer_form(one, row.path, row.ttc_kind) for one in ("blocks", form))
    return tuple(Message(one.role, one.content.replace(published, wanted)) for one in row.prompt)


def _shortened(row: Row, asked: Sequence[Message], count: CountTokens, most: int) -> Prompt | None:
    """The prompt with the most lines of the target's file that fit, found by halving."""
    text = next((file.text for file in row.ttc_files if file.path == row.path), "")
    if not text or not any(text in message.content for message in asked):
        return None
    first, last = definition_lines(text, row.ttc_target) or (1, 1)
    fits: Prompt | None = None
    low, high = 0, len(text.splitlines())
    while low <= high:
        around = (low + high) // 2
        shown = window(text, first - around, last + around)
        messages = tuple(Message(one.role, one.content.replace(text, shown)) for one in asked)
        tokens = count(messages)
        if tokens <= most:
            fits = Prompt(row.instance_id, row.repo, messages, tokens, "window")
            low = around + 1
        else:
            high = around - 1
    return fits


def window(text: str, first: int, last: int) -> str:
    """Lines `first` to `last` of a text, counted from 1, with a note of how many lie before and after."""
    lines = text.splitlines(keepends=True)
    first, last = max(first, 1), min(last, len(lines))
    before = [LEFT_OUT.format(count=first - 1) + "\n"] if first > 1 else []
    after = [LEFT_OUT.format(count=len(lines) - last) + "\n"] if last < len(lines) else []
    return "".join([*before, *lines[first - 1 : last], *after])
