"""Foreign text as it may reach a terminal, a page or a log: what would be obeyed is shown instead."""

from __future__ import annotations

CONTROLS: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: 0x2421,
    **{
        code: f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
        for low, high in (
            (0x80, 0x9F),
            (0x061C, 0x061C),
            (0x180E, 0x180E),
            (0x200B, 0x200B),
            (0x200E, 0x200F),
            (0x2028, 0x202E),
            (0x2060, 0x206F),
            (0xFEFF, 0xFEFF),
            (0xFFF9, 0xFFFB),
            (0xE0000, 0xE007F),
        )
        for code in range(low, high + 1)
    },
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
}
"""Controls but tab and newline, marks that turn the direction of text or are not seen, line ends that are none in code, and
halves of characters. The joiners U+200C and U+200D stay: words and emoji are written with them."""
ENDS = {**CONTROLS, 0x09: 0x2409, 0x0A: 0x240A}


def counted(count: int, thing: str) -> str:
    """A count with its word, as in `1 row` and `2,000 rows`.

    Args:
        count: of the things.
        thing: one of them; an `s` makes it several.
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def plain(text: str) -> str:
    """Text of any number of lines, with a picture or the number in place of each control."""
    return text.translate(CONTROLS)


def one_line(text: str) -> str:
    """The same for what must stay on its line: an id with a line end in it cannot write a line of its own."""
    return text.translate(ENDS)
