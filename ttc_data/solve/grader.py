"""Answers to a dataset's rows, run and judged: each distinct answer once, many at a time, on warm sandboxes."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from random import Random
from typing import TypeVar

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import (
    EnvironmentFailed,
    PatchRejected,
    ReferenceFailed,
    RowUnfit,
    SandboxLost,
    SandboxUnavailable,
    SourceUnavailable,
    StorageFull,
)
from ttc_data.evidence.stability import variation, varied
from ttc_data.faults import Guarded
from ttc_data.hosts.host import Host
from ttc_data.hosts.open import SandboxKind, open_host
from ttc_data.keys import content_key
from ttc_data.lang.python.oracle import Oracle
from ttc_data.lang.python.trust import trusted
from ttc_data.progress import Progress, Quiet
from ttc_data.records import Environment
from ttc_data.row import Row
from ttc_data.rules import ReaderRules
from ttc_data.sandbox.protocol import Job, Report, Sandbox
from ttc_data.sandbox.scheduler import Apart, Scheduler
from ttc_data.solve.answer import Answer, read_answer, read_patch
from ttc_data.solve.faults import Faults
from ttc_data.solve.grade import Seen, grade
from ttc_data.solve.outcome import Outcome
from ttc_data.solve.rows import Rows
from ttc_data.solve.task import Files, Session

T = TypeVar("T")
U = TypeVar("U")
INFRASTRUCTURE = (SandboxLost, SandboxUnavailable, EnvironmentFailed, SourceUnavailable, StorageFull)
OF_THE_ROW = (ReferenceFailed, RowUnfit, PatchRejected)
MOST_FAILED = 16
"""Answers in a row that could not be run, each tried on three sandboxes, before a run makes no sense any more."""
ROWS_HELD = 1_024
ANSWERS_HELD = 65_536
TEXTS_HELD = 256
"""Repositories whose test files are kept in memory."""
# Each reward asks for all of a batch's answers: to read 512 of them takes half a second.
ANSWERS_READ = 4_096
LEAST_LIMIT_S = 2.0
"""A session may take so long, however fast the reference is: workers share processors."""


class Grader:
    """The one thing that turns an answer into an Outcome. Safe to use from several threads and event loops.

    Args:
        dataset: a folder, a build's folder, or a Hub id.
        sandbox: where answers run.
        workers: sessions at the same time; 0 means one for each processor.
        patience: a session may take so many times as long as the reference's, and 2 s at least; with 0, as long as the
            dataset's recipe says, and the reference is not run first.
        partly: judge the tests of wrong answers too, for part pay.
        deep: what solves a row must also do with generated calls what its reference does.
        own: refuse sandboxes whose jobs share anything with those before them.
        sandboxes: kept open for each worker; 0 leaves it to the scheduler, which suits rows that come by repository.
        reader: limits and images that the set may ask for; the defaults when not given.
        secret: what altered tests are drawn by; nobody's but the grader's when not given.
        cache: folders that builds share.
        progress: told what a person should know.

    Raises:
        DatasetError: the dataset cannot be read, or asks for more than the reader grants.
        SandboxUnavailable: no sandbox of that kind.
    """

    def __init__(
        self,
        dataset: str | Path | Dataset,
        *,
        sandbox: SandboxKind = "auto",
        workers: int = 0,
        patience: float = 0.0,
        partly: bool = False,
        deep: bool = False,
        own: bool = False,
        sandboxes: int = 0,
        reader: ReaderRules | None = None,
        secret: str = "",
        cache: Cache | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.dataset = dataset if isinstance(dataset, Dataset) else Dataset(dataset)
        self.workers = workers or os.cpu_count() or 1
        self._cache = cache or Cache.default()
        self._say = (progress or Quiet()).say
        self._patience = patience
        self._partly = partly
        self._deep = deep
        self._secret = secret or secrets.token_hex(16)
        self._numbers = count()
        if self.dataset.note:
            self._say(self.dataset.note)
        self._host: Host = open_host(
            sandbox,
            cache=self._cache,
            recipe=self.dataset.granted(reader),
            say=self._say,
            reader=reader or ReaderRules(),
            own=own,
        )
        self.rows = Rows(self.dataset, self._cache, self._host)
        self._pool: Scheduler[Environment] = Scheduler(
            self._open, lambda environment: environment.key, self.workers, most_open=sandboxes * self.workers
        )
        self._threads = ThreadPoolExecutor(self.workers, "grader")
        self._lock = threading.Lock()
        self._closed = False
        self._outcomes: OrderedDict[str, Future[Outcome]] = OrderedDict()
        self._limits: dict[str, Future[float]] = {}
        self._read = lru_cache(ANSWERS_READ)(self._reading)
        self.runs = 0
        """Answers that were run; the others were known, or no code."""
        self.failed_in_a_row = 0
        """Answers that our infrastructure could not run, since the last one that it could."""
        self._faults = Faults(self._say)

    def _open(self, environment: Environment) -> Sandbox:
        try:
            self._host.prepare(environment)
        except EnvironmentFailed as error:
            field = "metadata" if error.reason == "metadata_collides" else "lock"
            place = f"{self.dataset.folder}: environments/{environment.key}.json: environment.{field}"
            raise RowUnfit(f"{place}: must be installable ({error})") from error
        return self._host.open(environment)

    # Verdicts

    def grade(self, row: Row, files: Files) -> Outcome:
        """Grade what an answer makes of a row's files, in the caller's thread.

        Args:
            row: what is answered.
            files: path to new text, None for a file that it removes; those that decide its fate are left as they are.

        Raises:
            DatasetError: the row does not fit its repository.
            ReferenceFailed: with `patience`: the reference does not pass here, so nothing can be said of an answer.
            SandboxLost: the sandbox broke, which says nothing about the answer.
        """
        environment = self.rows.environment(row)
        task = self.rows.task(row, self._limit(row) if self._patience else 0.0)
        taken = {path: text for path, text in files.items() if not trusted(path, environment)}
        apart = Apart()
        draw = Random(f"{self._secret}:{row.instance_id}:{next(self._numbers)}")
        found = grade(task, taken, lambda job: self._pool.run(environment, job, apart=apart), draw, partly=self._partly)
        if self._deep and found.solved:
            found = self._compared(row, found, taken)
        ignored = tuple(f"{path}: decides the verdict, so it stays as it was" for path in files if path not in taken)
        return replace(
            found,
            files=files,
            left_out=ignored,
            trivial=task.is_trivial(files),
        )

    def oracle(self, row: Row) -> Oracle:
        """The row's differential oracle, which runs in these sandboxes."""
        return self.rows.oracle(row, self._pool.run)

    def _compared(self, row: Row, outcome: Outcome, files: Files) -> Outcome:
        """What the oracle makes of an answer that solves its row."""
        compared = self.oracle(row).compare([files])[0]
        outcome = replace(outcome, calls=compared.calls)
        if not compared.differences:
            return outcome
        return replace(outcome, reason="differs_from_reference", detail=compared.difference)

    def grade_text(self, row: Row, text: str) -> Outcome:
        """Grade what a model said in answer to a row's prompt; never raises on what it said.

        Raises:
            DatasetError: the row does not fit its repository.
        """

        def judged() -> Outcome:
            try:
                answer = _read(row, text)
            except PatchRejected as error:
                return Outcome(row.instance_id, "no_answer", str(error))
            return self._graded(row, answer)

        return self.guarded(row.instance_id, judged)

    def grade_patch(self, row: Row, patch: str) -> Outcome:
        """Grade a unified diff against what the row gives; never raises on what the diff is.

        Raises:
            DatasetError: the row does not fit its repository.
        """
        if not patch.strip():
            return Outcome(row.instance_id, "patch_empty")

        def judged() -> Outcome:
            try:
                given = {file.path: file.text for file in row.ttc_files}
                answer = read_patch(patch, given, self.rows.tree(row))
            except PatchRejected as error:
                return Outcome(row.instance_id, "patch_rejected", str(error))
            return self._graded(row, answer)

        return self.guarded(row.instance_id, judged)

    def guarded(self, instance_id: str, judged: Callable[[], Outcome]) -> Outcome:
        """What becomes of one answer, a fault of our own included: that is an `error`, told with its traceback and counted.

        Args:
            instance_id: of the row.
            judged: gives the verdict.

        Raises:
            TtcError: as `judged`; these are no faults.
        """
        with Guarded() as judging:
            return judged()
        return self._fault(instance_id, judging)

    def _fault(self, instance_id: str, judging: Guarded) -> Outcome:
        assert judging.fault is not None
        with self._lock:
            self.failed_in_a_row += 1
        return self._faults.outcome(instance_id, judging.fault)

    def _graded(self, row: Row, answer: Answer) -> Outcome:
        if not answer.files:
            return Outcome(row.instance_id, "nothing_changed", left_out=answer.left_out)
        try:
            found = self.grade(row, answer.files)
        except (*OF_THE_ROW, *INFRASTRUCTURE) as error:
            if not isinstance(error, OF_THE_ROW):  # that is counted once for the row, however many answers it gets
                with self._lock:
                    self.failed_in_a_row += 1
            return Outcome(row.instance_id, "error", str(error), files=answer.files, left_out=answer.left_out)
        with self._lock:
            self.runs += 1
            self.failed_in_a_row = 0
        return replace(found, left_out=(*answer.left_out, *found.left_out))

    async def judge(self, instance_id: str, text: str) -> Outcome:
        """Judge an answer; the same one is run once, however often and from wherever it is asked for.

        Raises:
            DatasetError: the row is not in the dataset, or does not fit its repository.
        """
        # Shielded: one caller's cancellation must not cancel the shared run.
        return await asyncio.shield(asyncio.wrap_future(self.submit(instance_id, text)))

    def submit(self, instance_id: str, text: str) -> Future[Outcome]:
        """Judge an answer in another thread.

        Raises:
            SandboxLost: the grader was closed meanwhile.
        """
        row = self.rows.row(instance_id)
        key, answer = self._read(instance_id, text)
        if isinstance(answer, Outcome):
            known: Future[Outcome] = Future()
            known.set_result(answer)
            return known
        with self._lock:
            found = self._outcomes.get(key)
            if found is None and self._closed:
                raise SandboxLost("the grader is closed")
            if found is None:
                found = self._outcomes[key] = self._threads.submit(self._run, key, row, answer)
                while len(self._outcomes) > ANSWERS_HELD:
                    self._outcomes.popitem(last=False)
            self._outcomes.move_to_end(key)
            return found

    def _reading(self, instance_id: str, text: str) -> tuple[str, Answer | Outcome]:
        """An answer and the key of what it changes, or the outcome of a text that holds none."""
        with Guarded() as judging:
            return self._keyed(instance_id, text)
        return "", self._fault(instance_id, judging)

    def _keyed(self, instance_id: str, text: str) -> tuple[str, Answer | Outcome]:
        row = self.rows.row(instance_id)
        try:
            answer = _read(row, text)
        except PatchRejected as error:
            return "", Outcome(instance_id, "no_answer", str(error))
        if not answer.files:
            return "", Outcome(instance_id, "nothing_changed", left_out=answer.left_out)
        return content_key(instance_id, answer.files), answer

    def _run(self, key: str, row: Row, answer: Answer) -> Outcome:
        began = time.perf_counter()
        found = self.guarded(row.instance_id, lambda: self._tried(key, row, answer))
        return replace(found, seconds=time.perf_counter() - began)

    def _tried(self, key: str, row: Row, answer: Answer) -> Outcome:
        found = self._graded(row, answer)
        if found.failed:
            with self._lock:
                self._outcomes.pop(key, None)  # asked for again, it is tried again; a fault would be the same
        return found

    # References

    def run(self, row: Row, files: Files, number: int = 0, session: Session | None = None) -> Seen:
        """Run one of a row's sessions.

        Args:
            row: whose tests.
            files: what is laid over the masked ones; never an answer. With none of them the session is one of the proof's.
            session: all tests as written when not given.
            number: of the run: every one but 0 has another order, hash seed, time zone and locale, as the suite had. The
                date stays, for not every suite bears that it is put forward.
        """
        environment, task = self.rows.environment(row), self.rows.task(row)
        session = session or task.as_written
        job = varied(task.job(session, files), replace(variation(number, environment), days=0))
        return Seen(session, self._pool.run(environment, replace(job, own_copy=not files)))

    def report(self, row: Row, job: Job) -> Report:
        """Run any job in a row's environment."""
        return self._pool.run(self.rows.environment(row), job)

    def grade_reference(self, row: Row) -> Outcome:
        """Grade the row's own reference; what an altered test says against it stands."""
        environment, task = self.rows.environment(row), self.rows.task(row)
        apart = Apart()
        draw = Random(f"{self._secret}:{row.instance_id}:{next(self._numbers)}")
        return grade(
            task, task.reference, lambda job: self._pool.run(environment, job, apart=apart), draw, confirm=False
        )

    def _limit(self, row: Row) -> float:
        """Seconds that a session may take, from the reference's, which is run once.

        Raises:
            ReferenceFailed: it does not pass here, so nothing can be said of an answer.
        """
        with self._lock:
            found = self._limits.get(row.instance_id)
            mine = found is None
            if found is None:
                found = self._limits[row.instance_id] = Future()
        if mine:
            try:
                found.set_result(self._time(row))
            except BaseException as error:  # raised again; without it, who waits for this row would wait for ever
                with self._lock:
                    if isinstance(error, OF_THE_ROW):
                        self.failed_in_a_row += 1  # once for the row, however many answers it gets
                    else:
                        del self._limits[row.instance_id]  # asked for again, it is tried again
                found.set_exception(error)
                raise
        return found.result()

    def _time(self, row: Row) -> float:
        seen = self.run(row, self.rows.task(row).reference)
        if seen.defect or seen.failing:
            raise ReferenceFailed(
                f"{row.instance_id}: the reference does not pass here ({seen.defect or seen.failing[0]}); `ttcdata validate`"
                " says more"
            )
        return max(LEAST_LIMIT_S, self._patience * seen.report.seconds)

    def close(self) -> None:
        """Close every sandbox, and say how many had to be replaced; answers that wait are not judged any more."""
        with self._lock:
            self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.close()
        self._host.close()
        if self._pool.lost:
            self._say(f"sandboxes lost and replaced: {self._pool.lost}")
        if told := self._faults.summary():
            self._say(told)


def _read(row: Row, text: str) -> Answer:
    return read_answer(text, {file.path: file.text for file in row.ttc_files}, row.path, row.ttc_target)
