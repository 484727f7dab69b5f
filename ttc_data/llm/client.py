"""Asks models behind OpenAI-compatible servers: many requests at once, each answer paid for once."""

from __future__ import annotations

import asyncio
import math
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from ttc_data.errors import ModelUnavailable, PromptRefused, RecipeError, StorageFull, TtcError
from ttc_data.llm.endpoint import AttemptFailed, Endpoint, api_key, base_url
from ttc_data.llm.flight import Flight, unavailable
from ttc_data.llm.journal import AnswerJournal
from ttc_data.llm.ledger import Account, Ledger, Prices
from ttc_data.llm.request import Reply, Request
from ttc_data.llm.slots import Slots
from ttc_data.llm.window import Window

TICK_S = 0.25
SYNC_TICKS = 4  # a second
CLOSED = "the client is closed; run again: what was answered is kept"


class Models:
    """Several servers of the same models, used together. Safe to use from several threads.

    An event loop in a thread of its own does the work. Every answer is in the journal of `answers` before anybody gets
    it, and a request whose answer is there is not sent: nothing is paid for twice, whenever the process is killed, but
    for answers that were on the wire at that moment. Identical requests in flight are one. As a context manager it
    waits at the end for what was sent, unless it ends by something else than a `TtcError`: Ctrl-C cuts everything off.

    Args:
        endpoints: base URLs.
        answers: folder of the journal.
        deadline_s: seconds for a request from when it is first sent, all attempts together.
        silence_s: seconds without a byte of the answer after which an attempt ends. A server that does not stream is
            silent while it works, so this is longer than the longest answer takes.
        contact_s: like `deadline_s` while no server ever answered: a wrong address shows soon.
        at_once: most requests that one server is given at once.
        first_at_once: what it is given to begin with; `Window` says how it goes on.
        backoff_s: the wait before the n-th attempt is drawn between 0 and this, doubled n times.
        longest_backoff_s: no wait is drawn longer than this.
        prices: of tokens.
        max_spend: most that the answers of the folder may cost, those of earlier runs with them; 0 for no limit.
        ended: asked when a connection is lost: why no server will ever answer again, nothing where one may.

    Raises:
        RecipeError: a base URL, or a key in OPENAI_API_KEY, that cannot be used; `max_spend` without `prices`.
        BuildError: the folder cannot be written.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        answers: Path,
        *,
        deadline_s: float = 1_800.0,
        silence_s: float = 600.0,
        contact_s: float = 20.0,
        at_once: int = 1_024,
        first_at_once: int = 256,
        backoff_s: float = 0.5,
        longest_backoff_s: float = 30.0,
        prices: Prices | None = None,
        max_spend: float = 0.0,
        ended: Callable[[], str] = lambda: "",
    ) -> None:
        self._urls = [base_url(url) for url in dict.fromkeys(endpoints)]
        if not self._urls:
            raise ModelUnavailable("no model server is named; name one with --llm URL")
        if max_spend and not (prices and (prices.prompt or prices.completion)):
            raise RecipeError(f"max_spend {max_spend:g} means nothing without prices; give those of a million tokens")
        self._deadline_s, self._silence_s, self._contact_s = deadline_s, silence_s, contact_s
        self._at_once, self._first = at_once, min(first_at_once, at_once)
        self._backoff_s, self._longest_backoff_s = backoff_s, longest_backoff_s
        self._api_key, self._servers_ended = api_key(), ended
        self._journal = AnswerJournal(answers)
        before = self._journal.prompt_tokens, self._journal.completion_tokens
        self._ledger = Ledger(prices or Prices(), max_spend, before)
        self._random = random.Random()
        self._heard_at = -math.inf
        self._down = False
        self._asking: dict[str, list[Future[Reply]]] = {}
        self._unsent: deque[tuple[str, Request]] = deque()
        self._flights: dict[asyncio.Task[None], Flight] = {}
        self._came: list[tuple[Reply, float]] = []
        self._lock = threading.Lock()
        self._inbox: list[tuple[str, Request, Future[Reply]]] = []
        self._closed = False
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=asyncio.run, args=(self._live(ready),), name="models", daemon=True)
        self._thread.start()
        ready.result()

    # From any thread

    def submit(self, request: Request) -> Future[Reply]:
        """Ask, and wait for the answer later. Any number may be submitted; the caller bounds what it holds.

        The future gives the answer or raises what `ask` does; it cannot be cancelled.

        Raises:
            ModelUnavailable: the client is closed.
        """
        key = request.key
        future: Future[Reply] = Future()
        future.set_running_or_notify_cancel()
        if self._closed:
            raise ModelUnavailable(CLOSED)
        if (kept := self._journal.get(key)) is not None:
            self._ledger.count("reused")
            future.set_result(kept)
            return future
        with self._lock:
            if self._closed:
                raise ModelUnavailable(CLOSED)
            self._inbox.append((key, request, future))
            if len(self._inbox) == 1:  # else the loop is on its way: a wake-up is a system call
                self._loop.call_soon_threadsafe(self._collect)
        return future

    def ask(self, request: Request) -> Reply:
        """Ask, and wait for the answer.

        Raises:
            PromptRefused: the server does not take this prompt.
            ModelUnavailable: no answer within the deadline, or a server that takes no such request.
            SpendLimitReached: the request could cost more than what is left.
            StorageFull: the answer came and cannot be kept.
        """
        return self.submit(request).result()

    async def complete(self, request: Request) -> Reply:
        """`ask` for any event loop."""
        return await asyncio.wrap_future(self.submit(request))

    @property
    def account(self) -> Account:
        """What was asked and paid."""
        return self._ledger.account

    @property
    def windows(self) -> dict[str, int]:
        """How many requests each server is given at once, by its URL."""
        return {endpoint.url: int(endpoint.window.size) for endpoint in self._slots.endpoints}

    def finish(self) -> None:
        """Wait for what was sent and close to what was not: it raises `ModelUnavailable`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        asyncio.run_coroutine_threadsafe(self._drain(), self._loop).result()

    def close(self) -> None:
        """Cut off what is in flight, and end the thread."""
        with self._lock:
            self._closed = True
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None or issubclass(kind, TtcError):
                self.finish()
        finally:
            self.close()

    # In the loop's thread

    async def _live(self, ready: Future[None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        now = self._loop.time()
        windows = [(url, Window(self._first, self._at_once, now)) for url in self._urls]
        endpoints = [Endpoint(url, window, self._api_key) for url, window in windows]
        self._slots = Slots(endpoints, self._send)
        ready.set_result(None)
        ticks = 0
        try:
            while not self._stop.is_set():
                try:
                    await asyncio.wait_for(self._stop.wait(), TICK_S)
                except TimeoutError:
                    self._tick()
                ticks += 1
                if ticks % SYNC_TICKS == 0:
                    await asyncio.to_thread(self._sync)
        finally:
            self._forget_unsent()
            tasks = [*self._flights]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._keep()
            for endpoint in self._slots.endpoints:
                await endpoint.close()
            self._sync()

    def _sync(self) -> None:
        try:
            self._journal.sync()
        except StorageFull:  # the next write says so to whoever asked
            pass

    async def _drain(self) -> None:
        self._forget_unsent()
        if self._flights:
            await asyncio.wait([*self._flights])
        self._keep()

    def _forget_unsent(self) -> None:
        while self._unsent:
            self._fail(self._unsent.popleft()[0], ModelUnavailable(CLOSED))

    def _tick(self) -> None:
        """End what has no time left. One look at all, four times a second, costs less than a timer for each."""
        now = self._loop.time()
        for task, flight in self._flights.items():
            if flight.late:
                continue
            if now - flight.begun > self._deadline_s:
                flight.late = True
                task.cancel()
            elif now - flight.heard > self._silence_s:
                flight.heard, flight.silent = math.inf, True
                task.cancel()
        self._slots.tick()

    def _collect(self) -> None:
        with self._lock:
            inbox, self._inbox = self._inbox, []
        for key, request, future in inbox:
            if (kept := self._journal.get(key)) is not None:  # it came in between
                self._ledger.count("reused")
                future.set_result(kept)
            elif key in self._asking:
                self._ledger.count("joined")
                self._asking[key].append(future)
            else:
                self._asking[key] = [future]
                self._unsent.append((key, request))
        self._send()

    def _next(self) -> Flight | None:
        """The next request, where there is one and a place and money for it; what waits here costs no task."""
        while self._unsent and (endpoint := self._slots.open()) is not None:
            key, request = self._unsent[0]
            amount = self._ledger.estimate(request)
            if self._ledger.reserve(amount):
                self._unsent.popleft()
                return Flight(key, request, amount, self._slots.occupy(endpoint), self._loop.time())
            if self._ledger.fits(amount):
                return None  # requests in flight may give some back
            self._unsent.popleft()
            self._fail(key, self._ledger.limit_reached(amount))
        return None

    def _send(self) -> None:
        """Send all that can be sent."""
        while (flight := self._next()) is not None:
            task = self._loop.create_task(self._work(flight))
            self._flights[task] = flight
            task.add_done_callback(self._ended)

    async def _work(self, flight: Flight) -> None:
        """See a request to its end, and then the next one: a task for each would cost as much as its hash."""
        task = asyncio.current_task()
        assert task is not None
        following: Flight | None = flight
        while following is not None:
            flight = following
            try:
                await self._attempts(flight, task)
            except TtcError as error:
                self._failed(flight, error)
            if (following := self._next()) is not None:
                self._flights[task] = following
                await asyncio.sleep(0)  # the answer before is in the journal when this one is sent
        del self._flights[task]

    def _ended(self, task: asyncio.Task[None]) -> None:
        flight = self._flights.pop(task, None)
        if flight is not None:  # cut off in the middle
            error = None if task.cancelled() else task.exception()
            self._failed(flight, error or ModelUnavailable(CLOSED))
            self._send()

    def _failed(self, flight: Flight, error: BaseException) -> None:
        if isinstance(error, PromptRefused):
            self._ledger.count("refused")
        self._ledger.release(flight.amount)
        self._fail(flight.key, error)

    def _fail(self, key: str, error: BaseException) -> None:
        for future in self._asking.pop(key):
            future.set_exception(error)

    def _keep(self) -> None:
        """Put what came in this turn of the loop into the journal, and then hand it out."""
        came, self._came = self._came, []
        full: StorageFull | None = None
        try:
            self._journal.write([answer for answer, _ in came])
        except StorageFull as error:
            full = error
        for answer, amount in came:
            self._ledger.release(amount)
            if full is not None and answer.key not in self._journal:
                self._fail(answer.key, full)
                continue
            self._ledger.paid(answer)
            for future in self._asking.pop(answer.key):
                future.set_result(answer)
        self._send()

    async def _attempts(self, flight: Flight, task: asyncio.Task[None]) -> None:
        """Ask until there is an answer or the time is up."""
        number, last = 0, AttemptFailed("timeout", "none has ended")
        try:
            while True:
                try:
                    answer = await self._attempt(flight, task)
                    # Before the place is given back: who gets it has to wait for a turn of the loop, and this is kept then.
                    if not self._came:
                        self._loop.call_soon(self._keep)
                    self._came.append((answer, flight.amount))
                    return
                except AttemptFailed as failed:
                    last = failed
                finally:
                    self._slots.give_back(flight.endpoint)
                if last.cause == "connection" and (reason := self._servers_ended()):
                    raise ModelUnavailable(reason) from last
                if self._hopeless(last, flight.begun):
                    raise unavailable(flight, last) from last
                self._send()  # meanwhile
                self._ledger.retried(last.cause)
                longest = min(self._longest_backoff_s, self._backoff_s * 2 ** min(number, 16))
                await asyncio.sleep(self._random.uniform(0, longest))
                number += 1
                flight.endpoint = await self._slots.take()
        except asyncio.CancelledError as error:
            if not flight.late or task.uncancel():
                raise
            self._down = self._heard_at < flight.begun
            raise unavailable(flight, last) from error

    async def _attempt(self, flight: Flight, task: asyncio.Task[None]) -> Reply:
        begun, window = self._loop.time(), flight.endpoint.window
        flight.heard = begun
        self._ledger.count("requests")
        try:
            try:
                answer = await flight.endpoint.ask(flight.request, flight.key, flight.hear)
            except asyncio.CancelledError as error:
                if not flight.silent or task.uncancel():
                    raise
                flight.silent = False
                raise AttemptFailed("timeout", f"silence for {self._silence_s:g} s", pushed=True) from error
        except AttemptFailed as failed:
            now = self._loop.time()
            if failed.pushed:
                window.pushed(begun, now, late=failed.cause == "timeout")
            if failed.wait_s:
                self._slots.pause(flight.endpoint, now + min(failed.wait_s, self._deadline_s))
            raise
        except PromptRefused:
            self._heard_at, self._down = self._loop.time(), False
            raise
        finally:
            flight.heard = math.inf
        self._heard_at, self._down = self._loop.time(), False
        window.answered(begun, self._heard_at, answer.completion_tokens)
        return answer

    def _hopeless(self, failed: AttemptFailed, begun: float) -> bool:
        """Nothing answers since longer than a request waits; or nothing ever did, and something is wrong with the address."""
        if failed.cause not in ("connection", "not_a_completion"):
            return self._down and failed.cause != "429"
        return self._down or (self._heard_at == -math.inf and self._loop.time() - begun > self._contact_s)
