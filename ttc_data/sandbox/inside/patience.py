"""How long a test may take: an exception is raised in one that takes longer, and what no exception reaches is ended.

Python calls handlers of signals between two of its own instructions: a loop in C, as of `sum(count())`, has none. So one timer has no
handler, and with it the kernel ends the process.
"""

from __future__ import annotations

import signal
from typing import Any, Callable

# A test that goes on this long after its timeout was raised in it has swallowed it: of the processor a quarter of what it may take.
LAST_WORDS_S, LEAST_WORDS_S = 2.0, 0.2
SOON_S = 0.01
# So many times as long after it the kernel ends the process: where Python can, it has given up by then.
LATER = 1.5
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_PROF, signal.ITIMER_VIRTUAL)


class TestTimeout(BaseException):
    """A test ran longer than it may."""


class Patience:
    """The timers of the test that runs.

    Args:
        job: what the tests may take.
        must_wait: whether nothing may be raised in a frame.
        give_up: called where a test goes on though its timeout was raised; does not return.
    """

    def __init__(self, job: dict[str, Any], must_wait: Callable[[Any], bool], give_up: Callable[[], None]) -> None:
        self.seconds, self.cpu_seconds, self.more = job["test_timeout_s"], job["test_cpu_s"], job["more_cpu_s"]
        self.must_wait = must_wait
        self.give_up = give_up
        self.ran_out = False
        """Whether the test that runs, or ran last, took longer than it may."""

    def begin(self, test: str) -> None:
        """Set the timers for a test."""
        self.ran_out = False
        cpu_seconds = self.cpu_seconds + self.more.get(test, 0.0)

        def expire(signum: int, frame: Any) -> None:
            if self.must_wait(frame):
                which = signal.ITIMER_PROF if signum == signal.SIGPROF else signal.ITIMER_REAL
                signal.setitimer(which, SOON_S, LAST_WORDS_S)
                return
            if self.ran_out:
                self.give_up()
            self.ran_out = True
            took = "%g s of the processor" % cpu_seconds if signum == signal.SIGPROF else "%g s" % self.seconds
            raise TestTimeout("the test ran longer than %s" % took)

        signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, self.seconds, LAST_WORDS_S)
        if self.cpu_seconds:
            longer = min(max(cpu_seconds / 4, LEAST_WORDS_S), LAST_WORDS_S)
            signal.signal(signal.SIGPROF, expire)
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds, longer)
            signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_VIRTUAL, cpu_seconds + LATER * longer)

    def end(self) -> None:
        """Take the timers back."""
        for timer in TIMERS:
            signal.setitimer(timer, 0)
