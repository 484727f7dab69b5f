"""Tests that run only where others have passed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.sandboxes import outcomes
from ttc_data.sandbox.judging import session_defect
from ttc_data.sandbox.protocol import Job, Report, Sandbox

FIRST, NEXT, LAST = (f"test_f.py::{name}" for name in ("test_first", "test_next", "test_last"))


@pytest.mark.parametrize("from_start", [False, True])
@pytest.mark.parametrize("most_failures", [0, 2])
def test_further_tests_run_where_all_others_have_passed(sandbox: Sandbox, from_start: bool, most_failures: int) -> None:
    """A test that is skipped has not passed either; and the further ones come last, wherever they stand."""
    text = "import f, pytest\n\ndef test_next():\n    assert f.f() < 3\n\n"
    text += "def test_first():\n    if f.f() == 9:\n        pytest.skip()\n    assert f.f() < 5\n\ndef test_last():\n    assert f.f() < 2\n"
    job = Job(
        test_files=("test_f.py",),
        tests=(FIRST,),
        further=(NEXT, LAST),
        most_failures=most_failures,
        timeout_s=20,
        files={"f.py": "def f():\n    return 1\n", "test_f.py": text},
    )
    versions = [{"f.py": f"def f():\n    return {value}\n"} for value in (1, 4, 7, 9)]
    expected = [
        {"test_first": "passed", "test_next": "passed", "test_last": "passed"},
        {"test_first": "passed", "test_next": "failed", "test_last": "failed"},
        {"test_first": "failed"},
        {"test_first": "skipped"},
    ]
    found = sandbox.run_versions(replace(job, from_start=from_start), versions)
    alone = [sandbox.run(replace(job, files={**job.files, **version})) for version in versions]
    for report, again, names in zip(found, alone, expected, strict=True):
        assert isinstance(report, Report)
        assert list(outcomes(report).items()) == list(outcomes(again).items()) == list(names.items())
        assert not session_defect(report)
