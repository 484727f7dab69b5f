"""A differential oracle: an answer and the reference are given the same calls, and what they do is compared.

Tests say what somebody thought of; the reference says what it does with everything. The two never meet: each runs in a
job of its own, what they did is told as data, and it is compared here, outside of any sandbox. An answer is given the
calls and nothing of what the reference did with them.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from ttc_data.edits import apply_patch
from ttc_data.errors import RowUnfit
from ttc_data.lang.python import syntax
from ttc_data.lang.python.generated.beside import GIVEN, NOTHING
from ttc_data.lang.python.generated.corners import corners
from ttc_data.lang.python.generated.differing import Aspect, differ, worse, written
from ttc_data.lang.python.generated.domain import Domain
from ttc_data.lang.python.generated.module import read
from ttc_data.lang.python.generated.probes import Bounds, Probe, Told, probes, probing_file, told
from ttc_data.lang.python.generated.proposals import proposals, with_more
from ttc_data.lang.python.modules import module_name
from ttc_data.lang.python.trust import trusted
from ttc_data.records import Environment, Target
from ttc_data.row import Row
from ttc_data.sandbox.protocol import Job, RunJob

MOST_CALLS = 200
MOST_PROPOSED = 300
"""Some are nothing that the target takes."""
MOST_ENDLESS = 24
MOST_CORNERS = 40
MOST_ODD = 16
MOST_SHOWN = 300
LEAST_CALLS = 8
"""With fewer calls that say something, the oracle does not know."""
TIMEOUT_S = 60.0
# The reference's calls that take longer than 0.2 s are left out, and ended after 0.5 s of the processor; so a right answer may be ten
# times slower on a busy machine.
# Whoever hangs once on a call that the reference answers is wrong already. An answer's line has room to be longer.
OF_REFERENCE = Bounds(patience_s=1.0, processes=4, cpu_s=0.5, characters=120_000)
OF_ANSWERS = Bounds(patience_s=5.0, processes=1, cpu_s=0.0, characters=180_000)
SEEDS = (0, 1)
Files = Mapping[str, str | None]
"""Path to text; None for a file that is removed."""
_LAZY = re.compile(
    r"\b(laz(y|ily)|infinite|endless|iterators?|generators?|short-circuit\w*|consum\w+|stream\w*)\b", re.IGNORECASE
)
_RAISES = re.compile(r"\b(rais(e|es|ed|ing)|error|exception)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_PASSED = {NOTHING: ["none"], repr(GIVEN): ["str", GIVEN]}
# What code runs into by misuse, even where it raises it itself.
_NEVER = frozenset(
    ("NotImplementedError", "RecursionError", "NameError", "AssertionError", "MemoryError", "SystemExit", "TooEager")
)
_MISUSE = frozenset(("TypeError", "AttributeError"))
_BROAD = frozenset(("Exception", "BaseException"))
# Raised by a function that a call gives: it is no matter of the target's.
_NOT_ITS_OWN = "Thrown"
# What is called so may be any iterable, whatever was seen.
_SEQUENCES = frozenset(("seq", "seqs", "sequence", "sequences", "src", "coll"))


@dataclass(frozen=True, slots=True)
class Difference:
    """One call with which an answer does something else."""

    aspect: Aspect
    call: str
    reference: str
    """What it did, shortened."""
    answer: str

    def __str__(self) -> str:
        return f"{self.aspect}: {self.call} gave {self.answer}, the reference {self.reference}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison with the reference showed of one answer."""

    calls: int
    """With which the reference does the same every time."""
    differences: tuple[Difference, ...]
    """In the calls' order."""

    @property
    def knows(self) -> bool:
        """Whether there were enough calls to say anything."""
        return self.calls >= LEAST_CALLS

    @property
    def agrees(self) -> bool:
        """The answer does with every call what the reference does; False where the oracle does not know."""
        return self.knows and not self.differences

    @property
    def only_kinds(self) -> bool:
        """Whether all that differs is the types of equal values: `1` for `True`, a tuple for a list."""
        return bool(self.differences) and all(one.aspect == "kind" for one in self.differences)

    @property
    def difference(self) -> str:
        """The one that says most, for people; empty where there is none."""
        most = worse(*(one.aspect for one in self.differences))
        return next((str(one) for one in self.differences if one.aspect == most), "")

    @property
    def aspects(self) -> Mapping[Aspect, int]:
        """How many calls differ in which way."""
        return Counter(one.aspect for one in self.differences)


