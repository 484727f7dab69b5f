"""Oracles of small functions of ours, in a real sandbox."""

from __future__ import annotations

from textwrap import dedent

from tests.evidence.place import RULES, SOURCE
from tests.sandboxes import Place
from ttc_data.evidence.oracle import Compared, Oracle
from ttc_data.extract import extract
from ttc_data.records import Environment, Target
from ttc_data.sandbox.protocol import Job, Report

PATH = "toy.py"
MEAN = '''
def mean(numbers):
    """Give the mean of numbers.

    >>> mean([1, 2])
    1.5
    """
    return sum(numbers) / len(numbers)
'''


class Toy:
    """A module with a documented reference, and answers to it."""

    def __init__(self, place: Place, qualname: str, reference: str, others: dict[str, str] | None = None) -> None:
        text = dedent(reference)
        found = extract(SOURCE, [(PATH, text.encode())], RULES)
        self.target = next(one for one in found if isinstance(one, Target) and one.qualname == qualname)
        self.place = place
        self.jobs: list[Job] = []
        self.reports: list[Report] = []
        given = {PATH: 'raise NotImplementedError("what the solver is given")\n'}
        self.oracle = Oracle(self.target, text, given, place.environment, others or {}, self._run, 0)

    def _run(self, environment: Environment, job: Job) -> Report:
        self.jobs.append(job)
        self.reports.append(self.place.warm().run(job))
        return self.reports[-1]

    def compared(self, answer: str, *more: str) -> Compared:
        """What the oracle says of a module in the reference's place."""
        (found,) = self.oracle.compare([{PATH: dedent(answer)}])
        assert found.knows, f"{found.calls} calls"
        return found
