"""A bounded map over the inputs of a stage: what is done is skipped, what comes of the rest goes to the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Generic, TypeVar

from ttc_data.errors import ModelUnavailable, SandboxLost, SourceUnavailable, WorkFaulty
from ttc_data.faults import Guarded, lines_of, named
from ttc_data.keys import content_key
from ttc_data.progress import Progress
from ttc_data.records import Reject
from ttc_data.store import Keyed, Stage

Input = TypeVar("Input")
R = TypeVar("R", bound=Keyed)
T = TypeVar("T")
U = TypeVar("U")
ATTEMPTS = 2
INFRASTRUCTURE = (SandboxLost, SourceUnavailable, ModelUnavailable)
NO_ANSWER = (*INFRASTRUCTURE, WorkFaulty)


@dataclass
class Ran:
    """How a stage went."""

    errors: list[str] = field(default_factory=list)
    """One line for each input that our own infrastructure kept from an answer; tried again by the next run."""


class _Into(Generic[T]):
    """A block whose exception, whatever it is, goes to a future: the thread that waits for it raises it."""

    def __init__(self, future: Future[T]) -> None:
        self._future = future

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._future.set_exception(error)
        return True


class _Threads(Generic[T]):
    """Worker threads that do not keep the process alive: Ctrl-C ends it at once, though a job or a download still runs.

    `ThreadPoolExecutor` waits at exit for all that runs. What is cut off was not journaled, and is done again.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._queue: SimpleQueue[tuple[Future[T], Callable[[], T]] | None] = SimpleQueue()
        for number in range(count):
            Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._queue.put((future, call))
        return future

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            future, call = item
            with _Into(future):
                future.set_result(call())
            del item, future, call  # what they hold is not to live until the next one

    def stop(self) -> None:
        """Begin nothing more; what runs goes on until it ends."""
        try:
            while True:
                self._queue.get_nowait()
        except Empty:
            for _ in range(self._count):
                self._queue.put(None)


def run_stage(
    stage: Stage[R],
    inputs: Iterable[tuple[str, Input]],
    work: Callable[[Input], Iterable[R | Reject]],
    *,
    salt: object,
    workers: int,
    progress: Progress,
    total: int | None = None,
) -> Ran:
    """Work on every input that the stage's journal does not have, then compact the stage.

    Args:
        stage: where results go.
        inputs: keys and inputs; consumed as fast as there are workers, never held.
        work: called in worker threads; what it yields is written together, when it ends.
        salt: what else the result depends on (rules, seed): part of the input's identity.
        workers: threads.
        progress: told of each input that ends, and of each that an earlier run worked on.
        total: number of inputs at most, for the progress.

    Returns:
        The infrastructure errors, after a second attempt each, and the faults of ttcdata itself, whose tracebacks the progress
        is told once a place. Any other `TtcError` ends the stage; what was finished is in the journal.
    """
    done = stage.counted()
    running = _Running(stage.name, progress)
    progress.begin(stage.name, total)
    pool: _Threads[tuple[int, int]] = _Threads(workers, stage.name)
    try:
        for item_key, item in inputs:
            key = content_key(stage.name, stage.shape, salt, item_key)
            if key in running.seen:  # it comes twice
                progress.skip(0, 0)
                continue
            running.seen.add(key)
            if key in done:
                progress.skip(*done[key])
                continue
            future = pool.submit(partial(_attempt, stage, work, key, item))
            running.inputs[future] = key, str(getattr(item, "name", item_key))
            while len(running.inputs) >= 2 * workers:  # before the next input is taken
                running.settle()
        while running.inputs:
            running.settle()
    finally:
        pool.stop()
        progress.end()
    stage.compact(running.seen)
    return running.ran


@dataclass
class _Running:
    """The inputs of a stage that are worked on, and what is told of those that end."""

    stage: str
    progress: Progress
    ran: Ran = field(default_factory=Ran)
    seen: set[str] = field(default_factory=set)
    """Keys of the inputs that have an answer or wait for one."""
    inputs: dict[Future[tuple[int, int]], tuple[str, str]] = field(default_factory=dict)
    """Key and name of each input that is worked on."""
    told: set[str] = field(default_factory=set)
    """Faults of ttcdata itself whose tracebacks were told."""

    def settle(self) -> None:
        """Wait until one input ends, and tell of all that have."""
        for future in wait(self.inputs, return_when=FIRST_COMPLETED).done:
            key, name = self.inputs.pop(future)
            try:
                kept, rejected = future.result()
            except NO_ANSWER as error:
                self.ran.errors.append(f"{self.stage} {name}: {error}")
                self.seen.discard(key)
                if isinstance(error, WorkFaulty):
                    self._tell_fault(name, error)
                self.progress.advance(0, 0, 1)
                continue
            self.progress.advance(kept, rejected, 0)

    def _tell_fault(self, name: str, fault: WorkFaulty) -> None:
        if str(fault) not in self.told:
            self.told.add(str(fault))
            for line in (f"{self.stage} {name}: a fault of ttcdata itself:", *lines_of(fault)):
                self.progress.say(line)


def _attempt(stage: Stage[R], work: Callable[[Input], Iterable[R | Reject]], key: str, item: Input) -> tuple[int, int]:
    """Work on one input and write what comes of it.

    Returns:
        Number of results, and of rejects.
    """
    started = time.monotonic()
    for number in range(ATTEMPTS):
        try:
            results = _results(work, item)
            break
        except INFRASTRUCTURE:
            if number + 1 == ATTEMPTS:
                raise
    kept = [result for result in results if not isinstance(result, Reject)]
    rejects = [result for result in results if isinstance(result, Reject)]
    stage.write(key, kept, rejects, time.monotonic() - started)
    return len(kept), len(rejects)


def _results(work: Callable[[Input], Iterable[R | Reject]], item: Input) -> list[R | Reject]:
    """What comes of one input.

    Raises:
        WorkFaulty: ttcdata itself is at fault; its cause is what was raised.
    """
    results: list[R | Reject] = []
    with Guarded() as guarded:
        results = list(work(item))
    if guarded.fault:
        raise WorkFaulty(f"a fault of ttcdata: {named(guarded.fault)}; please report it") from guarded.fault
    return results


def in_threads(items: Iterable[T], work: Callable[[T], U], workers: int) -> Iterator[U]:
    """Work on items in threads, a bounded number ahead, results as they end."""
    pool = ThreadPoolExecutor(workers)
    waiting: set[Future[U]] = set()
    try:
        for item in items:
            while len(waiting) >= 2 * workers:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            waiting.add(pool.submit(work, item))
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
