"""Versions of a target that do all that it did and give something else."""

from __future__ import annotations

import asyncio
import runpy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ttc_data.extract import extract
from ttc_data.lang.python.returns import Returns, other_returns
from ttc_data.records import Source, Target
from ttc_data.rules import ExtractRules

SOURCE = Source("git", "owner/name", "1", "MIT", "git:x", "0" * 64, 1, 1, "")
RULES = ExtractRules(
    min_docstring_chars=1, min_docstring_words=1, kinds=("function", "method", "class"), min_body_lines=1
)
TEXT = '''\
seen = []


def f(x):
    """Give it back."""
    seen.append(x)
    if x == "nothing":
        return
    return x


def pair(x, y):
    """Give both."""
    z = x
    return z, y


def each(xs):
    """Give each of them, then all again."""
    yield None
    for x in xs:
        yield x
    yield from (x for x in
                xs)


async def waited(x):
    """Give it when it is there."""
    async def there():
        return x
    return await there()


def effect(x):
    """Remember it."""
    seen.append(x)
    return None


class Box:
    """Holds one thing."""

    def __init__(self, thing):
        self.thing = thing
        self.times = 0

    def take(self):
        """Give what it holds."""
        self.times += 1
        return self.thing
'''


def versions(qualname: str) -> Returns | None:
    targets = [one for one in extract(SOURCE, [("m.py", TEXT.encode())], RULES) if isinstance(one, Target)]
    return other_returns(TEXT, next(target for target in targets if target.qualname == qualname))


def run(text: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "m.py")
        file.write_text(text, encoding="utf-8")
        return runpy.run_path(str(file))


@pytest.mark.parametrize(
    "value",
    [True, False, 0, -7, 2.5, 1j, "", "text", b"", b"bytes", [], [1], (), (1, 2), {}, {1: 2}, set(), {1}, frozenset()],
    ids=repr,
)
def test_a_value_of_a_builtin_type_becomes_another_one_of_that_type(value: object) -> None:
    made = versions("f")
    assert made
    names = run(made.other)
    given = names["f"](value)
    assert type(given) is type(value)
    assert given != value
    assert names["seen"] == [value], "all else is done"
    assert run(made.nothing)["f"](value) == value


def test_what_gave_nothing_gives_nothing_and_is_told_apart() -> None:
    made = versions("f")
    assert made
    assert run(made.other)["f"](None) is None
    assert run(made.other)["f"]("nothing") is None
    with pytest.raises(AssertionError):
        run(made.nothing)["f"](None)


def test_two_calls_never_give_the_same() -> None:
    """A test that holds `f(a)` against `f(b)` looks at both of them."""
    made = versions("f")
    assert made
    f = run(made.other)["f"]
    assert f("a") != f("a")
    assert f(1) != f(1)


def test_values_are_lost_wherever_they_are_given() -> None:
    pair, each, waited, box = (versions(name) for name in ("pair", "each", "waited", "Box"))
    assert pair
    assert each
    assert waited
    assert box
    assert run(pair.other)["pair"](1, 2) == ((1, 2),)
    given: Iterator[object] = run(each.other)["each"]([1, 2])
    found = list(given)
    assert len(found) == 5
    assert not set(found) & {1, 2}
    assert asyncio.run(run(waited.other)["waited"](1)) != 1
    thing = run(box.other)["Box"]("x")
    assert thing.take() != "x"
    assert thing.times == 1


def test_a_target_that_gives_no_value_has_no_such_version() -> None:
    assert versions("effect") is None
