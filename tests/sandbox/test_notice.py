"""Where jobs cannot mount, whoever opens sandboxes hears once that what is masked can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandboxes import LIMITS, CopyingHost, opened
from ttc_data.environments.host import EnvironmentStore, LocalHost
from ttc_data.sources.trees import TreeStore


@pytest.mark.local
@pytest.mark.parametrize(("kind", "times"), [("copying", 1), ("local", 0)])
def test_it_is_said_once_and_only_there(tmp_path: Path, kind: str, times: int) -> None:
    said: list[str] = []
    with opened(kind, tmp_path) as place:
        store = EnvironmentStore(tmp_path / "environments", TreeStore(tmp_path / "trees"), 1 << 30)
        host = (LocalHost if kind == "local" else CopyingHost)(store, LIMITS, said.append)
        for _ in range(2):
            host.open(place.environment).close()
    assert len(said) == times
    assert all("copy of the tree" in line and "threat-model.md" in line for line in said)
