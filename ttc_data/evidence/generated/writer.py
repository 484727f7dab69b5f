"""Tests for a target that has none, or none strong enough: propose calls, record what the reference does, write it down."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from ttc_data.evidence.doctests import module_name
from ttc_data.evidence.generated.proposals import proposals
from ttc_data.evidence.generated.recording import recorded, recorder
from ttc_data.evidence.generated.writing import generated_file
from ttc_data.evidence.suite import RunJob
from ttc_data.recipe import TestRules
from ttc_data.records import Environment, FileText, Target
from ttc_data.sandbox.protocol import Job

MOST_CASES = 60
SEEDS = (0, 1)


def generated_tests(
    target: Target,
    text: str,
    environment: Environment,
    others: Mapping[str, str],
    run: RunJob,
    rules: TestRules,
    seed: int,
) -> FileText | None:
    """Write a test file for a target.

    Args:
        target: function, method or class.
        text: its whole file, the reference in it.
        environment: what it runs in.
        others: path to text of the repository's other files, tests left out.
        run: runs a job there.
        rules: how long a session may take.
        seed: of the draw of inputs.

    Returns:
        The file; None when its module has no name, or no call gives a result that can be written down.
    """
    module = module_name(target.path, environment.roots)
    if module is None:
        return None
    cases = proposals(target, text, others, Random(f"{seed}:generated:{target.key}"), MOST_CASES)
    if not cases:
        return None
    file = recorder(target, module, cases)
    reports = [
        run(
            environment,
            Job(
                test_files=(file.path,), files={file.path: file.text}, args=environment.pytest_args, hash_seed=one,
                timeout_s=rules.sample_timeout_s, test_timeout_s=rules.sample_timeout_s,
            ),
        )
        for one in SEEDS
    ]  # fmt: skip
    return generated_file(target, module, recorded([report.output for report in reports], cases, target, text))
