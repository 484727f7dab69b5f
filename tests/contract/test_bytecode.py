"""Bytecode is made once for an environment: it must save time and never decide anything."""

from __future__ import annotations

from tests.sandboxes import CALC, TREE, Place, outcomes, session
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
    """Its date and size must be those of the copy, else Python passes over it and every job compiles again."""
    report = place.warm().run(
        session(
            "import os, struct\nfrom pathlib import Path\n\n\ndef test_it():\n"
            "    for folder, name in (('calc', 'core'), ('tests', 'test_core')):\n"
            "        status = os.stat(folder + '/' + name + '.py')\n"
            "        for cached in Path(folder, '__pycache__').glob(name + '.*.pyc'):\n"
            "            flags, date, size = struct.unpack('<III', cached.read_bytes()[4:16])\n"
            "            assert (flags, date, size) == (0, int(status.st_mtime), status.st_size)\n"
        )
    )
    assert outcomes(report) == {"test_it": "passed"}


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
