"""Every target of a build ends with a spec or a named reject, whatever the server does; each answer is paid for once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.llm.rewriting import AT_ONCE, rewritten
from tests.llm.server import FAULTS

pytestmark = [pytest.mark.network, pytest.mark.local]


def test_a_build_at_a_server_that_fails_and_that_is_killed_loses_no_target_and_no_answer(tmp_path: Path) -> None:
    found = rewritten(tmp_path, 120, kill=True)
    assert found.targets == 120
    assert (found.ends, found.twice) == (found.expected, 0)
    assert found.answers == found.kept > 120
    # What was on the wire when it was killed is the only thing that is asked again.
    assert found.paid - found.answers == found.lost <= AT_ONCE
    assert set(found.faults) <= set(FAULTS)
    assert len(found.faults) > 6
    assert found.faults.total() > 0.15 * found.asked
