"""The session with a row's twins: what is laid over the tree, what is run, and which edits the reference fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from random import Random

from ttc_data.errors import DatasetError, RowUnfit
from ttc_data.lang.python.assertions.places import every_exception, replaced
from ttc_data.lang.python.assertions.siblings import Siblings
from ttc_data.lang.python.assertions.tripwires import Proposal, altered, function_of, is_renamed, renamed
from ttc_data.records import Tripwire
from ttc_data.sandbox.judging import BROKEN, COUNTS_AS_PASSED, session_defect
from ttc_data.sandbox.protocol import Report

MOST_SESSIONS = 4
MOST_PROOFS = 2
TRIES = 8
RunTwin = Callable[[Sequence[Tripwire], Sequence[str]], Report]
"""Runs the reference with some edits made, and test ids beside those of the row."""


def twin_files(tripwires: Sequence[Tripwire], texts: Mapping[str, str]) -> dict[str, str]:
    """The test files with all of a row's tripwires in them.

    Args:
        tripwires: of the row.
        texts: of the test files as they are, by path.

    Raises:
        DatasetError: what an edit replaces does not stand there.
    """
    files: dict[str, str] = {}
    for path in dict.fromkeys(edit.path for edit in tripwires):
        if path not in texts:
            raise DatasetError(f"{path}: a tripwire is in it, and there is no such file; fetch the dataset again")
        files[path] = altered(texts[path], [edit for edit in tripwires if edit.path == path])
    return files


def draw(
    tripwires: Sequence[Tripwire], texts: Mapping[str, str], random: Random, tests: Sequence[str]
) -> tuple[Tripwire, ...]:
    """Put something else in the places of tripwires: as natural as what is published, and failed by the same answers.

    Args:
        tripwires: of a row.
        texts: of the test files as they are, by path.
        random: chooses; nothing else does.
        tests: ids of the row's tests: none is given to another test whose parameter changes.

    Returns:
        The same places in the same order. Where there is no other text, as for a claim turned round, the tripwire as it is.

    Raises:
        DatasetError: a tripwire's file is not there, or cannot be read.
    """
    taken = {*tests, *ids(tripwires)}
    drawn: list[Tripwire] = []
    for edit in tripwires:
        file = _siblings(edit, texts)
        found = edit
        for _ in range(TRIES):
            other = replaced(edit, file, random)
            named = _named(edit, other, taken) if other is not None else None
            if named is not None:
                found = named
                break
        taken |= set(found.tests)
        drawn.append(found)
    return tuple(drawn)


def _siblings(edit: Tripwire, texts: Mapping[str, str]) -> Siblings:
    try:
        return Siblings.of(texts[edit.path].encode("utf-8", "surrogatepass"))
    except (KeyError, SyntaxError, RecursionError) as error:
        raise RowUnfit(
            f"{edit.path}: a tripwire is in it, and it is no file that can be read ({error!r}); fetch the dataset again"
        ) from error


def _named(edit: Tripwire, other: Tripwire, taken: AbstractSet[str]) -> Tripwire | None:
    """The edit with another text, and the ids that its tests have then; None where another test has one of them."""
    follow: dict[str, str] = {}
    for test in edit.renamed:
        pairs = zip(renamed(edit, [test]), renamed(other, [test]), strict=False)
        follow |= {before: after for before, after in pairs if before in edit.tests}
    if (edit.renamed and not follow) or not taken.isdisjoint(set(follow.values()) - set(edit.tests)):
        return None
    return replace(other, tests=tuple(sorted(follow.get(test, test) for test in edit.tests)))


def find_tripwires(
    proposals: Sequence[Proposal], tests: Sequence[str], most: int, run: RunTwin, texts: Mapping[str, str]
) -> tuple[Tripwire, ...]:
    """Run proposed edits on the reference, several at once, and keep those that make their tests fail.

    Each place that is returned was seen with two replacements, the last time with nothing else altered: each of its tests
    failed, every other test of `tests` passed. Of an exception, all that may ever be drawn were seen at once.

    Args:
        proposals: best first.
        tests: the row's: those that decide, and those that must go on passing.
        most: keep so many.
        run: a session on the reference.
        texts: of the test files as they are, by path.
    """
    left = list(proposals)
    held: tuple[Tripwire, ...] = ()
    at_once = most
    for _ in range(MOST_SESSIONS):
        new = _next(left, held, min(at_once, most - len(held)), tests)
        if not new:
            break
        trial = (*held, *(one.tripwire for one in new))
        more = {test: edit for edit in trial for test in renamed(edit, tests)}
        report = run([every_exception(edit, _siblings(edit, texts)) for edit in trial], list(more))
        seen = _seen(held, new, report, tests)
        if len(seen) >= len(held) and _hold(report, seen, tests):
            held = seen
        elif len(new) > 1:
            at_once = len(new) // 2  # one of them breaks the session, or fails tests of other functions too
            continue
        left = [one for one in left if one not in new]
    for _ in range(MOST_PROOFS):
        if not held:
            break
        random = Random("\n".join(f"{edit.path}:{edit.line}:{edit.column}:{edit.new}" for edit in held))
        others = [
            edit if edit.kind == "exception" else other
            for edit, other in zip(held, draw(held, texts, random, tests), strict=True)
        ]
        report = run(others, ids(others))
        if _hold(report, others, tests):
            return held
        outcomes = {test.id: test.outcome for test in report.tests}
        held = tuple(
            edit
            for edit, other in zip(held, others, strict=True)
            if all(outcomes.get(test) in BROKEN for test in other.tests)
        )
    return ()


def tried_first(proposals: Sequence[Proposal], tests: Sequence[str], most: int) -> tuple[str, ...]:
    """The tests whose expectations `find_tripwires` alters in its first session: maybe more, of their functions."""
    functions = {one.function for one in _next(proposals, (), most, tests)}
    return tuple(test for test in tests if function_of(test) in functions)


def ids(tripwires: Sequence[Tripwire]) -> list[str]:
    """The tests that tripwires name."""
    return list(dict.fromkeys(test for edit in tripwires for test in edit.tests))


def _next(left: Sequence[Proposal], held: Sequence[Tripwire], most: int, tests: Sequence[str]) -> list[Proposal]:
    """The best proposals: one of each function, then further ones whose tests are told apart by their ids."""
    taken = {function_of(test) for test in ids(held)}
    rows = {test for edit in held for test in edit.renamed}
    chosen: list[Proposal] = []
    for apart in (False, True):
        for one in left:
            changed = _ids_lost(one.tripwire, tests)
            free = bool(changed) and rows.isdisjoint(changed) if apart else one.function not in taken
            if len(chosen) < most and one not in chosen and free:
                chosen.append(one)
                taken.add(one.function)
                rows |= changed
    return chosen


def _ids_lost(edit: Tripwire, tests: Sequence[str]) -> set[str]:
    """The tests that have another id, perhaps, where an edit is made."""
    return {test for test in tests if is_renamed(edit, test)}


def _seen(
    held: Sequence[Tripwire], new: Sequence[Proposal], report: Report, tests: Sequence[str]
) -> tuple[Tripwire, ...]:
    """The edits that failed a test, with those tests: of an edit's own function, where there are several edits."""
    told = {test.id for test in report.tests}
    failed = [test.id for test in report.tests if test.outcome in BROKEN and test.id not in ids(held)]
    gone = [test for test in tests if test not in told and not any(test in edit.renamed for edit in held)]
    found = list(held)
    for one in new:
        others = [other for other in new if other is not one and other.function == one.function]
        named = set(renamed(one.tripwire, tests))
        known = named if others else {*tests, *named}
        mine = [test for test in failed if test in known and (len(new) == 1 or function_of(test) == one.function)]
        absent = [
            test
            for test in gone
            if function_of(test) == one.function and not set(mine).isdisjoint(renamed(one.tripwire, [test]))
        ]
        if mine:
            found.append(replace(one.tripwire, tests=tuple(sorted(mine)), renamed=tuple(absent)))
    return tuple(found)


def _hold(report: Report, tripwires: Sequence[Tripwire], tests: Sequence[str]) -> bool:
    """Whether a session of the reference with all tripwires in place went as it must.

    The tests that the tripwires name fail, every other one passes, and the session ends as pytest ends after a failure.
    """
    outcomes = {test.id: test.outcome for test in report.tests}
    must_fail = {test for edit in tripwires for test in edit.tests}
    gone = {test for edit in tripwires for test in edit.renamed}
    return (
        not session_defect(report)
        and (report.exit == 1 or not must_fail)
        and all(outcomes.get(test) in BROKEN for test in must_fail)
        and all(outcomes.get(test) in COUNTS_AS_PASSED for test in tests if test not in must_fail | gone)
    )