@dataclass(frozen=True)
class Oracle:
    """Compares answers to one row with its reference. Calls are made up and run on the reference when first needed.

    Safe to use from several threads once `calls` was asked for.
    """

    target: Target
    text: str
    """The whole file with the reference in it."""
    given: Mapping[str, str]
    """Path to text of what the solver is given: an answer lies over this, never over the reference."""
    environment: Environment
    texts: Mapping[str, str]
    """Path to text of the tree's files, tests too: calls of the target are looked for in its Python files."""
    run: RunJob
    seed: int
    """Of the draw of inputs."""

    @classmethod
    def of_row(cls, row: Row, environment: Environment, texts: Mapping[str, str], run: RunJob, seed: int) -> Oracle:
        """Make the oracle of a published row.

        Args:
            row: whose reference.
            environment: of the row.
            texts: path to text of its tree's files.
            run: runs a job in a sandbox of that environment.
            seed: the recipe's.

        Raises:
            PatchRejected: the row's patch does not apply.
            RowUnfit: what it makes does not hold the target.
        """
        given = {file.path: file.text for file in row.ttc_files}
        masked = {path: text.encode("utf-8", "surrogatepass") for path, text in given.items()}
        made = apply_patch(masked, row.patch).get(row.path)
        if made is None:
            raise RowUnfit(f"{row.instance_id}: its patch does not make {row.path}; fetch the dataset again")
        target = _target_of(row, masked.get(row.path, b""), made)
        return cls(target, made.decode("utf-8", "surrogatepass"), given, environment, texts, run, seed)

    @cached_property
    def module(self) -> str | None:
        """Dotted name of the target's module; None when it has none."""
        return module_name(self.target.path, self.environment.roots)

    @cached_property
    def proposed(self) -> list[Probe]:
        """All calls that could be made up; none where the module or the target cannot be named."""
        if self.module is None:
            return []
        random = Random(f"{self.seed}:oracle:{self.target.path}:{self.target.qualname}")
        others = {path: text for path, text in sorted(self.texts.items()) if self._is_read(path)}
        module = read(self.target, self.text, others)
        if module is None:
            return []
        domain = Domain(module, others)
        cases = proposals(self.target, self.text, others, random, MOST_PROPOSED)
        meant = [case for case in cases if domain.holds(case)]
        sure = [case for case in meant if not domain.guesses(case)]
        iterated = domain.iterated(module.name) | _SEQUENCES
        found = corners(sure, module, random, MOST_CORNERS, iterated)
        beside = [corner.case for corner in found if not corner.needs]
        cases = with_more(meant, beside, MOST_PROPOSED)
        return probes(cases, self.target, domain, MOST_CALLS, MOST_ENDLESS, MOST_ODD)

    def _is_read(self, path: str) -> bool:
        """Whether calls are looked for in a file; the same ones for a build, and for a row read from its set."""
        is_ours = path in self.environment.test_files or not syntax.is_test_path(path)
        return path.endswith(".py") and path != self.target.path and is_ours

    @cached_property
    def _known(self) -> list[tuple[Probe, Mapping[str, Any]]]:
        """The calls with which the reference does the same every time, and what it does.

        Raises:
            SandboxLost: the sandbox broke.
        """
        if not self.proposed:
            return []
        files = {self.target.path: self.text}
        first = self._run(files, self.proposed, SEEDS[0], OF_REFERENCE)
        # What hung or said nothing the first time is not waited for again.
        numbers = [number for number in range(len(self.proposed)) if _says_something(first.get(number))]
        asked = [self.proposed[number] for number in numbers]
        second = self._run(files, asked, SEEDS[1], OF_REFERENCE) if asked else {}
        again = {number: second[place] for place, number in enumerate(numbers) if place in second}
        promise = _Promise(self.target)
        is_lazy = bool(_LAZY.search(self.target.docstring))
        found = [
            (probe, first[number])
            for number, probe in enumerate(self.proposed)
            if _is_steady(first.get(number), again.get(number), promise)
            and _is_read(probe, first[number])
            and (is_lazy or _ends(probe, first[number]))
            and (probe.case.origin != "corner" or _comes_out(probe, first[number].get("result")))
        ]
        # Where everything gives the same, a body of one line does that too.
        return found if len({_shown(answer) for _, answer in found}) > 1 else []

    @property
    def calls(self) -> list[str]:
        """The calls that are compared, as text.

        Raises:
            SandboxLost: the sandbox broke.
        """
        return [probe.text for probe, _ in self._known]

    def compare(self, answers: Sequence[Files]) -> list[Compared]:
        """Run answers on the calls, each in a job of its own, and compare what they do with what the reference does.

        Args:
            answers: what each makes of the row's files. Files that decide an answer's fate are left as they are.

        Returns:
            One result for each answer; nothing is run where there are too few calls.

        Raises:
            SandboxLost: the sandbox broke, which says nothing about the answers.
        """
        known = self._known
        if len(known) < LEAST_CALLS:
            return [Compared(len(known), ()) for _ in answers]
        return [self._compared(known, files) for files in answers]

    def _compared(self, known: Sequence[tuple[Probe, Mapping[str, Any]]], files: Files) -> Compared:
        chosen = [probe for probe, _ in known]
        laid = {path: text for path, text in files.items() if not trusted(path, self.environment)}
        found = self._run(laid, chosen, 0, OF_ANSWERS)
        promise = _Promise(self.target)
        differences: list[Difference] = []
        misused: list[Difference] = []
        for number, (probe, reference) in enumerate(known):
            answer = found.get(number)
            aspect = differ(reference, answer, promise.words)
            if not aspect or (_raise_both(reference, answer) and not promise.names(reference)):
                continue  # in the second case nobody said what is raised
            what = "laziness" if probe.endless else aspect
            is_misuse = probe.guessed and _is_misuse(answer)
            kept = misused if is_misuse else differences
            kept.append(Difference(what, probe.text, _shown(reference), _shown(answer)))
        # Some of the calls that were guessed may be none; not most of them.
        if 2 * len(misused) > len(known):
            differences += misused
        return Compared(len(known), tuple(differences))

    def _run(self, files: Files, chosen: Sequence[Probe], seed: int, bounds: Bounds) -> Told:
        assert self.module is not None
        word = secrets.token_hex(16)
        file = probing_file(self.target, self.module, chosen, word, bounds)
        job = Job(
            test_files=(file.path,),
            files={**self.given, **files, file.path: file.text},
            hash_seed=seed,
            args=self.environment.pytest_args,
            timeout_s=TIMEOUT_S,
            test_timeout_s=TIMEOUT_S,
        )
        return told(self.run(self.environment, job).output, word, len(chosen))


