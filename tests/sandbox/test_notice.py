"""What jobs share where a kernel or an engine does not let them have their own: it is named, and training does without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandboxes import DOCKER, LIMITS, CopyingHost, Place, copying_arguments, opened, outcomes, session
from ttc_data.cache import Cache
from ttc_data.errors import SandboxUnavailable
from ttc_data.hosts.host import DockerHost, EnvironmentStore, LocalHost
from ttc_data.hosts.open import open_host
from ttc_data.recipe import Recipe
from ttc_data.rules import PypiSource
from ttc_data.sandbox import docker, local
from ttc_data.sandbox.inside.spaces import FILES, SPACES
from ttc_data.sandbox.stream import StreamSandbox, runner_arguments
from ttc_data.trees.store import TreeStore

PLAIN = "def test_it():\n    assert open('/testbed/calc/core.py').read()\n"


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
    assert all(", ".join((FILES, *SPACES)) in line and "threat-model.md" in line for line in said)


@pytest.mark.local
@pytest.mark.parametrize("missing", SPACES)
def test_jobs_run_without_what_cannot_be_had_and_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    def without(*given: Any, **named: Any) -> list[str]:
        *program, config = runner_arguments(*given, **named)
        return [*program, json.dumps({**json.loads(config), "spaces": [space for space in SPACES if space != missing]})]

    with opened("local", tmp_path) as place:
        monkeypatch.setattr(local, "runner_arguments", without)
        sandbox = place.open()
        try:
            assert isinstance(sandbox, StreamSandbox)
            assert sandbox.shared == (missing,)
            for _ in range(2):
                assert outcomes(sandbox.run(session(PLAIN))) == {"test_it": "passed"}
        finally:
            sandbox.close()


@pytest.mark.parametrize("place", [DOCKER], indirect=True)
def test_an_engine_that_covers_parts_of_proc_is_found_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Docker does by default, and others whatever is asked for."""
    monkeypatch.setattr(docker, "WHOLE_PROC", {})
    assert isinstance(place.host, DockerHost)
    assert place.host.shared() == ("processes", "network")
    sandbox = place.open()
    try:
        assert outcomes(sandbox.run(session(PLAIN))) == {"test_it": "passed"}
    finally:
        sandbox.close()


@pytest.mark.local
def test_training_refuses_what_is_shared_unless_it_is_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, recipe = Cache(tmp_path), Recipe(sources=(PypiSource(projects=("calc",)),))
    open_host("local", cache=cache, recipe=recipe, say=print, own=True).close()
    monkeypatch.setattr(local, "runner_arguments", copying_arguments)
    open_host("local", cache=cache, recipe=recipe, say=print).close()
    with pytest.raises(SandboxUnavailable, match="shared_sandbox: true"):
        open_host("local", cache=cache, recipe=recipe, say=print, own=True)
