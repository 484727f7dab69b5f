"""Calls of a target that are proposed to its reference: what it does with them makes tests, and tells changes from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from random import Random

from ttc_data.cover import fewest
from ttc_data.lang.python.generated.case import Case, Recorded
from ttc_data.lang.python.generated.corners import Corner, corners, went_through
from ttc_data.lang.python.generated.domain import Domain
from ttc_data.lang.python.generated.lazy import YES, unread
from ttc_data.lang.python.generated.module import Module, read
from ttc_data.lang.python.generated.naming import with_names
from ttc_data.lang.python.generated.proposals import proposals, with_more
from ttc_data.lang.python.generated.recording import compared, differing, hanging, recorded, recorder
from ttc_data.lang.python.generated.writing import diverse, generated_file
from ttc_data.lang.python.modules import module_name
from ttc_data.records import Environment, FileText, Target
from ttc_data.rules import TestRules
from ttc_data.sandbox.protocol import Job, RunJob, RunVersions

MOST_CASES = 72
MOST_CORNERS = 26
MOST_LAZY = 4
MOST_COMPARED = 36
MOST_WRITTEN = 24
"""Tests that join those of the repository."""
LEAST_COMPARED = 8
"""Calls with which the reference returns something, before a change that does the same looks equivalent."""
SEEDS = (0, 1)
_WORD = re.compile(r"\w+")
Ask = Callable[[Target, str, str, Mapping[str, str]], tuple[Sequence[Case], int]]
"""A model's cases for a target: `CallAsker`."""


