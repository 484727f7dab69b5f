"""The page's own HTML, style and script, in one file that fetches nothing and runs nothing but this script."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

import jinja2
from markupsafe import Markup

from ttc_data import __version__
from ttc_data.report.overview import Overview

SCRIPTS = ("blocks.js", "code.js", "detail.js", "list.js", "page.js")
END = "</body>\n</html>\n"
# Controls but tab and newline, marks that turn the direction of text, line ends that are none in code: shown, not obeyed.
CONTROLS: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: 0x2421,
    **{
        code: f"\\u{code:04x}"
        for low, high in ((0x80, 0x9F), (0x200E, 0x200F), (0x2028, 0x202E), (0x2066, 0x2069), (0xFEFF, 0xFEFF))
        for code in range(low, high + 1)
    },
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
}


def plain(value: object) -> object:
    """Text as it can stand in HTML; `blocks.js` has the same for what the page's script shows."""
    return value.translate(CONTROLS) if isinstance(value, str) and not isinstance(value, Markup) else value


def head(overview: Overview, shown: int) -> str:
    """The page up to its data.

    Args:
        overview: what it says.
        shown: rows that the page holds.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=plain
    )
    style = f"\n{_file('page.css')}"
    allowed = f"script-src '{_hash(_code())}'; style-src '{_hash(style)}'"
    return environment.from_string(_file("page.html.j2")).render(
        policy=f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'",
        style=style,
        version=__version__,
        overview=overview,
        shown=shown,
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
