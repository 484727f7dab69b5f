"""A change looks equivalent when it does what the reference does with every call that could be made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.evidence.place import Place, proposed, target_of
from tests.evidence.shapes import SHAPES
from tests.scripted import environment, played
from ttc_data.evidence.generated.calls import MOST_COMPARED, MOST_WRITTEN, ProposedCalls
from ttc_data.evidence.generated.case import Case
from ttc_data.evidence.generated.recording import recorder
from ttc_data.records import Environment, FileText, Target
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, Report

SAME, OTHER = "max(min(value, high), low)", "max(low, value)"


def calls(qualname: str, folder: Path, more: Sequence[Case] = ()) -> ProposedCalls:
    place = Place(folder)

    def run(of: Environment, job: Job) -> Report:
        (path,) = job.test_files
        (folder / "shapes.py").write_text(job.files["shapes.py"] or "", encoding="utf-8")
        ran = place.run(FileText(path, job.files[path] or ""), job.hash_seed)
        return replace(played(job, {}), output=ran.stdout)

    def run_versions(of: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
        return [run(of, replace(job, files={**job.files, **version})) for version in versions]

    def ask(target: Target, text: str, module: str, others: Mapping[str, str]) -> tuple[Sequence[Case], int]:
        return more, 2

    return ProposedCalls(
        target_of(qualname), SHAPES, environment(()), {}, run, run_versions, TestRules(), 0, ask if more else None
    )


def test_a_change_that_makes_no_difference_is_told_from_one_that_does(tmp_path: Path) -> None:
    versions = [SHAPES.replace("max(low, min(value, high))", new) for new in (SAME, OTHER)]
    assert calls("clamp", tmp_path).alike(versions) == [True, False]


def test_what_cannot_be_compared_looks_like_nothing(tmp_path: Path) -> None:
    assert calls("today", tmp_path).alike([SHAPES]) == [False], "it gives something else every time"
    assert calls("writes", tmp_path).alike([SHAPES]) == [False], "it is not run a second time"
    assert calls("draws", tmp_path).alike([SHAPES]) == [False], "two runs may draw the same by chance"
    assert calls("misused", tmp_path).alike([SHAPES]) == [False], "it raises whatever it is given"


def test_calls_that_somebody_means_are_written_down(tmp_path: Path) -> None:
    """Whatever tests there are: what no mutant resembles is noticed too."""
    file = calls("clamp", tmp_path).written()
    assert file is not None
    assert 4 <= file.text.count("\ndef test_") <= MOST_WRITTEN
    place = Place(tmp_path)
    for new in ("max(low, min(value, high))", SAME, OTHER, "min(value, high)", "low", "sorted((low, value, high))[0]"):
        (tmp_path / "shapes.py").write_text(SHAPES.replace("max(low, min(value, high))", new), encoding="utf-8")
        ran = place.run(file)
        assert (" failed" in ran.stdout) == (new not in ("max(low, min(value, high))", SAME)), ran.stdout


def test_calls_that_tell_changes_from_the_reference_join(tmp_path: Path) -> None:
    made = calls("clamp", tmp_path)
    object.__setattr__(made, "meant", frozenset(range(MOST_COMPARED)))
    first = made.written()
    assert first is not None
    versions = [SHAPES.replace("max(low, min(value, high))", new) for new in (OTHER, "min(value, high)", "low")]
    assert made.written(versions) == first, "they are told apart already"


def test_changes_that_were_compared_are_not_run_again(tmp_path: Path) -> None:
    versions = [SHAPES.replace("max(low, min(value, high))", new) for new in (SAME, OTHER)]
    made = calls("clamp", tmp_path)
    assert made.alike(versions) == [True, False]
    object.__setattr__(made, "run_versions", never)
    assert made.written(versions[1:]) == made.written(versions[:1]) == made.written()


def test_no_change_costs_no_run(tmp_path: Path) -> None:
    made = replace(calls("clamp", tmp_path), run_versions=never)
    assert made.alike([]) == []


def never(of: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
    raise AssertionError("a run")


def test_a_models_calls_are_among_the_tests(tmp_path: Path) -> None:
    more = [Case(("clamp",), (), "clamp(12345, 1, 54321)", (), "model")]
    made = calls("clamp", tmp_path, more)
    assert made.told == (0, 0), "it is asked when tests are to be written"
    file = made.tests()
    assert file is not None
    assert made.told == (1, 2)
    assert "assert clamp(12345, 1, 54321) == 12345" in file.text
    assert "12345" not in (calls("clamp", tmp_path).tests() or FileText("", "")).text


def test_a_module_that_cannot_be_imported_is_told_of_by_the_test_not_by_the_collection(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "shapes.py").write_text("raise ValueError('at import')\n", encoding="utf-8")
    ran = place.run(recorder(target_of("clamp"), "shapes", proposed("clamp"), once=True))
    assert "1 failed" in ran.stdout, ran.stdout
