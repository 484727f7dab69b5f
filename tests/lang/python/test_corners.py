"""Tests that are written ask what hurried code gets wrong, and refuse no right answer of another form."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.lang.python.made import calls, module, refused
from tests.lang.python.oracles import COUNTED
from ttc_data.lang.python.generated.case import Case
from ttc_data.lang.python.generated.corners import with_values

HEADS = {
    "first": ("def first(iterable, default=_unset):", """
        Give the first item; where there is none the default, or raise ValueError.

        >>> first([3, 1])
        3
        >>> first([], "none")
        'none'
    """),
    "without": ("def without(text, prefix):", """
        Give a text without its prefix.

        >>> prefix = "un"
        >>> text = "unhappy"
        >>> without(text, prefix)
        'happy'
    """),
    "later": ("def later(one, other):", """
        Give the later one of two versions.

        >>> later("1.2.3", "1.2.4")
        '1.2.4'
        >>> later("2.0.1", "1.2.4")
        '2.0.1'
    """),
    "through": ("def through(data, *funcs):", """
        Give a value to each function in turn.

        >>> double = lambda number: 2 * number
        >>> through(3, double, str)
        '6'
    """),
    "found": ("def found(key, mapping, default=None):", """
        Give the value of a key, or the default where there is none.

        >>> found("a", {"a": 1, "b": 2})
        1
    """),
    "pairs": ("def pairs(iterable):", """
        Give each item with the next one, lazily.

        >>> pairs([1, 2, 3])
        [(1, 2), (2, 3)]
    """),
    "mixed": ("def mixed(items):", """
        Give the items in an order that is drawn.

        >>> len(mixed([1, 2, 3]))
        3
        >>> import random
        >>> random.seed(1)
        >>> mixed([1, 2, 3, 4]) != mixed([])
        True
    """),
    "words": ("def words(text):", """
        Give the words of a text, or of bytes.

        >>> words("a b")
        ['a', 'b']
    """),
    "runs": ("def runs(numbers):", """
        Give the runs of equal numbers.

        >>> numbers = [1, 1, 2]
        >>> for run in runs(numbers):
        ...     print(run)
        [1, 1]
        [2]
    """),
}  # fmt: skip
FIRST = "for item in iterable:\n    return item\n{}\n    raise ValueError\nreturn default"
CASES = {
    "a default of None is one": (
        "first", FIRST.format("if default is _unset:"), FIRST.format("if default is None or default is _unset:"),
    ),
    "a prefix is taken once": (
        "without", "return text[len(prefix):] if text.startswith(prefix) else text",
        "while prefix and text.startswith(prefix):\n    text = text[len(prefix):]\nreturn text",
    ),
    "numbers are no texts": (
        "later", 'return max(one, other, key=lambda version: [int(part) for part in version.split(".")])',
        "return max(one, other)",
    ),
    "None goes on like any value": (
        "through", "for func in funcs:\n    data = func(data)\nreturn data",
        "for func in funcs:\n    if data is None:\n        return None\n    data = func(data)\nreturn data",
    ),
    "None is there": (
        "found", "return mapping[key] if key in mapping else default",
        "value = mapping.get(key)\nreturn default if value is None else value",
    ),
    "what is lazy reads no more than it gives": (
        "pairs", "items = iter(iterable)\nfor one in items:\n    for other in items:\n        yield one, other\n        one = other",
        "items = list(iterable)\nyield from zip(items, items[1:])",
    ),
    "an order that is drawn loses nothing": (
        "mixed", "items = list(items)\nrandom.shuffle(items)\nreturn items", "return [random.choice(items) for _ in items]",
    ),
    "bytes are asked where the docstring has them": (
        "words", "found = text.split()\nreturn found", 'return text.split(" ")' + " if isinstance(text, str) else [text]",
    ),
    "examples in loops are calls": (
        "runs",
        "from itertools import groupby\nreturn [list(run) for _, run in groupby(numbers)]",
        "return [[number] * numbers.count(number) for number in sorted(set(numbers))]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_hurried_code_gets_wrong_is_asked(name: str, tmp_path: Path) -> None:
    target, right, wrong = CASES[name]
    reference, answer = (module(*HEADS[target], body) for body in (right, wrong))
    others = {"use.py": f"from shapes import {target}\n{target}(iter([1, 2]))\n"} if target == "pairs" else {}
    assert refused(target, tmp_path, reference, [answer], others) == [True]


RIGHT = {
    "reading ahead": ("pairs", """
        before = []
        for item in iterable:
            before.append(item)
            if len(before) > 5:
                yield before[0], before[1]
                before.pop(0)
        yield from zip(before, before[1:])
    """),
    "another draw": ("mixed", "return sorted(items, key=lambda item: random.random())"),
    "a regular expression": ("without", "return re.sub('^' + re.escape(prefix), '', text)"),
    "a library's reduce": ("through", """
        from functools import reduce
        return reduce(lambda value, func: func(value), funcs, data)
    """),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_of_another_form_is_not_refused(name: str, tmp_path: Path) -> None:
    target, body = RIGHT[name]
    right = next(right for other, right, _ in CASES.values() if other == target)
    reference, answer = (module(*HEADS[target], text) for text in (right, body))
    assert refused(target, tmp_path, reference, [answer]) == [False]


def test_zero_and_an_empty_list_are_no_corners_where_nobody_gave_them(tmp_path: Path) -> None:
    """What a right answer does there is its own matter, but for a default that comes out."""
    text = module(
        "def halves(items, size):",
        "Give pieces of a size.\n\n>>> halves([1, 2, 3, 4], 2)\n[[1, 2], [3, 4]]",
        "return [items[at : at + size] for at in range(0, len(items), size)]",
    )
    file = calls("halves", tmp_path, text=text).written()
    assert file is not None
    assert ", 0)" not in file.text


def test_names_in_an_example_stand_for_their_values() -> None:
    case = Case(("f",), ("text = 'ab'", "items = [1]", "items.append(2)"), "f(text, items)", (), "docstring")
    plain = with_values(case)
    assert plain.call == "f('ab', items)"
    assert plain.setup == ("items = [1]", "items.append(2)"), "what the setup changes stays"


def test_calls_with_names_of_their_function_and_of_pythons_modules_are_known(tmp_path: Path) -> None:
    """Tests name what they give: a call is known by the values, and by what the module imports."""
    text = module(
        "def matching(texts, pattern):",
        "Give the texts that a pattern matches.",
        "return [text for text in texts if pattern.match(text)]",
    )
    test = """
        import re as regex
        from shapes import matching

        def test_matching():
            texts = ["a1", "b", "c2"]
            assert matching(texts, regex.compile("[a-z][0-9]")) == ["a1", "c2"]
    """
    file = calls("matching", tmp_path, text=text, others={"test_use.py": dedent(test)}).written()
    assert file is not None
    assert "given_1 = ['a1', 'b', 'c2']" in file.text
    assert "matching(given_1, re.compile('[a-z][0-9]')) == ['a1', 'c2']" in file.text


def test_none_in_the_middle_is_asked_only_where_none_at_the_beginning_is_taken(tmp_path: Path) -> None:
    """The reference happens to compare no None in `["b", None, "b"]`; another sort does."""
    file = calls("counted", tmp_path, text=COUNTED).written()
    assert file is not None
    assert "None, 'b'" not in file.text
