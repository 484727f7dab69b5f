"""Which tests stay together in one process of `pytest --numprocesses`, and which are handed out first.

Tests of one file share what is costly to make, once a process. So do those of a folder that share one environment a transport,
by transport. The longest come first: else one process runs the last of them alone.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

# What they share is a set with its images, or a build with its rows.
ONE_SET = ("tests/publish/exports", "tests/train")
# What they share is an environment a transport.
BY_TRANSPORT = ("tests/test_build.py", "tests/channels", "tests/contract", "tests/hostile")
TRANSPORT = re.compile(r"\[(local, copying|local|docker)[]-]")
# Roughly from the longest on: some are measured (131, 49, 44 and 37 s of a processor for `test_model_build.py`, `test_build_told.py`,
# `test_fuzz.py` and `test_single_files.py`), the others guessed by their number of tests. What is not named comes as found.
LONGEST = (
    "tests/test_build.py docker",
    "tests/test_build.py local",
    "tests/channels docker",
    "tests/channels local",
    "tests/contract docker",
    "tests/hostile docker",
    "tests/train",
    "tests/hostile local",
    "tests/test_own_ways.py",
    "tests/test_model_build.py",
    "tests/test_build_told.py",
    "tests/foreign/test_fuzz.py",
    "tests/test_single_files.py",
    "tests/contract local",
    "tests/publish/exports",
    "tests/contract local, copying",
    "tests/channels/test_channels.py",
)


def together(test: str) -> str:
    """Name the tests that the one of this id stays with."""
    file, _, name = test.partition("::")
    folder = str(PurePosixPath(file).parent)
    if folder in ONE_SET:
        return folder
    shared = next((place for place in (file, folder) if place in BY_TRANSPORT), "")
    transport = TRANSPORT.search(name)
    return f"{shared} {transport[1]}" if shared and transport else file


def sort_longest_first(items: list[pytest.Item]) -> None:
    """Bring the tests of the longest groups to the front; all else stays in its order, by which fixtures are shared."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(together(item.nodeid), len(LONGEST)))


class Spread(LoadScopeScheduling):
    """Hands out the groups in the order of their first tests."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # else those of the most tests come first

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)
