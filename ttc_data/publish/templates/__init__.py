"""Templates of what is published."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2


@cache
def template(name: str) -> jinja2.Template:
    """A template of this folder; a variable that is missing is an error. The text is Markdown or plain, never HTML."""
    text = (files(__name__) / name).read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True)
    return environment.from_string(text)
