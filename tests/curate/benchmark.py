"""A benchmark of our own: texts of real ones are not part of the project."""

from __future__ import annotations

from ttc_data.curate.fingerprints import Fingerprint, fingerprint

PROBLEM = '''\
from typing import List


def longest_plateau(heights: List[int], tolerance: int) -> int:
    """Given the heights along a walk, say how many steps the longest stretch has whose heights differ by no more
    than the tolerance from the height at which the stretch begins.

    >>> longest_plateau([1, 1, 2, 5, 5, 5], 0)
    3
    """
    best = 0
    for start, level in enumerate(heights):
        length = 0
        while start + length < len(heights) and abs(heights[start + length] - level) <= tolerance:
            length += 1
        if length > best:
            best = length
    return best
'''
BODY_ALONE = """\
def plateau(heights, tolerance):
    best = 0
    for start, level in enumerate(heights):
        length = 0
        while start + length < len(heights) and abs(heights[start + length] - level) <= tolerance:
            length += 1
        if length > best:
            best = length
    return best
"""
RENAMED = '''\
def widest(ys, eps):
    """Another text altogether."""
    m = 0
    for i, y0 in enumerate(ys):
        n = 0
        while i + n < len(ys) and abs(ys[i + n] - y0) <= eps:
            n += 1
        if n > m:
            m = n
    return m
'''
REFORMATTED = """\
def widest(
    ys,
    eps,
):
    m = (0)
    for (i, y0) in enumerate(ys):   # a remark
        n = 0
        while (
            i + n < len(ys)
            and abs(ys[i + n] - y0) <= eps
        ): n += 1
        if (n > m): m = n
    return (m)
"""
ANOTHER_WAY = """\
def widest(ys, eps):
    def reach(i):
        return next((j for j in range(i, len(ys)) if abs(ys[j] - ys[i]) > eps), len(ys)) - i
    return max(map(reach, range(len(ys))), default=0)
"""
RETOLD = "Along a hike, find the maximal number of consecutive samples that stay close enough to where they started."


def known() -> tuple[Fingerprint, ...]:
    return (fingerprint("Walks", "Walks/1", [PROBLEM], PROBLEM),)
