"""What one run of a row's tests may cost, and which of them make it cost more than they take themselves."""

from __future__ import annotations

from ttc_data.evidence.budget import holding_up, short_enough
from ttc_data.sandbox.protocol import Report, TestResult


def in_order(names: str, seconds: dict[str, float]) -> Report:
    """Tests that ran in this order, all of them at once but those that are named."""
    tests = tuple(TestResult(f"t.py::{name}", "passed", seconds.get(name, 0.0), "") for name in names)
    return Report(tests, (), (), 0, True, False, 1.0, "")


def test_a_test_that_the_next_one_waits_for_whichever_it_is_is_left_out() -> None:
    """No test's own shortest time says why the session is slow."""
    tests = tuple(f"t.py::{name}" for name in "abcd")
    reports = [in_order("abcd", {"c": 30.0}), in_order("dcba", {"a": 30.0})]
    assert holding_up(reports, 5.0) == {"t.py::b"}
    assert short_enough(tests, reports, 5.0) == ("t.py::a", "t.py::c", "t.py::d")
    assert not holding_up(reports[:1], 5.0)


def test_a_test_that_is_slow_itself_is_not_blamed_on_the_one_before() -> None:
    assert not holding_up([in_order("abc", {"b": 30.0}), in_order("cab", {"b": 30.0})], 5.0)


def test_a_test_that_does_not_ask_the_busy_server_may_come_between() -> None:
    reports = [in_order("bxaq", {"a": 30.0, "x": 2.0}), in_order("qabc", {"c": 30.0}), in_order("abqc", {"q": 30.0})]
    assert holding_up(reports, 5.0) == {"t.py::b"}


def test_a_short_wait_in_one_order_alone_takes_no_test_away() -> None:
    assert not holding_up([in_order("abc", {"b": 3.0}), in_order("cab", {})], 5.0)
    assert not holding_up([in_order("abc", {"b": 30.0}), in_order("cab", {})], 5.0)


def test_one_order_may_end_with_the_test_that_others_wait_for() -> None:
    """The same test waits in the first two, so that its shortest time hides one wait; nobody comes after it in the last."""
    orders = [in_order("axbq", {"q": 8.0}), in_order("bqax", {"q": 10.0}), in_order("xbaq", {"a": 8.0})]
    assert not holding_up(orders[:2], 5.0)
    assert holding_up([*orders, in_order("qbxa", {"x": 9.0}), in_order("qxab", {})], 5.0) == {"t.py::b"}
