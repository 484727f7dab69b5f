"""What a model says of a target: named parts, so that each of them can be checked, and the text they make."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ttc_data.rules import SpecStyle
from ttc_data.specs.docstring import normalise
from ttc_data.template import template

MOST_PARAMETERS, MOST_ERRORS, MOST_EDGE_CASES, MOST_EXAMPLES = 20, 8, 12, 5


class Part(BaseModel):
    """A part of an answer; what a model adds of its own is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True)


class Parameter(Part):
    """A parameter as a caller sees it."""

    name: str
    type: str = ""
    meaning: str


class Failure(Part):
    """An exception, and what brings it about."""

    exception: str
    when: str


class Example(Part):
    """A call, and what it gives."""

    call: str
    result: str = ""
    """As Python prints it, or `raises NAME`."""


class Draft(Part):
    """A specification in its parts."""

    purpose: str
    parameters: tuple[Parameter, ...] = ()
    returns: str = ""
    errors: tuple[Failure, ...] = ()
    edge_cases: tuple[str, ...] = ()
    side_effects: str = ""
    examples: tuple[Example, ...] = Field(default=())


@functools.cache
def schema() -> dict[str, Any]:
    """The JSON Schema that an answer is asked to be an instance of: the same for every target.

    It bounds the lists: a model that begins to repeat itself would go on to the last token that it may write. It bounds no
    text and names no parameters: vLLM 0.26 compiles each schema on its own, and with 2,042 questions of 1,021 schemas with
    bounded texts it wrote 2,600 tokens/s where it wrote 14,400 with one schema without.
    """
    text = {"type": "string"}

    def objects(most: int, *parts: str) -> dict[str, Any]:
        one = {
            "type": "object",
            "properties": dict.fromkeys(parts, text),
            "required": list(parts),
            "additionalProperties": False,
        }
        return {"type": "array", "items": one, "maxItems": most}

    properties = {
        "purpose": text,
        "parameters": objects(MOST_PARAMETERS, "name", "type", "meaning"),
        "returns": text,
        "errors": objects(MOST_ERRORS, "exception", "when"),
        "edge_cases": {"type": "array", "items": text, "maxItems": MOST_EDGE_CASES},
        "side_effects": text,
        "examples": objects(MOST_EXAMPLES, "call", "result"),
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read(answer: str) -> Draft:
    """Read an answer: a JSON object, alone or somewhere in the text.

    Raises:
        ValueError: one line on what is wrong with it.
    """
    error = "no JSON object in it"
    for value in _objects(answer):
        try:
            return Draft.model_validate(value)
        except ValidationError as invalid:
            first = invalid.errors(include_url=False)[0]
            error = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    raise ValueError(error)


def _objects(answer: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(strict=False)  # models write line ends into strings
    start = answer.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(answer, start)
        except (ValueError, RecursionError):
            start = answer.find("{", start + 1)
            continue
        yield value
        start = answer.find("{", end)


def examples_text(draft: Draft) -> str:
    """The examples as a docstring would have them."""
    return "\n".join(_example(one) for one in draft.examples)


def _example(one: Example) -> str:
    first, *more = one.call.removeprefix(">>> ").splitlines() or [""]
    lines = [f">>> {first}", *(f"... {line.removeprefix('... ')}".rstrip() for line in more)]
    result = one.result
    if result.startswith("raises "):
        result = f"Traceback (most recent call last):\n{result.removeprefix('raises ').strip()}"
    return "\n".join([*lines, *result.splitlines()])


def text_of(draft: Draft, style: SpecStyle, name: str) -> str:
    """The specification as a person reads it.

    Args:
        draft: its parts; empty ones are left out.
        style: `contract` lists the parts, `prose` tells them, `issue` asks for them.
        name: of the target.
    """
    words = {"draft": draft, "name": name, "examples": examples_text(draft)}
    return normalise(template("ttc_data.specs", f"prompts/as_{style}.j2").render(**words))
