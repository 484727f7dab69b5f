"""Right answers in every form that a model may give them: each becomes a file that works when it is run."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.solve.toys import FILE, PATH, block, changed, code, fenced, holds, read
from ttc_data.edits import unified_diff

FIRST = 'first_part("a-b-c") == "a"'
AREA = "Box(3, 5).area() == 15"
BODY = '    """The part before the first separator."""\n    raise NotImplementedError'
RIGHT = '    """The part before the first separator."""\n    return _parts(text)[0]'
SOLVED = FILE.replace(BODY, RIGHT)
PLAIN = code('''
    def first_part(text):
        """The part before the first separator."""
        return text.split("-")[0]
''')


def indented(text: str, blanks: str) -> str:
    return "".join(blanks + line if line.strip() else line for line in text.splitlines(keepends=True))


FENCES = {
    "a fence": fenced(PLAIN),
    "a fence without a language": fenced(PLAIN, ""),
    "a fence of tildes": f"~~~python\n{PLAIN}~~~\n",
    "a fence of four backticks": f"````python\n{PLAIN}````\n",
    "a fence closed by a longer one": f"```python\n{PLAIN}`````\n",
    "a fence with attributes": fenced(PLAIN, 'python title="core.py" linenums=1'),
    "a fence with the path behind the language": fenced(PLAIN, f"python {PATH}"),
    "a fence with the path behind a colon": fenced(PLAIN, f"python:{PATH}"),
    "prose before and after": f"Sure, here it is.\n\n{fenced(PLAIN)}\nIt splits the text.",
    "a fence in a list": "1. Split it:\n\n" + indented(fenced(PLAIN), "   ") + "\n2. Done.\n",
    "a fence in a bullet, on its line": "- " + indented(fenced(PLAIN), "  ").lstrip(),
    "a fence in a nested list": "- so\n  - and\n\n" + indented(fenced(PLAIN), "    "),
    "a fence in a list, indented by a tab": "* so:\n\n" + indented(fenced(PLAIN), "\t"),
    "a fence inside a longer fence": f"````markdown\nHere:\n\n{fenced(PLAIN)}````\n",
    "a bare fence inside a longer fence": f"````\n```\n{PLAIN}```\n````\n",
    "a fence inside a fence of tildes": f"~~~\n{fenced(PLAIN)}~~~\n",
    "a fence inside a fence as long": f"```markdown\n{fenced(PLAIN)}```\n",
    "a fence that is never closed": f"```python\n{PLAIN}",
    "a fence that is cut off behind the definition": f"```python\n{PLAIN}\n\ndef last_part(text):\n    return (text.",
    "a fence that the prompt has opened": f"{PLAIN}```\n\nIt splits the text.\n",
    "line ends of Windows": fenced(PLAIN).replace("\n", "\r\n"),
    "line ends of an old Macintosh": fenced(PLAIN).replace("\n", "\r"),
    "no fence at all": PLAIN,
    "an example before the definition": fenced('first_part("a-b")') + "\nand\n\n" + fenced(PLAIN),
    "an example and its output after it": fenced(PLAIN) + "\n```\n>>> first_part(\"a-b\")\n'a'\n```\n",
    "a first attempt and a better one": fenced("def first_part(text):\n    return text")
    + "\nBetter:\n\n"
    + fenced(PLAIN),
    "the file as it was, and then the answer": fenced(FILE) + "\nbecomes\n\n" + fenced(PLAIN),
    "the answer, and then what it replaces": fenced(PLAIN)
    + "\nin place of\n\n"
    + fenced(FILE[FILE.index("def first") :][:130]),
    "a broken piece before the answer": "```python\ndef first_part(text:\n```\nI mean\n\n" + fenced(PLAIN),
    "a shell session beside it": "```bash\npip install shop\n```\n\n" + fenced(PLAIN),
    "a docstring that holds a fence": fenced('''
        def first_part(text):
            """The part before the first separator.

            ```python
            first_part("a-b")
            ```
            """
            return text.split("-")[0]
    '''),
    "a docstring with a fence at the margin": '```python\ndef first_part(text):\n    """As in\n\n```\nfirst_part("a-b")\n```\n    """\n    return text.split("-")[0]\n```\n',
    "the definition indented as in a class": f"```python\n{indented(PLAIN, '    ')}```\n",
    "a comment at the margin above an indented definition": f"```python\n# ... 9 lines left out ...\n{indented(PLAIN, '    ')}```\n",
    "an excerpt that begins in the middle of a docstring": f'```python\n    of what it is.\n    """\n    return x\n\n\n{PLAIN}```\n',
    "a path in bold above": f"**{PATH}**\n\n{fenced(PLAIN)}",
    "a path after File: above": f"File: {PATH}\n{fenced(PLAIN)}",
}
THOUGHTS = {
    "thoughts": f"<think>\nSplit it.\n</think>\n\n{fenced(PLAIN)}",
    "thoughts that the prompt has begun": f"Split it.\n</think>\n{fenced(PLAIN)}",
    "thoughts with a draft": f"<think>\n```python\ndef first_part(text):\n    return 1\n```\n</think>\n{fenced(PLAIN)}",
    "thoughts with a draft that is never closed": f"<think>\n```python\ndef first_part(text):\n</think>\n{fenced(PLAIN)}",
    "thoughts with a block": "<think>\n" + block("nothing", "at all") + "</think>\n" + block(BODY, RIGHT),
    "</think> in a comment": fenced(PLAIN.replace("return", "# </think> ends it\n    return")),
    "</think> in a text": fenced(PLAIN.replace('split("-")', 'replace("</think>", "").split("-")')),
    "</think> in a docstring, on a line of its own": fenced(PLAIN.replace("separator.", "separator.\n\n    </think>\n    ")),
    "</think> in a comment, after thoughts": f"<think>so</think>\n{fenced(PLAIN.replace('return', '# </think>' + chr(10) + '    return'))}",
    "</think> in a comment, without a fence": PLAIN.replace("return", "# </think>\n    return"),
    "</think> in a block": block(BODY, RIGHT.replace("return", "# </think>\n    return")),
    "</think> in a diff": unified_diff({PATH: FILE}, {PATH: SOLVED.replace("    return _parts(text)[0]", "    # </think>\n    return _parts(text)[0]")}),
    "thoughts that speak of </think>": f"<think>I close with </think> when I am done.\n</think>\n{fenced(PLAIN)}",
}  # fmt: skip
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
SEVERAL = {
    "imports in a piece of their own": fenced("import re") + "\nthen\n\n" + fenced('def first_part(text):\n    return re.split("-", text)[0]'),
    "a helper in a piece of its own": fenced("def _cut(text):\n    return text.split('-')") + "\n" + fenced("def first_part(text):\n    return _cut(text)[0]"),
    "a helper after it, in a piece of its own": fenced("def first_part(text):\n    return _cut(text)[0]") + "\nwith\n\n" + fenced("def _cut(text):\n    return text.split('-')"),
    "a helper's helper in a third piece": fenced("MARK = '-'") + fenced("def _cut(text):\n    return text.split(MARK)") + fenced("def first_part(text):\n    return _cut(text)[0]"),
    "another file beside it": f"tests/test_core.py\n{fenced('def test_it():' + chr(10) + '    assert 1')}\n{PATH}\n{fenced(PLAIN)}",
}  # fmt: skip
BLOCKS = {
    "a block": block(BODY, RIGHT),
    "a block in a fence": f"```python\n{block(BODY, RIGHT)}```\n",
    "a block in a fence under its path": f"{PATH}\n```python\n" + block(BODY, RIGHT).partition("\n")[2] + "```\n",
    "a block in a list": "1. Change it:\n\n" + indented(block(BODY, RIGHT), "   "),
    "a block under ./path": block(BODY, RIGHT, f"./{PATH}"),
    "a block under a/path": block(BODY, RIGHT, f"a/{PATH}"),
    "a block under a path in bold": block(BODY, RIGHT, f"**{PATH}**"),
    "a block under a path in backticks": block(BODY, RIGHT, f"`{PATH}`:"),
    "a block under File: path": block(BODY, RIGHT, f"File: `{PATH}`"),
    "a block under a heading": block(BODY, RIGHT, f"### {PATH}"),
    "a block under a comment": block(BODY, RIGHT, f"# {PATH}"),
    "a block under a numbered path": block(BODY, RIGHT, f"1. {PATH}"),
    "a block under a path with backslashes": block(BODY, RIGHT, PATH.replace("/", "\\")),
    "a block under the path in the container": block(BODY, RIGHT, f"/testbed/{PATH}"),
    "a block under the file's name alone": block(BODY, RIGHT, "core.py"),
    "a block under prose": block(BODY, RIGHT, "I change the function."),
    "a block under nothing": block(BODY, RIGHT, ""),
    "a block with line ends of Windows": block(BODY, RIGHT).replace("\n", "\r\n"),
    "a block whose search part has blanks at its ends of lines": block(BODY.replace("\n", "  \n"), RIGHT),
    "a block without the common indent": block(code(BODY).rstrip(), code(RIGHT).rstrip()),
    "a block with the whole definition": block(f"def first_part(text):\n{BODY}", f"def first_part(text):\n{RIGHT}"),
    "a block marked ORIGINAL and UPDATED": block(BODY, RIGHT).replace("SEARCH", "ORIGINAL").replace("REPLACE", "UPDATED"),
    "a block with shorter marks": block(BODY, RIGHT).replace("<<<<<<<", "<<<<<").replace("=======", "=====").replace(">>>>>>>", ">>>>>"),
    "two blocks in turn": block(BODY, RIGHT.replace("[0]", "[1]")) + block("    return _parts(text)[1]", "    return _parts(text)[0]"),
    "a block for a test file beside it": block("x = 1", "x = 2", "tests/test_core.py") + block(BODY, RIGHT),
    "a block that does not fit, and the definition": block("def first_part(text):\n    pass", "x") + fenced(PLAIN),
}  # fmt: skip
DIFF = unified_diff({PATH: FILE}, {PATH: SOLVED})
BARE = DIFF.partition("\n")[2]
HEAD, HUNK = BARE[: BARE.index("@@")], BARE[BARE.index("\n", BARE.index("@@")) + 1 :]
DIFFS = {
    "a git diff in a fence": fenced(DIFF, "diff"),
    "a git diff in a fence without a language": f"```\n{DIFF}```\n",
    "a git diff without a fence": DIFF,
    "a git diff between prose": f"Here:\n\n{DIFF}\nThat is all.\n",
    "a unified diff": f"```diff\n{BARE}```\n",
    "a diff without a/ and b/": f"```diff\n{BARE.replace('a/shop', 'shop').replace('b/shop', 'shop')}```\n",
    "a git diff without a/ and b/": f"```diff\n{DIFF.replace('a/shop', 'shop').replace('b/shop', 'shop')}```\n",
    "a diff under ./": f"```diff\n{BARE.replace('a/shop', './shop').replace('b/shop', './shop')}```\n",
    "a hunk that starts at 0": f"```diff\n{HEAD}@@ -0,7 +0,7 @@\n{HUNK}```\n",
    "a hunk that starts at 1": f"```diff\n{HEAD}@@ -1,7 +1,7 @@\n{HUNK}```\n",
    "a hunk with wrong counts": f"```diff\n{HEAD}@@ -14,70 +14,2 @@\n{HUNK}```\n",
    "a hunk that starts anywhere, with wrong counts": f"```diff\n{HEAD}@@ -1,3 +1,99 @@\n{HUNK}```\n",
    "a hunk without numbers": f"```diff\n{HEAD}@@ @@\n{HUNK}```\n",
    "a hunk with three dots": f"```diff\n{HEAD}@@ ... @@\n{HUNK}```\n",
    "a hunk with a name only": f"```diff\n{HEAD}@@ def first_part(text):\n{HUNK}```\n",
    "a hunk without lines behind the change": f"```diff\n{HEAD}@@ -15,2 +15,2 @@\n" + ' """The part before the first separator."""\n'.replace(" ", "     ", 1) + "-    raise NotImplementedError\n+    return _parts(text)[0]\n```\n",
    "blank lines of a hunk without their blank": f"```diff\n{HEAD}@@ -1,7 +1,7 @@\n{HUNK.replace(chr(10) + ' ' + chr(10), chr(10) * 2)}```\n",
    "a diff without the lines that name the file": f"```diff\n@@ -14,7 +14,7 @@\n{HUNK}```\n",
    "a diff that is nothing but signs": f"```diff\n{HUNK}```\n",
    "a diff with an index line": fenced(DIFF.replace("--- a", "index 1234567..89abcde 100644\n--- a"), "diff"),
    "a diff with line ends of Windows": fenced(DIFF, "diff").replace("\n", "\r\n"),
    "a diff beside a binary file": fenced(DIFF + "diff --git a/shop/logo.png b/shop/logo.png\nindex 1234567..89abcde 100644\nBinary files a/shop/logo.png and b/shop/logo.png differ\n", "diff"),
    "a diff behind a binary file": fenced("diff --git a/shop/logo.png b/shop/logo.png\nindex 1234567..89abcde 100644\nBinary files a/shop/logo.png and b/shop/logo.png differ\n" + DIFF, "diff"),
    "a diff of a test file beside it": fenced(DIFF + "diff --git a/tests/test_core.py b/tests/test_core.py\n--- a/tests/test_core.py\n+++ b/tests/test_core.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n", "diff"),
    "a new test file beside it": fenced(DIFF + "diff --git a/tests/test_new.py b/tests/test_new.py\nnew file mode 100644\n--- /dev/null\n+++ b/tests/test_new.py\n@@ -0,0 +1 @@\n+x = 2\n", "diff"),
    "a mailed patch": "From 1234567 Mon Sep 17 00:00:00 2001\nFrom: Somebody <somebody@example.org>\nSubject: [PATCH] first_part\n\n---\n shop/core.py | 2 +-\n\n" + DIFF + "-- \n2.39.5\n",
    "a mailed patch with a wrong hunk": DIFF.replace("@@ -1", "@@ -0").replace("@@ -01", "@@ -0") + "-- \n2.39.5\n",
    "a patch between Begin and End": f"*** Begin Patch\n*** Update File: {PATH}\n@@ def first_part(text):\n{HUNK}*** End Patch\n",
    "two hunks, the second with a wrong start": fenced(unified_diff({PATH: FILE}, {PATH: SOLVED.replace("import math\n", "import math\nimport os\n")}).replace("@@ -13", "@@ -1"), "diff"),
}  # fmt: skip


