"""The session with a row's twins: what is laid over the tree, what is run, and which edits the reference fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ttc_data.errors import DatasetError
from ttc_data.evidence.tripwires import Proposal, altered, function_of, renamed
from ttc_data.grading import twin_defect
from ttc_data.records import Tripwire
from ttc_data.sandbox.judging import BROKEN
from ttc_data.sandbox.protocol import Report

MOST_SESSIONS = 4
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


def find_tripwires(
    proposals: Sequence[Proposal], fail_to_pass: Sequence[str], most: int, run: RunTwin
) -> tuple[Tripwire, ...]:
    """Run proposed edits on the reference, some at once, and keep those that make their tests fail.

    What is returned was seen in one session with nothing else altered: each of its tests failed, every other test of
    `fail_to_pass` passed.

    Args:
        proposals: best first.
        fail_to_pass: the row's.
        most: keep so many.
        run: a session on the reference.
    """
    left = list(proposals)
    held: tuple[Tripwire, ...] = ()
    seen_alone = True
    at_once = most
    for _ in range(MOST_SESSIONS):
        new = _next(left, held, min(at_once, most - len(held)))
        if not new:
            break
        trial = (*held, *(one.tripwire for one in new))
        more = {test: edit for edit in trial for test in renamed(edit, fail_to_pass)}
        report = run(trial, list(more))
        seen = _seen(held, new, report, fail_to_pass)
        if len(seen) >= len(held) and not twin_defect(report, seen, fail_to_pass):
            seen_alone = len(seen) == len(trial) if len(seen) > len(held) else seen_alone
            held = seen
        elif len(new) > 1:
            at_once = 1  # one of them breaks the session, or fails tests of other functions too
            continue
        left = [one for one in left if one not in new]
    if held and not seen_alone and twin_defect(run(held, ids(held)), held, fail_to_pass):
        return ()
    return held


def ids(tripwires: Sequence[Tripwire]) -> list[str]:
    """The tests that tripwires name."""
    return list(dict.fromkeys(test for edit in tripwires for test in edit.tests))


def _next(left: Sequence[Proposal], held: Sequence[Tripwire], most: int) -> list[Proposal]:
    """The best proposals, no two in one function."""
    taken = {function_of(test) for test in ids(held)}
    chosen: list[Proposal] = []
    for one in left:
        if len(chosen) < most and one.function not in taken:
            chosen.append(one)
            taken.add(one.function)
    return chosen


def _seen(
    held: Sequence[Tripwire], new: Sequence[Proposal], report: Report, fail_to_pass: Sequence[str]
) -> tuple[Tripwire, ...]:
    """The edits that failed a test, with those tests: of an edit's own function, where there are several edits."""
    told = {test.id for test in report.tests}
    failed = [test.id for test in report.tests if test.outcome in BROKEN and test.id not in ids(held)]
    gone = [test for test in fail_to_pass if test not in told and not any(test in edit.renamed for edit in held)]
    found = list(held)
    for one in new:
        known = {*fail_to_pass, *renamed(one.tripwire, fail_to_pass)}
        mine = [test for test in failed if test in known and (len(new) == 1 or function_of(test) == one.function)]
        absent = [test for test in gone if function_of(test) == one.function]
        if mine:
            found.append(replace(one.tripwire, tests=tuple(sorted(mine)), renamed=tuple(absent)))
    return tuple(found)
