"""Reports of many versions of one file: what the sandbox cannot run exactly is run as jobs, and so is a sample of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TypeAlias

from ttc_data.records import TestOutcome
from ttc_data.sandbox.protocol import Inexact, Job, Report

RunFresh: TypeAlias = Callable[[Job], Report]
RunMany: TypeAlias = Callable[[Job, Sequence[Mapping[str, str]]], Sequence[Report | Inexact]]


def run_versions(
    job: Job,
    versions: Sequence[Mapping[str, str]],
    *,
    fresh: RunFresh,
    many: RunMany,
    seed: int,
    key: str,
    check: int = 1,
) -> list[Report]:
    """Run a job's tests on each version of what it is about.

    Args:
        job: the tests, and the tree that the versions are versions of.
        versions: path to the file's whole text.
        fresh: runs a job.
        many: runs versions on tests that are collected once; see `Sandbox.run_versions`.
        seed: of the draw.
        key: identity of what the versions are versions of.
        check: so many of the exact ones, drawn by seed and key, are run as jobs too. Where one of them shows other
            outcomes there, no version of these is believed, and all are run as jobs.

    Returns:
        One report for each version.
    """
    job = replace(job, properties="hurried")
    jobs = [replace(job, files={**job.files, **version}) for version in versions]
    answers = many(job, versions) if versions else ()
    reports = {number: answer for number, answer in enumerate(answers) if isinstance(answer, Report)}
    checked = Random(f"{seed}:{key}").sample(sorted(reports), min(check, len(reports)))
    again = {number: fresh(jobs[number]) for number in checked}
    if any(outcomes(again[number]) != outcomes(reports[number]) for number in checked):
        reports = again
    return [reports[number] if number in reports else fresh(one) for number, one in enumerate(jobs)]


def outcomes(report: Report) -> dict[str, TestOutcome]:
    """Test id to outcome."""
    return {test.id: test.outcome for test in report.tests}
