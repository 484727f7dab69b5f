"""How strong a target's tests are: which changes of its body they notice, and how few of them notice as much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from ttc_data.lang.python.mutants import Mutant, mutants
from ttc_data.lang.python.returns import other_returns
from ttc_data.lang.python.stubs import EXPECTED, Stub, stubs
from ttc_data.records import Baseline, Environment, Fate, Mutation, Target
from ttc_data.rules import TestRules
from ttc_data.sandbox.judging import BROKEN, COUNTS_AS_PASSED, session_defect
from ttc_data.sandbox.protocol import Job, Report, RunVersions

SLACK = 2
"""So many tests more than have to notice a change are asked: then there is something to choose from."""
LEAST_ENDLESS_S = 0.2
ENDLESS, ENDLESS_LONG = 20, 3
"""A test that takes so many times what it takes on the reference does not end; one that takes long, `LONG_S` and fewer times as much."""
LONG_S = 0.5
LEAST_WAIT_S, SLOWER = 1.0, 10
"""A test that waits so many times as long as the reference's slowest one takes waits for ever."""
MOST_ENDLESS = 2
"""Tests that a trivial body may hang in; a mutant has been noticed by the first."""
MOST_BESIDE = 12
"""Further tests that trivial bodies meet before it is known that they must."""
Likely = Callable[[Sequence[frozenset[str]]], Sequence[str]]
"""Of the tests that notice each mutant, those that trivial bodies will probably have to meet."""


@dataclass(frozen=True, slots=True)
class Strength:
    """What the tests of one target notice: of a mutant the first tests that do, of a trivial body all that it was run on."""

    mutants: tuple[tuple[Mutant, frozenset[str], bool], ...]
    """Each with the tests that notice it, and whether it crashed, or ran into a limit in no test of its own."""
    stubs: tuple[tuple[Stub, frozenset[str], frozenset[str]], ...]
    """Each with the tests that notice it, and those that it was run on."""
    asserting: frozenset[str] | None = None
    """The tests that notice when the target gives other values than it should; None when it gives none."""
    ahead: Mapping[Stub, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)
    """Of trivial bodies, as `stubs` has it, with tests that were run beside those: whoever asks for these too need not run them."""

    def notices(self) -> list[frozenset[str]]:
        """The tests that notice each change, for those that any does."""
        return [tests for _, tests, _ in self.mutants if tests] + [tests for _, tests, _ in self.stubs if tests]

    def asserts_values(self, tests: Sequence[str]) -> bool:
        """Whether these tests assert what the target gives, where it gives anything, and not only what it raises."""
        return self.asserting is None or not self.asserting.isdisjoint(tests)

    def passed(self, tests: Sequence[str]) -> list[str]:
        """Names of the trivial bodies that pass all of these tests, and that somebody writes who does not know them."""
        plain = [(stub.name, noticed) for stub, noticed, _ in self.stubs if not stub.name.startswith(EXPECTED)]
        return [name for name, noticed in plain if noticed.isdisjoint(tests)]

    def baselines(self, tests: Sequence[str]) -> tuple[Baseline, ...]:
        """Which of these tests each trivial body passes, of those that it was run on."""
        return tuple(
            Baseline(stub.name, tuple(test for test in tests if test in asked and test not in noticed))
            for stub, noticed, asked in self.stubs
        )

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


