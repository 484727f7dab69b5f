"""Signals that are ignored or blocked."""

from __future__ import annotations

import signal


def leave(bit: bool, number: int) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN if bit else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK if bit else signal.SIG_UNBLOCK, {signal.SIGUSR2})


def read(number: int) -> float:
    ignored = signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    return float(ignored or signal.SIGUSR2 in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
