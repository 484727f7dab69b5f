"""What an answer to a row must pass: a first look, then all tests in two sessions, each with some expectations altered.

The two sessions look alike: both hold a random part of the tests, some as written and some altered, and what is altered in
one stands as written in the other. Nothing but the right answer tells which is which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from random import Random

from ttc_data.edits import apply_patch
from ttc_data.errors import PatchRejected
from ttc_data.evidence.twins import draw, ids, twin_files
from ttc_data.lang.python.trivial import is_trivial
from ttc_data.records import Baseline, Tripwire
from ttc_data.row import Row
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job
from ttc_data.solve.answer import read_patch

Files = Mapping[str, str | None]
"""Path to text; None for a file that is removed."""
PATCHES_HELD = 1_024


@dataclass(frozen=True, slots=True)
class Session:
    """One session of a task, whatever the answer, and what it must show."""

    tests: tuple[str, ...]
    """What is run."""
    must_pass: tuple[str, ...]
    altered: tuple[Tripwire, ...] = ()
    """The edits in its test files: whoever computes the answer fails their tests."""

    @property
    def must_fail(self) -> tuple[str, ...]:
        """The tests that an edit alters."""
        return tuple(ids(self.altered))


@dataclass(frozen=True)
class Task:
    """The tests of one row, ready to be laid over an answer's tree."""

    instance_id: str
    path: str
    qualname: str
    given: Mapping[str, str]
    """What the solver is given: path to text."""
    patch: str
    """From there to the reference."""
    fail_to_pass: Sequence[str]
    pass_to_pass: Sequence[str]
    first_look: Sequence[str]
    """Of `fail_to_pass`, the few that notice as much as all of them did; empty in older sets, where all are looked at."""
    tripwires: Sequence[Tripwire]
    own: Files
    """The test files that the row adds to its repository."""
    texts: Mapping[str, str]
    """Of the repository's test files, by path: those that tripwires lie in are among them."""
    args: tuple[str, ...]
    rules: TestRules
    baselines: Sequence[Baseline] = field(default=())

    @property
    def tests(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.fail_to_pass, *self.pass_to_pass)

    @cached_property
    def reference(self) -> Files:
        """The files with the reference in them.

        Raises:
            PatchRejected: the row's patch does not fit its files.
        """
        return read_patch(self.patch, self.given).files

    def is_trivial(self, files: Files) -> bool:
        """Whether an answer is a trivial body, and the reference is none."""
        if not is_trivial(files.get(self.path) or "", self.qualname):
            return False
        return not is_trivial(self.reference.get(self.path) or "", self.qualname)

    @property
    def paying(self) -> tuple[str, ...]:
        """The deciding tests that no trivial body passes."""
        farmed = {test for baseline in self.baselines for test in baseline.passed}
        return tuple(test for test in self.fail_to_pass if test not in farmed)

    @cached_property
    def look(self) -> Session:
        """The first look: few tests, as written."""
        tests = tuple(self.first_look) or tuple(self.fail_to_pass)
        return Session(tests, tests)

    @cached_property
    def as_written(self) -> Session:
        """All tests, none altered."""
        return Session(self.tests, self.tests)

    @cached_property
    def published(self) -> Session:
        """The tests that may be altered, each as the row was proven with."""
        here = {test for place in self.tripwires for test in _touched(place)}
        return self._session(self.tripwires, (), set(self.tests) - here)

    def halves(self, random: Random) -> tuple[Session, ...]:
        """The two sessions after the first look; one, with all tests as written, where the row has no place to alter.

        Args:
            random: decides what is altered, to what, and in which session.
        """
        drawn = list(draw(self.tripwires, self._texts, random, self.tests))
        random.shuffle(drawn)
        places: list[Tripwire] = []
        for place in drawn:  # each test stands as written in one of the sessions
            if not any(_touched(place) & _touched(other) for other in places):
                places.append(place)
        if not places:
            return (self.as_written,)
        half = (len(places) + random.randrange(2)) // 2
        touched = {test for place in places for test in _touched(place)}
        mixed = {place.path for place in places} | {_file_of(test) for test in touched}
        rest: tuple[set[str], set[str]] = (set(), set())
        sides: dict[str, int] = {}
        for test in self.tests:
            if test not in touched:
                # A file in which nothing is altered goes into one session as a whole: to import it takes longer than its tests.
                side = random.randrange(2) if _file_of(test) in mixed else sides.get(_file_of(test))
                if side is None:
                    side = sides[_file_of(test)] = random.randrange(2)
                rest[side].add(test)
        left, right = places[:half], places[half:]
        return self._session(left, right, rest[0]), self._session(right, left, rest[1])

    def _session(self, altered: Sequence[Tripwire], others: Sequence[Tripwire], rest: set[str]) -> Session:
        as_written = rest | {test for place in others for test in _touched(place)}
        here = {test for place in altered for test in _touched(place)}
        gone = {test for place in altered for test in place.renamed}
        # Altered tests stand where they stand as written: their order says nothing.
        named = [test for test in self.tests if test in as_written | here and test not in gone]
        must_pass = tuple(test for test in self.tests if test in as_written)
        return Session(tuple(dict.fromkeys((*named, *ids(altered)))), must_pass, tuple(altered))

    def job(self, session: Session, files: Files) -> Job:
        """A session on what an answer makes of the tree.

        Raises:
            DatasetError: what a tripwire replaces does not stand there.
        """
        # Files that could be altered are laid over the tree in every session: that must not tell one from another.
        same = {place.path: self.texts[place.path] for place in self.tripwires if place.path in self.texts}
        altered = twin_files(session.altered, self._texts)
        return Job(
            test_files=tuple(dict.fromkeys(map(_file_of, session.tests))),
            tests=session.tests,
            files={**self.given, **files, **same, **self.own, **altered},
            args=self.args,
            timeout_s=self.rules.sample_timeout_s,
            test_timeout_s=self.rules.test_timeout_s,
            properties="unshrunk",
        )

    @property
    def _texts(self) -> dict[str, str]:
        return {**self.texts, **{path: text for path, text in self.own.items() if text is not None}}


