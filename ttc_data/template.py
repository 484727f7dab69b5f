"""Templates that lie beside the code that uses them: prompts and pages, each named by the hash of its text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache, cached_property
from importlib.resources import files
from typing import TypeAlias

import jinja2

Filters: TypeAlias = tuple[tuple[str, Callable[[str], str]], ...]


class Template:
    """Markdown or plain text, never HTML. A variable that is missing is an error.

    Args:
        package: for instance `ttc_data.specs`.
        path: below it, for instance `prompts/rewrite.j2`.
        filters: by name.
    """

    def __init__(self, package: str, path: str, filters: Filters = ()) -> None:
        self._package = package
        self._path = path
        self._filters = filters

    @cached_property
    def text(self) -> str:
        """As written."""
        return files(self._package).joinpath(*self._path.split("/")).read_text(encoding="utf-8")

    @property
    def hash(self) -> str:
        """Twenty hexadecimal digits; another text has others."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:20]

    @cached_property
    def _compiled(self) -> jinja2.Template:
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True)
        environment.filters.update(self._filters)
        return environment.from_string(self.text)

    def render(self, **values: object) -> str:
        """Fill it in."""
        return self._compiled.render(**values)


@cache
def template(package: str, path: str, filters: Filters = ()) -> Template:
    """The template, read and compiled once."""
    return Template(package, path, filters)
