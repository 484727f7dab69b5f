"""The contract holds for one kind more than there are transports: where a kernel does not let a sandbox mount."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandboxes import DOCKER, LOCAL, Place, opened

COPYING = pytest.param("copying", id="local, copying", marks=pytest.mark.local)


@pytest.fixture(scope="session", params=[LOCAL, COPYING, DOCKER])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The environment on one kind of sandbox after the other."""
    with opened(request.param, tmp_path_factory.mktemp("sandboxes")) as place:
        yield place
