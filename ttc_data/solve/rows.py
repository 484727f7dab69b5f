"""The rows of a dataset, and what belongs to each: its environment, its tree, its task, its oracle."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from functools import lru_cache

from ttc_data.agreement import tests_fault, tripwire_fault
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, PatchRejected, RowUnfit
from ttc_data.evidence.twins import twin_files
from ttc_data.fields import quoted
from ttc_data.hosts.host import Host
from ttc_data.lang.python.oracle import Oracle
from ttc_data.records import Environment
from ttc_data.row import Row
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import RunJob
from ttc_data.solve.task import Task, hidden_tests, task_of

ROWS_HELD = 1_024
TEXTS_HELD = 256
"""Repositories whose test files are kept in memory."""


class Rows:
    """Reads rows and what belongs to them, each once. Safe to use from several threads.

    Args:
        dataset: whose rows.
        cache: folders that builds share.
        host: whose interpreter the environments must fit.
    """

    def __init__(self, dataset: Dataset, cache: Cache, host: Host) -> None:
        self.dataset = dataset
        self._cache = cache
        self._host = host
        self._lock = threading.Lock()
        self._environments: dict[str, Environment] = {}
        self._paths: dict[str, frozenset[str]] = {}
        self._fits = lru_cache(ROWS_HELD)(self._require_fit)
        self._test_texts: OrderedDict[str, Mapping[str, str]] = OrderedDict()
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._oracles: dict[str, Oracle] = {}

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
                    raise DatasetError(f"{name}: not in {self.dataset.folder}; grade against the set that was answered")
                self._rows.move_to_end(name)
            while len(self._rows) > max(ROWS_HELD, len(instance_ids)):
                self._rows.popitem(last=False)

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
            made = (file.path for file in environment.generated)
            self._paths[key] = frozenset((*(path for path, _ in self._cache.trees.files(environment.tree)), *made))
            self._environments[key] = environment
        return self._environments[key]

    def tree(self, row: Row) -> Mapping[str, bytes]:
        """The files of the row's repository, for a patch that touches more than it was given."""
        environment = self.environment(row)
        return {
            **dict(self._cache.trees.files(environment.tree)),
            **{file.path: file.text.encode("utf-8") for file in environment.generated},
        }

    def task(self, row: Row, limit_s: float = 0.0) -> Task:
        """The row's tests.

        Args:
            row: of the dataset.
            limit_s: of a session, of which one test may take half, where that is less than the recipe says; 0 leaves it.

        Raises:
            RowUnfit: its tests or tripwires are not in its repository.
        """
        environment = self.environment(row)
        self._fits(row)
        return task_of(
            row, self._texts(row, environment), environment.pytest_args, limited(self.dataset.recipe.tests, limit_s)
        )

    def _require_fit(self, row: Row) -> None:
        """Hold the row against its repository.

        Raises:
            RowUnfit: naming set, row, field and value.
        """
        where = f"{self.dataset.folder}: row {quoted(row.instance_id)}"
        environment = self.environment(row)
        try:
            own = hidden_tests(row)
        except PatchRejected as error:
            raise RowUnfit(f"{self.dataset.folder}: {error}") from error
        given = (file.path for file in row.ttc_files)
        if fault := tests_fault(row, self._paths[environment.key].union(own, given)):
            raise RowUnfit(f"{where}: {fault}")
        texts = {**self._texts(row, environment), **{path: text for path, text in own.items() if text is not None}}
        for number, wire in enumerate(row.ttc_tripwires):
            try:
                twin_files([wire], texts)
            except DatasetError as error:
                raise RowUnfit(f"{where}: {tripwire_fault(number, wire, error)}") from error

    def _texts(self, row: Row, environment: Environment) -> Mapping[str, str]:
        """The texts of a repository's own test files."""
        if not row.ttc_tripwires:
            return {}
        with self._lock:
            found = self._test_texts.get(environment.key)
        if found is None:
            found = self._cache.trees.texts(environment.tree, environment.test_files)
            with self._lock:
                self._test_texts[environment.key] = found
                while len(self._test_texts) > TEXTS_HELD:
                    self._test_texts.popitem(last=False)
        return found

    def oracle(self, row: Row, run: RunJob) -> Oracle:
        """The row's differential oracle.

        Args:
            row: of the dataset.
            run: runs a job in an environment.

        Raises:
            DatasetError: the row's patch does not apply.
        """
        with self._lock:
            found = self._oracles.get(row.instance_id)
        if found is None:
            environment = self.environment(row)
            paths = [path for path, _ in self._cache.trees.files(environment.tree) if path.endswith(".py")]
            texts = self._cache.trees.texts(environment.tree, paths)
            found = Oracle.of_row(row, environment, texts, run, self.dataset.recipe.seed)
            found.compare(())  # runs the reference, in one thread
            with self._lock:
                self._oracles[row.instance_id] = found
        return found


def limited(rules: TestRules, limit_s: float) -> TestRules:
    """Rules of which a session may take so long, and one test half of it; 0 leaves them."""
    if not limit_s:
        return rules
    return rules.model_copy(
        update={
            "sample_timeout_s": min(limit_s, rules.sample_timeout_s),
            "test_timeout_s": min(limit_s / 2, rules.test_timeout_s),
        }
    )
