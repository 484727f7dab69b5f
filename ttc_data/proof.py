"""Sample -> Evidence -> Verdict: what is published was seen to pass, and seen to fail without the reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ttc_data.edits import apply_patch
from ttc_data.evidence.stability import varied
from ttc_data.evidence.strength import RunVersions, Strength, fewest, measure, score
from ttc_data.evidence.suite import RunJob, last_lines
from ttc_data.evidence.tripwires import propose
from ttc_data.evidence.twins import find_tripwires, ids, twin_files
from ttc_data.grading import passed, session_defect
from ttc_data.records import (
    Environment,
    Evidence,
    FileText,
    GoldRun,
    Reject,
    Sample,
    Target,
    TestOrigin,
    Tripwire,
    Variation,
    Verdict,
)
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, Report

WEAK = frozenset(
    ("masked_passes", "stub_passes", "weak_tests", "no_test_reaches_it", "reference_fails", "tests_too_slow")
)
"""Reasons that other tests could do away with."""


class Calls(Protocol):
    """Made-up calls of the target, as `evidence.generated.calls.ProposedCalls`."""

    def tests(self) -> FileText | None:
        """A test file of what the reference does with them; None when nothing of it can be written down."""

    @property
    def told(self) -> tuple[int, int]:
        """How many of them a model proposed, and how many lines of its answer were dropped."""

    def alike(self, versions: Sequence[str]) -> list[bool]:
        """Of changes of the target's file, whether they do with every call what the reference does."""

    def telling(self, versions: Sequence[str]) -> FileText | None:
        """A test file of as few calls as tell such changes from the reference; None when no call does."""


@dataclass(frozen=True)
class Prover:
    """What the proof of a build's samples takes."""

    run: RunJob
    run_versions: RunVersions
    rules: TestRules
    seed: int


@dataclass(frozen=True)
class Case:
    """A sample to prove, and all that belongs to it."""

    sample: Sample
    target: Target
    environment: Environment
    variations: Sequence[Variation]
    """One for each run of the reference; the repository's suite passed under all of them."""
    texts: Mapping[str, str]
    """Of the environment's own test files, by path."""
    others: Mapping[str, str]
    """Of its other Python files, by path: where calls of the target may be found."""


def prove(case: Case, prover: Prover, calls: Calls | None = None) -> Iterator[Evidence | Reject]:
    """Run a sample's tests on the masked file, on the reference, and on changes of it.

    The tests that the masked file fails become FAIL_TO_PASS, those that it passes PASS_TO_PASS; a test that the
    reference does not pass every time is in neither. Of FAIL_TO_PASS as few are kept as notice the same changes of the
    target's body. The reference is put back the way an answer is: by applying the patch. Where the tests are too weak, or a
    mutant survives that a made-up call tells from the reference, others are written and it is all done again with both.

    Args:
        case: what is to be proven.
        prover: how.
        calls: where there are any, tests are written of them, and changes of the body that no test notices are tried
            on them.
    """
    attempt = _Attempt(case, prover, ())
    found = attempt.outcome()
    if isinstance(found, Reject) and found.reason in (WEAK | {f"tests_need_{case.sample.needs}"}) and calls:
        file = calls.tests()
        if file is not None:
            attempt = _Attempt(case, prover, (file,))
            again = attempt.outcome()
            found = again if isinstance(again, Evidence) or not case.sample.candidates else found
    taken, dropped = calls.told if calls else (0, 0)
    if isinstance(found, Evidence) and calls:
        mutants = attempt.strength.marked(found.mutants, calls.alike)
        found = _joined(attempt, replace(found, mutants=mutants), calls)
        found = replace(found, model_calls=taken, model_lines_dropped=dropped)
    elif isinstance(found, Reject) and (taken or dropped):
        found = replace(
            found, detail=f"{found.detail}; a model proposed {taken} calls, and {dropped} lines that are none"
        )
    yield found


def _joined(attempt: _Attempt, found: Evidence, calls: Calls) -> Evidence:
    """Prove a sample again with tests of the calls that tell surviving mutants from the reference, where any does.

    Args:
        attempt: the one that found it, with the repository's tests alone.
        found: its mutants marked.
        calls: of the target.

    Returns:
        The evidence with the tests that were written, when more mutants are noticed then; else what was found.
    """
    survivors = [number for number, mutant in enumerate(found.mutants) if mutant.fate == "survived"]
    if not survivors or attempt.more:
        return found
    file = calls.telling([attempt.strength.mutants[number][0].text for number in survivors])
    if file is None:
        return found
    second = _Attempt(attempt.case, attempt.prover, (file,))
    again = second.outcome()
    if not isinstance(again, Evidence) or score(again.mutants) <= score(found.mutants):
        return found
    return replace(again, mutants=second.strength.marked(again.mutants, calls.alike))


