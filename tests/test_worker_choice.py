"""Which of the processes that prove samples gets the next one, and what they have lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from tests.scripted import environment
from tests.test_prove import RULES, case, sample
from ttc_data.cache import Cache
from ttc_data.errors import SandboxLost
from ttc_data.kinds.processes import Processes
from ttc_data.kinds.worker import Opening, Told
from ttc_data.prove import ProofCase
from ttc_data.recipe import Recipe
from ttc_data.rules import PypiSource

STARTED: list[Fake] = []
BOTH = Barrier(2, timeout=10)


class Fake:
    """Stands for a process: it notes what it is asked, waits for the other one over `both`, ends over `end`."""

    def __init__(self, opening: Opening) -> None:
        self.environment = ""
        self.lost = 0
        self.asked: list[tuple[str, str]] = []
        STARTED.append(self)

    def prove(self, case: ProofCase) -> Told | None:
        self.environment = case.environment.key
        name = case.sample.qualname
        self.asked.append((case.environment.repo, name))
        if name == "both":
            BOTH.wait()
        if name == "end":
            return None
        self.lost += 1
        return Told((), "", "", self.lost)

    def end(self) -> None:
        """Nothing."""

    def wait(self, seconds: float) -> int:
        return -9


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    monkeypatch.setattr("ttc_data.kinds.processes._Process", Fake)
    STARTED.clear()
    made = Processes(Recipe(sources=(PypiSource(projects=("calc",)),)), Cache(tmp_path), "local", 2)
    yield made
    made.close()


def of(repo: str, name: str) -> ProofCase:
    return replace(case(replace(sample(), qualname=name), RULES, {}), environment=replace(environment(), repo=repo))


def test_a_sample_goes_to_the_idle_process_that_has_its_environment(processes: Processes) -> None:
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda repo: list(processes.prove(of(repo, "both"))), ("a/a", "b/b")))
    for repo in ("a/a", "a/a", "b/b", "a/a", "b/b"):
        list(processes.prove(of(repo, "f")))
    assert len(STARTED) == 2
    assert all(len({repo for repo, _ in process.asked}) == 1 for process in STARTED)


def test_sandboxes_that_a_process_lost_are_counted_when_it_has_ended(processes: Processes) -> None:
    list(processes.prove(of("a/a", "f")))
    with pytest.raises(SandboxLost, match="ended with status -9"):
        list(processes.prove(of("a/a", "end")))
    assert processes.lost == 2
