"""Sample -> Evidence -> Verdict: what is published was seen to pass, and seen to fail without the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ttc_data.edits import apply_patch
from ttc_data.evidence.suite import RunJob, last_lines
from ttc_data.grading import passed, session_defect
from ttc_data.recipe import TestRules
from ttc_data.records import Environment, Evidence, Reject, Sample, Verdict
from ttc_data.sandbox.protocol import Job


def prove(sample: Sample, environment: Environment, run: RunJob, rules: TestRules) -> Iterator[Evidence | Reject]:
    """Run a sample's tests on the masked file and, `rules.runs` times, on the reference.

    The tests that the masked file fails become FAIL_TO_PASS, those that it passes PASS_TO_PASS; a test that the
    reference does not pass every time is in neither. The reference is put back the way an answer is: by applying
    the patch.
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
    yield Evidence(
        sample_key=sample.key,
        verdict=Verdict("valid"),
        gold_runs=rules.runs,
        gold_passes=sum(run >= {*fail_to_pass, *pass_to_pass} for run in runs),
        fail_to_pass=fail_to_pass,
        pass_to_pass=pass_to_pass,
        line_coverage=sample.line_coverage,
        test_origin="repository" if from_repository else "doctest",
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
