"""Tests that share what is costly to make run in one process, and nothing that is named for it has moved away."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spread import BY_TRANSPORT, LONGEST, ONE_SET, sort_longest_first, together

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/test_store.py::test_a[local]", "tests/test_store.py"),
        ("tests/train/test_rules.py::test_a", "tests/train"),
        ("tests/contract/test_life.py::test_a[local]", "tests/contract local"),
        ("tests/contract/test_life.py::test_a[local, copying-no timer]", "tests/contract local, copying"),
        ("tests/hostile/test_escape.py::test_a[docker-local]", "tests/hostile docker"),
        ("tests/hostile/test_twins.py::test_a", "tests/hostile/test_twins.py"),
        ("tests/test_build.py::test_a[docker-reads_the_test]", "tests/test_build.py docker"),
        ("tests/test_build.py::test_a", "tests/test_build.py"),
    ],
)
def test_a_test_stays_with_those_that_share_its_set_or_its_sandbox(test: str, group: str) -> None:
    assert together(test) == group


def test_the_longest_come_first_and_all_else_as_it_was_found(request: pytest.FixtureRequest) -> None:
    items = list(request.session.items)
    places = {item.nodeid: place for place, item in enumerate(items)}
    sort_longest_first(items)
    ranks = [
        LONGEST.index(group) if group in LONGEST else len(LONGEST) for group in (together(i.nodeid) for i in items)
    ]
    assert ranks == sorted(ranks)
    ranked = [(rank, places[item.nodeid]) for rank, item in zip(ranks, items, strict=True)]
    assert ranked == sorted(ranked)


@pytest.mark.parametrize("name", sorted({*ONE_SET, *BY_TRANSPORT, *LONGEST}))
def test_what_is_named_for_its_length_or_what_it_shares_is_there(name: str) -> None:
    """What moves takes its name along: else its tests come last, and share nothing."""
    assert (ROOT / name.partition(" ")[0]).exists()
