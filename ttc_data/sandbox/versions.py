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

LEAST_TOGETHER = 2
"""Inexact versions for which it is worth to start a session that they share."""


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
        many: runs versions in one session; see `Sandbox.run_versions`. Those that are inexact once the tests are collected
            fork before that.
        seed: of the draw.
        key: identity of what the versions are versions of.
        check: so many of the exact ones of each of these two sessions, drawn by seed and key, are run as jobs too. Where one of
            them shows other outcomes there, no version of its session is believed.

    Returns:
        One report for each version.
    """
    job = replace(job, properties="hurried", own_copy=True)
    jobs = [replace(job, files={**job.files, **version}) for version in versions]
    reports: dict[int, Report] = {}
    draw = Random(f"{seed}:{key}")
    for one, least in ((job, 1), (replace(job, from_start=True), LEAST_TOGETHER)):
        left = [number for number in range(len(jobs)) if number not in reports]
        answers = many(one, [versions[number] for number in left]) if len(left) >= least else ()
        found = {number: answer for number, answer in zip(left, answers, strict=False) if isinstance(answer, Report)}
        checked = draw.sample(sorted(found), min(check, len(found)))
        again = {number: fresh(jobs[number]) for number in checked}
        if any(outcomes(again[number]) != outcomes(found[number]) for number in checked):
            found = again
        reports |= found
    return [reports[number] if number in reports else fresh(one) for number, one in enumerate(jobs)]


def outcomes(report: Report) -> dict[str, TestOutcome]:
    """Test id to outcome."""
    return {test.id: test.outcome for test in report.tests}
