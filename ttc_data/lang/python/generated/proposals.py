"""Inputs for a target without tests: from examples, call sites, type hints and what the body does with them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from random import Random

from ttc_data.lang.python.facts import last_name
from ttc_data.lang.python.generated.case import Case, expression
from ttc_data.lang.python.generated.drawing import Proposer, is_ambient
from ttc_data.lang.python.generated.module import read
from ttc_data.lang.python.generated.seen import case_of, changed, documented
from ttc_data.records import Target

_FENCE = re.compile(r"^[ \t]*```[^\n]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)


def proposals(target: Target, text: str, others: Mapping[str, str], random: Random, most: int) -> list[Case]:
    """Propose calls of a target. Nothing of the project is imported or run.

    Args:
        target: a function, method or class.
        text: its module's.
        others: path to text of the repository's other files that are no tests: code, and pages with examples.
        random: what is drawn from; the same one gives the same proposals.
        most: how many to give at most.

    Returns:
        Different cases, the ones that a person wrote first; none when the target cannot be imported by name.
    """
    module = read(target, text, others)
    if module is None or not (isinstance(module.node, ast.ClassDef) or not is_ambient(module.node)):
        return []
    proposer = Proposer(module, others, random)
    found: dict[tuple[tuple[str, ...], str], Case] = {}

    def keep(case: Case | None) -> None:
        if case and len(found) < most:
            found.setdefault((case.setup, case.call), case)

    examples = documented(module, others)
    for case in examples[: most // 2]:
        keep(case)
    for case in proposer.call_sites()[: most // 6]:
        keep(case)
    written_down = list(found.values())
    for number in range(most // 4 if written_down else 0):
        keep(changed(written_down[number % len(written_down)], random))
    for _ in range(3 * most):  # some are drawn twice
        if len(found) >= most:
            break
        keep(proposer.draw())
    return list(found.values())


def parse_model_cases(answer: str, target: Target, text: str, others: Mapping[str, str]) -> tuple[list[Case], int]:
    """Read the calls that a model proposed: the lines of its fenced blocks, one call expression a line.

    Args:
        answer: what the model wrote.
        target: what was asked for.
        text: the module's.
        others: path to text of the repository's other files.

    Returns:
        The cases, and how many lines were dropped because they are no Python or no call of the target.
    """
    module = read(target, text, others)
    lines = [line.strip() for found in _FENCE.findall(answer) for line in found.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    cases: dict[str, Case] = {}
    dropped = 0
    for line in lines:
        node = expression(line)
        called = {last_name(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)} if node else set()
        case = case_of(module, (), line, "model") if module and module.name in called else None
        dropped += case is None
        if case:
            cases.setdefault(line, case)
    return list(cases.values()), dropped


def with_more(cases: Sequence[Case], more: Sequence[Case], most: int) -> list[Case]:
    """Put further cases, a model's, behind those that a person wrote and before the drawn ones; each call once."""
    first = [case for case in cases if case.origin != "hints"]
    rest = [case for case in cases if case.origin == "hints"]
    found = {(case.setup, case.call): case for case in (*first, *more, *rest)}
    return list(found.values())[:most]
