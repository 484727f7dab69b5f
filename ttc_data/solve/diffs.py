"""Diffs as models write them in a chat: without headers, without hunks' headers, without the blank before lines that stay."""

from __future__ import annotations

from ttc_data.lang.python.splicing.layout import dedented, is_python
from ttc_data.solve.chat import Piece, heads_of, is_diff

_SIGNS = (" ", "+", "-", "@", "")


def is_diff_piece(piece: Piece) -> bool:
    """Whether a fenced piece is a diff: by its headers, by what its fence says, or by the signs before all its lines."""
    if is_diff(piece.code):
        return True
    lines = piece.code.split("\n")
    adds, takes = (any(line.startswith(sign) for line in lines) for sign in "+-")
    signed = all(line[:1] in _SIGNS for line in lines)
    if piece.info.lower().startswith(("diff", "patch")):
        return adds or takes
    return adds and takes and signed and not is_python(dedented(piece.code))


def with_header(code: str, path: str) -> str:
    """A diff with the lines that name its file and begin its hunks, where they were left out.

    Args:
        code: of a piece that is a diff.
        path: the file it is for where it names none.
    """
    if is_diff(code):
        return with_hunks(code)
    code = code.strip("\n")
    lines = code.split("\n")
    if not any(line.startswith("@@") for line in lines) and any(line[:1] not in _SIGNS for line in lines):
        # Lines that stay are written as they are in the file, without a blank for their sign.
        lines = [line if line.startswith(("+", "-")) else f" {line}" for line in lines]
    header = f"--- a/{path}\n+++ b/{path}\n"
    return header + ("" if lines[0].startswith("@@") else "@@\n") + "\n".join(lines)


def with_hunks(diff: str) -> str:
    """A diff whose files' first hunks have headers: `---` and `+++` may be followed by the lines at once."""
    lines = diff.split("\n")
    for at in reversed(heads_of(lines)):
        lines.insert(at + 2, "@@")
    return "\n".join(lines)