def _target_of(row: Row, masked: bytes, made: bytes) -> Target:
    """The row's target where it stands in the reference's file: of several of that name, the one that was masked."""
    place = next((at for at, pair in enumerate(zip(masked, made, strict=False)) if pair[0] != pair[1]), 0)
    found = [definition for definition in syntax.definitions(made) if definition.qualname == row.ttc_target]
    if not found:
        raise RowUnfit(f"{row.instance_id}: {row.path} does not hold {row.ttc_target}; fetch the dataset again")
    one = next((each for each in found if each.span[0] <= place < each.span[1]), found[0])
    return Target(
        source_key=row.instance_id,
        path=row.path,
        qualname=one.qualname,
        kind=one.kind,
        is_async=one.is_async,
        span=one.span,
        signature=one.signature,
        docstring=one.docstring or "",
        docstring_span=one.docstring_span or (0, 0),
        bodies=one.bodies,
        body_lines=one.body_lines,
    )


def _says_something(one: Mapping[str, Any] | None) -> bool:
    return one is not None and "refused" not in one and not one["slow"] and not one["effects"]


def _is_steady(first: Mapping[str, Any] | None, again: Mapping[str, Any] | None, promise: _Promise) -> bool:
    """Whether what the reference did with a call can be asked of others."""
    if not (first and again and _says_something(first) and _says_something(again)):
        return False
    if first["printed"] != again["printed"]:
        return False
    if "raises" in first:
        return promise.holds(first) and again.get("raises") == first["raises"]
    return "raises" not in again and _says(first, promise) and not differ(first, again) and not differ(again, first)


