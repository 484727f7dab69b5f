"""No channel of `known/` carries a bit from one job to the next, on any transport.

A channel that stands out by chance, as one of a hundred does, is tried again alone; one that carries anything worth the name
stands out each time. With 100 trials a channel that is right in 70 of 100 cases is found 19 times out of 20; one that takes
turns with three others, and so has 24 trials, when it is right in 90 of 100. `python -m tests.channels` makes 200.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channels.trials import CHANCE, Channel, channels, tree, try_channels
from tests.sandboxes import DOCKER, LOCAL, TREE, Place, opened
from ttc_data.sandbox.protocol import Sandbox

TRIALS, ALONE = 100, 200
AGAIN = ("once more", "and again")
# Found by anybody who looks, where jobs have the sandbox's namespaces in common.
SHARED = ("loopback_packets", "process_number", "protocol_counters", "time_wait")


@pytest.fixture(scope="module", params=[LOCAL, DOCKER])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A transport whose tree holds the channels."""
    with opened(request.param, tmp_path_factory.mktemp("channels"), {**TREE, **tree()}) as place:
        yield place


@pytest.fixture(scope="module")
def tried(place: Place) -> dict[str, Channel]:
    """Every channel that the kernel lets us close, after its trials."""
    found = [channel for channel in channels() if not channel.open]
    try_channels(place.warm(), found, TRIALS, "channels")
    return {channel.name: channel for channel in found}


def carries(sandbox: Sandbox, name: str) -> bool:
    """Whether a channel stands out each time, alone."""
    for seed in AGAIN:
        (alone,) = channels([name])
        try_channels(sandbox, [alone], ALONE, seed)
        if alone.chance > CHANCE:
            return False
    return True


@pytest.mark.parametrize("name", [channel.name for channel in channels() if not channel.open])
def test_the_next_job_cannot_tell_what_the_last_one_left(place: Place, tried: dict[str, Channel], name: str) -> None:
    channel = tried[name]
    assert not channel.broken
    if channel.chance <= CHANCE:
        assert not carries(place.warm(), name), f"{channel.right} of {len(channel.bits)} bits were guessed right"


def test_every_kind_of_state_is_tried() -> None:
    assert len(channels()) >= 25


@pytest.mark.local
def test_the_trials_find_a_channel_where_there_is_one(tmp_path: Path) -> None:
    """In a sandbox whose jobs share its namespaces: else the trials above would show nothing."""
    with opened("copying", tmp_path, {**TREE, **tree()}) as place:
        for name in SHARED:
            (channel,) = channels([name])
            try_channels(place.warm(), [channel], 20, "shared")
            assert channel.chance <= CHANCE, name