def _file_of(test: str) -> str:
    """The path in a test's id."""
    return test.partition("::")[0]


def _touched(place: Tripwire) -> set[str]:
    """The tests that an edit changes, under their old names and their new ones."""
    return {*place.tests, *place.renamed}


def task_of(row: Row, texts: Mapping[str, str], args: tuple[str, ...], rules: TestRules) -> Task:
    """The task of a published row.

    Args:
        row: as published.
        texts: of the repository's test files, by path.
        args: of its environment's pytest.
        rules: limits of a session.
    """
    return Task(
        row.instance_id,
        row.path,
        row.ttc_target,
        {file.path: file.text for file in row.ttc_files},
        row.patch,
        row.FAIL_TO_PASS,
        row.PASS_TO_PASS,
        row.ttc_first_look,
        row.ttc_tripwires,
        hidden_tests(row),
        texts,
        args,
        rules,
        row.ttc_baselines,
    )


def hidden_tests(row: Row) -> dict[str, str | None]:
    """The test files that a row adds to its repository.

    Raises:
        PatchRejected: the row's test patch does not add text files to nothing.
    """
    try:
        return dict(_added(row.test_patch)) if row.test_patch else {}
    except (PatchRejected, UnicodeDecodeError) as error:
        raise PatchRejected(f"row {row.instance_id!r}: test_patch: must add text files ({error})") from error


@lru_cache(PATCHES_HELD)
def _added(test_patch: str) -> Mapping[str, str | None]:
    """What a patch adds to nothing: git takes 20 ms to say so, and a row's sessions ask each time."""
    return {path: data.decode("utf-8") if data else None for path, data in apply_patch({}, test_patch).items()}


def reference_of(row: Row) -> Files:
    """A row's files with the reference in them.

    Raises:
        PatchRejected: the row's patch does not fit its files.
    """
    try:
        found = read_patch(row.patch, {file.path: file.text for file in row.ttc_files}).files
        if found.get(row.path) is None:
            raise PatchRejected(f"it does not change {row.path!r}")
        return found
    except PatchRejected as error:
        raise PatchRejected(
            f"row {row.instance_id!r}: patch: must change ttc_files to the reference ({error})"
        ) from error
