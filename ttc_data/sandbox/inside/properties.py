"""Property tests where their failure is all that counts: what Hypothesis does to explain one to a person is left out."""

from __future__ import annotations

import os
import sys
from typing import Any

EXPLAINING = ("shrink", "explain")
SETTINGS = "_hypothesis_internal_use_settings"


def keep_apart() -> None:
    """Have Hypothesis write into the job's own folder for temporary files, not into the tree."""
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = os.path.join(os.environ["TMPDIR"], "hypothesis")


def change_property_test(item: Any, how: str) -> None:
    """Have a property test end at its first counterexample.

    Args:
        item: any test; others are left alone.
        how: `unshrunk`: it draws what it draws, and fails where it fails. `hurried`: without a deadline or a database
            besides, and every version of the code is given the same examples.
    """
    settings = getattr(sys.modules.get("hypothesis"), "settings", None)
    function = getattr(item, "function", None)
    if settings is None or not getattr(function, "is_hypothesis_test", False):
        return
    holder, name = (
        (item.cls, "settings") if hasattr(function, "_hypothesis_state_machine_class") else (function, SETTINGS)
    )
    own = getattr(holder, name, None) or settings.default
    changes: dict[str, Any] = {"report_multiple_bugs": False}
    left_out = set(EXPLAINING)
    if how == "hurried":
        changes.update(database=None, deadline=None, derandomize=True)
        left_out.add("reuse")
    changes["phases"] = [phase for phase in own.phases if phase.name not in left_out]
    setattr(holder, name, settings(own, **changes))
