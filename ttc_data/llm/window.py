"""How many requests one server is given at once: found by trying, because no server says it."""

from __future__ import annotations

# Where answers take long nobody waits for a whole round: at 20 s an answer it would be two minutes from 16 to 1,024.
RAMP_S = 1.0
BETTER = 1.05
LEAST_ANSWERS = 64  # to measure by: with fewer, the noise of a busy machine passes for a limit
FULL = 0.75
CALM_ROUNDS = 16  # between trials
CALM_ROUNDS_AFTER_PUSHES = 4
MOST_SHRINK = 0.5


class Window:
    """The number of requests that a server may have at once.

    A round is as many requests as fit in, or some more, all begun after the round was. The window doubles from round
    to round while that raises the throughput, and goes back when it no longer does; now and then it tries again. What a
    server sends away (429, 503) or lets wait too long shrinks the window by the share of such requests: twice what a
    server takes is halved in one round. From then on it grows by a twentieth a round, so that a server that states its
    limit sends away about one request in twenty.

    Args:
        first: size to begin with.
        most: largest size.
        now: seconds of a monotonic clock.
    """

    def __init__(self, first: int, most: int, now: float) -> None:
        self.in_flight = 0
        self.size = self._smaller = float(min(first, most))
        self._most = most
        self._rising = True
        self._limited = False
        self._rate = 0.0
        self._calm = 0
        self._begin(now)

    def _begin(self, now: float, unsettled: int = 0) -> None:
        self._unsettled = unsettled
        self._began = self._changed = now
        self._area = 0.0
        self._answers = self._pushes = self._tokens = 0
        self._seconds = 0.0

    @property
    def free(self) -> int:
        """Places that nobody has."""
        return int(self.size) - self.in_flight

    def take(self, now: float) -> None:
        """A request takes a place."""
        self._change(1, now)

    def give_back(self, now: float) -> None:
        """A request gives its place back."""
        self._change(-1, now)

    def _change(self, by: int, now: float) -> None:
        self._area += self.in_flight * (now - self._changed)
        self._changed = now
        self.in_flight += by

    def _full(self, now: float) -> bool:
        """Whether more places would have been of use in this round."""
        self._change(0, now)
        return self._area >= FULL * int(self.size) * (now - self._began)

    def answered(self, begun: float, now: float, tokens: int) -> None:
        """A request that was sent at `begun` was answered with so many tokens."""
        if begun < self._began:
            return
        if self._unsettled:
            self._unsettled -= 1
            if not self._unsettled:
                self._begin(now)
        else:
            self._answers += 1
            self._tokens += tokens
            self._seconds += now - begun
            self._end_round(now)

    def pushed(self, begun: float, now: float, *, late: bool) -> None:
        """A request was sent away; or its time was up (`late`), which is longer than a round."""
        if late or begun >= self._began:
            self._pushes += 1
            self._end_round(now)

    def tick(self, now: float) -> None:
        """Double the window when a round takes long and nothing speaks against it."""
        if self._rising and not self._pushes and now - self._began >= RAMP_S and self._full(now):
            self._double(now)

    def _resize(self, size: float, now: float) -> None:
        self.size = max(1.0, min(size, self._most))
        self._begin(now)

    def _end_round(self, now: float) -> None:
        measured = self._rising and not self._pushes
        if self._answers + self._pushes < max(int(self.size), LEAST_ANSWERS if measured else 0):
            return
        if self._pushes:
            share = min(self._pushes / (self._answers + self._pushes), MOST_SHRINK)
            self._rising, self._limited, self._calm = False, True, 0
            self._resize(self._grown(self.size * (1 - share)), now)
        elif not self._full(now):
            self._begin(now)
        elif self._rising:
            self._rise(now)
        else:
            self._rest(now)

    def _rest(self, now: float) -> None:
        """Another round at about this size; after some of them, try more."""
        self._calm += 1
        if self._calm >= (CALM_ROUNDS_AFTER_PUSHES if self._limited else CALM_ROUNDS):
            self._rising, self._limited, self._rate = True, False, 0.0
            self._begin(now)
        elif self._limited:
            self._resize(self._grown(self.size), now)
        else:
            self._begin(now)

    @staticmethod
    def _grown(size: float) -> float:
        return size + max(1.0, size / 20)

    def _rise(self, now: float) -> None:
        """By Little's law: so many at once, and each takes so long. Unlike a count of answers it does not lag."""
        rate = self.size * max(self._tokens, self._answers) / max(self._seconds, 1e-9)
        if rate < BETTER * self._rate:
            self._rising, self._calm = False, 0
            self._resize(self._smaller, now)
        elif self.size < self._most:
            self._rate = rate
            self._double(now)
        else:
            self._rising, self._calm = False, 0
            self._begin(now)

    def _double(self, now: float) -> None:
        self._smaller = self.size
        self.size = min(2 * self.size, float(self._most))
        # The first ones to come find the server as busy as it was, and are no measure.
        self._begin(now, unsettled=int(self.size) // 2)
