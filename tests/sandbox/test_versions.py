"""Versions of a file: what the sandbox says of them is believed only as far as a job of its own says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from tests.sandbox.fakes import report
from ttc_data.records import TestOutcome
from ttc_data.sandbox.protocol import Inexact, Job, Report
from ttc_data.sandbox.versions import run_versions

JOB = Job(test_files=("test_m.py",), files={"m.py": "original", "test_m.py": "tests"}, hash_seed=3)


@dataclass
class Scripted:
    """Says of each version, by its text, what a job shows and what the sandbox shows; None is inexact."""

    fresh_says: Mapping[str, TestOutcome]
    many_says: Mapping[str, TestOutcome | None]
    fresh_jobs: list[Job] = field(default_factory=list)

    def fresh(self, job: Job) -> Report:
        self.fresh_jobs.append(job)
        return report(test_it=self.fresh_says[str(job.files["m.py"])])

    def many(self, job: Job, versions: Sequence[Mapping[str, str]]) -> list[Report | Inexact]:
        said = [self.many_says[version["m.py"]] for version in versions]
        return [Inexact("it differs") if outcome is None else report(test_it=outcome) for outcome in said]

    def run(self, texts: str, *, key: str = "key", seed: int = 0, check: int = 1) -> str:
        versions = [{"m.py": text} for text in texts]
        reports = run_versions(
            JOB, versions, fresh=self.fresh, many=self.many, seed=seed, key=key, check=check
        )  # fmt: skip
        return " ".join(one.tests[0].outcome for one in reports)

    @property
    def ran(self) -> str:
        return "".join(str(job.files["m.py"]) for job in self.fresh_jobs)


TRUE: Mapping[str, TestOutcome] = {"a": "passed", "b": "failed", "c": "passed", "d": "failed"}


def test_exact_versions_are_believed_and_one_of_them_is_checked() -> None:
    scripted = Scripted(TRUE, TRUE)
    assert scripted.run("abcd") == "passed failed passed failed"
    assert scripted.ran == Random("0:key").sample("abcd", 1)[0]


def test_the_draw_depends_on_seed_and_key() -> None:
    drawn = set()
    for seed in range(3):
        for key in ("one", "two", "three"):
            scripted = Scripted(TRUE, TRUE)
            scripted.run("abcd", seed=seed, key=key)
            again = Scripted(TRUE, TRUE)
            again.run("abcd", seed=seed, key=key)
            assert scripted.ran == again.ran
            drawn.add(scripted.ran)
    assert len(drawn) > 1


def test_inexact_versions_run_as_jobs_over_the_files_of_the_job() -> None:
    scripted = Scripted(TRUE, {**TRUE, "b": None, "c": None})
    assert scripted.run("abcd", check=0) == "passed failed passed failed"
    assert scripted.ran == "bc"
    assert scripted.fresh_jobs[0] == Job(
        test_files=("test_m.py",),
        files={"m.py": "b", "test_m.py": "tests"},
        hash_seed=3,
        properties="hurried",
        own_copy=True,
    )


def test_inexact_versions_share_a_session_from_the_start_and_one_of_them_is_checked() -> None:
    scripted = Scripted(TRUE, {**TRUE, "b": None, "c": None})
    begun: list[str] = []

    def many(job: Job, versions: Sequence[Mapping[str, str]]) -> list[Report | Inexact]:
        if not job.from_start:
            return scripted.many(job, versions)
        begun.extend(version["m.py"] for version in versions)
        return [report(test_it=TRUE[version["m.py"]]) for version in versions]

    reports = run_versions(
        JOB, [{"m.py": text} for text in "abcd"], fresh=scripted.fresh, many=many, seed=0, key="key", check=1
    )
    assert [one.tests[0].outcome for one in reports] == ["passed", "failed", "passed", "failed"]
    assert begun == ["b", "c"]
    assert [ran in "bc" for ran in scripted.ran] == [False, True]


def test_inexact_versions_are_not_what_is_checked() -> None:
    for key in "pqrstuvw":
        scripted = Scripted(TRUE, {"a": None, "b": None, "c": None, "d": "failed"})
        assert scripted.run("abcd", key=key) == "passed failed passed failed"
        assert scripted.ran == "dabc"


@pytest.mark.parametrize("check", [1, 2, 4, 9])
def test_where_a_checked_one_disagrees_all_run_as_jobs_each_once(check: int) -> None:
    scripted = Scripted(TRUE, dict.fromkeys("abcd", "skipped"))
    assert scripted.run("abcd", check=check) == "passed failed passed failed"
    assert sorted(scripted.ran) == list("abcd")


def test_all_can_be_checked() -> None:
    scripted = Scripted(TRUE, TRUE)
    assert scripted.run("abcd", check=4) == "passed failed passed failed"
    assert sorted(scripted.ran) == list("abcd")


def test_no_versions_need_no_sandbox() -> None:
    scripted = Scripted({}, {})
    assert scripted.run("") == ""
    assert scripted.ran == ""