class _Promise:
    """What a docstring says of exceptions: nobody can know of another one, however the reference raises it."""

    def __init__(self, target: Target) -> None:
        self.words = frozenset(_WORD.findall(target.docstring)) - _BROAD
        self.speaks = bool(_RAISES.search(target.docstring))

    def names(self, raised: Mapping[str, Any]) -> bool:
        """Whether it names the exception, or a class above it."""
        return not self.words.isdisjoint(name.rpartition(".")[2] for name in raised["raises"])

    def holds(self, raised: Mapping[str, Any]) -> bool:
        """Whether an exception is named, or raised on purpose where the docstring says that something is raised.

        `TypeError` and `AttributeError` say that the call was none, so the target's own body has to raise them.
        """
        name = raised["raises"][0].rpartition(".")[2]
        if name == _NOT_ITS_OWN:
            return True
        meant = raised["own"] if name in _MISUSE else raised["meant"]
        return self.names(raised) or bool(self.speaks and meant and name not in _NEVER | _BROAD)


def _raise_both(reference: Mapping[str, Any], answer: Mapping[str, Any] | None) -> bool:
    return "raises" in reference and bool(answer and answer.get("raises"))


def _is_misuse(answer: Mapping[str, Any] | None) -> bool:
    """Whether an answer says that it does not take what it was given."""
    raised = answer.get("raises") if answer else None
    return isinstance(raised, list) and not _MISUSE.isdisjoint(str(name) for name in raised)


def _says(answer: Mapping[str, Any], promise: _Promise) -> bool:
    """Whether a result is more than an instance that nothing can be asked of, or a way to fail by misuse."""
    result = answer["result"]
    is_opaque = result[0] == "opaque" and not any(seen[0] != "opaque" for seen in answer["after"].values())
    return not is_opaque and all(promise.holds(raised) for raised in _raised(result))


def _is_read(probe: Probe, answer: Mapping[str, Any]) -> bool:
    """Whether an argument without end was read: what is passed over may be nothing that the target takes."""
    return not probe.endless or answer["read"] > 0


def _ends(probe: Probe, answer: Mapping[str, Any]) -> bool:
    """Whether a call without end is one that has to be lazy: it gives an iterator."""
    return not probe.endless or ("result" in answer and answer["result"][0] == "iterator")


def _comes_out(probe: Probe, seen: Any) -> bool:
    """Whether None, or another value to give for nothing, is in the result of a call that gives it."""
    return all(_has(seen, told) for word, told in _PASSED.items() if word in probe.text)


def _has(seen: Any, told: list[str]) -> bool:
    return isinstance(seen, list) and (seen == told or any(_has(part, told) for part in seen))


def _raised(seen: Any) -> list[Mapping[str, Any]]:
    """The exceptions that iterators of a result ended with."""
    if isinstance(seen, dict):
        return [seen]
    return [one for part in seen for one in _raised(part)] if isinstance(seen, list) else []


def _shown(answer: Mapping[str, Any] | None) -> str:
    """For people: what was told of a call."""
    if answer is None:
        return "nothing"
    if "refused" in answer:
        return f"nothing ({answer['refused']})"
    if "raises" in answer:
        return f"{answer['raises'][0] if answer['raises'] else 'an exception'}"
    after = "".join(f", {name} is {written(seen)}" for name, seen in dict(answer.get("after") or {}).items())
    return f"{written(answer.get('result'))}{after}"[:MOST_SHOWN]
