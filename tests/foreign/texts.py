"""Texts that a terminal would obey, a page would run, or a line would not hold."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import strategies as st

PIECES = (
    "\x1b[97;45mred\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://127.0.0.1:9/\x1b\\link\x1b]8;;\x1b\\", "\x1b[2J\x1b[H", "\x9b31m",
    "\x1bP+q\x1b\\", "\x1b[?1049h", "\x07", "\x08\x08", "\r", "\n", "\r\n", "\x00", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066",
    "\u061c", "\u200f", "\u200b", "\ufeff", "\U000e0041", "[bold]", "[/bold]", "[link=file:///etc/passwd]x[/link]", "[red]", ":smile:", "\\[x]",
    "{x}", "%s", "`", "|", "</script>", "<b>", "${HOME}", "error: ", "1 of 1 row valid", "\t", "é", "漢字", "🦆",
)  # fmt: skip
nasty = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), min_size=1, max_size=6).map("".join)
"""Of names, docstrings, test ids, licences and messages."""
storable = nasty.filter(lambda text: text.strip() != "").map(
    lambda text: text.encode("utf-8", "ignore").decode("utf-8")
)
"""The same without halves of characters, which no table can hold."""
SGR = re.compile(r"\x1b\[[0-9;]*m")
"""What Rich writes where there are colours."""
BIDI = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN")
SEEN = "\n\t\u200c\u200d\u00ad"
"""Line ends and tabs, and what words are written with."""


def obeyed(text: str) -> list[str]:
    """What a terminal would do something about, by Unicode's own tables and not by ours."""
    return [
        one
        for one in dict.fromkeys(text)
        if one not in SEEN
        and (unicodedata.category(one) in ("Cc", "Zl", "Zp", "Cs") or unicodedata.bidirectional(one) in BIDI)
    ]
