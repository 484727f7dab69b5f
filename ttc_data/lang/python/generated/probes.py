"""Generated calls made ready for a comparison, the job that runs them on one version, and what it told."""

from __future__ import annotations

import ast
import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from ttc_data.lang.python.generated.case import Case, copied, expression
from ttc_data.lang.python.generated.domain import Domain
from ttc_data.lang.python.generated.inside import MARKER
from ttc_data.lang.python.generated.naming import with_names
from ttc_data.lang.python.generated.recording import FOLDER, file_name, imports_of
from ttc_data.records import FileText, Target

Told: TypeAlias = Mapping[int, Mapping[str, Any]]
"""What was told of each call, by its number; see `probing.probe`."""
MOST_UNPACKED = 16 * 1024 * 1024
# Python's own that are given as functions; types are given for other reasons too.
_FUNCTIONS = frozenset(("len", "abs", "max", "min", "sum", "sorted", "repr", "ord", "chr"))
_INSIDE = Path(__file__).with_name("inside.py")
_PROBING = Path(__file__).with_name("probing.py")
# What `probing.py` imports of ours stands before it in the same file.
_OURS = re.compile(r"^from (__future__|ttc_data\S*) import .*\n", re.MULTILINE)
# The file goes before the version is imported: who reads it then finds neither the word nor the other calls.
_TEST = """

PLAN = json.loads({plan})
WORD = {word}


def test_probe(capfd):
    with contextlib.suppress(OSError):
        os.unlink(__file__)
    with capfd.disabled():
        tell_all(PLAN, WORD)
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """One call of the target, with names for what it might change."""

    case: Case
    given: tuple[str, ...] = ()
    """Names of arguments that the call might change or give back."""
    endless: bool = False
    """An argument has no end."""
    guessed: bool = False
    """Nothing is known about what some of its parameters take."""

    @property
    def text(self) -> str:
        """For people: the setup's last statements and the call."""
        return "; ".join([*self.case.setup, self.case.call])


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a job that runs calls may take."""

    patience_s: float
    """Seconds without a word from a call before it is given up."""
    processes: int
    """How many may be started, one after the other: each call that hangs or crashes ends one."""
    cpu_s: float
    """Processor seconds that a call may take before its process is ended; 0 sets no such limit."""
    characters: int
    """Of the line that is printed; the last calls are not told of where it is longer."""


def probes(
    cases: Sequence[Case], target: Target, domain: Domain, most: int, most_endless: int, most_odd: int
) -> list[Probe]:
    """Make calls ready: containers among the arguments get names, and some calls come again.

    They come again without an end to one argument, with a function that fails, or with an instance of a derived class.

    Args:
        cases: as `proposals` gave them.
        target: whose calls.
        domain: what it is known to take.
        most: how many to give at most.
        most_endless: how many of these may have an argument without end.
        most_odd: how many may have a function that fails, or an instance of a derived class.
    """
    found: dict[tuple[object, ...], Probe] = {}
    endless: dict[tuple[object, ...], Probe] = {}
    odd: dict[tuple[object, ...], Probe] = {}
    for case in cases:
        if domain.is_private(case):
            continue
        guessed = domain.guesses(case)
        probe = replace(_with_names(case, target), guessed=guessed)
        found.setdefault((probe.case.setup, probe.case.call), probe)
        for other in _without_end(case, target) if len(endless) < most_endless else ():
            endless.setdefault((other.setup, other.call), Probe(other, endless=True, guessed=guessed))
        for other in (*_throwing(case), *_derived(case, target)) if len(odd) < most_odd else ():
            odd.setdefault((other.setup, other.call), Probe(other, guessed=guessed))
    kept = [*list(odd.values())[:most_odd], *list(endless.values())[:most_endless]]
    return [*list(found.values())[: most - len(kept)], *kept]


def _called(node: ast.expr | None) -> ast.Call | None:
    return node if isinstance(node, ast.Call) else None


def _arguments(call: ast.Call) -> Iterator[tuple[list[ast.expr], int] | tuple[ast.keyword, None]]:
    """Places of a call's arguments."""
    for number in range(len(call.args)):
        yield call.args, number
    for keyword in call.keywords:
        if keyword.arg:
            yield keyword, None


def _get(place: tuple[list[ast.expr], int] | tuple[ast.keyword, None]) -> ast.expr:
    return place[0].value if isinstance(place[0], ast.keyword) else place[0][place[1] or 0]


def _put(place: tuple[list[ast.expr], int] | tuple[ast.keyword, None], node: ast.expr) -> None:
    if isinstance(place[0], ast.keyword):
        place[0].value = node
    else:
        place[0][place[1] or 0] = node


