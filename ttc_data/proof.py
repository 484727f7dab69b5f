"""Sample -> Evidence -> Verdict: what is published was seen to pass, and seen to fail without the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ttc_data.edits import apply_patch
from ttc_data.evidence.suite import RunJob, last_lines
from ttc_data.evidence.tripwires import propose
from ttc_data.evidence.twins import find_tripwires, twin_files
from ttc_data.grading import passed, session_defect
from ttc_data.recipe import TestRules
from ttc_data.records import Environment, Evidence, Reject, Sample, Tripwire, Verdict
from ttc_data.sandbox.protocol import Job, Report


def prove(
    sample: Sample, environment: Environment, run: RunJob, rules: TestRules, texts: Mapping[str, str]
) -> Iterator[Evidence | Reject]:
    """Run a sample's tests on the masked file and, `rules.runs` times, on the reference.

    The tests that the masked file fails become FAIL_TO_PASS, those that it passes PASS_TO_PASS; a test that the
    reference does not pass every time is in neither. The reference is put back the way an answer is: by applying
    the patch. Then tripwires are looked for, on the reference too.

    Args:
        sample: what is to be proven.
        environment: what it runs in.
        run: runs a job there.
        rules: how often, and for how long.
        texts: of the environment's own test files, by path.
    """
    subject = f"{environment.repo} {sample.path}::{sample.qualname}"
    chosen = (*sample.candidates, *sample.neighbours)
    extra = {file.path: file.text for file in sample.tests}
    masked = run(environment, _job(environment, chosen, {**extra, sample.path: sample.masked}, 0, rules))
    defect = session_defect(masked)
    if defect == "timeout":
        yield Reject(sample.key, "prove", "masked_times_out", f"after {rules.sample_timeout_s:g} s", subject)
        return
    if defect:
        yield Reject(sample.key, "prove", f"masked_{defect}", last_lines(masked), subject)
        return
    passes_masked = passed(masked)
    if all(test in passes_masked for test in chosen):
        yield Reject(sample.key, "prove", "masked_passes", f"{len(chosen)} tests pass without the body", subject)
        return
    reference = reference_file(sample)
    runs: list[frozenset[str]] = []
    for seed in range(rules.runs):
        report = run(environment, _job(environment, chosen, {**extra, sample.path: reference}, seed, rules))
        defect = session_defect(report)
        if defect:
            reason = "reference_times_out" if defect == "timeout" else f"reference_{defect}"
            yield Reject(sample.key, "prove", reason, f"run {seed + 1} of {rules.runs}: {last_lines(report)}", subject)
            return
        runs.append(passed(report))
    stable = frozenset.intersection(*runs)
    fail_to_pass = tuple(test for test in chosen if test in stable and test not in passes_masked)
    pass_to_pass = tuple(test for test in chosen if test in stable and test in passes_masked)
    if not fail_to_pass:
        detail = f"no test that the masked file fails passes {rules.runs} of {rules.runs} times"
        yield Reject(sample.key, "prove", "reference_fails", detail, subject)
        return
    examples = {file.path for file in sample.tests}
    from_repository = any(test.partition("::")[0] not in examples for test in fail_to_pass)
    kept = (*fail_to_pass, *pass_to_pass)

    def run_twin(edits: Sequence[Tripwire], more: Sequence[str]) -> Report:
        files = {**extra, sample.path: reference, **twin_files(edits, known)}
        return run(environment, _job(environment, tuple(dict.fromkeys((*kept, *more))), files, 0, rules))

    known = {**texts, **extra}
    by_file: dict[str, list[str]] = {}
    for test in fail_to_pass if rules.tripwires else ():
        by_file.setdefault(test.partition("::")[0], []).append(test)
    proposals = [
        one
        for path, tests in by_file.items()
        if path in known and path != sample.path
        for one in propose(known[path], tests, sample.qualname)
    ]
    proposals.sort(key=lambda one: one.rank)
    yield Evidence(
        sample_key=sample.key,
        verdict=Verdict("valid"),
        gold_runs=rules.runs,
        gold_passes=sum(run >= {*fail_to_pass, *pass_to_pass} for run in runs),
        fail_to_pass=fail_to_pass,
        pass_to_pass=pass_to_pass,
        line_coverage=sample.line_coverage,
        test_origin="repository" if from_repository else "doctest",
        tripwires=find_tripwires(proposals, fail_to_pass, rules.tripwires, run_twin),
    )


def reference_file(sample: Sample) -> str:
    """The target's file with the reference patch applied to the masked one."""
    changed = apply_patch({sample.path: sample.masked.encode("utf-8")}, sample.patch)[sample.path]
    assert changed is not None
    return changed.decode("utf-8")


def _job(
    environment: Environment, tests: tuple[str, ...], files: Mapping[str, str], seed: int, rules: TestRules
) -> Job:
    return Job(
        test_files=tuple(dict.fromkeys(test.partition("::")[0] for test in tests)),
        tests=tests,
        files=files,
        args=environment.pytest_args,
        hash_seed=seed,
        timeout_s=rules.sample_timeout_s,
        test_timeout_s=rules.test_timeout_s,
    )
