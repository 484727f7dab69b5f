import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ttc_data.extract import extract
from ttc_data.lang.python.doctests import doctest_file
from ttc_data.lang.python.modules import module_name
from ttc_data.records import Source, Target
from ttc_data.rules import ExtractRules

SOURCE = Source("git", "owner/name", "1", "MIT", "git:x", "tree", 1, 1, "")
RULES = ExtractRules(min_body_lines=1, min_docstring_words=0, min_docstring_chars=0)
MODULE = '''import math

class Ring:
    """A ring."""

    def area(self, r):
        r"""Say the area, with \\"quotes\\" and a backslash \\n.

        >>> round(Ring().area(2), 2)
        12.57
        >>> Ring().area(-1)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: what it says does not matter
        >>> print("a\\n\\nb")
        a
        <BLANKLINE>
        b
        """
        if r < 0:
            raise ValueError("negative")
        return math.pi * r**2
'''


def target_of(text: str, qualname: str) -> Target:
    found = extract(SOURCE, [("pkg/ring.py", text.encode())], RULES)
    return next(t for t in found if isinstance(t, Target) and t.qualname == qualname)


Judge = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Run the examples of `Ring.area`, as first written, against another version of the module."""
    file = doctest_file(target_of(MODULE, "Ring.area"), "pkg.ring")
    assert file is not None
    place = tmp_path / file.path
    (tmp_path / "pkg").mkdir()
    place.parent.mkdir()
    place.write_text(file.text, encoding="utf-8")

    def run(module: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pkg/ring.py").write_text(module, encoding="utf-8")
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", file.path]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    return run


def test_the_examples_pass_on_the_reference_and_name_what_fails_elsewhere(judge: Judge) -> None:
    assert judge(MODULE).returncode == 0
    failed = judge(MODULE.replace("r**2", "r"))
    assert failed.returncode == 1
    assert "Expected:\n" in failed.stdout
    assert "12.57" in failed.stdout


def test_an_answer_cannot_change_the_examples(judge: Judge) -> None:
    """They are text of the test file: emptying the docstring does not empty the test."""
    emptied = 'class Ring:\n    """A ring."""\n\n    def area(self, r):\n        """Say nothing."""\n        return 0\n'
    assert judge(emptied).returncode == 1


def test_the_file_is_named_after_module_target_and_key() -> None:
    target = target_of(MODULE, "Ring.area")
    file = doctest_file(target, "pkg.ring")
    assert file is not None
    assert file.path == f"ttc_doctests/test_pkg_ring_Ring_area_{target.key[:6]}.py"
    assert file.text.count("def test_") == 1


@pytest.mark.parametrize(
    "docstring",
    [
        "No examples here.",
        ">>> x = 1\n    >>> y = 2",
        ">>> 1  # doctest: +SKIP\n    1",
        ">>>no_blank\n    1",
        ">>> 1  # doctest: +NO_SUCH_FLAG\n    1",
    ],
)
def test_a_docstring_without_an_example_that_states_its_result_gives_no_file(docstring: str) -> None:
    text = f'def f():\n    """{docstring}"""\n    return 1\n'
    assert doctest_file(target_of(text, "f"), "pkg.ring") is None


@pytest.mark.parametrize(
    ("path", "roots", "name"),
    [
        ("src/pkg/mod.py", ("src", ""), "pkg.mod"),
        ("src/pkg/mod.py", ("",), "src.pkg.mod"),
        ("src/pkg/__init__.py", ("", "src"), "pkg"),
        ("mod.py", ("",), "mod"),
        ("lib/python/a.py", ("lib", "lib/python"), "a"),
        ("srcs/a.py", ("src",), None),
        ("src/my-pkg/a.py", ("src",), None),
        ("src/class/a.py", ("src",), None),
        ("__init__.py", ("",), None),
        ("src/__init__.py", ("src",), None),
        ("data.txt", ("",), None),
    ],
)
def test_a_file_is_imported_below_the_longest_root(path: str, roots: tuple[str, ...], name: str | None) -> None:
    assert module_name(path, roots) == name
