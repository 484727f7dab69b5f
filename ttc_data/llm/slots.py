"""Places at servers: who asks gets one at the server with the fewest requests in flight, or waits in line."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from ttc_data.llm.endpoint import Endpoint


class Slots:
    """The places of all servers. Belongs to one event loop."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = endpoints
        self._line: deque[asyncio.Future[Endpoint]] = deque()
        self._loop = asyncio.get_running_loop()

    def _open(self) -> Endpoint | None:
        now = self._loop.time()
        open_ = [one for one in self.endpoints if one.window.free > 0 and one.paused_until <= now]
        return min(open_, key=lambda one: one.window.in_flight) if open_ else None

    def _occupy(self, endpoint: Endpoint) -> Endpoint:
        endpoint.window.take(self._loop.time())
        return endpoint

    async def take(self, *, urgent: bool = False) -> Endpoint:
        """A place, to be given back.

        Args:
            urgent: whether to go to the head of the line: a request that has waited before.
        """
        if (urgent or not self._line) and (endpoint := self._open()) is not None:
            return self._occupy(endpoint)
        waiter: asyncio.Future[Endpoint] = self._loop.create_future()
        if urgent:
            self._line.appendleft(waiter)
        else:
            self._line.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.give_back(waiter.result())
            raise

    def call(self) -> None:
        """Give free places to who is in front of the line."""
        while self._line:
            if self._line[0].done():  # given up
                self._line.popleft()
            elif (endpoint := self._open()) is not None:
                self._line.popleft().set_result(self._occupy(endpoint))
            else:
                return

    def give_back(self, endpoint: Endpoint) -> None:
        """A request has ended."""
        endpoint.window.give_back(self._loop.time())
        self.call()

    def pause(self, endpoint: Endpoint, until: float) -> None:
        """Send nothing to a server before that time of the loop's clock."""
        if until > endpoint.paused_until:
            endpoint.paused_until = until
            self._loop.call_at(until, self.call)

    def tick(self) -> None:
        """Let the windows grow that wait for long answers."""
        for endpoint in self.endpoints:
            endpoint.window.tick(self._loop.time())
        self.call()