def _with_names(case: Case, target: Target) -> Probe:
    named = with_names(case, target.qualname.rpartition(".")[2])
    call = _called(expression(case.call))
    passed = [_get(place) for place in _arguments(call)] if call else []
    given = [*named.kept, *(one.id for one in passed if isinstance(one, ast.Name) and one.id in case.observe)]
    observe = list(named.observe)
    if target.kind == "class":
        observe = [text for text in observe if not text.startswith("instance.")]
    elif any(text.startswith("instance = ") for text in case.setup):
        observe.append("instance")
    return Probe(replace(named, observe=tuple(dict.fromkeys(observe))), tuple(given))


def _without_end(case: Case, target: Target) -> Iterator[Case]:
    """The same call, with one of its arguments that holds something repeated for ever."""
    node = _called(expression(case.call))
    if target.kind == "class" or node is None:
        return
    for number, place in enumerate(list(_arguments(node))):
        match _get(place):
            case (ast.List(elts=[_, *_]) | ast.Tuple(elts=[_, *_])) as held:
                pass
            case ast.Call(func=ast.Name(id="iter" | "range" | "list" | "tuple"), args=[_, *_]) as held:
                pass
            case ast.Constant(value=str() as word) as held if word:
                pass
            case _:
                continue
        for grows in ([], [ast.keyword("grows", ast.Constant(True))]):
            wrapped = ast.Call(ast.Name("endless", ast.Load()), [copied(held)], grows)
            yield _with_argument(case, node, number, wrapped)


def _with_argument(case: Case, call: ast.Call, number: int, value: ast.expr) -> Case:
    changed = copied(call)
    _put(list(_arguments(changed))[number], value)
    return Case(case.names, case.setup, ast.unparse(changed), (), case.origin)


def _throwing(case: Case) -> Iterator[Case]:
    """The same call, with one of its functions replaced by one that fails: nobody else may know what to do then."""
    node = _called(expression(case.call))
    if node is None:
        return
    for number, place in enumerate(list(_arguments(node))):
        given = _get(place)
        if isinstance(given, ast.Lambda) or (isinstance(given, ast.Name) and given.id in _FUNCTIONS):
            yield _with_argument(case, node, number, ast.Name("throwing", ast.Load()))


def _derived(case: Case, target: Target) -> Iterator[Case]:
    """The same call on an instance of a class that is derived from its own: what is made like it is of that class too."""
    owner = target.qualname.rpartition(".")[0]
    if target.kind != "method":
        return
    for number, text in enumerate(case.setup):
        changed = re.sub(
            rf"^instance = {re.escape(owner)}(?=[(.])", f"instance = type('Derived', ({owner},), {{}})", text
        )
        if changed != text:
            setup = (*case.setup[:number], changed, *case.setup[number + 1 :])
            yield Case(case.names, setup, case.call, case.observe, case.origin)


def probing_file(target: Target, module: str, chosen: Sequence[Probe], word: str, bounds: Bounds) -> FileText:
    """Write a pytest file with one test, which runs each call and prints one line about them all.

    Args:
        target: whose calls.
        module: dotted name of its module.
        chosen: the calls.
        word: what the line begins with, so that no other line is taken for it.
        bounds: of the job.
    """
    first = min((lines[0] for lines in target.body_lines), default=0)
    last = max((lines[1] for lines in target.body_lines), default=0)
    plan = {
        "module": module,
        "path": target.path,
        "lines": [first, last],
        "patience": bounds.patience_s,
        "cpu": bounds.cpu_s,
        "processes": bounds.processes,
        "most": bounds.characters,
        "cases": [
            {
                "imports": imports_of(probe.case, module),
                "setup": list(probe.case.setup),
                "call": probe.case.call,
                "observe": list(probe.case.observe),
                "given": list(probe.given),
            }
            for probe in chosen
        ],
    }
    probing = _OURS.sub("", _PROBING.read_text(encoding="utf-8"))
    test = _TEST.format(plan=repr(json.dumps(plan)), word=repr(word))
    name = f"{FOLDER}/test_probe_{file_name(target, module)}.py"
    return FileText(name, _INSIDE.read_text(encoding="utf-8") + "\n\n" + probing + test)


def told(output: str, word: str, count: int) -> Told:
    """Read what a job printed: nothing where the line is missing, comes twice or cannot be read.

    Args:
        output: `Report.output`.
        word: of the job.
        count: of the calls.
    """
    lines = [line.partition(f"{MARKER}{word} ")[2] for line in output.splitlines() if f"{MARKER}{word} " in line]
    if len(lines) != 1:
        return {}
    try:
        unpack = zlib.decompressobj()
        data = unpack.decompress(base64.b64decode(lines[0], validate=True), MOST_UNPACKED)
        values = json.loads(data)
    except (ValueError, zlib.error, RecursionError):
        return {}
    found: dict[int, Mapping[str, Any]] = {}
    for value in values if isinstance(values, list) else ():
        match value:
            case [int() as number, dict() as answer] if 0 <= number < count and number not in found:
                found[number] = answer
            case _:
                return {}
    return found
