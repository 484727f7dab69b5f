"""How strong a target's tests are: which changes of its body they notice, and how few of them notice as much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from ttc_data.lang.mutants import Mutant, mutants
from ttc_data.lang.stubs import Stub, stubs
from ttc_data.records import Environment, Fate, Mutation, Target
from ttc_data.rules import TestRules
from ttc_data.sandbox.judging import BROKEN, COUNTS_AS_PASSED, session_defect
from ttc_data.sandbox.protocol import Job, Report

SLACK = 2
"""So many tests more than have to notice a change are asked: then there is something to choose from."""
RunVersions = Callable[[Environment, Job, Sequence[Mapping[str, str]], str], list[Report]]
"""Runs a job's tests on versions of a file; the last argument is the identity of what they are versions of."""


@dataclass(frozen=True, slots=True)
class Strength:
    """What the tests of one target notice; of each change, the first tests that do."""

    mutants: tuple[tuple[Mutant, frozenset[str], bool], ...]
    """Each with the tests that notice it, and whether it ran into a limit or crashed."""
    stubs: tuple[tuple[Stub, frozenset[str]], ...]

    def notices(self) -> list[frozenset[str]]:
        """The tests that notice each change, for those that any does."""
        return [tests for _, tests, _ in self.mutants if tests] + [tests for _, tests in self.stubs if tests]

    def passed(self, tests: Sequence[str]) -> list[str]:
        """Names of the trivial bodies that pass all of these tests."""
        return [stub.name for stub, noticed in self.stubs if noticed.isdisjoint(tests)]

    def mutations(self, tests: Sequence[str]) -> tuple[Mutation, ...]:
        """The fate of each mutant where these tests decide."""
        found = []
        for mutant, noticed, limited in self.mutants:
            kept = tuple(test for test in tests if test in noticed)
            fate: Fate = "limit" if limited else "killed" if kept else "survived"
            found.append(Mutation(mutant.operator, mutant.line, mutant.old, mutant.new, fate, () if limited else kept))
        return tuple(found)

    def marked(self, found: Sequence[Mutation], alike: Callable[[Sequence[str]], list[bool]]) -> tuple[Mutation, ...]:
        """Mark those of the mutants that survived, and do what the reference does with every call that `alike` tries.

        Args:
            found: what `mutations` gave.
            alike: whether each of some versions of the file does what the reference does.
        """
        numbers = [number for number, one in enumerate(found) if one.fate == "survived"]
        same = alike([self.mutants[number][0].text for number in numbers])
        equivalent = {number for number, is_same in zip(numbers, same, strict=True) if is_same}
        return tuple(
            replace(one, fate="equivalent") if number in equivalent else one for number, one in enumerate(found)
        )


def score(mutations: Sequence[Mutation]) -> float:
    """Share of the mutants that are noticed, 0 to 1, whatever becomes of the others; 1 where there is none to notice."""
    noticed = sum(one.fate in ("killed", "limit") for one in mutations)
    return round(noticed / len(mutations), 4) if mutations else 1.0


def measure(
    target: Target,
    text: str,
    environment: Environment,
    job: Job,
    took_s: float,
    rules: TestRules,
    seed: int,
    run: RunVersions,
) -> Strength:
    """Run the tests of a job on changes of the target's body.

    Args:
        target: whose body is changed.
        text: its whole file.
        environment: where the job runs.
        job: the tests, on the reference.
        took_s: how long that took.
        rules: how many, and how long each may take.
        seed: of the draw of mutants.
        run: runs versions.

    Raises:
        SandboxLost: the sandbox broke.
    """
    changes = mutants(text, target.bodies, rules.mutants, Random(f"{seed}:mutants:{target.key}"))
    trivial = stubs(text, target)
    limit = min(rules.sample_timeout_s, max(rules.mutant_timeout_s, 10 * took_s))
    short = replace(
        job, timeout_s=limit, test_timeout_s=min(rules.test_timeout_s, limit), most_failures=rules.redundancy + SLACK
    )
    versions = [{target.path: version} for version in [*(one.text for one in changes), *(one.text for one in trivial)]]
    reports = run(environment, short, versions, target.key)
    tests = job.tests or ()
    noticed = [(_noticed(report, tests, short.most_failures), bool(session_defect(report))) for report in reports]
    return Strength(
        tuple((one, *found) for one, found in zip(changes, noticed, strict=False)),
        tuple((one, found[0]) for one, found in zip(trivial, noticed[len(changes) :], strict=True)),
    )


def _noticed(report: Report, tests: Sequence[str], enough: int) -> frozenset[str]:
    """The tests that do not pass, up to the one that ended the session; all of them where it did not end."""
    if session_defect(report):
        return frozenset(tests)
    outcomes = {test.id: test.outcome for test in report.tests}
    failed = frozenset(test for test in tests if outcomes.get(test, "passed") not in COUNTS_AS_PASSED)
    if sum(outcomes[test] in BROKEN for test in failed) >= enough:
        return failed
    return failed | (frozenset(tests) - set(outcomes))


def fewest(tests: Sequence[str], notices: Sequence[frozenset[str]], redundancy: int) -> tuple[str, ...]:
    """Choose tests so that each change is noticed as often as by all of them, up to `redundancy` times.

    Greedy: next comes the test that adds most, of equals the first one.

    Args:
        tests: the most specific first.
        notices: for each change, the tests that notice it.
        redundancy: at least 1.

    Returns:
        In the order of `tests`; all of them where there is no change to notice.
    """
    known = frozenset(tests)
    wanted = [(noticed & known, min(redundancy, len(noticed & known))) for noticed in notices]
    wanted = [(noticed, count) for noticed, count in wanted if count]
    if not wanted:
        return tuple(tests)
    chosen: list[str] = []
    while wanted:
        left = [test for test in tests if test not in chosen]
        best = max(left, key=lambda test: sum(test in noticed for noticed, _ in wanted))
        chosen.append(best)
        wanted = [(noticed, count - (best in noticed)) for noticed, count in wanted]
        wanted = [(noticed, count) for noticed, count in wanted if count]
    return tuple(test for test in tests if test in chosen)
