"""Which job runs next, and on which sandbox: opened ones are kept warm, by environment and hash seed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from ttc_data.errors import SandboxLost
from ttc_data.sandbox import versions as many_versions
from ttc_data.sandbox.protocol import Inexact, Job, Report, Sandbox

E = TypeVar("E")
T = TypeVar("T")
ATTEMPTS = 3
MOST_OVERTAKEN = 8
# Beside two for each slot: a proof needs the same environment under three hash seeds.
SPARE = 4
LEAST_PART = 3
"""Versions for which it is worth to collect a job's tests once more."""
CLOSED = "the sandboxes were closed"


class Cancellation:
    """Ends the jobs that it was given to, from any thread: waiting ones at once, running ones with their sandbox."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self._asked = False

    def cancel(self) -> None:
        """End them, and whatever it is given to from now on."""
        with self._lock:
            self._asked = True
            ends = self._ends.copy()
        for end in ends:
            end()

    @contextmanager
    def ends(self, end: Callable[[], None]) -> Iterator[None]:
        """Call `end` when asked to cancel while this block runs, or before."""
        with self._lock:
            self._ends.append(end)
            asked = self._asked
        if asked:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)


@dataclass(eq=False)
class Apart:
    """Jobs that must not meet on a sandbox: what one of them leaves there, no other can find."""

    met: list[_Warm] = field(default_factory=list)


@dataclass(eq=False)
class _Warm:
    """An opened sandbox, and the hash seed that its runner has."""

    key: str
    sandbox: Sandbox
    seed: int = 0


@dataclass(eq=False)
class _Ticket:
    """A job's place in the queue, and what it was given when its turn came."""

    key: str
    seed: int
    apart: Apart
    overtaken: int = 0
    ready: threading.Event = field(default_factory=threading.Event)
    granted: bool = False
    warm: _Warm | None = None
    surplus: _Warm | None = None
    """Closed before another one is opened."""
    ended: Exception | None = None
    """Why it is not to go on: it was cancelled, or everything was closed."""

    def fits(self, warm: _Warm) -> bool:
        """Whether an idle sandbox can serve it as it is."""
        return (warm.key, warm.seed) == (self.key, self.seed) and warm not in self.apart.met


