"""What an answer to a row must pass: the row's tests as they are, and once more with its tripwires in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ttc_data.evidence.twins import ids, twin_files
from ttc_data.grading import Grade, grade, unmask
from ttc_data.records import Tripwire
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, Report

Files = Mapping[str, str | None]
"""Path to text; None for a file that is removed."""


@dataclass(frozen=True)
class Exam:
    """The sessions of one row. What is run is given the same files under the same names in both of them."""

    fail_to_pass: Sequence[str]
    pass_to_pass: Sequence[str]
    tripwires: Sequence[Tripwire]
    own: Files
    """The test files that the row adds to its repository."""
    texts: Mapping[str, str]
    """Of the repository's test files, by path: those that tripwires lie in are among them."""
    args: tuple[str, ...]
    rules: TestRules

    def job(self, files: Files) -> Job:
        """The tests as they are, on what an answer makes of the tree."""
        # Files that tripwires lie in are laid over the tree though it has them: that must not tell the second session.
        same = {edit.path: self.texts[edit.path] for edit in self.tripwires if edit.path in self.texts}
        return self._job(files, {**same, **self.own}, self._tests)

    def twin_job(self, files: Files) -> Job:
        """The tests with the tripwires in them.

        Raises:
            DatasetError: what a tripwire replaces does not stand there.
        """
        gone = {test for edit in self.tripwires for test in edit.renamed}
        tests = dict.fromkeys((*(test for test in self._tests if test not in gone), *ids(self.tripwires)))
        texts = {**self.texts, **{path: text for path, text in self.own.items() if text is not None}}
        return self._job(files, {**self.own, **twin_files(self.tripwires, texts)}, tuple(tests))

    def grade(self, files: Files, run: Callable[[Job], Report], *, partly: bool = False) -> Grade:
        """Grade an answer: its session, and where that solves the row, the other one.

        Args:
            files: what the answer makes of the tree.
            run: runs a session.
            partly: the other one too where some of FAIL_TO_PASS pass: for who pays for these.

        Raises:
            DatasetError: what a tripwire replaces does not stand there.
            SandboxLost: the sandbox broke, which says nothing about the answer.
        """
        graded = grade(run(self.job(files)), self.fail_to_pass, self.pass_to_pass)
        if not self.tripwires or not (graded.passing if partly else graded.solved):
            return graded
        return unmask(graded, run(self.twin_job(files)), self.tripwires)

    @property
    def _tests(self) -> tuple[str, ...]:
        return (*self.fail_to_pass, *self.pass_to_pass)

    def _job(self, files: Files, hidden: Files, tests: tuple[str, ...]) -> Job:
        return Job(
            test_files=tuple(dict.fromkeys(test.partition("::")[0] for test in self._tests)),
            tests=tests,
            files={**files, **hidden},
            args=self.args,
            timeout_s=self.rules.sample_timeout_s,
            test_timeout_s=self.rules.test_timeout_s,
        )
