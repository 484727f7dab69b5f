"""What checks find, and what of it is allowed."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from ttc_data.errors import RecipeError

CHECKS = ("schema", "ids", "splits", "licence", "proof", "secrets", "contamination", "card", "sizes")
KEPT = 100
"""Findings of one check that are listed, of the allowed and of the others; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks against publishing a set."""

    check: str
    detail: str
    """One line, without the secret that it may be about."""
    allowed: bool
    """The set may be published in spite of it, and its card says so."""


class Findings:
    """Collects findings in bounded memory.

    Args:
        allow: `CHECK` for all findings of a check, `CHECK:TEXT` for those whose detail holds the text.

    Raises:
        RecipeError: a check that there is none of.
    """

    def __init__(self, allow: Collection[str] = ()) -> None:
        self._rules = [_rule(one) for one in allow]
        self._kept: list[Finding] = []
        self._counts: Counter[tuple[str, bool]] = Counter()

    def add(self, check: str, detail: str, *, allowed: bool = False) -> None:
        """Note one; `allowed` where it is allowed whatever was asked for."""
        allowed = allowed or any(name == check and text in detail for name, text in self._rules)
        self._counts[check, allowed] += 1
        if self._counts[check, allowed] <= KEPT:
            self._kept.append(Finding(check, detail, allowed))

    def listed(self) -> list[Finding]:
        """All of them in the checks' order, and a last one for those that were only counted."""
        more = [
            Finding(check, f"and {count - KEPT} more", allowed)
            for (check, allowed), count in self._counts.items()
            if count > KEPT
        ]
        return sorted([*self._kept, *more], key=lambda one: (CHECKS.index(one.check), one.allowed))


def _rule(text: str) -> tuple[str, str]:
    name, _, held = text.partition(":")
    if name not in CHECKS:
        near = difflib.get_close_matches(name, CHECKS, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RecipeError(f"allow {text!r}: no check {name!r}; {hint}there are {', '.join(CHECKS)}")
    return name, held
