"""What no isolation costs: fork + pytest, and fork after collection, in one process that has the dependencies imported.

Started by `sandbox.py` with the environment's packages on PYTHONPATH. Reads one JSON object (tree, roots, test ids, pytest
arguments, modules to import, number of executions) and prints the milliseconds of each execution.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
import time
from typing import Any

import pytest
from _pytest.assertion import rewrite

NO_WARNING = "_warn_already_imported"


class Looped:
    """Forks once for each execution after the tests are collected; pytest then says that no test ran, which is 5."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.ran = 0

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        gc.freeze()
        for _ in range(self.count):
            pid = os.fork()
            if pid == 0:
                self.ran = self.count
                return None
            _ended_well(pid)
            self.ran += 1
        return True


def _ended_well(pid: int, *codes: int) -> None:
    status = os.waitpid(pid, 0)[1]
    if os.waitstatus_to_exitcode(status) not in (codes or (0,)):
        raise SystemExit(f"an execution ended with status {status}")


def _session(job: dict[str, Any], plugins: list[object]) -> int:
    return int(
        pytest.main(
            ["-q", "-p", "no:cacheprovider", "-o", "addopts=", "--rootdir", job["tree"], *job["args"], *job["tests"]],
            plugins=plugins,
        )
    )


def main() -> None:
    """Measure both floors of one sample."""
    job = json.load(sys.stdin)
    for name in job["modules"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # A plugin that is imported already need not be rewritten; projects whose warnings are errors would fail over it.
    setattr(rewrite.AssertionRewritingHook, NO_WARNING, lambda self, name: None)
    os.chdir(job["tree"])
    sys.path[:0] = [os.path.join(job["tree"], root) for root in job["roots"]]
    gc.collect()
    gc.freeze()  # as our runner does: it has nothing to do with isolation
    said = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    fresh = []
    for _ in range(job["count"]):
        started = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os._exit(_session(job, []))
        _ended_well(pid)
        fresh.append(1000 * (time.perf_counter() - started))
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        looped = Looped(job["versions"])
        code = _session(job, [looped])
        os._exit(code if looped.ran == looped.count else 1)
    _ended_well(pid, 0, 5)
    collected = 1000 * (time.perf_counter() - started) / job["versions"]
    os.write(said, json.dumps({"fork + pytest": fresh, "fork after collection": [collected]}).encode())


if __name__ == "__main__":
    main()