class _Attempt:
    """One way to prove a sample: with the tests that it has, and maybe others."""

    def __init__(self, case: Case, prover: Prover, more: Sequence[FileText]) -> None:
        self.case = case
        self.sample, self.environment, self.rules = case.sample, case.environment, prover.rules
        self.prover = prover
        self.more = {file.path for file in more}
        self.extra = {file.path: file.text for file in (*case.sample.tests, *more)}
        written = [test for file in more for test in ids_of(file)]
        self.candidates = (*case.sample.candidates, *written)
        self.reference = reference_file(case.sample)
        self.strength = Strength((), ())

    def outcome(self) -> Evidence | Reject:
        """The proof, or what is missing from it."""
        rules = self.rules
        if not self.candidates:
            needs = self.sample.needs
            return self.reject(f"tests_need_{needs}" if needs else "no_test_reaches_it", "no stable test runs its body")
        chosen = (*self.candidates, *self.sample.neighbours)
        masked = self.run(chosen, self.sample.masked)
        defect = session_defect(masked)
        if defect == "timeout":
            return self.reject("masked_times_out", f"after {rules.sample_timeout_s:g} s")
        if defect:
            return self.reject(f"masked_{defect}", last_lines(masked))
        passes_masked = passed(masked)
        if all(test in passes_masked for test in chosen):
            return self.reject("masked_passes", f"{len(chosen)} tests pass without the body")
        runs: list[frozenset[str]] = []
        took_s = 0.0
        for number, one in enumerate(self.case.variations[1:]):
            report = self.run(chosen, self.reference, one)
            if defect := session_defect(report):
                return self.broken(defect, report, number + 1)
            runs.append(passed(report))
            took_s = report.seconds
            if not number:
                chosen = short_enough(chosen, report, rules.max_run_s)
        stable = frozenset.intersection(*runs)
        fail_to_pass = tuple(test for test in chosen if test in stable and test not in passes_masked)
        pass_to_pass = tuple(test for test in chosen if test in stable and test in passes_masked)
        if not fail_to_pass and not set(self.candidates) & set(chosen):
            return self.reject("tests_too_slow", f"none of {len(self.candidates)} ends within {rules.max_run_s:g} s")
        if not fail_to_pass:
            detail = f"no test that the masked file fails passes {rules.runs} of {rules.runs} times"
            return self.reject("reference_fails", detail)
        if rules.mutants:
            job = self.job(fail_to_pass, self.reference)
            self.strength = measure(
                self.case.target, self.reference, self.environment, job, took_s, rules, self.prover.seed,
                self.prover.run_versions,
            )  # fmt: skip
        strength = self.strength
        if stubs := strength.passed(fail_to_pass):
            return self.reject("stub_passes", f"{len(fail_to_pass)} tests pass with {', '.join(stubs)} for a body")
        reached = score(strength.mutations(fail_to_pass))
        if reached < rules.min_mutation_score:
            return self.reject("weak_tests", f"mutation score {reached:.2f}, at least {rules.min_mutation_score:g}")
        deciding = fewest(fail_to_pass, strength.notices(), rules.redundancy)
        deciding, tripwires = self.tripwires(deciding, fail_to_pass, pass_to_pass)
        last = self.run((*deciding, *pass_to_pass), self.reference, self.case.variations[0], cover=deciding)
        if defect := session_defect(last):
            return self.broken(defect, last, rules.runs)
        if lost := {*deciding, *pass_to_pass} - passed(last):
            return self.reject("reference_fails", f"run {rules.runs} of {rules.runs}: {min(lost)}")
        reach = last.reach.get(self.case.target.key)
        kept = {test.partition("::")[0] for test in (*deciding, *pass_to_pass)}
        gold = [True, *(run >= {*deciding, *pass_to_pass} for run in runs)]
        return Evidence(
            sample_key=self.sample.key,
            verdict=Verdict("valid"),
            gold=tuple(GoldRun(one, ran) for one, ran in zip(self.case.variations, gold, strict=True)),
            fail_to_pass=deciding,
            pass_to_pass=pass_to_pass,
            tests=tuple(FileText(path, text) for path, text in self.extra.items() if path in kept),
            line_coverage=round(len(reach.ran) / reach.lines, 4) if reach and reach.lines else 0.0,
            branch_coverage=round(reach.taken / reach.branches, 4) if reach and reach.branches else 1.0,
            mutants=strength.mutations(deciding),
            stubs=tuple(stub.name for stub, _ in strength.stubs),
            test_origin=self.origin(deciding),
            tripwires=tripwires,
        )

    def origin(self, deciding: Sequence[str]) -> TestOrigin:
        """Where the deciding tests come from: `generated` when written ones were needed, else the best of the others."""
        paths = {test.partition("::")[0] for test in deciding}
        if paths & self.more:
            return "generated"
        return "repository" if paths - set(self.extra) else "doctest"

    def tripwires(
        self, deciding: tuple[str, ...], fail_to_pass: tuple[str, ...], pass_to_pass: tuple[str, ...]
    ) -> tuple[tuple[str, ...], tuple[Tripwire, ...]]:
        """Look for tripwires in the deciding tests, else in those that could decide too, which are then kept."""
        known = {**self.case.texts, **self.extra}

        def among(tests: tuple[str, ...]) -> tuple[Tripwire, ...]:
            kept = (*tests, *pass_to_pass)

            def run_twin(edits: Sequence[Tripwire], more: Sequence[str]) -> Report:
                return self.run(tuple(dict.fromkeys((*kept, *more))), self.reference, twins=twin_files(edits, known))

            by_file: dict[str, list[str]] = {}
            for test in tests:
                by_file.setdefault(test.partition("::")[0], []).append(test)
            proposals = [
                one
                for path, ids_there in by_file.items()
                if path in known and path != self.sample.path
                for one in propose(known[path], ids_there, self.sample.qualname)
            ]
            proposals.sort(key=lambda one: one.rank)
            return find_tripwires(proposals, tests, self.rules.tripwires, run_twin)

        found = among(deciding) if self.rules.tripwires else ()
        if found or not self.rules.tripwires or len(deciding) == len(fail_to_pass):
            return deciding, found
        found = among(fail_to_pass)
        needed = {*deciding, *ids(found), *(test for edit in found for test in edit.renamed)}
        return tuple(test for test in fail_to_pass if test in needed), found

    def reject(self, reason: str, detail: str) -> Reject:
        """The sample, dropped."""
        subject = f"{self.environment.repo} {self.sample.path}::{self.sample.qualname}"
        return Reject(self.sample.key, "prove", reason, detail, subject)

    def broken(self, defect: str, report: Report, number: int) -> Reject:
        """A session on the reference that cannot be believed."""
        reason = "reference_times_out" if defect == "timeout" else f"reference_{defect}"
        return self.reject(reason, f"run {number} of {self.rules.runs}: {last_lines(report)}")

    def job(self, tests: tuple[str, ...], text: str) -> Job:
        """Some tests on one text of the target's file."""
        return Job(
            test_files=tuple(dict.fromkeys(test.partition("::")[0] for test in tests)),
            tests=tests,
            files={**self.extra, self.sample.path: text},
            args=self.environment.pytest_args,
            timeout_s=self.rules.sample_timeout_s,
            test_timeout_s=self.rules.test_timeout_s,
        )

    def run(
        self,
        tests: tuple[str, ...],
        text: str,
        one: Variation | None = None,
        *,
        twins: Mapping[str, str] | None = None,
        cover: Sequence[str] = (),
    ) -> Report:
        """A session of its own; `cover`: what these tests run of the target is asked for."""
        job = varied(self.job(tests, text), one or Variation())
        job = replace(job, files={**job.files, **(twins or {})})
        if cover:
            lines = {self.sample.path: {self.case.target.key: self.case.target.body_lines}}
            job = replace(job, cover=lines, branches=True)
        return self.prover.run(self.environment, job)


def short_enough(tests: Sequence[str], report: Report, most_s: float) -> tuple[str, ...]:
    """As many tests, the first before the others, as take no longer together than they may."""
    took = {test.id: test.seconds for test in report.tests}
    kept: list[str] = []
    left = most_s
    for test in tests:
        if took.get(test, 0.0) <= left:
            kept.append(test)
            left -= took.get(test, 0.0)
    return tuple(kept)


def ids_of(file: FileText) -> list[str]:
    """The tests of a file that we wrote, as pytest names them."""
    return [f"{file.path}::{name}" for name in re.findall(r"^def (test_\w+)\(", file.text, re.MULTILINE)]


def reference_file(sample: Sample) -> str:
    """The target's file with the reference patch applied to the masked one."""
    changed = apply_patch({sample.path: sample.masked.encode("utf-8")}, sample.patch)[sample.path]
    assert changed is not None
    return changed.decode("utf-8")
