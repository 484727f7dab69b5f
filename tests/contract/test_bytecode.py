"""Bytecode is made once for an environment: it must save time and never decide anything."""

from __future__ import annotations

from tests.sandboxes import CALC, TREE, CopyingHost, Place, outcomes, session
from ttc_data.sandbox.protocol import Job

TEST = TREE["tests/test_core.py"].decode()
RIGHT = Job(test_files=("tests/test_core.py",))


def test_modules_and_rewritten_tests_come_with_their_bytecode(place: Place) -> None:
    report = place.warm().run(
        session(
            "from pathlib import Path\n\n\ndef test_it():\n"
            "    assert list(Path('calc/__pycache__').glob('core.*.pyc'))\n"
            "    assert list(Path('tests/__pycache__').glob('test_core.*-pytest-*.pyc'))\n"
        )
    )
    assert outcomes(report) == {"test_it": "passed"}


def test_the_bytecode_fits_the_copy_that_a_job_is_given(place: Place) -> None:
    """Else Python and pytest pass over it, and every job compiles again: 0.4 s for one file of 800 lines."""
    report = place.warm().run(
        session(
            "import os, struct\nfrom pathlib import Path\nfrom _pytest.assertion import rewrite\n\n\ndef test_it():\n"
            "    status = os.stat('calc/core.py')\n"
            "    cached, = Path('calc/__pycache__').glob('core.*.pyc')\n"
            "    flags, date, size = struct.unpack('<III', cached.read_bytes()[4:16])\n"
            "    assert (flags, date, size) == (0, int(status.st_mtime), status.st_size)\n"
            "    cached, = Path('tests/__pycache__').glob('test_core.*-pytest-*.pyc')\n"
            "    assert rewrite._read_pyc(Path('tests/test_core.py'), cached)\n"
        )
    )
    assert outcomes(report) == {"test_it": "passed"}, report.tests


def test_a_test_file_that_jobs_bring_comes_with_its_bytecode_and_each_text_with_its_own(place: Place) -> None:
    """Where jobs can be kept from seeing where it is kept."""
    code = (
        "from pathlib import Path\nfrom _pytest.assertion import rewrite\n\n\ndef test_it():\n    {}\n"
        "    found = list(Path('__pycache__').glob('test_job.*-pytest-*.pyc'))\n"
        "    assert [bool(rewrite._read_pyc(Path('test_job.py'), one)) for one in found] == EXPECTED\n"
    ).replace("EXPECTED", str([] if isinstance(place.host, CopyingHost) else [True]))
    for statement, outcome in (("pass", "passed"), ("pass", "passed"), ("assert 0", "failed"), ("pass", "passed")):
        report = place.warm().run(session(code.format(statement)))
        assert outcomes(report) == {"test_it": outcome}, report.tests


def test_a_module_laid_over_the_tree_is_what_runs_even_where_its_size_is_the_same(place: Place) -> None:
    wrong = CALC.replace("x + x", "x * 3")
    assert len(wrong) == len(CALC)
    report = place.warm().run(Job(test_files=RIGHT.test_files, files={"calc/core.py": wrong}))
    assert outcomes(report) == {"test_positive": "failed", "test_negative": "failed"}
    assert outcomes(place.warm().run(RIGHT)) == {"test_positive": "passed", "test_negative": "passed"}


def test_a_test_file_laid_over_the_tree_is_what_runs_even_where_its_size_is_the_same(place: Place) -> None:
    wrong = TEST.replace("== 4", "== 5")
    report = place.warm().run(Job(test_files=RIGHT.test_files, files={"tests/test_core.py": wrong}))
    assert outcomes(report) == {"test_positive": "failed", "test_negative": "passed"}