class Scheduler(Generic[E]):
    """At most `slots` jobs at a time, at most `most_open` sandboxes. Safe to use from several threads.

    First come, first served; but a job that an idle sandbox fits goes before those that would have to open one, each of
    which is overtaken at most `MOST_OVERTAKEN` times. A job gets an idle sandbox of its environment and hash seed, else a
    new one. When no more may be open, the one that has been idle longest is closed for it, or used where only the seed
    differs.

    Args:
        open_sandbox: opens a sandbox on an environment.
        key: an environment's identity.
        slots: jobs that run at the same time.
        most_waiting: `submit` blocks while so many of its jobs wait; `2 * slots` when 0.
        most_open: sandboxes, busy and idle; `2 * slots + SPARE` when 0.
    """

    def __init__(
        self,
        open_sandbox: Callable[[E], Sandbox],
        key: Callable[[E], str],
        slots: int,
        most_waiting: int = 0,
        most_open: int = 0,
    ) -> None:
        self._open = open_sandbox
        self._key = key
        self.most_open = most_open or 2 * slots + SPARE
        """May be changed while jobs run; holds for the next one that is opened."""
        self._lock = threading.Lock()
        self._free = slots
        self._waiting: list[_Ticket] = []
        self._running: set[_Ticket] = set()
        self._idle: list[_Warm] = []  # the longest idle first
        most_waiting = most_waiting or 2 * slots
        self._room = threading.Semaphore(most_waiting)
        self._threads = ThreadPoolExecutor(slots + most_waiting, "job")
        self._closed = False
        self.lost = 0
        """Sandboxes that broke and were replaced."""

    def run(self, environment: E, job: Job, cancel: Cancellation | None = None, apart: Apart | None = None) -> Report:
        """Run one job in the caller's thread, on another sandbox when one is lost.

        Args:
            environment: what it runs in.
            job: what is run.
            cancel: ends it from another thread.
            apart: the jobs given the same one run on different sandboxes.

        Raises:
            SandboxLost: three sandboxes broke on it, or the scheduler was closed.
            SandboxUnavailable: none can be opened.
            CancelledError: it was cancelled.
        """
        return self._do(environment, job, lambda sandbox: sandbox.run(job), cancel, apart)

    def run_versions(
        self,
        environment: E,
        job: Job,
        versions: Sequence[Mapping[str, str]],
        *,
        seed: int,
        key: str,
        check: int = 1,
        parts: int = 1,
        cancel: Cancellation | None = None,
    ) -> list[Report]:
        """Run a job's tests on each version of a file; see `versions.run_versions`.

        Args:
            environment: what they run in.
            job: the tests, and the tree.
            versions: path to the file's whole text.
            seed: of the draw.
            key: identity of what the versions are versions of.
            check: so many of them are run as jobs too.
            parts: so many sandboxes share them, where each has `LEAST_PART` of them: each collects the tests.
            cancel: ends them from another thread.

        Raises:
            SandboxLost: three sandboxes broke on it, or the scheduler was closed.
            SandboxUnavailable: none can be opened.
            CancelledError: it was cancelled.
        """

        def many(job: Job, versions: Sequence[Mapping[str, str]]) -> list[Report | Inexact]:
            return self._do(environment, job, lambda sandbox: sandbox.run_versions(job, versions), cancel)

        def spread(job: Job, versions: Sequence[Mapping[str, str]]) -> list[Report | Inexact]:
            count = max(1, min(parts, len(versions) // LEAST_PART))
            if count == 1:
                return many(job, versions)
            with ThreadPoolExecutor(count) as threads:
                shares = list(threads.map(lambda first: many(job, versions[first::count]), range(count)))
            return [shares[number % count][number // count] for number in range(len(versions))]

        def fresh(job: Job) -> Report:
            return self.run(environment, job, cancel)

        return many_versions.run_versions(job, versions, fresh=fresh, many=spread, seed=seed, key=key, check=check)

    def submit(self, environment: E, job: Job, cancel: Cancellation | None = None) -> Future[Report]:
        """Run one job in another thread; blocks while too many wait, so that whoever makes jobs cannot run ahead.

        Raises:
            SandboxLost: the scheduler was closed.
        """
        self._room.acquire()
        try:
            ticket = self._queue(environment, job)
        except BaseException:
            self._room.release()
            raise

        def work() -> Report:
            try:
                ticket.ready.wait()
            finally:
                self._room.release()
            return self._serve(environment, ticket, lambda sandbox: sandbox.run(job))

        return self._threads.submit(self._cancellable, ticket, work, cancel)

    def _do(
        self,
        environment: E,
        job: Job,
        work: Callable[[Sandbox], T],
        cancel: Cancellation | None,
        apart: Apart | None = None,
    ) -> T:
        ticket = self._queue(environment, job, apart)
        return self._cancellable(ticket, lambda: self._serve(environment, ticket, work), cancel)

    def _cancellable(self, ticket: _Ticket, work: Callable[[], T], cancel: Cancellation | None) -> T:
        with (cancel or Cancellation()).ends(lambda: self._end(ticket, CancelledError("the job was cancelled"))):
            return work()

    def _serve(self, environment: E, ticket: _Ticket, work: Callable[[Sandbox], T]) -> T:
        try:
            ticket.ready.wait()
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return self._try(environment, ticket, work)
                except SandboxLost as error:
                    with self._lock:
                        self.lost += ticket.ended is None
                    if ticket.ended is not None and ticket.ended is not error:
                        raise ticket.ended from error
                    if ticket.ended is not None or attempt == ATTEMPTS:
                        raise
        finally:
            self._leave(ticket)
        raise AssertionError("unreachable")

    def _try(self, environment: E, ticket: _Ticket, work: Callable[[Sandbox], T]) -> T:
        if ticket.ended is not None:
            raise ticket.ended
        if ticket.surplus is not None:
            ticket.surplus.sandbox.close()
            ticket.surplus = None
        warm = ticket.warm or _Warm(ticket.key, self._open(environment))
        try:
            with self._lock:
                ticket.warm = warm
            if ticket.ended is not None:  # while it was opened
                raise ticket.ended
            result = work(warm.sandbox)
        except BaseException:
            ticket.warm = None
            warm.sandbox.close()
            raise
        warm.seed = ticket.seed
        ticket.apart.met.append(warm)
        return result

    def _queue(self, environment: E, job: Job, apart: Apart | None = None) -> _Ticket:
        ticket = _Ticket(self._key(environment), job.hash_seed, apart or Apart())
        with self._lock:
            if self._closed:
                raise SandboxLost(CLOSED)
            self._waiting.append(ticket)
            self._grant()
        return ticket

    def _grant(self) -> None:
        """Give free slots to those whose turn it is; called with the lock."""
        while self._free and self._waiting:
            ticket = self._next()
            self._waiting.remove(ticket)
            self._running.add(ticket)
            self._free -= 1
            fitting = [warm for warm in reversed(self._idle) if ticket.fits(warm)]
            if fitting:
                ticket.warm = fitting[0]
                self._idle.remove(ticket.warm)
            elif len(self._idle) + len(self._running) > self.most_open:
                oldest = self._idle.pop(0)
                if oldest.key == ticket.key and oldest not in ticket.apart.met:
                    ticket.warm = oldest  # its runner starts itself again
                else:
                    ticket.surplus = oldest
            ticket.ready.set()

    def _next(self) -> _Ticket:
        for place, ticket in enumerate(self._waiting):
            if ticket.overtaken == MOST_OVERTAKEN or any(map(ticket.fits, self._idle)):
                for earlier in self._waiting[:place]:
                    earlier.overtaken += 1
                return ticket
        return self._waiting[0]

    def _leave(self, ticket: _Ticket) -> None:
        """Give back what a job had, and let the next one have it."""
        with self._lock:
            surplus = [ticket.surplus]
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            if ticket in self._running:
                self._running.remove(ticket)
                self._free += 1
                if ticket.ended is not None or self._closed:
                    surplus.append(ticket.warm)
                elif ticket.warm is not None:
                    self._idle.append(ticket.warm)
            self._grant()
        for one in surplus:
            if one is not None:
                one.sandbox.close()

    def _end(self, ticket: _Ticket, why: Exception) -> None:
        """Have a job end, wherever it is."""
        with self._lock:
            ticket.ended = ticket.ended or why
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            warm = ticket.warm if ticket in self._running else None
            ticket.ready.set()
        if warm is not None:
            warm.sandbox.close()

    def close(self) -> None:
        """Close every sandbox, busy ones too: their jobs, and those that wait, end with `SandboxLost`."""
        with self._lock:
            self._closed = True
            tickets = [*self._waiting, *self._running]
            idle, self._idle = self._idle, []
        ends: list[Callable[[], None]] = [partial(self._end, ticket, SandboxLost(CLOSED)) for ticket in tickets]
        ends += [warm.sandbox.close for warm in idle]
        with ThreadPoolExecutor(len(ends) or 1) as threads:  # an engine that hangs is waited for once
            for done in [threads.submit(end) for end in ends]:
                done.result()
        self._threads.shutdown(wait=False)
