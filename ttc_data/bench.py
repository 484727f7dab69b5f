"""Answers to a dataset's rows, run and graded: what validation, grading and training have in common."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import lru_cache, partial
from typing import TypeVar

from ttc_data.dataset import Dataset
from ttc_data.edits import apply_patch
from ttc_data.engine import Progress
from ttc_data.environments.host import Host
from ttc_data.environments.open import Cache, SandboxKind, open_host
from ttc_data.errors import DatasetError, PatchRejected
from ttc_data.evidence.stability import variation, varied
from ttc_data.exam import Exam, Files
from ttc_data.grading import Grade
from ttc_data.records import Environment
from ttc_data.row import Row
from ttc_data.sandbox.protocol import Report, Sandbox
from ttc_data.sandbox.scheduler import Scheduler
from ttc_data.solve.answer import read_answer
from ttc_data.trust import trusted

T = TypeVar("T")
U = TypeVar("U")
TEXTS_HELD = 4
PATCHES_HELD = 1_024


class Bench:
    """Runs rows of a dataset: opens the host, prepares environments as they are needed, keeps sandboxes warm.

    Args:
        dataset: whose rows.
        sandbox: where they run.
        workers: sessions at the same time; 0 means one for each processor.
        cache: folders that builds share.
        progress: told what a person should know.
        texts_held: repositories whose test files are kept in memory; few where rows come by repository.
        sandboxes: that are kept open for each worker; 0 leaves it to the scheduler, for rows that come by repository.
    """

    def __init__(
        self,
        dataset: Dataset,
        sandbox: SandboxKind,
        workers: int,
        cache: Cache,
        progress: Progress,
        texts_held: int = TEXTS_HELD,
        sandboxes: int = 0,
    ) -> None:
        self._texts_held = texts_held
        recipe = dataset.recipe
        self.dataset = dataset
        self.workers = workers or os.cpu_count() or 1
        self._cache = cache
        self._rules = recipe.tests
        self._say = progress.say
        if dataset.note:
            self._say(dataset.note)
        self._host: Host = open_host(sandbox, cache=cache, recipe=recipe, say=progress.say)
        self._environments: dict[str, Environment] = {}
        self._test_texts: dict[str, Mapping[str, str]] = {}
        self._lock = threading.Lock()
        self._pool: Scheduler[Environment] = Scheduler(
            self._open, lambda one: one.key, self.workers, most_open=sandboxes * self.workers
        )

    def _open(self, environment: Environment) -> Sandbox:
        self._host.prepare(environment)
        return self._host.open(environment)

    def environment(self, row: Row) -> Environment:
        """The row's environment, checked against this host's interpreter."""
        key = row.ttc_environment
        if key not in self._environments:
            environment = self.dataset.environment(key, self._cache)
            here = self._host.interpreter()
            if environment.python != here.python:
                raise DatasetError(
                    f"{key}: proven on Python {environment.python}, this sandbox has {here.python}; use --docker with"
                    f" an image of Python {environment.python}"
                )
            self._environments[key] = environment
        return self._environments[key]

    def grade(self, row: Row, files: Files, *, partly: bool = False, limit_s: float = 0) -> Grade:
        """Grade an answer: its session, and where that solves the row, another one with the row's tripwires in place.

        Args:
            row: what is answered.
            files: what the answer makes of the row's files, None for one that it removes.
            partly: another one too where a part of FAIL_TO_PASS passes.
            limit_s: of a session, of which one test may take half, where that is less than the recipe says; 0 leaves it.

        Raises:
            DatasetError: the row does not fit its repository.
            SandboxLost: the sandbox broke, which says nothing about the answer.
        """
        run = partial(self._pool.run, self.environment(row))
        return self._exam(row, limit_s).grade(self._laid(row, files), run, partly=partly)

    def grade_text(self, row: Row, text: str) -> Grade:
        """Grade what a model said in answer to a row's prompt.

        Raises:
            DatasetError: the row does not fit its repository.
            SandboxLost: the sandbox broke, which says nothing about the answer.
        """
        try:
            files = read_answer(text, {file.path: file.text for file in row.ttc_files}, row.path, row.ttc_target).files
        except PatchRejected:
            return Grade(False, 0.0, "no_answer", {}, {})
        return self.grade(row, files)

    def run(self, row: Row, files: Files, number: int = 0) -> Report:
        """Run a row's tests with `files` laid over the masked ones, the trusted test files on top of all.

        Args:
            row: whose tests.
            files: path to text, None for a file that is removed.
            number: of the run: every one but 0 has another order, hash seed, time zone and locale, as the suite had. The
                date stays, for not every suite bears that it is put forward.
        """
        environment = self.environment(row)
        one = replace(variation(number, environment), days=0)
        return self._pool.run(environment, varied(self._exam(row).job(self._laid(row, files)), one))

    def run_twin(self, row: Row, files: Files) -> Report:
        """Run the same tests with the row's tripwires in them."""
        return self._pool.run(self.environment(row), self._exam(row).twin_job(self._laid(row, files)))

    def _exam(self, row: Row, limit_s: float = 0) -> Exam:
        rules = self._rules
        if limit_s:
            least = {
                "sample_timeout_s": min(limit_s, rules.sample_timeout_s),
                "test_timeout_s": min(limit_s / 2, rules.test_timeout_s),
            }
            rules = rules.model_copy(update=least)
        return Exam(
            row.FAIL_TO_PASS, row.PASS_TO_PASS, row.ttc_tripwires, hidden_tests(row), self._texts(row),
            self.environment(row).pytest_args, rules,
        )  # fmt: skip

    def _laid(self, row: Row, files: Files) -> Files:
        """The row's masked files, and over them what an answer may change."""
        environment = self.environment(row)
        given: dict[str, str | None] = {file.path: file.text for file in row.ttc_files}
        return {**given, **{path: text for path, text in files.items() if not trusted(path, environment)}}

    def _texts(self, row: Row) -> Mapping[str, str]:
        """The texts of a repository's own test files."""
        if not row.ttc_tripwires:
            return {}
        environment = self.environment(row)
        found = self._test_texts.get(environment.key)
        if found is None:
            found = self._cache.trees.texts(environment.tree, environment.test_files)
            with self._lock:
                self._test_texts[environment.key] = found
                while len(self._test_texts) > self._texts_held:
                    del self._test_texts[next(iter(self._test_texts))]
        return found

    def tree(self, row: Row) -> Mapping[str, bytes]:
        """The files of the row's repository, for a patch that touches more than it was given."""
        environment = self.environment(row)
        return {
            **dict(self._cache.trees.files(environment.tree)),
            **{file.path: file.text.encode("utf-8") for file in environment.generated},
        }

    def close(self) -> None:
        """Close every sandbox, and say how many had to be replaced."""
        self._pool.close()
        self._host.close()
        if self._pool.lost:
            self._say(f"sandboxes lost and replaced: {self._pool.lost}")

    def map(self, items: Iterable[T], work: Callable[[T], U]) -> Iterator[U]:
        """Work on items in threads, a bounded number ahead, results as they end."""
        pool = ThreadPoolExecutor(self.workers)
        waiting: set[Future[U]] = set()
        try:
            for item in items:
                while len(waiting) >= 2 * self.workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
                waiting.add(pool.submit(work, item))
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def hidden_tests(row: Row) -> dict[str, str | None]:
    """The test files that a row adds to its repository."""
    return dict(_added(row.test_patch)) if row.test_patch else {}


@lru_cache(PATCHES_HELD)
def _added(test_patch: str) -> Mapping[str, str | None]:
    """What a patch adds to nothing: git takes 20 ms to say so, and a row's sessions ask each time."""
    return {path: data.decode("utf-8") if data else None for path, data in apply_patch({}, test_patch).items()}


def patched(row: Row, patch: str, tree: Mapping[str, bytes]) -> dict[str, str | None]:
    """What a patch makes of a row's files.

    Raises:
        PatchRejected: it does not parse, does not apply, or makes something other than text files.
    """
    given = {**tree, **{file.path: file.text.encode("utf-8") for file in row.ttc_files}}
    try:
        return {
            path: None if data is None else data.decode("utf-8") for path, data in apply_patch(given, patch).items()
        }
    except UnicodeDecodeError as error:
        raise PatchRejected("the patch makes a file that is not UTF-8; text files alone are graded") from error
