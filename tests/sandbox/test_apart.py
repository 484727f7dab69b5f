"""Jobs that must not meet on a sandbox: what one of them leaves there, no other finds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.fakes import Stage, job
from ttc_data.sandbox.scheduler import SPARE, Apart, Scheduler

MOST_OPEN = 2 + SPARE


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def scheduler(stage: Stage) -> Iterator[Scheduler[str]]:
    made: Scheduler[str] = Scheduler(stage.open, str, 1)
    yield made
    made.close()


def test_they_run_on_different_sandboxes(stage: Stage, scheduler: Scheduler[str]) -> None:
    apart = Apart()
    for _ in range(3):
        scheduler.run("a", job("a"), apart=apart)
    assert len({id(warm) for warm in apart.met}) == len(stage.sandboxes) == 3
    for _ in range(3):
        scheduler.run("a", job("a"), apart=Apart())
    assert len(stage.sandboxes) == 3, "others take any of them"


def test_they_never_meet_however_few_sandboxes_may_be_open(stage: Stage, scheduler: Scheduler[str]) -> None:
    apart = Apart()
    for _ in range(MOST_OPEN + 2):
        scheduler.run("a", job("a"), apart=apart)
    assert len({id(warm) for warm in apart.met}) == len(stage.sandboxes) == MOST_OPEN + 2
    assert len(stage.closed) == 2
