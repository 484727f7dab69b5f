"""An answer of another form agrees with the reference; one that does something else is told from it, and forges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

import pytest

from tests.lang.python.oracles import COUNTED, FACTORIAL, MEAN, PAIRS, PATH, PILE, SLUG, WITHOUT, Toy
from tests.sandboxes import Place, opened
from ttc_data.lang.python.oracle import LEAST_CALLS, MOST_CALLS

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with opened("local", tmp_path_factory.mktemp("oracle")) as place:
        yield place


@pytest.fixture(scope="module")
def toys(local: Place) -> dict[str, Toy]:
    """Oracles whose references have run once."""
    texts = {"factorial": FACTORIAL, "pairs": PAIRS, "counted": COUNTED, "slug": SLUG, "mean": MEAN, "without": WITHOUT}
    return {**{name: Toy(local, name, text) for name, text in texts.items()}, "put": Toy(local, "Pile.put", PILE)}


RIGHT = {
    "the reference itself": ("slug", SLUG),
    "recursion for a loop": ("factorial", """
        def factorial(n):
            if n < 0:
                raise ValueError("other words")
            return n * factorial(n - 1) if n else 1
    """),
    "a library's function and a class below the exception": ("factorial", """
        import math

        class Negative(ValueError):
            pass

        def factorial(n):
            if n < 0:
                raise Negative(n)
            return math.prod(range(1, n + 1))
    """),
    "an iterator class for a generator": ("pairs", """
        class pairs:
            def __init__(self, items):
                self.items = iter(items)
                self.one = self

            def __iter__(self):
                return self

            def __next__(self):
                if self.one is self:
                    self.one = next(self.items)
                one, self.one = self.one, next(self.items)
                return one, self.one
    """),
    "itertools for a generator": ("pairs", """
        import itertools

        def pairs(items):
            one, other = itertools.tee(items)
            next(other, None)
            return zip(one, other)
    """),
    "a counter and a stable sort": ("counted", """
        from collections import Counter

        def counted(words, least=1, reverse=False):
            found = Counter(sorted(words)).most_common()
            kept = [word for word, count in found if count >= least]
            kept.sort(key=[word for word, _ in found].index)
            return list(reversed(kept)) if reverse else kept
    """),
    "a regular expression": ("slug", """
        import re

        def slug(text, join="-"):
            return join.join(re.findall(r"[^\\W_]+", text.lower()))
    """),
    "the last digits of floats": ("mean", """
        def mean(numbers):
            return sum(number / len(numbers) for number in numbers)
    """),
    "an input that nobody promised": ("mean", """
        def mean(numbers):
            return sum(numbers) / len(numbers) if numbers else 0.0
    """),
    "a debugging print": ("without", """
        def without(items, unwanted):
            print("here")
            kept = list(items)
            for one in unwanted:
                while one in kept:
                    kept.remove(one)
            return kept
    """),
    "another private state": ("put", PILE.replace("self._things.append(thing)", "self._things += [thing]")),
}  # fmt: skip
WRONG = {
    "a value": ("factorial", "value", """
        def factorial(n):
            if n < 0:
                raise ValueError
            return n * factorial(n - 1) if n > 2 else n
    """),
    "the type of an exception": ("factorial", "exception", """
        def factorial(n):
            if n < 0:
                raise KeyError
            return n * factorial(n - 1) if n else 1
    """),
    "no exception": ("factorial", "exception", """
        def factorial(n):
            return n * factorial(n - 1) if n > 0 else 1
    """),
    "the order": ("counted", "order", """
        def counted(words, least=1, reverse=False):
            kept = sorted(word for word in set(words) if words.count(word) >= least)
            return kept[::-1] if reverse else kept
    """),
    "an ignored keyword": ("counted", "value", """
        def counted(words, least=1, reverse=False):
            order = sorted(set(words), key=lambda word: (-words.count(word), word))
            return order[::-1] if reverse else order
    """),
    "a list for an iterator": ("pairs", "laziness", """
        def pairs(items):
            items = list(items)
            return list(zip(items, items[1:]))
    """),
    "an iterator of what was read to the end": ("pairs", "laziness", """
        def pairs(items):
            items = list(items)
            return iter(list(zip(items, items[1:])))
    """),
    "the argument, changed": ("without", "mutation", """
        def without(items, unwanted):
            kept = items
            for item in list(items):
                if item in unwanted:
                    kept.remove(item)
            return list(kept)
    """),
    "the argument itself where a new list is promised": ("without", "alias", """
        def without(items, unwanted):
            return [item for item in items if item not in unwanted] if set(unwanted) & set(items) else items
    """),
    "the empty text": ("slug", "exception", """
        def slug(text, join="-"):
            words = "".join(one if one.isalnum() else " " for one in text.lower()).split()
            found = words[0]
            for word in words[1:]:
                found += join + word
            return found
    """),
    "letters beyond ASCII": ("slug", "value", """
        import re

        def slug(text, join="-"):
            return join.join(re.findall("[a-z0-9]+", text.lower()))
    """),
    "an int for a bool's number": ("put", "kind", PILE.replace("len(self._things)\n", "float(len(self._things))\n")),
    "a change that stays away": ("put", "mutation", PILE.replace(
        "self._things.append(thing)\n        return len(self._things)", "return len(self._things) + 1")),
    "an object that equals everything": ("mean", "value", """
        class Everything:
            def __eq__(self, other):
                return True

        def mean(numbers):
            return Everything()
    """),
}  # fmt: skip


@pytest.mark.parametrize("form", RIGHT)
def test_a_right_answer_of_another_form_agrees(form: str, toys: dict[str, Toy]) -> None:
    name, answer = RIGHT[form]
    found = toys[name].compared(answer)
    assert found.agrees, found.difference


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_answer_differs_by(mistake: str, toys: dict[str, Toy]) -> None:
    name, aspect, answer = WRONG[mistake]
    found = toys[name].compared(answer)
    assert not found.agrees
    assert aspect in found.aspects, found.difference
    assert found.only_kinds == (aspect == "kind")


def test_the_calls_of_a_row_are_the_same_every_time(local: Place, toys: dict[str, Toy]) -> None:
    again = Toy(local, "slug", SLUG)
    assert again.oracle.calls == toys["slug"].oracle.calls
    assert LEAST_CALLS <= len(again.oracle.calls) <= MOST_CALLS
    assert len(again.reports) == 2, "the reference runs under two hash seeds"


def test_an_answer_finds_the_calls_and_nothing_of_the_reference(toys: dict[str, Toy]) -> None:
    toy = toys["mean"]
    toy.compared(MEAN)
    job = toy.jobs[-1]
    assert job.files[PATH] == dedent(MEAN)
    secret = "sum(numbers) / len(numbers)"
    toy.compared("def mean(numbers):\n    return 1\n")
    assert not any(secret in (text or "") for text in toy.jobs[-1].files.values())
    assert "'1.5'" not in str(toy.jobs[-1].files.values())


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("draws", "import random\n    return [random.random(), kind]"),
        ("tells the time", "import time\n    return time.time(), kind"),
        ("depends on the hash seed", "return list({'a', 'b', 'c', 'd', kind})"),
        ("writes files", "open('written.txt', 'w').write(kind)\n    return kind"),
        ("runs into a TypeError", "return kind + 1"),
        ("runs into an exception that nobody named", "return {}[kind]"),
        ("gives one thing for everything", "return 1"),
        ("never ends", "while kind:\n        pass\n    return [kind]"),
    ],
)
def test_a_reference_says_nothing_that(name: str, body: str, local: Place) -> None:
    text = (
        f'def odd(kind: str):\n    """Do what nobody could ask of an answer, which is the case here."""\n    {body}\n'
    )
    toy = Toy(local, "odd", text)
    assert len(toy.oracle.calls) < LEAST_CALLS
    (found,) = toy.oracle.compare([{PATH: text}])
    assert not found.knows
    assert not found.agrees


def test_an_exception_counts_where_it_is_named_or_raised_and_not_where_it_happens(local: Place) -> None:
    text = '''
        def nth(items, place):
            """Give the element at a place; a place that is not there is an IndexError.

            >>> nth([1, 2], 0)
            1
            """
            return items[place]
    '''
    toy = Toy(local, "nth", text)
    assert toy.compared(text).agrees
    found = toy.compared("def nth(items, place):\n    return items[place] if place < len(items) else None\n")
    assert "exception" in found.aspects
    silent = text.replace("; a place that is not there is an IndexError", "")
    other = Toy(local, "nth", silent).compared(
        "def nth(items, place):\n    return items[place] if place < len(items) else None\n"
    )
    assert other.agrees, other.difference


def test_what_nobody_was_seen_to_give_is_not_asked(local: Place) -> None:
    text = '''
        def chunked(items, size):
            """Cut items into lists of one size, of which the last may be shorter.

            >>> list(chunked([1, 2, 3], 2))
            [[1, 2], [3]]
            """
            part = []
            for item in items:
                part.append(item)
                if len(part) == size:
                    yield part
                    part = []
            if part:
                yield part
    '''
    toy = Toy(local, "chunked", text)
    found = toy.compared("""
        from itertools import islice

        def chunked(items, size):
            items = iter(items)
            while part := list(islice(items, size)):
                yield part
    """)
    assert found.agrees, found.difference
    assert not any(call.endswith((", 0)", ", -1)")) for call in toy.oracle.calls)


def test_an_answer_may_refuse_what_was_guessed_but_not_everything(local: Place) -> None:
    """Nothing says what `items` are, so some of what is drawn for it may be none."""
    text = '''
        def ends(items):
            """Give the first and the last one, or nothing where there is none."""
            return [items[0], items[-1]] if items else []
    '''
    toy = Toy(local, "ends", text)
    strict = """
        def ends(items):
            if isinstance(items, str):
                raise TypeError("no text")
            return [items[0], items[-1]] if items else []
    """
    assert toy.compared(strict).agrees
    assert not toy.compared("def ends(items):\n    raise TypeError\n").agrees


def test_how_a_class_shows_its_instances_counts_where_its_docstring_says_so(local: Place) -> None:
    text = '''
        class Level:
            """A level of water, represented by a number; the text of it is the number with a unit."""

            def __init__(self, number: int):
                self.number = number

            def __str__(self):
                return f"{self.number} m"

            def __repr__(self):
                return f"Level({self.number})"
    '''
    other = text.replace('f"Level({self.number})"', '"<Level>"')
    assert Toy(local, "Level", text).compared(other).agrees
    named = [each.replace("with a unit", "with a unit, its repr a call") for each in (text, other)]
    assert "value" in Toy(local, "Level", named[0]).compared(named[1]).aspects
