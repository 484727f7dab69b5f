"""Tests that are written ask how a call behaves besides what it gives, and refuse no right answer of another form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.lang.python.made import calls, module, refused


@dataclass(frozen=True)
class Asked:
    """A function, a mistake that only one kind of look shows, and another right answer."""

    head: str
    docstring: str
    right: str
    wrong: str
    also_right: str


ASKED = {
    "an argument is left as it was": Asked(
        "def halved(numbers):",
        "Give half of each.\n\n>>> halved([4, 2])\n[2, 1]",
        "return [number // 2 for number in numbers]",
        """
        for place, number in enumerate(numbers):
            numbers[place] = number // 2
        return numbers
        """,
        "return list(map(lambda number: number // 2, numbers))",
    ),
    "a share stays between 0 and 1": Asked(
        "def total(prices, discount=0.0):",
        "Add prices, take a share off, and round to cents.\n\n>>> total([1.11, 2.22], 0.1)\n3.0",
        "return round(sum(prices) * (1 - discount), 2)",
        "return round(sum(prices) * (1 - discount), 1)",
        """
        if not 0 <= discount <= 1:
            raise ValueError(discount)
        return round(sum(prices) - discount * sum(prices), 2)
        """,
    ),
    "a default is not kept": Asked(
        "def with_one(number, items=None):",
        "Give a list with a number.\n\n>>> with_one(3)\n[3]",
        "return [*(items or []), number]",
        """
        if items is None:
            items = vars(with_one).setdefault("held", [])
        items.append(number)
        return list(items)
        """,
        """
        found = list(items) if items else []
        found.append(number)
        return found
        """,
    ),
    "a default is not given away": Asked(
        "def held(key, mapping, default=()):",
        "Give what is held.\n\n>>> held('b', {'a': [1]})\n[]",
        "return list(mapping.get(key, default))",
        "return mapping.get(key, default) or vars(held).setdefault('none', [])",
        "return [*mapping[key]] if key in mapping else [*default]",
    ),
    "keywords are handed on": Asked(
        "def called(func, *args, **kwargs):",
        "Call a function.\n\n>>> called(max, 3, 2)\n3",
        "found = func(*args, **kwargs)\nreturn found",
        "return func(*args)",
        """
        from functools import partial
        return partial(func, *args, **kwargs)()
        """,
    ),
    "a form of several arguments": Asked(
        "def through(value, *forms):",
        "Give a value to each.\n\n>>> through(3, (pow, 2))\n9",
        """
        for form in forms:
            value = form[0](value, *form[1:]) if isinstance(form, tuple) else form(value)
        return value
        """,
        """
        for form in forms:
            value = form[0](value, form[1]) if isinstance(form, tuple) else form(value)
        return value
        """,
        """
        for form in forms:
            func, *rest = form if isinstance(form, tuple) else (form,)
            value = func(value, *rest)
        return value
        """,
    ),
    "a result of None is remembered": Asked(
        "def remembered(func):",
        "Call a function once for each argument.\n\n>>> remembered(abs)(-3)\n3",
        """
        known = {}

        def inner(value):
            if value not in known:
                known[value] = func(value)
            return known[value]

        return inner
        """,
        """
        known = {}

        def inner(value):
            if known.get(value) is None:
                known[value] = func(value)
            return known[value]

        return inner
        """,
        """
        from functools import lru_cache
        return lru_cache(None)(func)
        """,
    ),
    "an argument is among another's": Asked(
        "def place(unit: str, units: list[str], missing: list[str] = ()):",
        "Give a unit's place.\n\n>>> place('b', ['a', 'b'], [])\n1\n>>> place('b', ['a', 'b'], ['a'])\n1",
        "return -1 if unit in missing else units.index(unit)",
        "return units.index(unit)",
        "return units.index(unit) if unit not in missing else -1",
    ),
    "a text is a text": Asked(
        "def shouted(text):",
        "Give a text in capitals.\n\n>>> shouted('ab')\n'AB'",
        "found = text.upper()\nreturn found",
        """
        class Loud:
            def __eq__(self, other):
                return other == text.upper()

            __hash__ = None

        return Loud()
        """,
        "return ''.join(letter.upper() for letter in text)",
    ),
    "a number has the type that is promised": Asked(
        "def rounded(format: str, value: float) -> float:",
        "Round as a format does. The returned value is an int for `%d`.",
        "found = format % value\nreturn float(found) if '.' in format else int(found)",
        "return float(format % value)",
        "import ast\nreturn ast.literal_eval((format % value).strip())",
    ),
    "a promised iterator is one": Asked(
        "def pairs(seq):",
        "Return an iterator of neighbours.\n\n>>> list(pairs([1, 2, 3]))\n[(1, 2), (2, 3)]",
        "seq = list(seq)\nreturn zip(seq, seq[1:])",
        "seq = list(seq)\nreturn list(zip(seq, seq[1:]))",
        "seq = list(seq)\nyield from ((seq[at], seq[at + 1]) for at in range(len(seq) - 1))",
    ),
    "a promised copy is one": Asked(
        "def merged(given):",
        "Give a new list without empty texts.\n\n>>> merged(['a', 'b'])\n['a', 'b']",
        "return [text for text in given if text]",
        "return given if all(given) else [text for text in given if text]",
        "return list(filter(None, given))",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_mistake_that_one_kind_of_look_shows_is_refused_and_another_right_answer_is_not(
    name: str, tmp_path: Path
) -> None:
    asked = ASKED[name]
    target = asked.head[len("def ") : asked.head.index("(")]
    texts = [module(asked.head, asked.docstring, body) for body in (asked.right, asked.wrong, asked.also_right)]
    assert refused(target, tmp_path, texts[0], texts[1:]) == [True, False]


def test_a_namespace_that_the_repository_makes_is_given_to_a_command(tmp_path: Path) -> None:
    text = "import argparse\n\n\n" + module(
        "def command(args: argparse.Namespace) -> str:", "Raise a version.", "return f'{args.version}.{args.part}'"
    )
    test = """
        from argparse import Namespace
        import pytest

        @pytest.mark.parametrize("given", [Namespace(version="1", part="2"), Namespace(other="5")])
        def test_command(given):
            assert given
    """
    file = calls("command", tmp_path, text=text, others={"test_use.py": dedent(test)}).written()
    assert file is not None
    assert "command(argparse.Namespace(version='1', part='2'))" in file.text
    assert "other" not in file.text


def test_what_the_reference_does_to_its_argument_unasked_is_not_asked_of_others(tmp_path: Path) -> None:
    body = "put_in_order = list.sort\nput_in_order(numbers)\nreturn numbers[-1]"
    text = module("def largest(numbers):", "Give the largest number.\n\n>>> largest([3, 1])\n3", body)
    other = text.replace(body.replace("\n", "\n    "), "return max(numbers)")
    assert other != text
    assert refused("largest", tmp_path, text, [other]) == [False]
