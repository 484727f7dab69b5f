"""Places at servers: who asks gets one at the server with the fewest requests in flight, or waits in line."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from ttc_data.llm.endpoint import Endpoint


class Slots:
    """The places of all servers. Belongs to one event loop.

    Args:
        endpoints: the servers.
        fill: called when there may be places that nobody in line wants.
    """

    def __init__(self, endpoints: Sequence[Endpoint], fill: Callable[[], None]) -> None:
        self.endpoints = endpoints
        self._fill = fill
        self._line: deque[asyncio.Future[Endpoint]] = deque()
        self._loop = asyncio.get_running_loop()

    def open(self) -> Endpoint | None:
        """A server with a place to occupy; None where there is none."""
        now, found = self._loop.time(), None
        for one in self.endpoints:
            is_open = one.window.free > 0 and one.paused_until <= now
            if is_open and (found is None or one.window.in_flight < found.window.in_flight):
                found = one
        return found

    def occupy(self, endpoint: Endpoint) -> Endpoint:
        """Take a place, to be given back."""
        endpoint.window.take(self._loop.time())
        return endpoint

    async def take(self) -> Endpoint:
        """Wait for a place and take it, before whoever waits already: for a request that was sent before."""
        if (endpoint := self.open()) is not None:
            return self.occupy(endpoint)
        waiter: asyncio.Future[Endpoint] = self._loop.create_future()
        self._line.appendleft(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.give_back(waiter.result())
            raise

    def _serve(self) -> None:
        while self._line:
            if self._line[0].done():  # given up
                self._line.popleft()
            elif (endpoint := self.open()) is not None:
                self._line.popleft().set_result(self.occupy(endpoint))
            else:
                return

    def call(self) -> None:
        """Give free places to who is in front of the line, and the others to new requests."""
        self._serve()
        self._fill()

    def give_back(self, endpoint: Endpoint) -> None:
        """A request has ended; a new one in its place is up to the caller, when nobody waits in line."""
        endpoint.window.give_back(self._loop.time())
        self._serve()

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
