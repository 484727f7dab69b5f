"""Which job runs next and where, told by sandboxes that a test holds in its hand."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from random import Random

import pytest

from tests.sandbox.fakes import Stage, job, within
from ttc_data.errors import SandboxLost, SandboxUnavailable
from ttc_data.sandbox.protocol import Report
from ttc_data.sandbox.scheduler import MOST_OVERTAKEN, SPARE, Cancellation, Scheduler


class Desk:
    """A scheduler on a stage; environments are their own keys, jobs go by name."""

    def __init__(self, stage: Stage, slots: int, most_waiting: int) -> None:
        self.stage = stage
        self.scheduler: Scheduler[str] = Scheduler(stage.open, str, slots, most_waiting)

    def submit(
        self, environment: str, name: str = "", seed: int = 0, cancel: Cancellation | None = None
    ) -> Future[Report]:
        return self.scheduler.submit(environment, job(name or environment, seed), cancel)

    def run(self, environment: str, name: str = "", seed: int = 0) -> Report:
        return self.scheduler.run(environment, job(name or environment, seed))


@pytest.fixture
def desks() -> Iterator[list[Desk]]:
    """Every desk of a test is closed when the test ends, however it does."""
    made: list[Desk] = []
    yield made
    for desk in made:
        desk.scheduler.close()


@pytest.fixture
def desk(desks: list[Desk]) -> Desk:
    """One slot, jobs are held."""
    desks.append(Desk(Stage(holds=True), 1, 100))
    return desks[-1]


def finish(desk: Desk, count: int) -> None:
    for number in range(1, count + 1):
        desk.stage.wait_for(number).end()


def open_two(desk: Desk, *seeds: int) -> None:
    """Have two idle sandboxes of environment `a`, and jobs that no longer need to be let go."""
    futures = [desk.submit("a", seed=seed) for seed in seeds]
    finish(desk, 2)
    for future in futures:
        future.result(5)
    desk.stage.holds = False


def test_the_first_comes_first(desk: Desk) -> None:
    futures = [desk.submit(f"environment {number}", str(number)) for number in range(6)]
    finish(desk, 6)
    assert [future.result(5).exit for future in futures] == [0] * 6
    assert desk.stage.order == [str(number) for number in range(6)]


def test_a_job_whose_environment_is_warm_overtakes(desk: Desk) -> None:
    for environment, name in (("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2")):
        desk.submit(environment, name)
    finish(desk, 4)
    assert within(lambda: len(desk.stage.order) == 4)
    assert desk.stage.order == ["a1", "a2", "b1", "b2"]
    assert len(desk.stage.sandboxes) == 2


def test_nobody_is_overtaken_more_often_than_stated(desk: Desk) -> None:
    desk.submit("a", "first")
    desk.submit("cold", "cold")
    warm = MOST_OVERTAKEN + 5
    for number in range(warm):
        desk.submit("a", str(number))
    finish(desk, warm + 2)
    assert desk.stage.order.index("cold") == 1 + MOST_OVERTAKEN


def test_each_hash_seed_has_a_sandbox_of_its_own_until_no_more_may_be_open(desks: list[Desk]) -> None:
    """A runner with another seed starts itself again, which takes longer than the job."""
    desks.append(desk := Desk(Stage(), 1, 0))
    most = 2 + SPARE
    for seed in (*range(most), *range(most)):
        desk.run("a", seed=seed)
    assert len(desk.stage.sandboxes) == most
    assert sum(sandbox.restarts for sandbox in desk.stage.sandboxes) == most - 1  # they open with seed 0
    desk.run("a", seed=most)
    assert len(desk.stage.sandboxes) == most
    assert desk.stage.sandboxes[0].restarts == 1, "the longest idle one"
    desk.run("b")
    assert len(desk.stage.sandboxes) == most + 1
    assert desk.stage.closed == [desk.stage.sandboxes[1]]


def test_a_bounded_number_of_sandboxes_is_open_and_the_longest_idle_goes_first(desks: list[Desk]) -> None:
    desks.append(desk := Desk(Stage(), 2, 0))
    for environment in "abcdefghaij":
        desk.run(environment)
    assert desk.stage.most_open == 2 * 2 + SPARE == 8
    assert [sandbox.key for sandbox in desk.stage.closed] == ["b", "c"]


def test_many_threads_never_run_more_jobs_than_slots(desks: list[Desk]) -> None:
    desks.append(desk := Desk(Stage(), 3, 0))
    with ThreadPoolExecutor(16) as threads:
        reports = list(threads.map(lambda number: desk.run("abcdefgh"[number % 8], seed=number % 3), range(400)))
    assert len(reports) == len(desk.stage.order) == 400
    assert desk.stage.most_open <= 2 * 3 + SPARE
    assert len(desk.stage.sandboxes) - len(desk.stage.closed) <= 2 * 3 + SPARE
    assert desk.scheduler.lost == 0


# A lost sandbox


def test_a_job_goes_on_in_a_new_sandbox_when_one_is_lost(desks: list[Desk]) -> None:
    """Not in another idle one: what broke the first, an engine that restarts, has broken them all."""
    desks.append(desk := Desk(Stage(holds=True), 2, 0))
    open_two(desk, 0, 0)
    for sandbox in desk.stage.sandboxes:
        sandbox.broken = True
    assert desk.run("a").exit == 0
    assert desk.scheduler.lost == 1
    assert len(desk.stage.sandboxes) == 3
    assert len(desk.stage.closed) == 1


def test_three_lost_sandboxes_are_an_error_and_the_next_job_runs(desks: list[Desk]) -> None:
    tries: list[str] = []

    def opens(key: str) -> None:
        tries.append(key)
        if key == "broken":
            raise SandboxLost("it broke at once")

    desks.append(desk := Desk(Stage(opens=opens), 1, 0))
    with pytest.raises(SandboxLost, match="at once"):
        desk.run("broken")
    assert tries == ["broken"] * 3
    assert desk.scheduler.lost == 3
    assert desk.run("a").exit == 0


@pytest.mark.parametrize("error", [SandboxUnavailable("none here"), ZeroDivisionError("a bug of ours")])
def test_an_exception_in_opening_reaches_its_job_alone_and_gives_the_slot_back(
    desks: list[Desk], error: Exception
) -> None:
    def opens(key: str) -> None:
        if key == "bad":
            raise error

    desks.append(desk := Desk(Stage(opens=opens), 1, 0))
    with pytest.raises(type(error), match=str(error)):
        desk.run("bad")
    with pytest.raises(type(error), match=str(error)):
        desk.submit("bad").result(5)
    assert desk.run("good").exit == 0
    assert desk.scheduler.lost == 0


# Cancellation


def test_a_waiting_job_that_is_cancelled_ends_at_once(desk: Desk) -> None:
    desk.submit("a", "first")
    cancel = Cancellation()
    second = desk.submit("a", "second", cancel=cancel)
    third = desk.submit("a", "third")
    desk.stage.wait_for(1)
    cancel.cancel()
    with pytest.raises(CancelledError):
        second.result(5)
    finish(desk, 2)
    assert third.result(5).exit == 0
    assert desk.stage.order == ["first", "third"]
    assert desk.scheduler.lost == 0


def test_a_running_job_that_is_cancelled_ends_with_its_sandbox_and_the_next_gets_another(desk: Desk) -> None:
    cancel = Cancellation()
    first = desk.submit("a", "first", cancel=cancel)
    second = desk.submit("a", "second")
    held = desk.stage.wait_for(1)
    cancel.cancel()
    with pytest.raises(CancelledError):
        first.result(5)
    assert held.sandbox.closed
    desk.stage.wait_for(2).end()
    assert second.result(5).exit == 0
    assert desk.stage.order == ["first", "second"]
    assert desk.scheduler.lost == 0


def test_a_job_that_is_cancelled_while_its_sandbox_opens_does_not_run(desks: list[Desk]) -> None:
    opening, go_on = threading.Event(), threading.Event()

    def opens(key: str) -> None:
        opening.set()
        go_on.wait()

    desks.append(desk := Desk(Stage(opens=opens), 1, 0))
    cancel = Cancellation()
    future = desk.submit("a", cancel=cancel)
    assert opening.wait(5)
    cancel.cancel()
    go_on.set()
    with pytest.raises(CancelledError):
        future.result(5)
    assert desk.stage.order == []
    assert all(sandbox.closed for sandbox in desk.stage.sandboxes)


def test_what_is_cancelled_already_does_not_run(desk: Desk) -> None:
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(CancelledError):
        desk.scheduler.run("a", job(), cancel)
    with pytest.raises(CancelledError):
        desk.submit("a", cancel=cancel).result(5)
    assert desk.stage.order == []


def test_one_cancellation_ends_many_jobs_and_is_of_use_afterwards(desks: list[Desk]) -> None:
    desks.append(desk := Desk(Stage(holds=True), 2, 20))
    cancel = Cancellation()
    futures = [desk.submit("a", cancel=cancel) for _ in range(10)]
    desk.stage.wait_for(2)
    cancel.cancel()
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(5)
    desk.stage.holds = False
    assert desk.run("a").exit == 0


# Back-pressure


def test_submit_blocks_while_as_many_wait_as_may(desks: list[Desk]) -> None:
    desks.append(desk := Desk(Stage(holds=True), 1, 2))
    submitted: list[int] = []

    def produce() -> None:
        for number in range(6):
            desk.submit("a", str(number))
            submitted.append(number)

    thread = threading.Thread(target=produce)
    thread.start()
    desk.stage.wait_for(1)
    assert within(lambda: len(submitted) == 3)  # one runs, two wait
    time.sleep(0.1)
    assert len(submitted) == 3
    desk.stage.wait_for(1).end()
    assert within(lambda: len(submitted) == 4)
    finish(desk, 6)
    thread.join(5)
    assert desk.stage.order == [str(number) for number in range(6)]


# Closing


def test_closing_ends_what_runs_what_waits_and_who_would_submit(desks: list[Desk]) -> None:
    desks.append(desk := Desk(Stage(holds=True), 1, 1))
    running = desk.submit("a", "running")
    desk.stage.wait_for(1)
    waiting = desk.submit("a", "waiting")
    refused: list[SandboxLost] = []

    def submit() -> None:
        try:
            desk.submit("a", "blocked")
        except SandboxLost as error:
            refused.append(error)

    thread = threading.Thread(target=submit)
    thread.start()
    time.sleep(0.1)
    started = time.monotonic()
    desk.scheduler.close()
    for future in (running, waiting):
        with pytest.raises(SandboxLost, match="closed"):
            future.result(5)
    thread.join(5)
    assert [str(error) for error in refused] == ["the sandboxes were closed"]
    assert time.monotonic() - started < 2
    with pytest.raises(SandboxLost, match="closed"):
        desk.run("a")
    assert desk.stage.order == ["running"]
    assert all(sandbox.closed for sandbox in desk.stage.sandboxes)
    assert desk.scheduler.lost == 0


def test_closing_closes_idle_sandboxes_and_may_be_done_twice(desks: list[Desk]) -> None:
    desks.append(desk := Desk(Stage(), 2, 0))
    for environment in "abc":
        desk.run(environment)
    desk.scheduler.close()
    desk.scheduler.close()
    assert len(desk.stage.closed) == 3


def test_closing_while_many_run_leaves_nothing_open(desks: list[Desk]) -> None:
    desks.append(desk := Desk(Stage(), 4, 50))
    futures: list[Future[Report]] = []

    def produce() -> None:
        try:
            while True:
                futures.append(desk.submit("abcdef"[len(futures) % 6]))
        except SandboxLost:
            return

    thread = threading.Thread(target=produce)
    thread.start()
    assert within(lambda: len(futures) > 50)
    desk.scheduler.close()
    thread.join(5)
    assert not thread.is_alive()
    for future in futures:
        assert future.exception(5) is None or isinstance(future.exception(), SandboxLost)
    assert all(sandbox.closed for sandbox in desk.stage.sandboxes)


def test_whatever_happens_every_slot_comes_back_and_no_sandbox_is_forgotten(desks: list[Desk]) -> None:
    draw = Random(7)

    def opens(key: str) -> None:
        if draw.random() < 0.1:
            raise draw.choice([SandboxLost("not this time"), SandboxUnavailable("not here")])

    desks.append(desk := Desk(Stage(opens=opens), 4, 12))
    ended: Counter[str] = Counter()

    def one(number: int) -> None:
        cancel = Cancellation()
        future = desk.submit("abcdefgh"[number % 8], seed=number % 2, cancel=cancel)
        if number % 5 == 0:
            cancel.cancel()
        if number % 7 == 0:
            for sandbox in desk.stage.sandboxes[-3:]:
                sandbox.broken = True
        try:
            future.result(10)
            ended["report"] += 1
        except (CancelledError, SandboxLost, SandboxUnavailable) as error:
            ended[type(error).__name__] += 1

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(one, range(600)))
    assert sum(ended.values()) == 600
    assert ended["report"] > 300
    assert desk.stage.most_open <= 2 * 4 + SPARE
    desk.stage.opens = lambda key: None
    desk.stage.holds = True
    futures = [desk.submit("z", str(number)) for number in range(4)]
    finish(desk, 4)
    assert [future.result(5).exit for future in futures] == [0] * 4
    desk.scheduler.close()
    assert all(sandbox.closed for sandbox in desk.stage.sandboxes)


# Versions


def test_versions_run_in_one_sandbox_and_a_drawn_one_is_checked_with_a_job_of_its_own(desks: list[Desk]) -> None:
    """The fake says `failed` of every version and `passed` of every job: neither of the two sessions is believed."""
    desks.append(desk := Desk(Stage(), 1, 0))
    versions = [{"m.py": str(number)} for number in range(4)]
    reports = desk.scheduler.run_versions("a", job("it"), versions, seed=0, key="target")
    assert [report.passed for report in reports] == [{"test_it"}] * 4
    assert desk.stage.order == ["it"] * 6
    unchecked = desk.scheduler.run_versions("a", job("it"), versions, seed=0, key="target", check=0)
    assert [report.passed for report in unchecked] == [frozenset()] * 4
    assert len(desk.stage.sandboxes) == 1


@pytest.mark.parametrize(("count", "parts", "shared"), [(9, 3, 3), (9, 16, 3), (9, 1, 1), (5, 4, 1), (0, 4, 0)])
def test_versions_are_shared_where_there_are_enough_of_them(
    desks: list[Desk], count: int, parts: int, shared: int
) -> None:
    desks.append(desk := Desk(Stage(), 4, 0))
    versions = [{"m.py": str(number)} for number in range(count)]
    reports = desk.scheduler.run_versions("a", job("it"), versions, seed=0, key="target", check=0, parts=parts)
    assert [report.output for report in reports] == [str(number) for number in range(count)]
    assert desk.stage.order == ["it"] * shared
