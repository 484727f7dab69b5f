"""What is a difference between two values, and what is none: pure, on what a recorder tells of them."""

from __future__ import annotations

import datetime
import fractions
import itertools
from collections import Counter, OrderedDict, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.lang.python.generated.differing import Aspect, differ, unlike, written
from ttc_data.lang.python.generated.probing import Errors, Sight


def told(value: Any) -> list[Any]:
    return Sight(Errors("toy.py", (0, 0))).seen(value)


class Word(str):
    """A text of another class."""

    __slots__ = ()


class Everything:
    """Equals whatever it is compared with."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("one", "other", "aspect"),
    [
        (0.1 + 0.2, 0.3, ""),
        (float("nan"), float("nan"), ""),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ""),
        ({3, 1, 2}, {2, 3, 1}, ""),
        (iter([1, 2]), (number for number in (1, 2)), ""),
        (itertools.count(), iter(range(1000)), ""),
        (ValueError("one"), ValueError("other"), ""),
        (datetime.date(2020, 1, 1), datetime.date(2020, 1, 1), ""),
        (1, 1.0, "kind"),
        (1, True, "kind"),
        ([1, 2], (1, 2), "kind"),
        ([0, 1], range(2), "kind"),
        ({1, 2}, frozenset((1, 2)), "kind"),
        ({1, 2}, [2, 1], "kind"),
        ("a", Word("a"), "kind"),
        ({"a": 1}, OrderedDict(a=1), ""),
        ({"a": [1]}, defaultdict(list, a=[1]), ""),
        ({"a": 1}, Counter("a"), "kind"),
        (b"a", bytearray(b"a"), "kind"),
        ([1, 2], iter([1, 2]), "laziness"),
        ([1, 2], [2, 1], "order"),
        (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1), "order"),
        (1, 2, "value"),
        (0.3, 0.31, "value"),
        (1, "1", "value"),
        (None, False, "value"),
        ([1], [1, 1], "value"),
        (iter([1]), iter([1, 1]), "value"),
        (range(1000), range(1001), "value"),
        ({"a": 1}, {"a": 2}, "value"),
        ({"a": 1}, {"a": 1, "b": 1}, "value"),
        (fractions.Fraction(1, 2), fractions.Fraction(1, 3), "value"),
        (lambda x: x, lambda x: [x], "value"),
        (5, Everything(), "value"),
    ],
)
def test_two_values_differ_in(one: Any, other: Any, aspect: Aspect) -> None:
    assert unlike(told(one), told(other)) == aspect


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_is_like_itself(value: Any) -> None:
    assert unlike(told(value), told(value)) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(("int", "list", "dict", "as", "iterator", "items", "0x1")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(("raises", "result", "after", "alias", "printed")), inner),
    max_leaves=12,
)  # fmt: skip


@given(VALUES, st.dictionaries(st.sampled_from(("raises", "result", "after", "alias", "printed", "refused")), JSON))
def test_whatever_an_answer_tells_is_read_without_an_error(value: Any, answer: dict[str, Any]) -> None:
    reference = {"result": told(value), "after": {}, "alias": [], "printed": ""}
    differ(reference, answer)
    assert isinstance(written(answer.get("result")), str)


@pytest.mark.parametrize("value", [None, True, 12, -3, 0.5, "it's", [1, (2,), {"a": {3}}], datetime.date(2020, 1, 2)])
def test_a_value_is_shown_as_a_person_writes_it(value: Any) -> None:
    assert written(told(value)) == repr(value)


def test_an_iterator_is_shown_as_far_as_it_was_read() -> None:
    assert written(told(iter("ab"))) == "<iterator of 'a', 'b'>"
    assert written(told(itertools.count())).endswith(", 11, ...>")
