"""The kernel counts sessions for the whole machine: a job makes some, and what it made shows to nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandboxes import DOCKER, LOCAL, Place, opened, outcomes, session

SESSIONS = """
import subprocess


def test_some():
    for _ in range(11):
        subprocess.run(["true"], start_new_session=True, check=True)


def test_one_more():
    try:
        subprocess.run(["true"], start_new_session=True, check=True)
    except PermissionError:
        return
    raise AssertionError("a session too many")
"""


@pytest.fixture(params=[LOCAL, DOCKER])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with opened(request.param, tmp_path_factory.mktemp("sessions")) as place:
        yield place


def test_each_job_makes_eleven_sessions_and_no_more(place: Place) -> None:
    """To even the count out costs something for each; how many the job before it made is of no matter."""
    for _ in range(2):
        report = place.warm().run(session(SESSIONS))
        assert outcomes(report) == {"test_some": "passed", "test_one_more": "passed"}, report.tests
