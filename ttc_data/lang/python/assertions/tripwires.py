"""Altered twins of deciding tests: one expectation changed in place, so that whoever computes the answer fails.

A twin is the test file with small edits; it is read, proposed and applied as text. The edits are sound: a solution
that passes the test as written fails its twin, whatever way it computes the answer. What goes into the target's own
call is never changed, because that would ask another question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ttc_data.errors import DatasetError
from ttc_data.lang.python import syntax
from ttc_data.lang.python.assertions.alterations import literal_value
from ttc_data.lang.python.assertions.examples import example_edits
from ttc_data.lang.python.assertions.expectations import TestFile
from ttc_data.lang.python.assertions.scopes import escaped
from ttc_data.lang.python.doctests import FOLDER
from ttc_data.records import Tripwire

MOST_A_TEST = 8
"""Proposals: those that follow have never been needed."""
MOST_READ = 8
"""Test files that are kept parsed: a proof asks for edits of the same tests three times."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit that may become a tripwire: the reference has not been seen to fail it yet."""

    rank: int
    """The smaller, the more it shows: 0 is another literal in a comparison of what the target gave."""
    function: str
    """The test's id without parameters; two edits of one session are not in the same one."""
    tripwire: Tripwire
    """Without tests."""


def propose(text: str, tests: Sequence[str], target: str) -> list[Proposal]:
    """Find the edits that could make a twin of one of some tests.

    Args:
        text: of the test file.
        tests: ids of tests in it, the most specific first.
        target: qualified name of what they decide.

    Returns:
        Proposals, best first; the same for the same arguments. None for a file that does not parse, and for ids whose
        function does not stand in it.
    """
    found: list[Proposal] = []
    try:
        path = tests[0].partition("::")[0] if tests else ""
        source = text.encode("utf-8", "surrogatepass")
        name = target.rpartition(".")[2]
        if path.startswith(f"{FOLDER}/"):
            edits = [(rank, edit) for rank, edit in example_edits(source, path, name)]
            return [Proposal(rank, tests[0], edit) for rank, edit in edits[:MOST_A_TEST]]
        file = _read(source, path, target)
        for test in tests:
            found += file.proposals(test)
    except (SyntaxError, RecursionError):  # what Python cannot read, pytest could not either
        return []
    best: dict[Tripwire, Proposal] = {}
    for one in sorted(found, key=lambda one: one.rank):
        best.setdefault(one.tripwire, one)
    return list(best.values())


class _Read:
    """A parsed test file, and what was found in it so far."""

    def __init__(self, source: bytes, path: str, target: str) -> None:
        self.file = TestFile(source, path, target)
        self.found: dict[str, tuple[Proposal, ...]] = {}

    def proposals(self, test: str) -> tuple[Proposal, ...]:
        """The best edits of one test."""
        if test not in self.found:
            edits = sorted(self.file.edits(test), key=lambda one: one[0])
            function = function_of(test)
            self.found[test] = tuple(Proposal(rank, function, edit) for rank, edit in edits[:MOST_A_TEST])
        return self.found[test]


@lru_cache(maxsize=MOST_READ)
def _read(source: bytes, path: str, target: str) -> _Read:
    """A test file, which proofs of the same target share."""
    return _Read(source, path, target)


def function_of(test: str) -> str:
    """A test's id without its parameters."""
    return test.partition("[")[0]


def altered(text: str, tripwires: Iterable[Tripwire]) -> str:
    """Apply edits of one file.

    Raises:
        DatasetError: what an edit replaces does not stand there.
    """
    source = text.encode("utf-8", "surrogatepass")
    starts = syntax.line_starts(source)
    end = len(source)
    pieces: list[bytes] = []
    for edit in sorted(tripwires, key=lambda one: (one.line, one.column), reverse=True):
        old = edit.old.encode("utf-8", "surrogatepass")
        at = starts[edit.line - 1] + edit.column if 0 < edit.line <= len(starts) else end
        if not old or at + len(old) > end or source[at : at + len(old)] != old:
            raise DatasetError(
                f"{edit.path}:{edit.line}: a tripwire replaces {edit.old!r} at byte {edit.column}, which does not stand"
                " there; fetch the dataset again"
            )
        pieces += [source[at + len(old) : end], edit.new.encode("utf-8", "surrogatepass")]
        end = at
    pieces.append(source[:end])
    return b"".join(reversed(pieces)).decode("utf-8", "surrogatepass")


def renamed(edit: Tripwire, tests: Iterable[str]) -> list[str]:
    """The ids that parametrised tests may have after an edit: pytest makes them of the parameters."""
    found = _parameters(edit.old, edit.new)
    if found is None:
        return []
    pattern, new = found
    return [f"{test[: at.start()]}{new}{test[at.end() :]}" for test in tests for at in pattern.finditer(test)]


def is_renamed(edit: Tripwire, test: str) -> bool:
    """Whether a parametrised test may have another id after an edit."""
    found = _parameters(edit.old, edit.new)
    return found is not None and found[0].search(test) is not None


@lru_cache(maxsize=1024)
def _parameters(old: str, new: str) -> tuple[re.Pattern[str], str] | None:
    """Return a pattern for the old value in a test's id, and the new value; None if an id cannot hold them."""
    before, after = literal_value(old), literal_value(new)
    if before is None or after is None:
        return None
    return re.compile(rf"(?<=[\[-]){re.escape(escaped(before))}(?=[\]-])"), escaped(after)
