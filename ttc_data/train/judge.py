"""Answers to a dataset's rows, judged by running them: each distinct answer once, many at a time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ttc_data.answers import answered
from ttc_data.bench import Bench, patched
from ttc_data.dataset import Dataset
from ttc_data.engine import Progress, Quiet
from ttc_data.environments.open import Cache, SandboxKind
from ttc_data.errors import (
    DatasetError,
    EnvironmentFailed,
    PatchRejected,
    ReferenceFailed,
    SandboxLost,
    SandboxUnavailable,
    SourceUnavailable,
    StorageFull,
)
from ttc_data.grading import FAILURES, grade
from ttc_data.keys import content_key
from ttc_data.row import Row

INFRASTRUCTURE = (SandboxLost, SandboxUnavailable, EnvironmentFailed, SourceUnavailable, StorageFull)
TAMPERED = frozenset(("tampered", "tripwire_passed"))
ROWS_HELD = 1_024
ANSWERS_HELD = 65_536
TEXTS_HELD = 256
# Each reward asks for all of a batch's answers: to read 512 of them takes half a second.
TEXTS_READ = 4_096
# A batch holds many answers to each of a few rows of any repository: with two for each worker the next batch would open its own.
SANDBOXES_A_WORKER = 8
LEAST_LIMIT_S = 2.0
"""An answer's session may take so long, however fast the reference is: workers share processors."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one answer."""

    reason: str
    """Why it is not right, a snake_case defect: `no_answer`, `nothing_changed`, or what grading says; `""` when it solves
    the row."""
    fail_to_pass: float = 0.0
    """Share, 0 to 1, of the row's FAIL_TO_PASS tests that passed; 0 where the session cannot be believed."""
    pass_to_pass: float = 0.0
    """Likewise, of those that must go on passing; 1 where there is none."""
    seconds: float = 0.0
    """In the sandbox."""
    files: Mapping[str, str] = field(default_factory=dict)
    """What it changed: path to new text."""
    error: str = ""
    """Why our own infrastructure could not say; the answer is then neither right nor wrong."""

    @property
    def solved(self) -> bool:
        """Every test passed, and no tripwire did."""
        return not self.reason and not self.error

    @property
    def parsed(self) -> bool:
        """There was code in it that fits the files."""
        return self.reason not in ("no_answer", "nothing_changed") and not self.error

    @property
    def tampered(self) -> bool:
        """It passed where the reference fails, or the session contradicts itself."""
        return self.reason in TAMPERED


