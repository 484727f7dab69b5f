"""Python files in other encodings than UTF-8, as UTF-8: what is masked, shown and laid over a tree is text."""

from __future__ import annotations

import io
import re
import tokenize

_COOKIE = re.compile(rb"[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)")
_UTF_8 = ("utf-8", "utf-8-sig")


def as_utf8(source: bytes) -> bytes:
    """A Python file in UTF-8, its lines where they were; as it is where it says nothing else.

    Bytes of another encoding are read as Python reads them, and the comment that names it then names UTF-8. A file that
    Python could not read stays as it is.
    """
    if source.isascii():
        return source
    lines = source.splitlines(keepends=True)  # for bytes: \n, \r and \r\n only
    try:
        encoding, _ = tokenize.detect_encoding(
            io.BytesIO(b"\n".join(line.rstrip(b"\r\n") for line in lines[:2])).readline
        )
        if encoding in _UTF_8:
            return source
        text = source.decode(encoding)
    except (SyntaxError, LookupError, UnicodeError):
        return source
    lines = text.encode("utf-8", "surrogatepass").splitlines(keepends=True)
    for number, line in enumerate(lines[:2]):
        if cookie := _COOKIE.match(line):
            lines[number] = line[: cookie.start(1)] + b"utf-8" + line[cookie.end(1) :]
            return b"".join(lines)
    return source
