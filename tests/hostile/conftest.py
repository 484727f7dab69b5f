"""A sandbox that is opened again after a technique that broke it: one finding must not hide the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from tests.sandboxes import Place
from ttc_data.errors import SandboxLost
from ttc_data.sandbox.protocol import Inexact, Job, Report, Sandbox


class Reopened:
    """The sandbox of a transport: each job meets what the one before left, until it is lost."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._sandbox = place.open()
        self._lost = False

    def whole(self) -> Reopened:
        """Itself, opened again if need be."""
        if self._lost:
            self.close()
            self._sandbox, self._lost = self._place.open(), False
        return self

    def run(self, job: Job) -> Report:
        try:
            return self._sandbox.run(job)
        except SandboxLost:
            self._lost = True
            raise

    def run_versions(self, job: Job, versions: Sequence[Mapping[str, str]]) -> list[Report | Inexact]:
        return self._sandbox.run_versions(job, versions)

    def close(self) -> None:
        self._sandbox.close()


@pytest.fixture(scope="session")
def reopened(place: Place) -> Iterator[Reopened]:
    opened = Reopened(place)
    yield opened
    opened.close()


@pytest.fixture
def sandbox(reopened: Reopened) -> Sandbox:
    """The warm sandbox of each transport, of the hostile tests alone."""
    return reopened.whole()
