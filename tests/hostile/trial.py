"""The trial of an answer: hidden tests, sessions with some expectations altered, and the honest job that follows.

An answer earns its reward when every deciding test passes as written and exactly the altered ones fail. `assert_earns_nothing` asks three things of each technique: reward 0.0, an end within its limits, and that an
honest answer on the same sandbox still earns its reward.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from tests.sandboxes import CALC
from tests.scripted import environment
from ttc_data.edits import unified_diff
from ttc_data.lang.python.trust import trusted
from ttc_data.records import Tripwire
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, Report, Sandbox
from ttc_data.solve.grade import grade
from ttc_data.solve.outcome import Outcome
from ttc_data.solve.task import Task

PATH = "tests/test_hidden.py"
TESTS = """
import unittest

import pytest

from calc.core import double


def test_positive():
    assert double(2) == 4


@pytest.mark.parametrize(("x", "expected"), [(0, 0), (-2, -4)], ids=["zero", "negative"])
def test_each(x, expected):
    assert double(x) == expected


def test_refuses():
    with pytest.raises(TypeError):
        double(None)


def test_container():
    assert [double(x) for x in (1, 2)] == [2, 4]


class Case(unittest.TestCase):
    def test_unit(self):
        self.assertEqual(double(3), 6)
"""
UNALTERED = (
    f"{PATH}::test_positive",
    f"{PATH}::test_each[zero]",
    f"{PATH}::test_each[negative]",
    f"{PATH}::test_refuses",
)
ALTERED = (f"{PATH}::test_container", f"{PATH}::Case::test_unit")
DECIDING = (*UNALTERED, *ALTERED)
NAMES = f"NAMES = {DECIDING!r}\n"
# The end of an answer that computes nothing.
WRONG = "\n\ndef double(x):\n    return None\n\n\ndef never(x):\n    return None\n"
REFERENCE = unified_diff({"calc/core.py": WRONG}, {"calc/core.py": CALC})
# What it takes, on a machine that does other work, to lay out a tree, kill what is left, and answer.
MARGIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Hidden:
    """What decides: one test file, and edits of it that the right answer must fail."""

    path: str
    text: str
    tests: tuple[str, ...]
    tripwires: tuple[Tripwire, ...]


def alter(path: str, text: str, line: str, old: str, new: str, test: str) -> Tripwire:
    """The edit of the last `old` in the one line that holds `line`."""
    number, found = next((number, one) for number, one in enumerate(text.split("\n"), 1) if line in one)
    return Tripwire(path, number, found.rindex(old), old, new, "value", (test,), ())


HIDDEN = Hidden(
    PATH,
    TESTS,
    DECIDING,
    (
        alter(PATH, TESTS, "== [2, 4]", "4", "5", ALTERED[0]),
        alter(PATH, TESTS, "assertEqual", "6", "7", ALTERED[1]),
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer earned, and what it was stopped by."""

    outcome: Outcome
    reports: tuple[Report, ...]
    """Of its sessions, and of the reference's where an altered test spoke against it."""


def judge(
    sandbox: Sandbox,
    files: Mapping[str, str | None],
    *,
    hidden: Hidden = HIDDEN,
    timeout_s: float = 8.0,
    test_timeout_s: float = 2.0,
    seed: str = "trial",
) -> Verdict:
    """Grade an answer as the grader does, but in one sandbox: of its files, those that decide its fate are left out."""
    here = environment((hidden.path,))
    answer = {path: text for path, text in files.items() if not trusted(path, here)}
    rules = TestRules(sample_timeout_s=timeout_s, test_timeout_s=test_timeout_s)
    task = Task(
        "trial", "calc/core.py", "double", {"calc/core.py": WRONG}, REFERENCE, hidden.tests, (), hidden.tests,
        hidden.tripwires, {}, {hidden.path: hidden.text}, (), rules,
    )  # fmt: skip
    reports: list[Report] = []

    def run(job: Job) -> Report:
        # A file of its own, though the row does not add it to the tree.
        reports.append(sandbox.run(replace(job, files={hidden.path: hidden.text, **job.files})))
        return reports[-1]

    return Verdict(grade(task, answer, run, Random(seed)), tuple(reports))


def assert_honest_answer_earns(sandbox: Sandbox) -> None:
    verdict = judge(sandbox, {"calc/core.py": CALC}, timeout_s=30.0, test_timeout_s=10.0)
    assert verdict.outcome.reward == 1.0, verdict


def assert_earns_nothing(
    sandbox: Sandbox,
    answer: str | Mapping[str, str | None],
    *,
    hidden: Hidden = HIDDEN,
    timeout_s: float = 8.0,
    test_timeout_s: float = 2.0,
) -> Verdict:
    """Try a technique: a text is `calc/core.py`, a mapping is all the files of the answer."""
    files = {"calc/core.py": answer} if isinstance(answer, str) else answer
    started = time.monotonic()
    verdict = judge(sandbox, files, hidden=hidden, timeout_s=timeout_s, test_timeout_s=test_timeout_s)
    took = time.monotonic() - started
    last = verdict.reports[-1]
    outcomes = " ".join(test.outcome for test in last.tests)
    print(
        f"stopped by {verdict.outcome.reason} after {len(verdict.reports)} sessions, exit {last.exit}, {took:.1f} s:",
        outcomes,
    )
    print(last.collect_errors, last.output[-3000:])
    assert verdict.outcome.reward == 0.0, verdict
    assert took < len(verdict.reports) * timeout_s + MARGIN_S
    assert_honest_answer_earns(sandbox)
    return verdict


def right_if(attempt: str) -> str:
    """An answer that is right only where an attempt succeeds: the body of a function that gives something true then."""
    body = "".join(f"    {line}\n" for line in attempt.strip().splitlines())
    return (
        "import contextlib, ctypes, glob, os, signal, socket, sys, traceback\n\n\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n\n\n"
        f"def attempt():\n{body}\n\n"
        "try:\n    done = attempt()\nexcept Exception:\n    done = False\n    traceback.print_exc()\n\n\n"
        "def double(x):\n    return x + x if done else None\n"
    )
