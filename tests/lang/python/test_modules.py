"""Where a single file lies so that it can be imported, and what it imports, read without running it."""

from __future__ import annotations

import ast

import pytest

from ttc_data.lang.python.modules import Imports, file_path, module_name, read_imports
from ttc_data.records import FILE_ROOTS


@pytest.mark.parametrize(
    ("path", "kept", "module"),
    [
        ("pkg/mod.py", "pkg/mod.py", "pkg.mod"),
        ("src/pkg/mod.py", "src/pkg/mod.py", "pkg.mod"),
        ("src/mod.py", "src/mod.py", "mod"),
        ("lib/pkg/__init__.py", "lib/pkg/__init__.py", "pkg"),
        ("my-project/pkg/mod.py", "pkg/mod.py", "pkg.mod"),
        ("v1.2/class/mod.py", "mod.py", "mod"),
        ("json/decoder.py", "decoder.py", "decoder"),
        ("pkg/random.py", "pkg/random.py", "pkg.random"),
    ],
)
def test_as_much_of_a_path_is_kept_as_can_be_imported(path: str, kept: str, module: str) -> None:
    assert file_path(path) == kept
    assert module_name(kept, FILE_ROOTS) == module


@pytest.mark.parametrize(
    "path", ["my-script.py", "class.py", "__init__.py", "a-b/__init__.py", "random.py", "src/random.py", "conftest.txt"]
)
def test_a_file_that_names_no_module_or_a_standard_one_has_no_place(path: str) -> None:
    assert file_path(path) is None


@pytest.mark.parametrize("path", ["tests/a-b/x.py", "third-party/x.py", "site-packages/six.py", "docs/my-code/x.py"])
def test_a_path_that_tells_of_tests_or_copies_stays_whole(path: str) -> None:
    """Extraction leaves such files out by their folders, so these must not be lost on the way."""
    assert file_path(path) == path


def test_what_a_file_can_do_without_is_not_needed() -> None:
    text = """
import os.path, sys
from . import sibling
from .near import x
from ..far import y
if sys.version_info > (3,):
    import on_a_condition
else:
    try:
        from a.b import c
    finally:
        import at_last
try:
    import simplejson as json
except ImportError:
    import json
try:
    from urllib2 import urlopen
except (ImportError, AttributeError):
    from urllib.request import urlopen
else:
    import when_it_was_there
try:
    import must_be_there
except KeyError:
    pass
class Holder:
    import in_a_class
    def method(self):
        import in_a_method
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import for_a_checker
"""
    found = read_imports(ast.parse(text))
    assert found == Imports(
        needed=frozenset(
            (
                "os.path", "sys", ".sibling", ".near", "..far", "on_a_condition", "a.b", "at_last",
                "when_it_was_there", "must_be_there", "in_a_class", "typing",
            )
        ),
        others=frozenset(("simplejson", "json", "urllib2", "urllib.request", "in_a_method", "for_a_checker")),
    )  # fmt: skip


def test_a_long_chain_of_conditions_is_read_to_its_end() -> None:
    """Each `elif` lies inside the one before it."""
    text = "if a == 0:\n    import first\n" + "".join(f"elif a == {n}:\n    x = {n}\n" for n in range(900))
    assert "last" in read_imports(ast.parse(text + "else:\n    import last\n")).needed
