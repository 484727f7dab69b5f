"""Strategies for Python expressions as text: what a small Hypothesis would be, without a test to run.

Hypothesis itself parses source with `ast` each time it runs a property, which this project does in one place only
(see `ttc_data.lang.python.syntax`), and writes a `.hypothesis` folder where a build was started; a draw took 30 to 100 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

Draw: TypeAlias = Callable[[Random], str]
"""Draws an expression; the empty text stands for a parameter that is left to its default."""

INTEGERS = ("0", "1", "2", "3", "5", "-1", "4", "10", "7", "-3", "12", "100")
FLOATS = ("0.0", "1.0", "0.5", "-1.5", "2.25", "10.0", "3.75", "-0.25", "1e3")
TEXTS = (
    '""', '"a"', '"abc"', '"Hello World"', '"foo bar  baz"', '"1"', '"a,b,c"', '"AbC"', '"one\\ntwo\\n"', '"-12.5"',
    '"a-b_c.d"', '" padded "', '"naïve café"', '"aab"', '"key=value"', '"1.2.3"', '"x"', '"fooBarBaz"', '"/a/b.txt"',
)  # fmt: skip
BYTES = ('b""', 'b"a"', 'b"abc"', 'b"one\\ntwo"', 'b"\\x00\\xff"')
ONE_ARGUMENT = (
    "lambda x: x", "lambda x: x % 2 == 0", "len", "str", "lambda x: x > 1", "bool", "lambda x: (x, x)", "lambda x: x * 2",
    "lambda x: None",
)  # fmt: skip
TWO_ARGUMENTS = ("lambda x, y: x + y", "lambda x, y: x < y", "max", "lambda x, y: (x, y)", "lambda x, y: x == y")


def sampled(values: Sequence[str]) -> Draw:
    """One of the expressions, the first ones more often."""

    def draw(random: Random) -> str:
        return values[min(int(random.random() * len(values)), int(random.random() * (len(values) + 2)))]

    return draw


def just(value: str) -> Draw:
    """Always the same expression."""
    return lambda random: value


def one_of(*draws: Draw) -> Draw:
    """One of the strategies."""
    return lambda random: random.choice(draws)(random)


def mostly(draw: Draw, other: Draw) -> Draw:
    """The first three times of four."""
    return lambda random: (draw if random.random() < 0.75 else other)(random)


def listed(inner: Draw, opening: str = "[", closing: str = "]", *, least: int = 0, most: int = 5) -> Draw:
    """A container of up to `most` elements between brackets."""

    def draw(random: Random) -> str:
        # An empty one is a corner, not every sixth case.
        count = max(least, random.choice((0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6)[: 2 * most + 1]))
        parts = [inner(random) for _ in range(count)]
        if len(parts) > 2 and random.random() < 0.3:
            parts[-1] = parts[0]  # equal elements are where groups, sets and orders differ
        if opening == "{" and not parts:
            return "set()"
        comma = "," if opening == "(" and len(parts) == 1 else ""
        return opening + ", ".join(dict.fromkeys(parts) if opening == "{" else parts) + comma + closing

    return draw


def tupled(inner: Sequence[Draw]) -> Draw:
    """A tuple with a strategy for each place."""

    def draw(random: Random) -> str:
        parts = [one(random) for one in inner]
        return "(" + ", ".join(parts) + ("," if len(parts) == 1 else "") + ")"

    return draw


def mapped(key: Draw, value: Draw) -> Draw:
    """A dict."""

    def draw(random: Random) -> str:
        pairs = {key(random): value(random) for _ in range(random.choice((0, 1, 2, 2, 3, 3, 4)))}
        return "{" + ", ".join(f"{one}: {other}" for one, other in pairs.items()) + "}"

    return draw


def wrapped(before: str, inner: Draw, after: str) -> Draw:
    """Text around an expression: `iter(...)`."""
    return lambda random: before + inner(random) + after


INTEGER = sampled(INTEGERS)
SMALL = sampled(INTEGERS[:8])
FLOAT = sampled(FLOATS)
TEXT = sampled(TEXTS)
WORD = sampled(('"a"', '"b"', '"c"', '"abc"', '"d"', '"x"'))
BOOLEAN = sampled(("True", "False"))
BYTE_TEXT = sampled(BYTES)
FUNCTION = sampled(ONE_ARGUMENT)
NUMBERS = listed(SMALL)
WORDS = listed(WORD)
ITEMS = one_of(NUMBERS, NUMBERS, WORDS, sampled(('"abcab"', '"abc"', '""', "range(6)", "range(1, 10)")))
PAIRS = listed(tupled((WORD, SMALL)))
DICTIONARY = one_of(mapped(WORD, SMALL), mapped(WORD, SMALL), mapped(SMALL, WORD))
ANYTHING = one_of(SMALL, WORD, NUMBERS, just("None"), FLOAT, TEXT, DICTIONARY)


def functions(arity: int) -> Draw:
    """Functions of so many arguments."""
    if arity == 0:
        return sampled(("lambda: 1", "lambda: None", "list"))
    if arity == 1:
        return FUNCTION
    if arity == 2:
        return sampled(TWO_ARGUMENTS)
    names = ", ".join("xyzuvw"[:arity]) if arity <= 6 else "*x"
    return sampled((f"lambda {names}: ({names.replace('*', '')})", f"lambda {names}: {names[-1]}"))