@pytest.mark.parametrize("form", FENCES)
def test_a_definition_is_found_in(form: str) -> None:
    assert holds(changed(FENCES[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", THOUGHTS)
def test_what_was_thought_before_is_no_answer(form: str) -> None:
    assert holds(changed(THOUGHTS[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", BESIDE)
def test_what_comes_with_a_definition_goes_into_the_file(form: str) -> None:
    text = changed(fenced(BESIDE[form]), "first_part")
    assert holds(text, CHECKS.get(form, FIRST))
    assert holds(text, 'last_part("a-b") == "b" and Box(2).volume() == 8 and list(join([1], [2])) == [1, 2]')


@pytest.mark.parametrize("form", SEVERAL)
def test_several_pieces_of_code_are_one_answer(form: str) -> None:
    assert holds(changed(SEVERAL[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", BLOCKS)
def test_blocks_are_applied(form: str) -> None:
    assert holds(changed(BLOCKS[form], "first_part"), FIRST)


@pytest.mark.parametrize("form", DIFFS)
def test_diffs_are_applied(form: str) -> None:
    text = changed(DIFFS[form], "first_part")
    assert holds(text, FIRST)
    assert text.replace("import os\n", "").replace("    # </think>\n", "") == SOLVED


METHOD = "    def area(self):\n        return self._width * self.height\n"
METHODS = {
    "a method at the margin": code(METHOD),
    "a method indented as in its class": METHOD,
    "a method in its class": f"class Box:\n{METHOD}",
    "a method in its class with others shown as stubs": f"class Box:\n    def __init__(self, width, height=1): ...\n\n{METHOD}\n    def volume(self):\n        ...\n",
    "a method with a helper beside it": "def _product(self):\n    return self._width * self.height\n\ndef area(self):\n    return self._product()\n",
    "a method with a helper after it": "def area(self):\n    return self._product()\n\ndef _product(self):\n    return self._width * self.height\n",
    "a method with a helper in its class": "class Box:\n    def _product(self):\n        return self._width * self.height\n\n    def area(self):\n        return self._product()\n",
    "a method with a static helper": "@staticmethod\ndef _product(a, b):\n    return a * b\n\ndef area(self):\n    return self._product(self._width, self.height)\n",
    "a method with a constant of the class": "class Box:\n    FACTOR = 1\n\n    def area(self):\n        return self._width * self.height * self.FACTOR\n",
    "a method with a constant of the class at its level": "FACTOR = 1\n\ndef area(self):\n    return self._width * self.height * self.FACTOR\n",
    "a method with a constant of the module": "FACTOR = 1\n\ndef area(self):\n    return self._width * self.height * FACTOR\n",
    "a method with a function of the module": "import operator\n\ndef _product(a, b):\n    return operator.mul(a, b)\n\nclass Box:\n    def area(self):\n        return _product(self._width, self.height)\n",
    "a method with a function of the module, without the class": "def _product(a, b):\n    return a * b\n\ndef area(self):\n    return _product(self._width, self.height)\n",
    "a method with a line of the class that stands there": "    def area(self):\n        return self._width * self.height\n    SIDES = 4\n",
    "a method as a lambda": "area = lambda self: self._width * self.height",
    "a method as a lambda in its class": "class Box:\n    area = lambda self: self._width * self.height",
    "a method that becomes another's name": "class Box:\n    def _product(self):\n        return self._width * self.height\n\n    area = _product\n",
    "a method with a changed method that it needs": "class Box:\n    def __init__(self, width, height=1):\n        self.width = self._width = width\n        self.height = height\n\n    def area(self):\n        return self.width * self.height\n",
    "a method with a changed method that it calls": "class Box:\n    def volume(self):\n        return self._width * self.height * 4\n\n    def area(self):\n        return self.volume() // 4\n",
    "a method's body alone": "return self._width * self.height",
    "a method's body alone, as deep as in the file": "        area = self._width\n        return area * self.height",
    "a completion whose first line has no indent": "area = self._width\n        return area * self.height",
    "a method with a text of several lines": 'def area(self):\n    text = """\n  a\n"""\n    assert text == "\\n  a\\n"\n    return self._width * self.height\n',
    "a method with a formatted text of several lines": 'def area(self):\n    text = f"""\n  {self.height}\nb"""\n    assert text == f"\\n  {self.height}\\nb"\n    return self._width * self.height\n',
    "a method whose texts hold quotes and backslashes": 'def area(self):\n    assert """a\\\n  b""" == "a  b"\n    return self._width * self.height\n',
    "a method with a continued line": "def area(self):\n    return self._width \\\n        * self.height\n",
    "a method with a comment at the margin": "def area(self):\n# so\n    return (self._width *\nself.height)\n",
    "a method with tabs": "def area(self):\n\tif self:\n\t\treturn self._width * self.height\n",
    "the whole class": FILE[FILE.index("class Box") : FILE.index("\n\ndef total")].replace("raise NotImplementedError", "return self._width * self.height"),
    "the whole file, for a method": FILE.replace('lid."""\n        raise NotImplementedError', 'lid."""\n        return self._width * self.height'),
    "an excerpt of the class": "# ... 30 lines left out ...\n        raise NotImplementedError\n\n" + METHOD + "    SIDES = 4\n",
}  # fmt: skip


@pytest.mark.parametrize("form", METHODS)
def test_a_method_goes_into_its_class(form: str) -> None:
    answer = (
        METHODS[form]
        if form.startswith("a completion")
        else f"```python\n{METHODS[form]}```\n"
        if METHODS[form].endswith("\n")
        else f"```python\n{METHODS[form]}\n```\n"
    )
    text = changed(answer, "Box.area")
    assert holds(text, AREA)
    assert holds(text, "Box(2).volume() == 8 and repr(Box(2)) == 'Box(2)' and total([Box(1), Box(2)]) == 2")


@dataclass(frozen=True)
class Place:
    """A file, its target, an answer, and what is true then."""

    text: str
    target: str
    answer: str
    check: str


PROPERTY = code('''
    class Box:
        def __init__(self):
            self._width = 1

        @property
        def width(self):
            """In centimetres."""
            raise NotImplementedError

        @width.setter
        def width(self, value):
            self._width = value

        @width.deleter
        def width(self):
            self._width = 0
''')  # fmt: skip
SETTER = PROPERTY.replace("raise NotImplementedError", "return self._width * 2").replace(
    "self._width = value", "raise NotImplementedError"
)
USED = "[box := Box(), setattr(box, 'width', 4), box.width, delattr(box, 'width'), box.width][2::2] == [8, 0]"
IMPORTED = code('''
    try:
        from fastsplit import halves
    except ImportError:
        def halves(values):
            """Two halves."""
            raise NotImplementedError
    else:
        halves = None
''')  # fmt: skip
HALVES = 'def halves(values):\n    """Two halves."""\n    return values[:1], values[1:]\n'
WHETHER = "halves([1, 2]) == ([1], [2])"


def within(header: str, end: str = "") -> str:
    return f'import contextlib\nKIND = 1\n{header}def halves(values):\n        """Two halves."""\n        raise NotImplementedError\n{end}'


TWICE = code('''
    import sys

    def halves(values):
        """Two halves."""
        raise NotImplementedError

    kept = halves

    def halves(values):
        return None
''')  # fmt: skip
OVERLOADS = code('''
    from typing import overload

    @overload
    def halves(values: str) -> tuple: ...
    @overload
    def halves(values: list) -> tuple: ...
    def halves(values):
        """Two halves."""
        raise NotImplementedError
''')  # fmt: skip
NESTED = code('''
    def outer(factor):
        offset = 1

        def inner(x):
            """Times the factor."""
            raise NotImplementedError

        return inner(3) + offset
''')  # fmt: skip
ASYNC = code('''
    import asyncio

    async def halves(values):
        """Two halves."""
        raise NotImplementedError
''')  # fmt: skip
DECORATED = code('''
    import functools

    def doubled(function):
        return lambda *args: 2 * function(*args)

    @doubled
    @functools.lru_cache(
        maxsize=None
    )
    def one(x):
        """It."""
        raise NotImplementedError
''')  # fmt: skip
INNER = code('''
    class Outer:
        """With a class in it."""

        class Inner:
            def get(self):
                """Seven."""
                raise NotImplementedError

        def get(self):
            return self.Inner().get()
''')  # fmt: skip
CLASS = code('''
    class Stack(list):
        """The last one first."""

        def push(self, value):
            """Put it on top."""
            raise NotImplementedError

        def top(self):
            """The one on top."""
            raise NotImplementedError

        def size(self):
            return len(self)
''')  # fmt: skip
STACKED = "[s := Stack(), s.push(1), s.push(2), s.top(), s.size()][3:] == [2, 2]"
ONE_LINE = "def one(x): raise NotImplementedError\n\n\ndef two(x): return one(x) + 1\n"

PLACES = {
    "a getter, beside setter and deleter": Place(PROPERTY, "Box.width", fenced("def width(self):\n    return self._width * 2"), USED),
    "a getter with its decorator": Place(PROPERTY, "Box.width", fenced("@property\ndef width(self):\n    return self._width * 2"), USED),
    "a getter with its setter and deleter": Place(PROPERTY, "Box.width", fenced(PROPERTY[PROPERTY.index("    @property") :].replace("raise NotImplementedError", "return self._width * 2")), USED),
    "a getter in its class, with the others": Place(PROPERTY, "Box.width", fenced(PROPERTY.replace("raise NotImplementedError", "return self._width * 2")), USED),
    "a getter alone in its class": Place(PROPERTY, "Box.width", fenced("class Box:\n    @property\n    def width(self):\n        return self._width * 2"), USED),
    "a getter's body alone": Place(PROPERTY, "Box.width", fenced("return self._width * 2"), USED),
    "a setter beside its getter": Place(SETTER, "Box.width", fenced("@width.setter\ndef width(self, value):\n    self._width = value"), USED),
    "a setter without its decorator": Place(SETTER, "Box.width", fenced("def width(self, value):\n    self._width = value"), USED),
    "a setter with the whole class": Place(SETTER, "Box.width", fenced(SETTER.replace("raise NotImplementedError", "self._width = value")), USED),
    "a getter that brings a setter": Place(PROPERTY[: PROPERTY.index("    @width.setter")], "Box.width", fenced("@property\ndef width(self):\n    return self._width * 2\n\n@width.setter\ndef width(self, value):\n    self._width = value"), "[box := Box(), setattr(box, 'width', 4), box.width][2] == 8"),
    "below except ImportError": Place(IMPORTED, "halves", fenced(HALVES), WHETHER),
    "below except ImportError, with the whole statement": Place(IMPORTED, "halves", fenced(IMPORTED.replace("raise NotImplementedError", "return values[:1], values[1:]")), WHETHER),
    "below except ImportError, with a helper": Place(IMPORTED, "halves", fenced("def _cut(v):\n    return v[:1], v[1:]\n\ndef halves(values):\n    return _cut(values)"), WHETHER),
    "below except ImportError, as a lambda": Place(IMPORTED, "halves", fenced("halves = lambda values: (values[:1], values[1:])"), WHETHER),
    "below except ImportError, as a body": Place(IMPORTED, "halves", fenced("return values[:1], values[1:]"), WHETHER),
    "below if": Place(within("if KIND:\n    "), "halves", fenced(HALVES), WHETHER),
    "below else": Place(within("if not KIND:\n    pass\nelse:\n    "), "halves", fenced(HALVES), WHETHER),
    "below elif": Place(within("if not KIND:\n    pass\nelif KIND:\n    "), "halves", fenced(HALVES), WHETHER),
    "below finally": Place(within("try:\n    pass\nfinally:\n    "), "halves", fenced(HALVES), WHETHER),
    "below with": Place(within("with contextlib.suppress(ValueError):\n    "), "halves", fenced(HALVES), WHETHER),
    "below for": Place(within("for number in range(1):\n    "), "halves", fenced(HALVES), WHETHER),
    "below match": Place(within("match KIND:\n  case 1:\n    "), "halves", fenced(HALVES), WHETHER),
    "below match, with the file's other lines": Place(within("match KIND:\n  case 1:\n    "), "halves", fenced(within("match KIND:\n  case 1:\n    ").replace("raise NotImplementedError", "return values[:1], values[1:]")), WHETHER),
    "below if and else, each with one": Place(within("if KIND:\n    ", "else:\n    def halves(values):\n        return None\n"), "halves", fenced(HALVES), WHETHER),
    "the first of two": Place(TWICE, "halves", fenced(HALVES), "kept([1, 2]) == ([1], [2]) and halves(1) is None"),
    "the first of two, with the file": Place(TWICE, "halves", fenced(TWICE.replace("raise NotImplementedError", "return values[:1], values[1:]")), "kept([1, 2]) == ([1], [2]) and halves(1) is None"),
    "beside overloads": Place(OVERLOADS, "halves", fenced(HALVES), WHETHER),
    "with its overloads": Place(OVERLOADS, "halves", fenced(OVERLOADS.replace("raise NotImplementedError", "return values[:1], values[1:]")), WHETHER),
    "with overloads that are new": Place(OVERLOADS[OVERLOADS.index("def halves(values):") :], "halves", fenced(OVERLOADS.replace("raise NotImplementedError", "return values[:1], values[1:]")), WHETHER),
    "a function in a function": Place(NESTED, "outer.<locals>.inner", fenced("def inner(x):\n    return x * factor"), "outer(5) == 16"),
    "a function in a function, with the outer one": Place(NESTED, "outer.<locals>.inner", fenced(NESTED.replace("raise NotImplementedError", "return x * factor")), "outer(5) == 16"),
    "a function in a function, with a helper": Place(NESTED, "outer.<locals>.inner", fenced("def times(x):\n    return x * factor\n\ndef inner(x):\n    return times(x)"), "outer(5) == 16"),
    "a function in a function, as a body": Place(NESTED, "outer.<locals>.inner", fenced("return x * factor"), "outer(5) == 16"),
    "an asynchronous function": Place(ASYNC, "halves", fenced("async " + HALVES), "asyncio.run(halves([1, 2])) == ([1], [2])"),
    "an asynchronous function's body that awaits": Place(ASYNC, "halves", fenced("await asyncio.sleep(0)\nreturn values[:1], values[1:]"), "asyncio.run(halves([1, 2])) == ([1], [2])"),
    "a decorated function without its decorators": Place(DECORATED, "one", fenced("def one(x):\n    return x"), "one(4) == 8"),
    "a decorated function with its decorators": Place(DECORATED, "one", fenced(DECORATED[DECORATED.index("@doubled") :].replace("raise NotImplementedError", "return x")), "one(4) == 8"),
    "a decorated function with one decorator": Place(DECORATED, "one", fenced("@doubled\ndef one(x):\n    return x"), "one(4) == 8"),
    "a method of an inner class": Place(INNER, "Outer.Inner.get", fenced("def get(self):\n    return 7"), "Outer().get() == 7"),
    "a method of an inner class in that class": Place(INNER, "Outer.Inner.get", fenced("class Inner:\n    def get(self):\n        return self._seven()\n\n    def _seven(self):\n        return 7"), "Outer().get() == 7"),
    "a method of an inner class in both": Place(INNER, "Outer.Inner.get", fenced("class Outer:\n    class Inner:\n        def get(self):\n            return 7"), "Outer().get() == 7"),
    "an inner class": Place(INNER, "Outer.Inner", fenced("class Inner:\n    def get(self):\n        return 7"), "Outer().get() == 7"),
    "a class": Place(CLASS, "Stack", fenced(CLASS.replace("raise NotImplementedError", "self.append(value)", 1).replace("raise NotImplementedError", "return self[-1]")), STACKED),
    "a class with a helper of the module": Place(CLASS, "Stack", fenced("def _last(values):\n    return values[-1]\n\n" + CLASS.replace("raise NotImplementedError", "self.append(value)", 1).replace("raise NotImplementedError", "return _last(self)")), STACKED),
    "a class's methods without the class": Place(CLASS, "Stack", fenced("def push(self, value):\n    self.append(value)\n\ndef top(self):\n    return self[-1]"), STACKED),
    "a class made by a call": Place(CLASS, "Stack", fenced("def _push(self, value):\n    self.append(value)\n\nStack = type('Stack', (list,), {'push': _push, 'top': lambda self: self[-1], 'size': lambda self: len(self)})"), STACKED),
    "a function on one line": Place(ONE_LINE, "one", fenced("def one(x):\n    return x"), "two(1) == 2"),
    "a function on one line, as a body": Place(ONE_LINE, "one", fenced("y = x\nreturn y"), "two(1) == 2"),
    "a generator's body": Place('def ones(n):\n    """So many."""\n    raise NotImplementedError\n', "ones", fenced("for _ in range(n):\n    yield 1"), "list(ones(2)) == [1, 1]"),
    "a file without a last line end": Place('def one(x):\n    raise NotImplementedError', "one", fenced("def one(x):\n    return x\n\none.calls = 0"), "one(1) == 1 and one.calls == 0"),
    "a file that imports from the future": Place('"""M."""\nfrom __future__ import annotations\n\ndef one(x):\n    raise NotImplementedError\n', "one", fenced("from __future__ import annotations\nfrom math import floor\n\ndef one(x: Undefined):\n    return floor(x)"), "one(1.5) == 1"),
    "a file with its docstring first, and an answer from the future": Place('"""M."""\nimport os\n\ndef one(x):\n    raise NotImplementedError\n', "one", fenced("from __future__ import annotations\n\ndef one(x: Undefined):\n    return x"), "one(1) == 1 and __doc__ == 'M.'"),
    "a block with a heading's underline": Place('"""Halves\n=======\n"""\n\n\ndef one(x):\n    """One\n    =====\n    """\n    raise NotImplementedError\n', "one", block('    """One\n    =====\n    """\n    raise NotImplementedError', '    """One\n    =====\n    """\n    return x'), "one(2) == 2 and '=====' in one.__doc__"),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_the_target_is_found_where_it_stands(place: str) -> None:
    case = PLACES[place]
    assert holds(changed(case.answer, case.target, case.text), case.check)


def test_enough_forms_are_tried() -> None:
    tables: tuple[dict[str, str] | dict[str, Place], ...] = (
        FENCES,
        THOUGHTS,
        BESIDE,
        SEVERAL,
        BLOCKS,
        DIFFS,
        METHODS,
        PLACES,
    )
    assert sum(len(table) for table in tables) >= 120


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
