"""Sample -> Evidence -> Verdict: what is published was seen to pass, and seen to fail without the reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from ttc_data.cover import fewest
from ttc_data.edits import apply_patch
from ttc_data.evidence.budget import holding_up, short_enough
from ttc_data.evidence.stability import varied
from ttc_data.evidence.strength import Measuring, Strength, files_of, score
from ttc_data.evidence.suite import NO_REMARKS, Remarks, last_lines
from ttc_data.evidence.twins import find_tripwires, tried_first, twin_files
from ttc_data.lang.python.assertions.tripwires import Proposal, propose
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
from ttc_data.sandbox.judging import passed, session_defect
from ttc_data.sandbox.protocol import Job, Report, RunJob, RunVersions

WEAK = frozenset(
    ("masked_passes", "stub_passes", "weak_tests", "no_test_reaches_it", "reference_fails", "tests_too_slow")
)
"""Reasons that other tests could do away with."""
UNBELIEVED = frozenset(
    f"{what}_{how}" for what in ("masked", "reference") for how in ("times_out", "session_did_not_end", "tampered")
)
"""Reasons that other tests than the further ones could do away with."""
MOST_TWINNED = 40
"""Tests in which places for tripwires are looked for: to read the claims of one takes milliseconds."""
SIZING_RUNS = 2
"""Runs of the reference that say how long its tests take: the shortest time counts."""


class Calls(Protocol):
    """Made-up calls of the target, as `lang.python.generated.calls.ProposedCalls`."""

    def tests(self) -> FileText | None:
        """A test file of what the reference does with them; None when nothing of it can be written down."""

    @property
    def told(self) -> tuple[int, int]:
        """How many of them a model proposed, and how many lines of its answer were dropped."""

    def alike(self, versions: Sequence[str]) -> list[bool]:
        """Of changes of the target's file, whether they do with every call what the reference does."""

    def written(self, versions: Sequence[str] = ()) -> FileText | None:
        """A test file of calls that somebody means, with those that tell such changes from the reference."""


@dataclass(frozen=True)
class Prover:
    """What the proof of a build's samples takes."""

    run: RunJob
    run_versions: RunVersions
    rules: TestRules
    seed: int


@dataclass(frozen=True)
class ProofCase:
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
    remarks: Remarks = NO_REMARKS


def prove(case: ProofCase, prover: Prover, calls: Calls | None = None) -> Iterator[Evidence | Reject]:
    """Run a sample's tests on the masked file, on the reference, and on changes of it.

    The tests that the masked file fails become FAIL_TO_PASS, those that it passes PASS_TO_PASS; a test that the
    reference does not pass every time is in neither. The first look is as few of FAIL_TO_PASS as notice the same
    changes of the target's body. The reference is put back the way an answer is: by applying the patch. Tests of calls
    that somebody means decide beside those that there are. Where all of them are too weak, tests of more calls are
    written; where a mutant survives that a meant call tells from the reference, that call joins; and it is done again.

    Args:
        case: what is to be proven.
        prover: how.
        calls: where there are any, tests are written of them, and changes of the body that no test notices are tried
            on them.
    """
    if not calls:
        yield _Attempt(case, prover, None).outcome()
        return
    attempt = _Attempt(case, prover, calls.written())
    found = attempt.outcome()
    if isinstance(found, Reject) and found.reason in UNBELIEVED and attempt.written:
        attempt = _Attempt(case, prover, None)
        found = attempt.outcome()
    is_weak = isinstance(found, Reject) and found.reason in (WEAK | {f"tests_need_{case.sample.needs}"})
    if is_weak and (file := calls.tests()):
        attempt = _Attempt(case, prover, file)
        again = attempt.outcome()
        found = found if isinstance(again, Reject) and (case.sample.candidates or case.sample.further) else again
    taken, dropped = calls.told
    if isinstance(found, Evidence):
        found = replace(found, mutants=attempt.strength.marked(found.mutants, calls.alike))
        found = found if is_weak else _joined(attempt, found, calls)
        found = replace(found, model_calls=taken, model_lines_dropped=dropped)
    elif taken or dropped:
        found = replace(
            found, detail=f"{found.detail}; a model proposed {taken} calls, and {dropped} lines that are none"
        )
    yield found


