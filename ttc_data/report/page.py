"""The page's own HTML, style and script, in one file that fetches nothing and runs nothing but this script."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

import jinja2
from markupsafe import Markup

from ttc_data import __version__
from ttc_data.plain import plain
from ttc_data.report.overview import Overview

SCRIPTS = ("blocks.js", "code.js", "detail.js", "list.js", "page.js")
END = "</body>\n</html>\n"


def shown(value: object) -> object:
    """Text as it can stand in HTML; `blocks.js` has the same table for what the page's script shows."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def head(overview: Overview, rows: int) -> str:
    """The page up to its data.

    Args:
        overview: what it says.
        rows: that the page holds.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=shown
    )
    style = f"\n{_file('page.css')}"
    allowed = f"script-src '{_hash(_code())}'; style-src '{_hash(style)}'"
    return environment.from_string(_file("page.html.j2")).render(
        policy=f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'",
        style=style,
        version=__version__,
        overview=overview,
        shown=rows,
    )


def script() -> str:
    """The page's script; it runs when the columns of the list are there and the rows are still being read."""
    return f"<script>{_code()}</script>\n"


def _code() -> str:
    return "\n" + "\n".join(_file(name) for name in SCRIPTS)


def _hash(text: str) -> str:
    """How a Content-Security-Policy names the one text that it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _file(name: str) -> str:
    return files("ttc_data.report").joinpath("templates", name).read_text(encoding="utf-8")
