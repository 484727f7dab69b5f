"""An answer becomes files, or one line says why it is none; whatever a model writes, nothing else can happen."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.errors import PatchRejected
from ttc_data.lang.python.splicing.splice import with_definition
from ttc_data.solve.answer import read_answer

MASKED = '''\
"""Numbers."""
import math


def half(x):
    """Half of it."""
    raise NotImplementedError


class Box:
    """A box."""

    @property
    def area(self):
        """Of its lid."""
        raise NotImplementedError

    def lid(self):
        return 1
'''
FILES = {"numbers/core.py": MASKED, "numbers/other.py": "A = 1\n"}
RIGHT = MASKED.replace("raise NotImplementedError", "return x / 2", 1)


def solved(answer: str, qualname: str = "half") -> dict[str, str]:
    files = read_answer(answer, FILES, "numbers/core.py", qualname).files
    return {path: text for path, text in files.items() if text is not None}


def block(search: str, replace: str, name: str = "numbers/core.py") -> str:
    return f"{name}\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


SEARCH = '    """Half of it."""\n    raise NotImplementedError'
REPLACE = '    """Half of it."""\n    return x / 2'


@pytest.mark.parametrize(
    "answer",
    [
        block(SEARCH, REPLACE),
        "<think>\n" + block("nothing", "at all") + "</think>\nHere:\n\n```python\n" + block(SEARCH, REPLACE) + "```\n",
        block(SEARCH, REPLACE).replace("\n", "\r\n"),
        block('    """Half of it."""  \n    raise NotImplementedError ', REPLACE),
        block(SEARCH, REPLACE, "`numbers/core.py`"),
        block(SEARCH, REPLACE, "I change the function."),
        '```python\ndef half(x):\n    """Half of it."""\n    return x / 2\n```',
        "```python\nreturn x / 2\n```",
        "Sure.\n\n~~~\n    return x / 2\n~~~\nThat is all.",
        f"```python\n{RIGHT}```",
        '```python\nhalf(4)\n```\n\nand now\n\n```py\ndef half(x):\n    """Half of it."""\n    return x / 2\n```\n\n```\n2.0\n```',
    ],
)
def test_what_models_write_becomes_the_same_file(answer: str) -> None:
    assert solved(answer) == {"numbers/core.py": RIGHT}


def test_several_blocks_in_several_files_are_applied_in_turn() -> None:
    answer = (
        block(SEARCH, REPLACE)
        + block("    return x / 2", "    return x * 0.5")
        + block("A = 1", "A = 2", "numbers/other.py")
    )
    assert solved(answer) == {
        "numbers/core.py": RIGHT.replace("x / 2", "x * 0.5"),
        "numbers/other.py": "A = 2\n",
    }


def test_a_method_keeps_its_decorators_and_its_indent() -> None:
    changed = solved('```\ndef area(self):\n    """Of its lid."""\n    return self.lid() ** 2\n```', "Box.area")
    text = changed["numbers/core.py"]
    assert (
        '    @property\n    def area(self):\n        """Of its lid."""\n        return self.lid() ** 2\n\n    def lid'
        in text
    )
    ast.parse(text)
    whole = solved("```\nclass Box:\n    def area(self):\n        return 4\n```", "Box.area")["numbers/core.py"]
    assert "        return 4\n\n    def lid" in whole


def test_imports_that_come_with_a_definition_stand_before_it() -> None:
    text = solved("```\nfrom fractions import Fraction\n\n\ndef half(x):\n    return Fraction(x, 2)\n```")[
        "numbers/core.py"
    ]
    assert "\n\nfrom fractions import Fraction\ndef half(x):\n    return Fraction(x, 2)\n" in text
    ast.parse(text)


def test_an_answer_that_changes_nothing_changes_no_file() -> None:
    assert solved(block(SEARCH, SEARCH)) == {}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("I cannot do that.", "no search/replace block, no diff and no code"),
        (block("return y", "return x"), "'return y' is found 0 times"),
        (block("raise NotImplementedError", "pass"), "found 2 times"),
        (block("", "pass"), "a search part is empty"),
        (block(SEARCH, REPLACE, "numbers/absent.py"), "numbers/absent.py: not one of the files"),
        ("```\nclass Box:\n  def area(self:\n```", "no Python"),
        ("```\ndef double(x):\n    return 2 * x\n```", "the code does not define half"),
        ("```\n}{\n```", "no Python"),
        ("```python\n```", "no statement"),
        ("```python\n# as it was\n```", "no statement"),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason(answer: str, why: str) -> None:
    with pytest.raises(PatchRejected, match=why):
        solved(answer)


pieces = st.sampled_from(
    ["<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n", "```python\n", "```\n", "~~~\n", "</think>", "def half(x):\n", "    return x\n",
     "numbers/core.py\n", "class Box:\n", "    raise NotImplementedError\n", "\n", "\r\n", "\x0c", "\u2028", "\ud800", "\tx", '"""', "@property\n"]
)  # fmt: skip


@given(
    st.lists(pieces | st.text(max_size=8), max_size=14).map("".join),
    st.sampled_from(["half", "Box.area", "Box", "gone"]),
)
def test_nothing_but_a_refusal_comes_of_nonsense(answer: str, qualname: str) -> None:
    try:
        changed = solved(answer, qualname)
    except PatchRejected:
        return
    assert set(changed) <= set(FILES)


@given(st.sampled_from(["half", "Box.area", "Box.lid", "Box"]))
def test_putting_a_definition_in_its_own_place_changes_nothing(qualname: str) -> None:
    name = qualname.rpartition(".")[2]
    node = next(one for one in ast.walk(ast.parse(MASKED)) if getattr(one, "name", "") == name)
    code = ast.get_source_segment(MASKED, node, padded=True)
    assert code is not None
    assert with_definition(MASKED, qualname, code).text == MASKED
