"""The smallest choice of tests that still notices every change."""

from __future__ import annotations

from collections.abc import Sequence


def fewest(tests: Sequence[str], notices: Sequence[frozenset[str]], redundancy: int) -> tuple[str, ...]:
    """Choose tests so that each change is noticed as often as by all of them, up to `redundancy` times.

    Greedy: next comes the test that adds most, of equals the first one.

    Args:
        tests: the most specific first.
        notices: for each change, the tests that notice it.
        redundancy: at least 1.

    Returns:
        In the order of `tests`; all of them where there is no change to notice.
    """
    known = frozenset(tests)
    wanted = [(noticed & known, min(redundancy, len(noticed & known))) for noticed in notices]
    wanted = [(noticed, count) for noticed, count in wanted if count]
    if not wanted:
        return tuple(tests)
    chosen: list[str] = []
    while wanted:
        left = [test for test in tests if test not in chosen]
        best = max(left, key=lambda test: sum(test in noticed for noticed, _ in wanted))
        chosen.append(best)
        wanted = [(noticed, count - (best in noticed)) for noticed, count in wanted]
        wanted = [(noticed, count) for noticed, count in wanted if count]
    return tuple(test for test in tests if test in chosen)