@dataclass(frozen=True)
class Measuring:
    """The sessions on changes of one target's body."""

    target: Target
    environment: Environment
    job: Job
    """All tests that decide, on the reference."""
    further: tuple[str, ...]
    """Those that only meet the mutants that no other test notices, in this order."""
    written: frozenset[str]
    """Those that we wrote."""
    report: Report
    """Of the reference with these tests."""
    rules: TestRules
    seed: int
    run: RunVersions
    expected: tuple[str, ...] = ()
    """What the tests compare with, as it stands in them; a body that gives it always is a trivial one."""
    likely: Likely | None = None
    """None: nobody can tell."""

    def measure(self, text: str) -> Strength:
        """Run the tests on mutants, trivial bodies, and versions whose value is another one.

        Args:
            text: the target's whole file, as the reference has it.

        Raises:
            SandboxLost: the sandbox broke.
        """
        target, tests = self.target, self.job.tests or ()
        changes = mutants(text, target.bodies, self.rules.mutants, Random(f"{self.seed}:mutants:{target.key}"))
        trivial = stubs(text, target, self.expected)
        given = other_returns(text, target)
        noticed = self._in_two_steps([*(change.text for change in changes), *([given.other] if given else [])])
        asserting = noticed[-1][0] if given else None
        if given and asserting is not None and asserting <= self.written:
            asserting |= self._in_two_steps([given.nothing])[0][0]
        near, far = self._near_and_far()
        beside = self._beside([found for found, _ in noticed[: len(changes)] if found])
        ahead = self._ahead(trivial, near, beside) if beside else {}
        known = {stub: found.intersection(near) for stub, (found, _) in ahead.items()}
        known |= self._told([stub for stub in trivial if stub not in ahead], near)
        told = [(stub, known[stub], frozenset(near)) for stub in trivial]
        passing = [stub for stub, found, _ in told if not found] if far else []
        more = {stub: (stub, found, frozenset(tests)) for stub, found in self._told(passing, far).items()}
        return Strength(
            tuple((change, *found) for change, found in zip(changes, noticed, strict=False)),
            tuple(more.get(stub, (stub, found, asked)) for stub, found, asked in told),
            asserting,
            ahead,
        )

    def _beside(self, notices: Sequence[frozenset[str]]) -> tuple[str, ...]:
        """The further tests that trivial bodies meet in one session with the others: one of their own costs 0.4 s in the mean.

        They are of files that are collected anyway, or that we wrote, which run nothing when they are imported.
        """
        near, far = self._near_and_far()
        if not far or self.likely is None:
            return ()
        files = files_of(near)
        found = [
            test
            for test in self.likely(notices)
            if test in far and (test in self.written or test.partition("::")[0] in files)
        ]
        return tuple(found) if len(found) <= MOST_BESIDE else ()

    def _ahead(
        self, trivial: Sequence[Stub], near: tuple[str, ...], beside: tuple[str, ...]
    ) -> dict[Stub, tuple[frozenset[str], frozenset[str]]]:
        """The tests of both that notice each trivial body; nothing of one whose session cannot be believed."""
        tests = (*near, *beside)
        found = self._sessions([stub.text for stub in trivial], tests, (), 0, known=near)
        return {
            stub: (noticed, frozenset(tests))
            for stub, (noticed, limited) in zip(trivial, found, strict=True)
            if not limited
        }

    def with_trivial_bodies_on(self, tests: Sequence[str], strength: Strength) -> Strength:
        """Run the trivial bodies on tests that they have not met: those whose expectation may be altered pay in part.

        Raises:
            SandboxLost: the sandbox broke.
        """
        unmet = [stub for stub, _, asked in strength.stubs if not asked.issuperset(tests)]
        if all(stub in strength.ahead and strength.ahead[stub][1].issuperset(tests) for stub in unmet):
            told = {stub: strength.ahead[stub][0].intersection(tests) for stub in unmet}
        else:
            told = self._told(unmet, tuple(tests))
        stubs = tuple(
            (stub, noticed | told[stub], asked | set(tests)) if stub in told else (stub, noticed, asked)
            for stub, noticed, asked in strength.stubs
        )
        return replace(strength, stubs=stubs)

    def _told(self, trivial: Sequence[Stub], tests: tuple[str, ...]) -> dict[Stub, frozenset[str]]:
        """Of each trivial body, the tests that notice it."""
        found = self._sessions([stub.text for stub in trivial], tests, (), 0)
        return {stub: noticed for stub, (noticed, _) in zip(trivial, found, strict=True)}

    def _near_and_far(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The tests that every change meets, and those that only survivors do."""
        tests = self.job.tests or ()
        far = tuple(test for test in self.further if test in tests)
        near = tuple(test for test in tests if test not in far)
        return (near, far) if near else (tests, ())

    def _in_two_steps(self, texts: Sequence[str]) -> list[tuple[frozenset[str], bool]]:
        """The first tests that notice each text; the further ones are asked where none of the others does."""
        return self._sessions(texts, *self._near_and_far(), self.rules.redundancy + SLACK)

    def _sessions(
        self,
        texts: Sequence[str],
        tests: tuple[str, ...],
        further: tuple[str, ...],
        most_failures: int,
        known: tuple[str, ...] = (),
    ) -> list[tuple[frozenset[str], bool]]:
        """The tests that notice each text of the file, and whether its session cannot be believed.

        One that hangs in `known` tests alone is believed: with these tests alone it would hang in the same ones.
        """
        if not texts:
            return []
        rules, every = self.rules, (*tests, *further)
        limit = min(rules.sample_timeout_s, max(rules.mutant_timeout_s, 10 * self._took_s(every)))
        job = replace(
            self.job,
            test_files=files_of(every),
            tests=tests,
            further=further,
            timeout_s=limit,
            test_timeout_s=min(rules.test_timeout_s, limit, max(LEAST_WAIT_S, SLOWER * self._slowest_s(every))),
            test_cpu_s=self._endless_s(),
            more_cpu_s=self._more_s(every),
            most_failures=most_failures,
            most_endless=1 if most_failures else MOST_ENDLESS,
        )
        reports = self.run(self.environment, job, [{self.target.path: text} for text in texts], self.target.key)
        found = [
            _noticed(report, tests, most_failures) or _noticed(report, further, most_failures) for report in reports
        ]
        return list(zip(found, [_is_limited(report, most_failures, known) for report in reports], strict=True))

    def _endless_s(self) -> float:
        """Processor seconds that any test is given: the slowest one of the reference paid for what it imports late."""
        return LEAST_ENDLESS_S + max((test.cpu_s for test in self.report.tests), default=0.0)

    def _more_s(self, tests: Sequence[str]) -> dict[str, float]:
        """And those that each of these tests is given besides, by what it took on the reference; after that it does not end."""
        took = {test.id: test.cpu_s for test in self.report.tests}
        more = {test: min(ENDLESS * took.get(test, 0.0), LONG_S + ENDLESS_LONG * took.get(test, 0.0)) for test in tests}
        return {test: round(seconds, 2) for test, seconds in more.items() if seconds >= LEAST_ENDLESS_S / ENDLESS}

    def _slowest_s(self, tests: Sequence[str]) -> float:
        """Seconds of the slowest of these tests on the reference."""
        return max((test.seconds for test in self.report.tests if test.id in tests), default=0.0)

    def _took_s(self, tests: Sequence[str]) -> float:
        """Seconds of a session of these tests alone on the reference."""
        took = {test.id: test.seconds for test in self.report.tests}
        return self.report.seconds - sum(took.values()) + sum(took.get(test, 0.0) for test in tests)


def files_of(tests: Sequence[str]) -> tuple[str, ...]:
    """The files that tests lie in, in the order of the tests."""
    return tuple(dict.fromkeys(test.partition("::")[0] for test in tests))


def _is_cut(report: Report, enough: int) -> bool:
    """Whether a session that ends after `enough` failures ended with a test that ran longer than it may: that test noticed the change."""
    return bool(enough and report.ran_out)


def _is_limited(report: Report, enough: int, known: Sequence[str]) -> bool:
    """Whether a session cannot be believed, or only as far as it came."""
    if _is_cut(report, enough):
        return False
    ran_out = set(report.ran_out)
    in_c = bool(report.unfinished) and ran_out.issuperset(report.unfinished)
    if in_c or len(ran_out) >= MOST_ENDLESS:
        return not ran_out.issubset(known)
    return bool(session_defect(report))


def _noticed(report: Report, tests: Sequence[str], enough: int) -> frozenset[str]:
    """The tests that do not pass, up to the one that ended the session; all of them where it did not end."""
    outcomes = {test.id: test.outcome for test in report.tests}
    failed = frozenset(test for test in tests if outcomes.get(test, "passed") not in COUNTS_AS_PASSED)
    if _is_cut(report, enough):
        return failed | frozenset(report.ran_out).intersection(tests)
    if session_defect(report):
        return frozenset(tests)
    if enough and sum(outcomes[test] in BROKEN for test in failed) >= enough:
        return failed
    return failed | (frozenset(tests) - set(outcomes))
