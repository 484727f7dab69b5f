"""Made-up calls of small functions of ours, run in a folder without the sandbox's walls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent

from tests.lang.python.place import Place, target_of
from tests.lang.python.shapes import SHAPES
from tests.scripted import environment, played
from ttc_data.lang.python.generated.calls import ProposedCalls
from ttc_data.lang.python.generated.case import Case
from ttc_data.records import Environment, FileText, Target
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, Report


def calls(
    qualname: str,
    folder: Path,
    more: Sequence[Case] = (),
    text: str = SHAPES,
    others: Mapping[str, str] | None = None,
) -> ProposedCalls:
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
        target_of(qualname, text),
        text,
        environment(()),
        others or {},
        run,
        run_versions,
        TestRules(),
        0,
        ask if more else None,
    )


def module(head: str, docstring: str, body: str) -> str:
    """A module with one function."""
    doc = indent(dedent(docstring).strip(), "    ")
    return f'import random\nimport re\n\n_unset = object()\n\n\n{head}\n    """{doc.strip()}\n    """\n{indent(dedent(body).strip(), "    ")}\n'


def refused(
    qualname: str, folder: Path, text: str, answers: Sequence[str], others: Mapping[str, str] | None = None
) -> list[bool]:
    """Whether the tests that are written of a module's target refuse each of some answers, which are whole modules."""
    file = calls(qualname, folder, text=text, others=others).written()
    assert file is not None, "no test is written"
    place = Place(folder)
    found = []
    for answer in (text, *answers):
        (folder / "shapes.py").write_text(answer, encoding="utf-8")
        found.append(place.run(file).returncode != 0)
    assert not found[0], f"the reference is refused:\n{file.text}"
    return found[1:]
