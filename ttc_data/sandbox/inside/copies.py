"""Imports pytest, and for some jobs with a copy of its own of the packages that the tree provides.

pytest runs on a few packages. Where one of them is the project under test, there is no other than the tree's: with a masked body
in it pytest cannot start, and what pytest itself calls of it counts as run by every test. A job whose text we made ourselves
therefore imports pytest on the tree as it was mined, forgets the modules of that tree, and imports them anew from the job's tree
when its tests do. An answer's job does not: it could hand its work on to the copy, which is the reference.
"""

from __future__ import annotations

import contextlib
import os
import sys
import types
from typing import Any

PYTEST = (
    "pytest", "_pytest.assertion.rewrite", "_pytest.terminal", "_pytest.skipping", "_pytest.junitxml", "_pytest.doctest",
    "_pytest.unittest", "_pytest.capture", "_pytest.cacheprovider", "_pytest.faulthandler", "_pytest.pastebin",
    "_pytest.debugging", "_pytest.setuponly", "_pytest.setupplan", "_pytest.stepwise", "_pytest.warnings",
    "_pytest.logging", "_pytest.python", "_pytest.threadexception", "_pytest.unraisableexception", "unittest", "doctest",
    "difflib",
)  # fmt: skip
# Imported by every session, and not when pytest is. An interpreter may have been built without the last one.
LATER = ("_pytest._argcomplete", "_pytest.helpconfig", "encodings.unicode_escape", "faulthandler", "readline")


def needs_copy(job: dict[str, Any]) -> bool:
    """Whether a job is one that may have copies, and pytest could not be imported without the tree."""
    return bool(job["own_copy"]) and "pytest" not in sys.modules


def import_on(tree: str, roots: list[str]) -> None:
    """Import pytest on another tree than the job's, and forget the modules of that tree: pytest holds what it needs of them.

    Where pytest itself lies in the tree nothing is kept: its tests and it must be one.

    Args:
        tree: as it was mined.
        roots: folders of it on `sys.path`, relative to it.
    """
    kept = list(sys.path)
    sys.path[:0] = [os.path.join(tree, root) if root else tree for root in roots]
    try:
        for name in (*PYTEST, *LATER):
            with contextlib.suppress(ImportError):
                __import__(name)
    finally:
        sys.path[:] = kept
    lying = [name for name, module in sys.modules.items() if lies_in(module, tree)]
    if "pytest" in lying:
        lying = [name for name in sys.modules if name.partition(".")[0] in ("pytest", "_pytest")] + lying
    for name in lying:
        sys.modules.pop(name, None)


def lies_in(module: types.ModuleType | None, tree: str) -> bool:
    """Whether a module is of a tree's files, or a package of several places one of which is there."""
    inside = os.path.join(tree, "")
    file = getattr(module, "__file__", None)
    places = [file] if isinstance(file, str) else list(getattr(module, "__path__", ()))
    return any(str(place).startswith(inside) for place in places)
