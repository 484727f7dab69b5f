"""A pytest file that records what proposed calls do on the reference, and the reading of what it printed."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from ttc_data.lang.python.generated.case import BUILTINS, Case, Recorded, expression, is_literal
from ttc_data.lang.python.generated.inside import HANGS, MARKER
from ttc_data.records import FileText, Target

FOLDER = "ttc_generated"
_INSIDE = Path(__file__).with_name("inside.py")
_TEST = """

MODULE = {module}
CASES = json.loads({cases})


def test_record(capfd):
    __import__(MODULE)
    with capfd.disabled():
        tell(CASES)
"""
# Versions can only take the place of functions that live when the tests have been collected.
_AT_COLLECTION = """

try:
    __import__(MODULE)
except (Exception, SystemExit):
    pass  # the test meets it too
"""
_MISUSE = frozenset(("AttributeError", "NameError", "UnboundLocalError", "RecursionError", "NotImplementedError"))
_BROAD = frozenset(("Exception", "BaseException", "AssertionError", "MemoryError", "SystemError", "Warning"))


def file_name(target: Target, module: str) -> str:
    """What files about a target are named after: module, qualified name, six digits of the key."""
    return "_".join([*module.split("."), *target.qualname.split("."), target.key[:6]])


def plain(call: str) -> bool:
    """Whether a call can be called, indexed or asked for an attribute without parentheses around it."""
    return isinstance(expression(call), (ast.Call, ast.Name, ast.Attribute, ast.Subscript))


def imports_of(case: Case, module: str) -> list[str]:
    """The import of what a case uses of its module."""
    return [f"from {module} import {', '.join(case.names)}"] if case.names else []


def recorder(
    target: Target, module: str, cases: Sequence[Case], *, once: bool = False, hanging: Collection[Case] = ()
) -> FileText:
    """Write a pytest file with one test, which runs each case and prints a line about it.

    The lines are among what the job printed, whatever pytest captures. Run it under two hash seeds.

    Args:
        target: whose calls.
        module: dotted name of its module.
        cases: in the order that `recorded` is given them.
        once: run each as seldom as shows what it gives, for `compared`; else as often as shows that it gives it every time.
        hanging: those that are known to hang or crash, as `hanging` found them: that is said of them, and they do not run.
    """
    given = [
        {
            "imports": imports_of(case, module),
            "setup": list(case.setup),
            "call": case.call,
            "observe": list(case.observe),
            "kept": list(case.kept),
            "plain": plain(case.call),
            "once": once,
            "hangs": _unobserved(case) in hanging,
        }
        for case in cases
    ]
    text = _INSIDE.read_text(encoding="utf-8") + _TEST.format(module=repr(module), cases=repr(json.dumps(given)))
    text += _AT_COLLECTION if once else ""
    return FileText(f"{FOLDER}/test_record_{file_name(target, module)}.py", text)


def hanging(output: str, cases: Sequence[Case]) -> list[Case]:
    """The cases that hung, or ended their process, in a session with a recorder; whatever is observed of them is left out."""
    found = _answers(output, len(cases))
    return [_unobserved(cases[number]) for number, answer in found.items() if answer.get("refused") == HANGS]


def _unobserved(case: Case) -> Case:
    return replace(case, observe=())


def recorded(outputs: Sequence[str], cases: Sequence[Case], target: Target, text: str) -> list[Recorded]:
    """Read what recorders printed, and keep the cases that did the same in every session.

    Args:
        outputs: `Report.output` of each session; whatever else is in it is passed over.
        cases: as the recorder was given them.
        target: whose calls.
        text: its module's: an exception counts only when the target itself names it.

    Returns:
        The records in the cases' order, but those that a stub would give too come last.
    """
    answers = [_answers(output, len(cases)) for output in outputs]
    first, last = target.span
    own = text.encode("utf-8", "surrogatepass")[first:last].decode("utf-8", "surrogatepass")
    found = []
    for number, case in enumerate(cases):
        answer = answers[0].get(number) if answers else None
        if answer is None or any(other.get(number) != answer for other in answers):
            continue
        if one := _read(case, answer, own):
            found.append(one)
    return sorted(found, key=_is_trivial)


def compared(outputs: Sequence[str], cases: Sequence[Case], least: int) -> list[bool]:
    """Say of other versions whether they do what the reference does, with every call that it does the same with twice.

    Args:
        outputs: `Report.output` of two sessions on the reference, then of one on each other version.
        cases: as the recorder was given them.
        least: so many of the calls must return something, or no version is like the reference.
    """
    steady, others = _steady(outputs, cases)
    enough = sum(answer.get("raises") is None for answer in steady.values()) >= least
    return [enough and not _apart(other, steady) for other in others]


def differing(outputs: Sequence[str], cases: Sequence[Case]) -> list[frozenset[int]]:
    """Say of other versions with which calls they do something else than the reference does every time.

    Args:
        outputs: as for `compared`.
        cases: as the recorder was given them.

    Returns:
        For each other version, numbers of cases.
    """
    steady, others = _steady(outputs, cases)
    return [_apart(other, steady) for other in others]


_Answers: TypeAlias = dict[int, dict[str, Any]]


def _steady(outputs: Sequence[str], cases: Sequence[Case]) -> tuple[_Answers, list[_Answers]]:
    """What the reference does the same twice, and all that the other versions do."""
    first, again, *others = [_answers(output, len(cases)) for output in outputs]
    kept = {number: one for number, one in first.items() if "refused" not in one and again.get(number) == one}
    return kept, others


def _apart(other: _Answers, steady: _Answers) -> frozenset[int]:
    return frozenset(number for number, answer in steady.items() if other.get(number) != answer)


def _answers(output: str, count: int) -> _Answers:
    found: _Answers = {}
    for line in output.splitlines():
        _, marker, data = line.partition(MARKER)
        if not marker:
            continue
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            continue
        match value:
            case [int() as number, dict() as answer] if 0 <= number < count:
                found[number] = answer
            case _:
                continue
    return found


def _read(case: Case, answer: Mapping[str, Any], own: str) -> Recorded | None:
    match answer:
        case {"view": str() as view, "value": str() as value, "raises": raises, "changed": list(), "kept": list()}:
            pass
        case _:
            return None
    changed, kept = (_observed(answer[what], case) for what in ("changed", "kept"))
    if changed is None or kept is None:
        return None
    # We named these arguments, and the docstring does not ask the call to change them.
    changed = tuple(pair for pair in changed if pair[0] not in case.kept)
    match raises:
        case None if _literal(value):
            return Recorded(case, view, value, "", "", changed, kept)
        case [str() as module, str() as name] if _is_meant(name, case, own):
            known = module if name.isidentifier() and module.replace(".", "").isidentifier() else ""
            return Recorded(case, view, "", name, known, ()) if known else None
        case _:
            return None


def _observed(told: Sequence[Any], case: Case) -> tuple[tuple[str, str], ...] | None:
    """What was looked at after a call, and its value; None where that cannot be read."""
    pairs: list[tuple[str, str]] = []
    for pair in told:
        match pair:
            case [str() as looked_at, str() as after] if looked_at in case.observe and _literal(after):
                pairs.append((looked_at, after))
            case _:
                return None
    return tuple(pairs)


def _is_meant(name: str, case: Case, own: str) -> bool:
    """Whether an exception is what the target says it raises, and not what its code runs into by misuse."""
    if name in _MISUSE or name in _BROAD:
        return False
    return f"raise {name}" in own if name == "TypeError" else name in own


def _literal(text: str) -> bool:
    node = expression(text)
    return node is not None and is_literal(node)


def _is_trivial(one: Recorded) -> bool:
    """Whether `return None` or returning the first argument gives the same."""
    if one.raises or one.changed:
        return False
    call = expression(one.case.call)
    first = ast.unparse(call.args[0]) if isinstance(call, ast.Call) and call.args else ""
    first = next((text.partition(" = ")[2] for text in one.case.setup if text.startswith(f"{first} = ")), first)
    node = expression(one.value)
    return one.value == "None" or (node is not None and ast.unparse(node) == first)


def is_builtin(one: Recorded) -> bool:
    """Whether the exception needs no import."""
    return one.module == "builtins" and one.raises in BUILTINS