class Judge:
    """Judges answers to a dataset's rows. Safe to use from several threads and event loops.

    Args:
        dataset: a folder, a build's folder, or a Hub id.
        sandbox: where answers run.
        workers: at the same time; 0 means one for each processor.
        patience: an answer's session may take so many times as long as the reference's, and 2 s at least.
        cache: folders that builds share.
        progress: told what a person should know.

    Raises:
        DatasetError: the dataset cannot be read.
        SandboxUnavailable: no sandbox of that kind.
    """

    def __init__(
        self,
        dataset: str | Path,
        *,
        sandbox: SandboxKind = "auto",
        workers: int = 0,
        patience: float = 5.0,
        cache: Cache | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.dataset = Dataset(dataset)
        self._bench = Bench(
            self.dataset, sandbox, workers, cache or Cache.default(), progress or Quiet(), texts_held=TEXTS_HELD,
            sandboxes=SANDBOXES_A_WORKER,
        )  # fmt: skip
        self._patience = patience
        self._threads = ThreadPoolExecutor(self._bench.workers, "judge")
        self._lock = threading.Lock()
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._answers: OrderedDict[str, Future[Judged]] = OrderedDict()
        self._limits: dict[str, Future[float]] = {}
        self._read = lru_cache(TEXTS_READ)(self._changes)
        self.runs = 0
        """Answers that were run; the others were known, or no code."""
        self.failed_in_a_row = 0
        """Answers that our infrastructure could not run, since the last one that it could."""

    def row(self, instance_id: str) -> Row:
        """One row.

        Raises:
            DatasetError: the dataset has no such row.
        """
        self.load([instance_id])
        with self._lock:
            return self._rows[instance_id]

    def load(self, instance_ids: Collection[str]) -> None:
        """Read rows ahead, all at once.

        Raises:
            DatasetError: the dataset does not have one of them.
        """
        with self._lock:
            missing = sorted({name for name in instance_ids if name not in self._rows})
            if missing:
                self._rows.update({row.instance_id: row for row in self.dataset.rows(names=missing)})
            for name in instance_ids:
                if name not in self._rows:
                    raise DatasetError(f"{name}: not in {self.dataset.folder}; train on the set that rewards are for")
                self._rows.move_to_end(name)
            while len(self._rows) > max(ROWS_HELD, len(instance_ids)):
                self._rows.popitem(last=False)

    async def judge(self, instance_id: str, answer: str) -> Judged:
        """Judge an answer; the same one is run once, however often and from wherever it is asked for.

        Raises:
            DatasetError: the row is not in the dataset, or does not fit its repository.
        """
        # Shielded: who stops waiting does not end it for the others.
        return await asyncio.shield(asyncio.wrap_future(self.submit(instance_id, answer)))

    def submit(self, instance_id: str, answer: str) -> Future[Judged]:
        """Judge an answer in another thread."""
        row = self.row(instance_id)
        key, files = self._read(instance_id, answer)
        if not files:
            return _known(Judged("no_answer" if files is None else "nothing_changed"))
        with self._lock:
            found = self._answers.get(key)
            if found is None:
                found = self._answers[key] = self._threads.submit(self._run, key, row, files)
                while len(self._answers) > ANSWERS_HELD:
                    self._answers.popitem(last=False)
            self._answers.move_to_end(key)
            return found

    def _changes(self, instance_id: str, answer: str) -> tuple[str, Mapping[str, str] | None]:
        """What an answer makes of its row's files, with the key of it; None where there is no answer in it."""
        row = self.row(instance_id)
        try:
            files = answered(answer, {file.path: file.text for file in row.ttc_files}, row.path, row.ttc_target)
        except PatchRejected:
            return "", None
        return content_key(instance_id, files), files

    def _limit(self, row: Row) -> float:
        """Seconds that an answer's session may take, from the reference's, which is run once.

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
                    if isinstance(error, ReferenceFailed):
                        self.failed_in_a_row += 1  # once for the row, however many answers it gets
                    else:
                        del self._limits[row.instance_id]  # asked for again, it is tried again
                found.set_exception(error)
                raise
        return found.result()

    def _time(self, row: Row) -> float:
        report = self._bench.run(row, patched(row, row.patch, {}))
        graded = grade(report, row.FAIL_TO_PASS, row.PASS_TO_PASS)
        if not graded.solved:
            raise ReferenceFailed(
                f"{row.instance_id}: the reference does not pass here ({graded.reason}); `ttcdata validate` says more"
            )
        return max(LEAST_LIMIT_S, self._patience * report.seconds)

    def _run(self, key: str, row: Row, files: Mapping[str, str]) -> Judged:
        began = time.perf_counter()
        try:
            graded = self._bench.grade(row, files, partly=True, limit_s=self._limit(row))
        except ReferenceFailed as error:
            return Judged("", files=files, error=str(error))
        except INFRASTRUCTURE as error:
            with self._lock:
                self.failed_in_a_row += 1
                self._answers.pop(key, None)  # asked for again, it is tried again
            return Judged("", seconds=time.perf_counter() - began, files=files, error=str(error))
        with self._lock:
            self.runs += 1
            self.failed_in_a_row = 0
        share = len(graded.passing) / len(graded.fail_to_pass) if graded.fail_to_pass else 0.0
        kept = graded.kept if graded.solved or graded.reason in FAILURES else 0.0
        return Judged(graded.reason, share, kept, time.perf_counter() - began, files)

    def close(self) -> None:
        """Close every sandbox; answers that wait are not judged any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._bench.close()


def _known(judged: Judged) -> Future[Judged]:
    future: Future[Judged] = Future()
    future.set_result(judged)
    return future
