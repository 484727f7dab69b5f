"""Opened sandboxes, kept warm by environment: a job waits for a slot, not for an environment to start."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from ttc_data.errors import SandboxLost
from ttc_data.sandbox.protocol import Job, Report, Sandbox

E = TypeVar("E")
ATTEMPTS = 3


class SandboxPool(Generic[E]):
    """At most `slots` jobs at a time; at most `2 * slots` sandboxes open, the longest unused closed first.

    Args:
        open_sandbox: opens a sandbox on an environment.
        key: an environment's identity.
        slots: jobs that run at the same time.
    """

    def __init__(self, open_sandbox: Callable[[E], Sandbox], key: Callable[[E], str], slots: int) -> None:
        self._open = open_sandbox
        self._key = key
        self._most = 2 * slots
        self._slots = threading.BoundedSemaphore(slots)
        self._lock = threading.Lock()
        self._idle: OrderedDict[int, tuple[str, Sandbox]] = OrderedDict()
        self._busy: set[Sandbox] = set()
        self._closed = False
        self.lost = 0
        """Sandboxes that broke and were replaced."""

    def run(self, environment: E, job: Job) -> Report:
        """Run one job, on another sandbox when one is lost.

        Raises:
            SandboxLost: three sandboxes broke on it, or the pool was closed.
            SandboxUnavailable: none can be opened.
        """
        with self._slots:
            for attempt in range(1, ATTEMPTS + 1):
                if self._closed:
                    raise SandboxLost("the sandboxes were closed")
                try:
                    with self._lease(environment) as sandbox:
                        return sandbox.run(job)
                except SandboxLost:
                    with self._lock:
                        self.lost += 1
                        stop = self._closed or attempt == ATTEMPTS
                    if stop:
                        raise
        raise AssertionError("unreachable")

    @contextmanager
    def _lease(self, environment: E) -> Iterator[Sandbox]:
        key = self._key(environment)
        sandbox = self._take(key)
        if sandbox is None:
            sandbox = self._open(environment)
            with self._lock:
                self._busy.add(sandbox)
                closed = self._closed
            if closed:
                sandbox.close()
        try:
            yield sandbox
        except BaseException:
            with self._lock:
                self._busy.discard(sandbox)
            sandbox.close()
            raise
        self._give_back(key, sandbox)

    def _take(self, key: str) -> Sandbox | None:
        with self._lock:
            for number, (its_key, sandbox) in self._idle.items():
                if its_key == key:
                    del self._idle[number]
                    self._busy.add(sandbox)
                    return sandbox
        return None

    def _give_back(self, key: str, sandbox: Sandbox) -> None:
        surplus: list[Sandbox] = []
        with self._lock:
            self._busy.discard(sandbox)
            if self._closed:
                surplus.append(sandbox)
            else:
                self._idle[id(sandbox)] = (key, sandbox)
                while len(self._idle) + len(self._busy) > self._most and self._idle:
                    surplus.append(self._idle.popitem(last=False)[1][1])
        for old in surplus:
            old.close()

    def close(self) -> None:
        """Close every sandbox, busy ones too: their jobs end with `SandboxLost`."""
        with self._lock:
            self._closed = True
            sandboxes = [*self._busy, *(sandbox for _, sandbox in self._idle.values())]
            self._idle.clear()
        for sandbox in sandboxes:
            sandbox.close()