@dataclass(frozen=True)
class ProposedCalls:
    """Calls of one target, made up when they are first asked for."""

    target: Target
    text: str
    """Its whole file, the reference in it."""
    environment: Environment
    others: Mapping[str, str]
    """Path to text of the repository's other files, tests among them: what they call the target with, it takes."""
    run: RunJob
    run_versions: RunVersions
    rules: TestRules
    seed: int
    """Of the draw of inputs."""
    ask: Ask | None = None
    _known: dict[str, str] = field(default_factory=dict, init=False)
    """What a recorder printed on each version that was compared."""
    _reference: list[str] = field(default_factory=list, init=False)
    """And on the reference, the last two times."""
    _hanging: set[Case] = field(default_factory=set, init=False)
    """Calls with which the reference hangs or crashes: each would cost half a second of the processor in every session."""

    @cached_property
    def module(self) -> str | None:
        """Dotted name of the target's module; None when it has none."""
        return module_name(self.target.path, self.environment.roots)

    @property
    def _name(self) -> str:
        return self.target.qualname.rpartition(".")[2]

    @cached_property
    def _module(self) -> Module | None:
        return read(self.target, self.text, self.others) if self.module else None

    @cached_property
    def _domain(self) -> Domain | None:
        return Domain(self._module, self.others) if self._module else None

    @cached_property
    def cases(self) -> list[Case]:
        """The calls; none when the module or the target cannot be named."""
        return with_more(self._proposed, [*self._lazy, *(corner.case for corner in self._corners)], MOST_CASES)

    @cached_property
    def _lazy(self) -> list[Case]:
        if self._module is None or self._domain is None:
            return []
        meant = list(filter(self._is_meant, self._proposed))
        return unread(meant, self._module, self._domain.iterated(self._module.name), MOST_LAZY)

    @cached_property
    def _proposed(self) -> list[Case]:
        if self.module is None:
            return []
        random = Random(f"{self.seed}:generated:{self.target.key}")
        return proposals(self.target, self.text, self.others, random, MOST_CASES)

    @cached_property
    def _corners(self) -> list[Corner]:
        if self._module is None or self._domain is None:
            return []
        random = Random(f"{self.seed}:corners:{self.target.key}")
        meant = [one for one in self._proposed if self._is_meant(one)]
        return corners(meant, self._module, random, MOST_CORNERS, self._domain.iterated(self._module.name))

    def _is_meant(self, case: Case) -> bool:
        domain = self._domain
        return domain is not None and domain.holds(case) and not domain.guesses(case) and not domain.is_private(case)

    @cached_property
    def meant(self) -> frozenset[int]:
        """Numbers of the calls that are of kinds that the target is known to take, or stand beside such calls."""
        return frozenset(
            number for number, case in enumerate(self.cases) if case.origin == "corner" or self._is_meant(case)
        )

    @cached_property
    def asked(self) -> tuple[Sequence[Case], int]:
        """A model's calls, and how many lines of its answer were dropped. Asked for by `tests` alone: it costs tokens."""
        return self.ask(self.target, self.text, self.module, self.others) if self.ask and self.module else ((), 0)

    @property
    def told(self) -> tuple[int, int]:
        """How many calls a model proposed, and how many lines of its answer were dropped; none where it was not asked."""
        cases, dropped = self.asked if "asked" in vars(self) else ((), 0)
        return len(cases), dropped

    def tests(self) -> FileText | None:
        """Write a test file of what the reference does, twice the same; None when nothing of it can be written down.

        Raises:
            SandboxLost: the sandbox broke.
            ModelUnavailable: the model that is asked for calls does not answer.
        """
        cases = with_more(self.cases, self.asked[0], MOST_CASES)
        if self.module is None or not cases:
            return None
        return generated_file(
            self.target, self.module, self._recorded([with_names(case, self._name) for case in cases])
        )

    def alike(self, versions: Sequence[str]) -> list[bool]:
        """Say of changes of the file whether they do with every call what the reference does.

        Calls with which the reference itself does not do the same twice are left out; where too few of the others
        return anything, no change looks like the reference.

        Args:
            versions: whole texts of the target's file.

        Raises:
            SandboxLost: the sandbox broke.
        """
        outputs = self._outputs(versions)
        return compared(outputs, self.cases[:MOST_COMPARED], LEAST_COMPARED) if outputs else [False] * len(versions)

    def written(self, versions: Sequence[str] = ()) -> FileText | None:
        """Write a test file of calls that somebody means, whatever other tests there are; None when there is none.

        By turns they come from examples and code, stand beside such calls, twice as many of these, or are drawn; different results come
        first. Calls that nobody means, and exceptions that the docstring does not name, are left out: a right answer may do something else there.

        Args:
            versions: whole texts of the target's file, of which `alike` said that they are not like the reference. As few
                calls as tell those of them apart that the others do not join.

        Raises:
            SandboxLost: the sandbox broke.
        """
        known = self._meant_records
        if self.module is None or not known:
            return None
        kinds: dict[str, list[Recorded]] = {"meant": [], "corner": [], "hints": []}
        for one in known.values():
            kinds[one.case.origin if one.case.origin in kinds else "meant"].append(one)
        # Each way in turn, whatever it gives.
        found = [one for _, one in sorted(known.items()) if one.case.origin == "corner"]
        queues = (diverse(kinds["meant"]), found[::2], found[1::2], diverse(kinds["hints"]))
        chosen = [one for turn in zip_longest(*queues) for one in turn if one][:MOST_WRITTEN]
        numbers = {number for number, one in known.items() if one in chosen}
        outputs = self._outputs(versions)
        apart = differing(outputs, self.cases[:MOST_COMPARED]) if outputs else []
        notices = [frozenset(map(str, told & known.keys())) for told in apart if told.isdisjoint(numbers)]
        more = fewest(tuple(map(str, known)), notices, 1) if any(notices) else ()
        return generated_file(self.target, self.module, [*(known[int(number)] for number in more), *chosen])

    @cached_property
    def _meant_records(self) -> dict[int, Recorded]:
        """By their numbers, the calls that somebody means and that can be asserted; those that say least come last."""
        domain = self._domain
        if self.module is None or domain is None or not self.meant:
            return {}
        words = frozenset(_WORD.findall(self.target.docstring))
        numbers = {domain.without_private(self.cases[number]): number for number in sorted(self.meant, reverse=True)}
        cases = sorted(numbers, key=numbers.__getitem__)
        found: dict[int, Recorded] = {}
        told: set[str] = set()
        own = {with_names(case, self._name): case for case in cases}
        every = self._recorded(list(own))
        values = {own[one.case]: one.value for one in every if not one.raises}
        empty = {one.case for one in self._corners if one.says_if and not went_through(values, one)}
        empty |= {case for case in self._lazy if not values.get(case, "").endswith(YES)}
        for one in every:
            if own[one.case] in empty:
                continue
            file = generated_file(self.target, self.module, [one])
            if file and file.text not in told and (not one.raises or one.raises in words):
                told.add(file.text)  # `list(call)` and `call` make the same test
                found[numbers[own[one.case]]] = one
        return found

    def _recorded(self, cases: Sequence[Case]) -> list[Recorded]:
        """What the reference does with calls, twice the same."""
        outputs = []
        for one in SEEDS:
            outputs.append(self.run(self.environment, replace(self._job(cases), hash_seed=one)).output)
            self._hanging.update(hanging(outputs[-1], cases))
        return recorded(outputs, cases, self.target, self.text)

    def _outputs(self, versions: Sequence[str]) -> list[str]:
        """What recorders print on the reference, twice, then on each version; nothing where there is nothing to run."""
        cases = [with_names(case, self._name) for case in self.cases[:MOST_COMPARED]] if versions else []
        new = [text for text in dict.fromkeys(versions) if text not in self._known]
        if not cases:
            return []
        if new:
            path, key = self.target.path, f"{self.target.key}:alike"
            texts = [{path: text} for text in (self.text, self.text, *new)]
            reports = self.run_versions(self.environment, self._job(cases, once=True), texts, key)
            first, again, *others = [report.output for report in reports]
            self._known.update(zip(new, others, strict=True))
            self._reference[:] = [first, again]
        return [*self._reference, *(self._known[text] for text in versions)]

    def _job(self, cases: Sequence[Case], *, once: bool = False) -> Job:
        assert self.module is not None
        file = recorder(self.target, self.module, cases, once=once, hanging=self._hanging)
        return Job(
            test_files=(file.path,),
            files={self.target.path: self.text, file.path: file.text},
            args=self.environment.pytest_args,
            timeout_s=self.rules.sample_timeout_s,
            test_timeout_s=self.rules.sample_timeout_s,
            own_copy=True,
        )