@dataclass(frozen=True)
class _Seen:
    """What the masked file and the reference made of some tests."""

    tests: tuple[str, ...]
    """Those that fit into `max_run_s`."""
    masked: frozenset[str]
    """Passed by the masked file."""
    runs: tuple[frozenset[str], ...]
    """Passed by each run of the reference but the last."""
    report: Report
    """Of the last of these runs."""


def _joined(attempt: _Attempt, found: Evidence, calls: Calls) -> Evidence:
    """Prove a sample again with tests of the calls that tell surviving mutants from the reference, where any does.

    Args:
        attempt: the one that found it.
        found: its mutants marked.
        calls: of the target.

    Returns:
        The evidence with more tests, when more mutants are noticed then; else what was found.
    """
    survivors = [number for number, mutant in enumerate(found.mutants) if mutant.fate == "survived"]
    file = calls.written([attempt.strength.mutants[number][0].text for number in survivors]) if survivors else None
    if file is None or file == attempt.written:
        return found
    second = _Attempt(attempt.case, attempt.prover, file)
    again = second.outcome()
    if not isinstance(again, Evidence) or score(again.mutants) <= score(found.mutants):
        return found
    return replace(again, mutants=second.strength.marked(again.mutants, calls.alike))


class _Attempt:
    """One way to prove a sample: with the tests that it has, and maybe others that we wrote."""

    def __init__(self, case: ProofCase, prover: Prover, written: FileText | None) -> None:
        self.case = case
        self.sample, self.environment, self.rules = case.sample, case.environment, prover.rules
        self.prover, self.written, self.is_second = prover, written, False
        more = (written,) if written else ()
        self.extra = {file.path: file.text for file in (*case.sample.tests, *case.sample.further_tests, *more)}
        self.ours = tuple(ids_of(written)) if written else ()
        self.candidates = (*case.sample.candidates, *self.ours)
        self.further = case.sample.further
        self.reference = reference_file(case.sample)
        self.strength = Strength((), ())
        self.measuring: Measuring | None = None

    def outcome(self) -> Evidence | Reject:
        """The proof, or what is missing from it."""
        if not self.candidates and not self.further:
            needs = self.sample.needs
            return self.reject(f"tests_need_{needs}" if needs else "no_test_reaches_it", "no stable test runs its body")
        first = (*self.candidates, *self.sample.neighbours)
        seen = self.seen((*first, *self.further))
        if isinstance(seen, Reject) and seen.reason in UNBELIEVED and self.further and self.candidates:
            seen = self.seen(first)
        return seen if isinstance(seen, Reject) else self.decided(seen)

    def seen(self, tests: tuple[str, ...]) -> _Seen | Reject:
        """Run tests on the masked file, and on the reference under all its variations but the first."""
        rules = self.rules
        masked = self.run(tests, self.sample.masked)
        defect = session_defect(masked)
        if defect == "timeout":
            return self.reject("masked_times_out", f"after {rules.sample_timeout_s:g} s")
        if defect:
            return self.reject(f"masked_{defect}", last_lines(masked))
        passes_masked = passed(masked)
        if all(test in passes_masked for test in tests):
            return self.reject("masked_passes", f"{len(tests)} tests pass without the body")
        reports: list[Report] = []
        for number, one in enumerate(self.case.variations[1:]):
            report = self.run(tests, self.reference, one)
            if defect := session_defect(report):
                return self.broken(defect, report, number + 1)
            reports.append(report)
            if number == min(SIZING_RUNS, len(self.case.variations) - 1) - 1:
                tests = short_enough(tests, reports, rules.max_run_s)
        holding = holding_up(reports, rules.max_run_s)  # more orders tell more
        tests = tuple(test for test in tests if test not in holding)
        return _Seen(tests, passes_masked, tuple(passed(report) for report in reports), reports[-1])

    def decided(self, seen: _Seen) -> Evidence | Reject:
        """What the tests decide, and how strong they are."""
        rules = self.rules
        stable = frozenset.intersection(*seen.runs)
        fail_to_pass = tuple(test for test in seen.tests if test in stable and test not in seen.masked)
        reaching = (*self.candidates, *self.further)
        if not fail_to_pass and not set(reaching) & set(seen.tests):
            return self.reject("tests_too_slow", f"none of {len(reaching)} ends within {rules.max_run_s:g} s")
        if not fail_to_pass:
            detail = f"no test that the masked file fails passes {rules.runs} of {rules.runs} times"
            return self.reject("reference_fails", detail)
        if rules.mutants:
            self.measuring = Measuring(
                self.case.target,
                self.environment,
                self.job(fail_to_pass, self.reference),
                (*self.further, *self.ours),
                frozenset(self.ours),
                seen.report,
                rules,
                self.prover.seed,
                self.prover.run_versions,
                tuple(one.tripwire.old for one in self.proposals(fail_to_pass) if one.tripwire.kind == "value"),
                partial(self.twinned_first, fail_to_pass),
            )
            self.strength = self.measuring.measure(self.reference)
        return self.too_weak(fail_to_pass) or self.proven(seen, fail_to_pass)

    def too_weak(self, fail_to_pass: tuple[str, ...]) -> Reject | None:
        """Why the deciding tests are too weak; None where they are not."""
        strength, least = self.strength, self.rules.min_mutation_score
        if stubs := strength.passed(fail_to_pass):
            return self.reject("stub_passes", f"{len(fail_to_pass)} tests pass with {', '.join(stubs)} for a body")
        if (reached := score(strength.mutations(fail_to_pass))) < least:
            return self.reject("weak_tests", f"mutation score {reached:.2f}, at least {least:g}")
        if not strength.asserts_values(fail_to_pass):
            detail = f"no test asserts the value that it gives: {len(fail_to_pass)} tests pass with another one"
            return self.reject("weak_tests", detail)
        return None

    def proven(self, seen: _Seen, fail_to_pass: tuple[str, ...]) -> Evidence | Reject:
        """The proof of tests that are strong enough, once the last run of the reference has passed."""
        rules, strength = self.rules, self.strength
        stable = frozenset.intersection(*seen.runs)
        pass_to_pass = tuple(test for test in seen.tests if test in stable and test in seen.masked)
        first_look = fewest(fail_to_pass, strength.notices(), rules.redundancy)
        tripwires = self.tripwires(first_look, fail_to_pass, pass_to_pass)
        altered = {test for place in tripwires for test in (*place.tests, *place.renamed)}
        if self.measuring:
            twinned = tuple(test for test in fail_to_pass if test in altered)
            strength = self.strength = self.measuring.with_trivial_bodies_on(twinned, strength)
        tests = (*fail_to_pass, *pass_to_pass)
        last = self.run(tests, self.reference, self.case.variations[0], cover=fail_to_pass)
        if defect := session_defect(last):
            return self.broken(defect, last, rules.runs)
        if lost := set(tests) - passed(last):
            if self.is_second:
                return self.reject("reference_fails", f"run {rules.runs} of {rules.runs}: {min(lost)}")
            self.is_second = True  # these depend on what runs before them: the others may do without
            return self.decided(replace(seen, runs=tuple(ran - lost for ran in seen.runs)))
        reach = last.reach.get(self.case.target.key)
        kept, run = set(files_of(tests)), set(seen.tests)
        gold = [True, *(passes >= set(tests) for passes in seen.runs)]
        return Evidence(
            sample_key=self.sample.key,
            verdict=Verdict("valid"),
            gold=tuple(GoldRun(one, ran) for one, ran in zip(self.case.variations, gold, strict=True)),
            fail_to_pass=fail_to_pass,
            pass_to_pass=pass_to_pass,
            tests=tuple(FileText(path, text) for path, text in self.extra.items() if path in kept),
            line_coverage=round(len(reach.ran) / reach.lines, 4) if reach and reach.lines else 0.0,
            branch_coverage=round(reach.taken / reach.branches, 4) if reach and reach.branches else 1.0,
            mutants=strength.mutations(fail_to_pass),
            stubs=tuple(stub.name for stub, *_ in strength.stubs),
            test_origin=self.origin(fail_to_pass),
            tripwires=tripwires,
            first_look=first_look,
            left_out=tuple(test for test in (*self.candidates, *self.further) if test not in run),
            baselines=strength.baselines(fail_to_pass),
        )

    def origin(self, deciding: Sequence[str]) -> TestOrigin:
        """Where the tests come from that are strong enough: `generated` when it takes those that we wrote."""
        others = tuple(test for test in deciding if test not in self.ours)
        if not others or (self.ours and self.too_weak(others)):
            return "generated"
        return "repository" if set(files_of(others)) - set(self.extra) else "doctest"

    def tripwires(
        self, first_look: tuple[str, ...], fail_to_pass: tuple[str, ...], pass_to_pass: tuple[str, ...]
    ) -> tuple[Tripwire, ...]:
        """Look for tripwires in any deciding test, of equals those of the first look first."""
        if not self.rules.tripwires:
            return ()
        known, kept = {**self.case.texts, **self.extra}, (*fail_to_pass, *pass_to_pass)

        def run_twin(edits: Sequence[Tripwire], more: Sequence[str]) -> Report:
            return self.run(tuple(dict.fromkeys((*kept, *more))), self.reference, twins=twin_files(edits, known))

        proposals = self.proposals(tuple(dict.fromkeys((*first_look, *fail_to_pass))))
        return find_tripwires(proposals, kept, self.rules.tripwires, run_twin, known)

    def twinned_first(self, fail_to_pass: tuple[str, ...], notices: Sequence[frozenset[str]]) -> tuple[str, ...]:
        """The tests that tripwires are looked for in first, when these are the tests that notice each mutant."""
        first_look = fewest(fail_to_pass, notices, self.rules.redundancy)
        proposals = self.proposals(tuple(dict.fromkeys((*first_look, *fail_to_pass))))
        return tried_first(proposals, fail_to_pass, self.rules.tripwires)

    def proposals(self, tests: Sequence[str]) -> list[Proposal]:
        """Places of the first tests where something else could be expected, best first."""
        known, tests = {**self.case.texts, **self.extra}, tests[:MOST_TWINNED]
        found = [
            one
            for path in files_of(tests)
            if path in known and path != self.sample.path
            for one in propose(
                known[path], [test for test in tests if test.startswith(f"{path}::")], self.sample.qualname
            )
        ]
        return sorted(found, key=lambda one: one.rank)

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
            test_files=files_of(tests),
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
        job = replace(job, files={**job.files, **(twins or {})}, properties="unshrunk" if twins else "as_written")
        if text != self.reference:
            job = replace(job, properties="hurried", own_copy=True)
        if cover:
            lines = {self.sample.path: {self.case.target.key: self.case.target.body_lines}}
            job = replace(job, cover=lines, branches=True, own_copy=True)
        return self.prover.run(self.environment, job)


def ids_of(file: FileText) -> list[str]:
    """The tests of a file that we wrote, as pytest names them."""
    return [f"{file.path}::{name}" for name in re.findall(r"^def (test_\w+)\(", file.text, re.MULTILINE)]


def reference_file(sample: Sample) -> str:
    """The target's file with the reference patch applied to the masked one."""
    changed = apply_patch({sample.path: sample.masked.encode("utf-8")}, sample.patch)[sample.path]
    assert changed is not None
    return changed.decode("utf-8")
