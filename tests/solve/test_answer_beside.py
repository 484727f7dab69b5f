"""What a right answer brings beside its definition goes into the file too, and the file works when it is run."""

from __future__ import annotations

import pytest

from tests.solve.toys import FIRST, SOLVED, changed, fenced, holds, read

BESIDE = {
    "a helper before it": """
        def _cut(text):
            return text.partition("-")

        def first_part(text):
            return _cut(text)[0]
    """,
    "a helper after it": """
        def first_part(text):
            return _cut(text)[0]

        def _cut(text):
            return text.partition("-")
    """,
    "a helper that the file has": """
        def _parts(text):
            return text.split(_SEPARATOR)

        def first_part(text):
            return _parts(text)[0]
    """,
    "a helper that the file has with another text": """
        def _parts(text):
            return [*text.split("-"), ""][:-1]

        def first_part(text):
            return _parts(text)[0]
    """,
    "a helper that the file has, shown as a stub": """
        def _parts(text): ...

        def first_part(text):
            return _parts(text)[0]
    """,
    "a neighbour that is written wrongly and not needed": """
        def first_part(text):
            return _parts(text)[0]

        def last_part(text):
            return None
    """,
    "a constant": """
        MARK = "-"

        def first_part(text):
            return text.split(MARK)[0]
    """,
    "a constant with a type": """
        MARK: str = "-"

        def first_part(text):
            return text.split(MARK)[0]
    """,
    "several names in one assignment": """
        MARK, PLACE = "-", 0

        def first_part(text):
            return text.split(MARK)[PLACE]
    """,
    "a constant that the file has with another value": """
        RATE = 0

        def first_part(text):
            return text.split("-")[RATE]
    """,
    "a constant of several lines": '''
        MARKS = """
          -
        """

        def first_part(text):
            return text.split(MARKS.strip())[0]
    ''',
    "a table that a loop fills": """
        PLACES = {}
        for number in range(3):
            PLACES[number] = number

        def first_part(text):
            return text.split("-")[PLACES[0]]
    """,
    "a pattern of an import": """
        import re

        _FIRST = re.compile("[^-]*")

        def first_part(text):
            return _FIRST.match(text).group()
    """,
    "an import of several names": """
        from os.path import basename, commonprefix as shared

        def first_part(text):
            return shared([basename(text), text]).split("-")[0]
    """,
    "an import that the file has": """
        import math

        def first_part(text):
            return text.split("-")[math.floor(0.5)]
    """,
    "an import of a name that the file has for something else": """
        from os.path import join

        def first_part(text):
            return join("", text.split("-")[0])
    """,
    "an import of a module inside a package": """
        import os.path
        import os

        def first_part(text):
            return os.path.basename(text.split("-")[0])
    """,
    "an import that is tried": """
        try:
            from fastsplit import split
        except ImportError:
            split = None

        def first_part(text):
            return split(text) if split else text.split("-")[0]
    """,
    "an import for type checkers": """
        from __future__ import annotations

        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from collections.abc import Sequence

        def first_part(text: Sequence[str]) -> Sequence[str]:
            return text.split("-")[0]
    """,
    "a type alias": """
        from typing import Optional

        Text = Optional[str]

        def first_part(text: Text) -> Text:
            return text.split("-")[0]
    """,
    "a type variable": """
        from typing import TypeVar

        T = TypeVar("T", bound=str)

        def first_part(text: T) -> T:
            return text.split("-")[0]
    """,
    "a class beside it": """
        from dataclasses import dataclass

        @dataclass
        class Cut:
            head: str
            tail: str = ""

        def first_part(text):
            return Cut(*text.split("-", 1)).head
    """,
    "a named tuple": """
        from collections import namedtuple

        Cut = namedtuple("Cut", "head tail")

        def first_part(text):
            return Cut(*text.split("-", 1)).head
    """,
    "an exception of its own": """
        class NoPart(ValueError):
            pass

        def first_part(text):
            if not text:
                raise NoPart(text)
            return text.split("-")[0]
    """,
    "its own decorator": """
        import functools

        def kept(function):
            @functools.wraps(function)
            def inner(text):
                return function(text)
            return inner

        @kept
        def first_part(text):
            return text.split("-")[0]
    """,
    "a decorator of the library": """
        from functools import lru_cache

        @lru_cache(maxsize=None)
        def first_part(text):
            return text.split("-")[0]
    """,
    "a decorator with arguments over several lines": """
        import functools

        @functools.lru_cache(
            maxsize=10,
        )
        def first_part(text):
            return text.split("-")[0]
    """,
    "wrapped after it": """
        from functools import lru_cache

        def first_part(text):
            return text.split("-")[0]

        first_part = lru_cache(first_part)
    """,
    "an attribute set after it": """
        def first_part(text):
            first_part.calls += 1
            return text.split("-")[0]

        first_part.calls = 0
    """,
    "a limit set before it": """
        import sys

        sys.setrecursionlimit(max(5000, sys.getrecursionlimit()))

        def first_part(text, at=0):
            return text[:at] if text[at] == "-" else first_part(text, at + 1)
    """,
    "calls that show it": """
        def first_part(text):
            return text.split("-")[0]

        print(undefined_name)
        assert first_part(undefined_name) == "a"
    """,
    "a main part": """
        def first_part(text):
            return text.split("-")[0]

        if __name__ == "__main__":
            print(first_part("a-b"))
    """,
    "tests of it": """
        import unittest

        def first_part(text):
            return text.split("-")[0]

        class TestFirstPart(unittest.TestCase):
            def test_it(self):
                self.assertEqual(first_part("a-b"), "a")
    """,
    "a lambda": 'first_part = lambda text: text.split("-")[0]',
    "a lambda with a type": """
        from typing import Callable

        first_part: Callable[[str], str] = lambda text: text.split("-")[0]
    """,
    "another name for a helper": """
        def _impl(text):
            return text.split("-")[0]

        first_part = _impl
    """,
    "a partial of a helper": """
        from functools import partial

        def _part(number, text):
            return text.split("-")[number]

        first_part = partial(_part, 0)
    """,
    "an operator": """
        import operator

        first_part = operator.itemgetter(0)
    """,
    "an import under its name": "from posixpath import basename as first_part",
    "an object that is called": """
        class _First:
            def __call__(self, text):
                return text.split("-")[0]

        first_part = _First()
    """,
    "a definition in each branch": """
        import sys

        if sys.version_info >= (3, 9):
            def first_part(text):
                return text.split("-")[0]
        else:
            def first_part(text):
                return text
    """,
    "a definition where an import fails": """
        try:
            from fastsplit import first_part
        except ImportError:
            def first_part(text):
                return text.split("-")[0]
    """,
    "a module docstring above": '''
        """Parts of texts."""

        def first_part(text):
            return text.split("-")[0]
    ''',
    "a text of several lines in it": '''
        def first_part(text):
            marks = """
        -
            """
            assert marks == "\\n-\\n    ", repr(marks)
            return text.split("-")[0]
    ''',
    "its body on the header's line": 'def first_part(text): return text.split("-")[0]',
    "no blank lines, no docstring, other types": 'def first_part(text: "str") -> "str":\n    return text.split("-")[0]',
    "a walrus and a match": """
        def first_part(text):
            match text.split("-"):
                case [head, *_] if (found := head) is not None:
                    return found
    """,
    "a body alone": 'return text.split("-")[0]',
    "a body alone, indented": '    return text.split("-")[0]',
    "a body alone that begins with an import": 'import re\n\nreturn re.split("-", text)[0]',
    "a body alone with a function in it": "def cut():\n    return text.split('-')\n\nreturn cut()[0]",
    "a body alone with a text of several lines": 'mark = """\n-\n""".strip()\nreturn text.split(mark)[0]',
    "the whole file": SOLVED,
    "the whole file with a helper that is new": SOLVED.replace("def first_part", "def _head(text):\n    return text\n\n\ndef first_part").replace("_parts(text)[0]", "_head(_parts(text)[0])"),
    "the whole file with other blank lines": SOLVED.replace("\n\n\n", "\n\n"),
    "the whole file, another definition of which is broken": SOLVED.replace("return _parts(text)[-1]", "return 1 / 0"),
}  # fmt: skip
CHECKS = {"an operator": 'first_part("abc") == "a"', "an import under its name": 'first_part("x/a") == "a"'}


@pytest.mark.parametrize("form", BESIDE)
def test_what_comes_with_a_definition_goes_into_the_file(form: str) -> None:
    text = changed(fenced(BESIDE[form]), "first_part")
    assert holds(text, CHECKS.get(form, FIRST))
    assert holds(text, 'last_part("a-b") == "b" and Box(2).volume() == 8 and list(join([1], [2])) == [1, 2]')


def test_what_goes_in_is_not_said_to_be_left_out() -> None:
    for form in (
        "a helper before it",
        "a constant",
        "its own decorator",
        "a type alias",
        "an import for type checkers",
        "a helper that the file has",
    ):
        assert read(fenced(BESIDE[form]), "first_part").left_out == ()
