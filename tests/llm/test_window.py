"""How many requests a server is given at once rises and falls with what it does with them."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from pathlib import Path

from tests.llm.asking import opened, prompt
from tests.llm.server import Behaviour, serving
from ttc_data.llm.window import Window


def simulated(window: Window, seconds: float, latency_s: Callable[[int], float], limit: int = 10_000) -> float:
    """Drive a window with all the requests it takes, without a clock; gives answers a second.

    Args:
        window: to drive.
        seconds: of the server's time.
        latency_s: of an answer, from the number of requests in work.
        limit: what is above is sent away after a tenth of a second.
    """
    now, answers, ticked = 0.0, 0, 0.0
    ends: list[tuple[float, float, bool]] = []
    working = 0
    while now < seconds:
        while window.free > 0:
            window.take(now)
            good = working < limit
            working += good
            heapq.heappush(ends, (now + (latency_s(working) if good else 0.1), now, good))
        if ends[0][0] > ticked + 0.25:
            now = ticked = ticked + 0.25
            window.tick(now)
            continue
        now, begun, good = heapq.heappop(ends)
        window.give_back(now)
        if good:
            working -= 1
            answers += 1
            window.answered(begun, now, 100)
        else:
            window.pushed(begun, now, late=False)
    return answers / seconds


def test_a_server_without_a_limit_gets_all_it_may() -> None:
    window = Window(16, 1_024, 0.0)
    simulated(window, 8, lambda working: 0.05)
    assert window.size == 1_024


def test_answers_that_take_long_do_not_hold_it_back() -> None:
    """A vLLM takes 20 s an answer; after 7 s it has all that it may have."""
    window = Window(16, 1_024, 0.0)
    simulated(window, 8, lambda working: 20.0)
    assert window.size == 1_024


def test_it_stops_where_more_at_once_is_no_faster() -> None:
    """One that works on 64 at once, and lets the others wait."""
    window = Window(16, 1_024, 0.0)
    rate = simulated(window, 30, lambda working: 0.2 * max(1.0, working / 64))
    assert 32 <= window.size <= 256
    assert rate > 0.9 * 64 / 0.2


def test_what_a_server_sends_away_is_not_sent_again_and_again() -> None:
    window = Window(16, 1_024, 0.0)
    rate = simulated(window, 30, lambda working: 0.2, limit=100)
    assert 80 <= window.size <= 120
    assert rate > 0.9 * 100 / 0.2


def test_it_rises_again_when_the_server_takes_more() -> None:
    window = Window(16, 1_024, 0.0)
    simulated(window, 20, lambda working: 0.2, limit=20)
    assert window.size < 32
    window.in_flight = 0
    simulated(window, 60, lambda working: 0.2, limit=200)
    assert window.size > 100


def test_requests_whose_time_is_up_shrink_it() -> None:
    window = Window(64, 1_024, 0.0)
    for number in range(64):
        window.pushed(-600.0, number / 10, late=True)
    assert window.size < 40
    for number in range(10_000):
        window.pushed(-600.0, 10 + number / 10, late=True)
    assert 1 <= window.size <= 2


def test_on_a_real_socket_it_finds_what_a_server_takes(tmp_path: Path) -> None:
    behaviour = Behaviour(latency_s=0.03, at_once=12)
    with serving(behaviour) as server, opened(tmp_path, server.url, first_at_once=64, at_once=256) as models:
        for future in [models.submit(prompt(f"prompt {number}")) for number in range(400)]:
            future.result()
        assert max(models.windows.values()) <= 32
        behaviour.at_once = 0
        waiting = [models.submit(prompt(f"more {number}")) for number in range(600)]
        until = time.monotonic() + 20
        while max(models.windows.values()) <= 40 and time.monotonic() < until:
            time.sleep(0.01)
        assert max(models.windows.values()) > 40
        for future in waiting:
            future.result()
    assert set(server.counts.paid.values()) == {1}
