"""Imports what tests will need, once, before any job: pytest and the environment's dependencies, never the project.

A module is imported here only where a process of its own has shown that the import ends, starts no thread and does not
ask for the project: such a module would be another one in a job, where the project can be imported.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ttc_data.sandbox.inside.copies import LATER, PYTEST
from ttc_data.sandbox.inside.session import prepare

# Which the project itself may be.
TOOLS = (
    "coverage", "coverage.tracer", "coverage.sqldata", "coverage.python", "coverage.parser", "coverage.results", "time_machine",
    "locale", "packaging.version", "random", "sqlite3",
)  # fmt: skip
NO_WARNING = "_warn_already_imported"
MOST_S = 20.0
TABLES = ".ttcdata-characters"


class AskedFinder:
    """A finder that finds nothing and remembers whether the project was asked for."""

    def __init__(self, project: set[str]) -> None:
        self.project = project
        self.asked = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in self.project:
            self.asked = True


def preload(site: str, roots: list[str]) -> None:
    """Import pytest, and of the modules that `bytecode.py` listed those that can be."""
    with contextlib.suppress(ImportError):  # the project itself may be one that pytest needs
        for name in PYTEST:
            __import__(name)
        # What is already imported cannot be rewritten, and need not be.
        rewriting = sys.modules["_pytest.assertion.rewrite"]
        setattr(rewriting.AssertionRewritingHook, NO_WARNING, lambda self, name: None)
    try:
        with open(os.path.join(site, ".ttcdata-imports"), encoding="utf-8") as file:
            names = [*file.read().split(), *TOOLS]
    except FileNotFoundError:
        names = []
    if names:
        for name in harmless(names, top_level(roots)):
            with contextlib.suppress(Exception):
                __import__(name)
    settle_hypothesis(site)
    if "pytest" in sys.modules:
        for name in LATER:
            with contextlib.suppress(ImportError):
                __import__(name)
        prepare()
    gc.collect()
    gc.freeze()  # a collection in a job does not touch, and thereby copy, the pages of what is here


def settle_hypothesis(site: str) -> None:
    """Tell Hypothesis where packages are installed, and have it read the tables of characters that `bytecode.py` had it write.

    It looks for constants in all modules that it takes for the project's: with those of all packages 3 s in each job.
    """
    named = ("internal.scrutineer", "configuration", "strategies")
    scrutineer, configuration, strategies = (vars(sys.modules.get(f"hypothesis.{name}", sys)) for name in named)
    with contextlib.suppress(Exception):  # a version that does neither
        scrutineer["SITE_PACKAGES_DIRS"].add(Path(site).resolve())
    folder = os.path.join(site, TABLES)
    if not os.path.isdir(folder):
        return
    with contextlib.suppress(Exception):
        configuration["set_hypothesis_home_dir"](folder)
        strategies["text"]().validate()
        configuration["set_hypothesis_home_dir"](None)  # where it writes is for each job to say


def top_level(roots: list[str]) -> set[str]:
    """What can be imported from the project."""
    return {name.partition(".")[0] for root in roots for name in os.listdir(root)}


def harmless(names: list[str], project: set[str]) -> list[str]:
    """Try the imports in another process; give those that may be done here."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            attempt(names, project, writable)
        finally:
            os._exit(0)
    os.close(writable)
    said = b""
    deadline = time.monotonic() + MOST_S
    while select.select([readable], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(readable, 65536)
        if not part:
            break
        said += part
    os.close(readable)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return [json.loads(line) for line in said.splitlines() if line.endswith(b'"')]


def attempt(names: list[str], project: set[str], writable: int) -> None:
    """Import one after the other; tell of each that may be imported elsewhere. Ends at the first that starts a thread."""
    finder = AskedFinder(project)
    sys.meta_path.insert(0, finder)
    for name in names:
        before = set(sys.modules)
        finder.asked = False
        imported = False
        with contextlib.suppress(Exception):
            __import__(name)
            imported = True
        if len(os.listdir("/proc/self/task")) > 1:
            return
        if finder.asked:
            for added in set(sys.modules) - before:  # whoever imports it next shall be seen to ask as well
                del sys.modules[added]
        elif imported:
            os.write(writable, json.dumps(name).encode() + b"\n")
