"""Samples are proven in processes of their own: threads of one interpreter would wait for each other."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from threading import Lock
from typing import IO, Any

from ttc_data import errors
from ttc_data.cache import Cache
from ttc_data.errors import SandboxLost, WorkFaulty
from ttc_data.hosts.host import HostName
from ttc_data.kinds.worker import LENGTH, Opening, SentCase, Told
from ttc_data.programs import NETWORK, environment
from ttc_data.prove import ProofCase
from ttc_data.recipe import Recipe
from ttc_data.records import Evidence, Reject

PATIENCE_S = 20.0
"""For a process to close its sandboxes."""
NEEDED = (*NETWORK, "PIP_*", "UV_*", "NETRC", "DOCKER_*", "TTCDATA_*")
"""Variables that it takes to open sandboxes, and to install an environment whose folder is gone."""
PROGRAM = "import sys; sys.path[:] = {path!r}; from ttc_data.kinds.worker import main; main()"


class _Process:
    """One of them, and the environment whose texts it has."""

    def __init__(self, opening: Opening) -> None:
        # A session of its own: Ctrl-C is for the build, which ends it by its input; jobs keep their signals as they are.
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[opening.parts],
            start_new_session=True,
            env=environment(*NEEDED),
        )
        self._to = _connection(self._process.stdin, writable=True)
        self._from = _connection(self._process.stdout, writable=False)
        self.environment = ""
        """Key of the environment whose texts and warm sandboxes it has."""
        self.lost = 0
        with contextlib.suppress(BrokenPipeError):  # it ended at once; the first proof says so
            self._to.send(opening)

    def prove(self, case: ProofCase) -> Told | None:
        """Prove a sample; None where the process ended over it."""
        is_new = case.environment.key != self.environment
        self.environment = case.environment.key
        try:
            self._to.send(SentCase(case if is_new else replace(case, texts={}, others={}), is_new))
            told: Told = self._from.recv()
        except (EOFError, OSError):  # of a pipe that was closed, at either end
            return None
        self.lost = told.lost
        return told

    def end(self) -> None:
        """Have it close its sandboxes and end; it is not waited for."""
        with contextlib.suppress(OSError):  # it was closed before
            self._to.close()

    def wait(self, seconds: float) -> int:
        """Wait until it ended; gives its exit status."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._process.wait()


def _connection(pipe: IO[bytes] | None, *, writable: bool) -> Connection[Any, Any]:
    """A pipe as messages; it is closed with the connection."""
    assert pipe is not None
    with pipe:
        return Connection(os.dup(pipe.fileno()), readable=not writable, writable=writable)


class Processes:
    """Worker processes, started when they are needed. Safe to use from several threads, each of which has one at a time.

    Args:
        recipe: of the build.
        cache: its trees and environments.
        kind: of sandbox that each of them opens.
        count: of processes, and of processors.
    """

    def __init__(self, recipe: Recipe, cache: Cache, kind: HostName, count: int) -> None:
        self._parts: IO[bytes] = tempfile.TemporaryFile()
        self._opening = Opening(recipe, cache, kind, count, self._parts.fileno())
        self._count = count
        self._lock = Lock()
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._closed = False
        self._lost = 0

    @property
    def lost(self) -> int:
        """Sandboxes that had to be replaced, and processes."""
        return self._lost + sum(process.lost for process in self._all)

    def prove(self, case: ProofCase) -> Iterator[Evidence | Reject]:
        """Prove one sample in one of the processes; that of the same environment where one is idle.

        Raises:
            SandboxLost: its process ended.
            WorkFaulty: ttcdata itself is at fault.
        """
        process = self._take(case.environment.key)
        told = process.prove(case)
        with self._lock:
            if told is None:
                self._all.discard(process)
                self._lost += 1 + process.lost
            else:
                self._idle.append(process)
            self._say()
        if told is None:
            process.end()
            raise SandboxLost(f"a process that proves samples ended with status {process.wait(PATIENCE_S)}")
        if told.error:
            raise getattr(errors, told.error)(told.text)
        if told.text:
            cause = told.text.strip().splitlines()[-1]
            raise WorkFaulty(f"a fault of ttcdata: {cause}; please report it") from RuntimeError(told.text)
        yield from told.found

    def _take(self, wanted: str) -> _Process:
        with self._lock:
            if self._closed:
                raise SandboxLost("the build ends")
            if self._idle:
                process = next((idle for idle in self._idle if idle.environment == wanted), self._idle[-1])
                self._idle.remove(process)
            else:
                process = _Process(self._opening)
            self._all.add(process)
            self._say()
        return process

    def _say(self) -> None:
        """Tell them how many sandboxes each may use; called with the lock."""
        if self._closed:
            return
        busy = len(self._all) - len(self._idle)
        os.pwrite(self._parts.fileno(), (self._count // max(1, busy)).to_bytes(LENGTH, "big"), 0)

    def close(self) -> None:
        """End them all, with what they are proving."""
        with self._lock:
            self._closed = True
            processes = list(self._all)
        for process in processes:
            process.end()
        for process in processes:
            process.wait(PATIENCE_S)
        self._parts.close()
