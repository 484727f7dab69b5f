"""Subtests, of unittest and of pytest's fixture: the first that fails ends its test, and of one that passes nothing is told.

pytest makes a report of each. Of 7,776 in one test that makes a thousand times the test's own work, and a version that fails has a
traceback of each besides: that a test fails is known after the first.
"""

from __future__ import annotations

import sys
from typing import Any

# pytest's own since 9.0, and the plugin before.
PLACES = ("_pytest.subtests", "pytest_subtests.plugin")
REPORTS = frozenset(("SubtestReport", "SubTestReport"))


def is_subtest(report: Any) -> bool:
    """Whether a report is of a part of a test."""
    return type(report).__name__ in REPORTS


class Subtests:
    """Those of one session: what a session within a test does with its own is left as it is."""

    def __init__(self) -> None:
        self.item: Any = None
        """The test that runs."""
        self.failed = False
        """Whether a part of it has failed."""

    def begin(self, item: Any) -> None:
        """Another test runs."""
        self.item, self.failed = item, False

    def fail(self) -> None:
        """A part has failed. unittest asks its result for `failfast`; that of Python 3.10 tells of all parts at the end."""
        self.failed = True
        self.item.failfast = True

    def hasten(self, config: Any) -> None:
        """Put ours around what pytest does at the end of a subtest.

        Args:
            config: of the session.
        """
        case: Any = getattr(sys.modules.get("_pytest.unittest"), "TestCaseFunction", None)
        add = getattr(case, "addSubTest", None)
        if add is not None:

            def add_failed(item: Any, test_case: Any, test: Any, error: Any) -> None:
                if item.config is not config or (error is not None and not self.failed):
                    add(item, test_case, test, error)

            case.addSubTest = add_failed
        for place in PLACES:
            manager: Any = getattr(sys.modules.get(place), "_SubTestContextManager", None)
            if manager is not None:
                self.surround(manager, config)

    def surround(self, manager: Any, config: Any) -> None:
        """Let the exception that ends a failing subtest of the fixture's end the test."""
        leave = manager.__exit__

        def leave_and_end(held: Any, kind: Any, error: Any, trace: Any) -> bool:
            __tracebackhide__ = True
            goes_on = bool(leave(held, kind, error, trace))
            is_ours = held.request.config is config
            return goes_on and not (is_ours and error is not None and self.failed)

        manager.__exit__ = leave_and_end
