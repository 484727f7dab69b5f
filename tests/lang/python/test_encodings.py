"""A file is read as Python reads it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_data.lang.python.encodings import as_utf8

LATIN = "# -*- coding: latin-1 -*-\r\nNAME = '\xe9t\xe9'\r\n"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("# -*- coding: latin-1 -*-\n", "latin-1"),
        ("#!/usr/bin/python\r\n# vim: set fileencoding=cp1252 :\r\n", "cp1252"),
        ("\n# coding=iso-8859-15\n", "iso-8859-15"),
        ("# coding: koi8-r\r", "koi8-r"),
    ],
)
@settings(deadline=None)
@given(text=st.text("a\u044f\xe9\u20ac\xa4\x85\x0c ", max_size=20))
def test_python_reads_the_same_from_both(head: str, encoding: str, text: str) -> None:
    written = text.encode(encoding, "ignore")
    source = head.encode("ascii") + b"NAME = '" + written + b"'\n"
    found = as_utf8(source)
    assert ast.dump(ast.parse(source)) == ast.dump(ast.parse(found))
    assert found.decode("utf-8").count("\n") == source.count(b"\n")
    assert (found == source) == source.isascii()
    assert as_utf8(found) == found


def test_line_ends_stay_and_the_comment_says_what_it_is() -> None:
    assert as_utf8(LATIN.encode("latin-1")) == LATIN.replace("latin-1", "utf-8").encode()


@pytest.mark.parametrize(
    "source",
    [
        b"NAME = '\xe9'\n",  # no comment names an encoding
        b"# coding: nonsense\nNAME = '\xe9'\n",
        b"# coding: rot13\nNAME = '\xe9'\n",
        b"# coding: utf-8\nNAME = '\xe9'\n",
        b"\n\n# coding: latin-1\nNAME = '\xe9'\n",  # too late
        b"# coding: ascii\nNAME = '\xe9'\n",
        b"# coding: utf-8\nNAME = '\xc3\xa9'\n",
        b"\xef\xbb\xbf# coding: latin-1\nNAME = '\xe9'\n",
    ],
)
def test_what_is_utf_8_or_no_python_can_read_stays_as_it_is(source: bytes) -> None:
    assert as_utf8(source) == source


@given(st.binary(max_size=60).map(b"# coding: latin-1\n".__add__) | st.binary(max_size=60))
def test_no_bytes_raise(source: bytes) -> None:
    as_utf8(source)
