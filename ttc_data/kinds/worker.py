"""A process that proves samples for a build: one at a time, with sandboxes of its own.

`processes.py` starts it and speaks to it, by its standard input and output.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection

from ttc_data.cache import Cache
from ttc_data.errors import Refused, TtcError
from ttc_data.hosts.host import Host, HostName
from ttc_data.hosts.open import open_host
from ttc_data.kinds.tools import Tools
from ttc_data.prove import ProofCase
from ttc_data.recipe import Recipe
from ttc_data.records import Evidence, Reject

LENGTH = 8
WARM = 4
"""Sandboxes that a worker keeps open beside those that run: one for each hash seed that a proof needs, and one more."""


@dataclass(frozen=True)
class Opening:
    """What a worker opens."""

    recipe: Recipe
    cache: Cache
    kind: HostName
    slots: int
    """Sandboxes that it may keep busy when nobody else needs the processors."""
    parts: int
    """Descriptor of a file in which the build says how many it may use now."""


@dataclass(frozen=True)
class SentCase:
    """A sample to prove; its environment's texts come with the first one of that environment alone."""

    case: ProofCase
    """With empty `texts` and `others` where `texts_follow` is False."""
    texts_follow: bool


@dataclass(frozen=True)
class Told:
    """What came of it."""

    found: tuple[Evidence | Reject, ...]
    error: str
    """The class of an error that is one of ours, else empty."""
    text: str
    """Of the error, with its traceback where it is none of ours; empty where there was none."""
    lost: int
    """Sandboxes that had to be replaced since this process began."""


class _Sharing(Tools):
    """Tools of a process that is one of several."""

    def __init__(self, opening: Opening, host: Host) -> None:
        super().__init__(opening.recipe, opening.cache, host, opening.slots, WARM)
        self._said = opening.parts

    def parts(self) -> int:
        count = int.from_bytes(os.pread(self._said, LENGTH, 0), "big") or 1
        self.pool.most_open = max(WARM, 2 * count)
        return count


class _Prover:
    """Opens what a proof takes with the first sample, so that what cannot be opened is told like any other error."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._tools: _Sharing | None = None
        self._held: ProofCase | None = None

    def prove(self, asked: SentCase) -> tuple[Evidence | Reject, ...]:
        held = None if asked.texts_follow else self._held
        case = replace(asked.case, texts=held.texts, others=held.others) if held else asked.case
        self._held = case
        if self._tools is None:
            opening = self._opening
            say = partial(print, file=sys.stderr)
            host = open_host(opening.kind, cache=opening.cache, recipe=opening.recipe, say=say)
            self._tools = _Sharing(opening, host)
        return tuple(self._tools.prove(case))

    @property
    def lost(self) -> int:
        """Sandboxes that had to be replaced."""
        return self._tools.pool.lost if self._tools else 0

    def close(self) -> None:
        """Close every sandbox, also that of what is being proven."""
        if self._tools:
            self._tools.close()
            self._tools.host.close()


def told_of(proof: Future[tuple[Evidence | Reject, ...]], lost: int) -> Told:
    """What a build is told of a proof that ended, however it did."""
    error = proof.exception()
    if error is None:
        return Told(proof.result(), "", "", lost)
    kind = type(error).__name__ if isinstance(error, TtcError) and not isinstance(error, Refused) else ""
    return Told((), kind, str(error) if kind else "".join(traceback.format_exception(error)), lost)


def main() -> None:
    """Prove samples until the build closes this process's input, then close every sandbox."""
    asked = Connection(os.dup(0), writable=False)
    told: Connection[Told, None] = Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # what a library prints is no message
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    prover = _Prover(asked.recv())
    thread = ThreadPoolExecutor(1)

    def tell(proof: Future[tuple[Evidence | Reject, ...]]) -> None:
        with contextlib.suppress(BrokenPipeError):  # the build has ended, and so does this process
            told.send(told_of(proof, prover.lost))

    try:
        while True:
            thread.submit(prover.prove, asked.recv()).add_done_callback(tell)
    except EOFError:
        prover.close()
        os._exit(0)  # what is being proven ends with its sandboxes, and nobody waits for it
