"""What a reader grants the sets of others: they may ask for less than the reader's own limits, and for images that the reader allows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError

from ttc_data.errors import DatasetError, RecipeError
from ttc_data.fields import quoted
from ttc_data.reading import fault_in
from ttc_data.recipe import Recipe
from ttc_data.rules import GRANTED, ImageRules, ReaderRules

OURS = "ttcdata/base:"
"""What `ttcdata image base` makes; never pulled."""
_BY_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")


def reader_rules(images: Sequence[str] | None, grants: Sequence[str] | None) -> ReaderRules:
    """What `--allow-image` and `--grant` say.

    Args:
        images: names.
        grants: `KEY=NUMBER`.

    Raises:
        RecipeError: naming the option and what it must be.
    """
    pairs = [one.partition("=") for one in grants or ()]
    try:
        return ReaderRules.model_validate(
            {"allow_images": tuple(images or ()), "grant": {key: number for key, _, number in pairs}}
        )
    except ValidationError as error:
        option = "--grant" if error.errors()[0]["loc"][:1] == ("grant",) else "--allow-image"
        raise RecipeError(f"{option}: {fault_in(error)}; for instance sandbox.memory_bytes=4294967296") from error


def require_granted(recipe: Recipe, reader: ReaderRules, where: object) -> None:
    """Hold what a set asks of the machine against what the reader grants.

    Args:
        recipe: of the set.
        reader: what is granted.
        where: the set, for the message.

    Raises:
        DatasetError: naming the set, the key and the value.
    """
    for key in GRANTED:
        section, _, field = key.partition(".")
        asked = getattr(getattr(recipe, section), field)
        most = reader.grant.get(key, getattr(Recipe.model_fields[section].default, field))
        if asked > most:
            raise DatasetError(
                f"{where}: recipe.yaml: {key}: must be at most {_number(most)}, is {_number(asked)}; if you trust the set:"
                f" --grant {key}={_number(asked)}"
            )
    base = recipe.image.base
    if not (may_be_pulled(base, reader) or _BY_DIGEST.fullmatch(base)):
        raise DatasetError(
            f"{where}: recipe.yaml: image.base: must be an image that you allow, is {quoted(base)}; if you trust it:"
            f" --allow-image {base}"
        )


def _number(value: float) -> str:
    """In full: 1e15 bytes are easier to take for a few."""
    text = str(int(value)) if value == int(value) else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def may_be_pulled(image: str, reader: ReaderRules) -> bool:
    """Whether an image may be fetched for a set: ours, or one that the reader names, with or without a tag and a digest."""
    named = any(image == one or image.startswith((f"{one}:", f"{one}@")) for one in reader.allow_images)
    return named or image == ImageRules().base or image.startswith(OURS)


def require_row_image(row: str, image: str, reader: ReaderRules) -> None:
    """Hold the image that a row names, which other harnesses start, against what the reader allows.

    Args:
        row: its id.
        image: as the row has it.
        reader: what is allowed.

    Raises:
        DatasetError: naming the row and the image.
    """
    if image != f"ttcdata/row:{row}" and not may_be_pulled(image, reader):
        repository = image.partition("@")[0]
        raise DatasetError(
            f"{row}: image: must be ttcdata/row:{row} or one that you allow, is {quoted(image)}; if you trust it:"
            f" --allow-image {repository}, or name where yours are with --registry"
        )
