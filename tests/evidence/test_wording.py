"""Other words and digits are drawn for whatever a test file holds: nothing there ends a build."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ttc_data.lang.python.assertions.wording import other_digits

BASES = {"b": "01", "o": "01234567", "d": "0123456789", "x": "0123456789abcdef"}


@given(number=st.integers(0, 2**70), base=st.sampled_from(sorted(BASES)), seed=st.integers(0, 100))
def test_a_number_of_any_base_gets_other_digits_of_that_base(number: int, base: str, seed: int) -> None:
    """The first digit of a binary number can be no other: `0b10` once ended a build."""
    digits = format(number, base)
    changed = other_digits(digits, Random(seed), BASES[base])
    assert len(changed) == len(digits)
    assert set(changed) <= set(BASES[base])
    assert (changed[0] == "0") <= (digits[0] == "0" or len(digits) == 1)
    assert changed != digits


def test_the_last_digit_of_a_binary_number_changes() -> None:
    assert {other_digits("10", Random(seed), "01") for seed in range(20)} == {"11"}
