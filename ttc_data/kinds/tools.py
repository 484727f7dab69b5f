"""What the work of a build's stages takes, opened once in each process that does some of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ttc_data.cache import Cache
from ttc_data.evidence.budget import Budget, TooSlow
from ttc_data.hosts.host import Host
from ttc_data.lang.python.generated.asking import CallAsker
from ttc_data.lang.python.generated.calls import ProposedCalls
from ttc_data.lang.python.oracle import Oracle
from ttc_data.lang.python.packaging.single import lay
from ttc_data.prove import WEAK, ProofCase, Prover, prove, reference_file
from ttc_data.recipe import Recipe
from ttc_data.records import Environment, Evidence, Reject
from ttc_data.sandbox.protocol import Job, Report, Sandbox
from ttc_data.sandbox.scheduler import Apart, Scheduler


class Tools:
    """The recipe, the cache, and sandboxes that are kept warm. Safe to use from several threads.

    Args:
        recipe: of the build.
        cache: its trees and environments.
        host: opens sandboxes; whoever opened it closes it.
        slots: jobs that run at the same time.
        most_open: sandboxes, busy and idle; `2 * slots` and a few when 0.
    """

    def __init__(self, recipe: Recipe, cache: Cache, host: Host, slots: int, most_open: int = 0) -> None:
        self.recipe = recipe
        self.cache = cache
        self.host = host
        self.slots = slots
        self.pool: Scheduler[Environment] = Scheduler(
            self._open, lambda environment: environment.key, slots, most_open=most_open
        )
        self.proving: set[str] = set()
        """Keys of the samples that are being proven."""

    def close(self) -> None:
        """Close every sandbox."""
        self.pool.close()

    def _open(self, environment: Environment) -> Sandbox:
        self.host.prepare(environment)
        return self.host.open(environment)

    def run_job(self, environment: Environment, job: Job) -> Report:
        return self.pool.run(environment.ground, lay(environment, job, self.cache.trees))

    def run_apart(self, environment: Environment, job: Job, apart: Apart) -> Report:
        return self.pool.run(environment.ground, lay(environment, job, self.cache.trees), apart=apart)

    def parts(self) -> int:
        """How many sandboxes may share the versions of a sample: those that no other sample needs."""
        return self.slots // max(1, len(self.proving))

    def run_versions(
        self, environment: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str, check: int = 1
    ) -> list[Report]:
        """Run a job on versions of a file; `check` of them, drawn, are run as jobs too.

        Where fewer samples are proven than there are workers, as at the end of a build, the others help with the versions.
        """
        laid = lay(environment, job, self.cache.trees)
        return self.pool.run_versions(
            environment.ground, laid, versions, seed=self.recipe.seed, key=key, check=check, parts=self.parts()
        )

    def prove(self, case: ProofCase, ask: CallAsker | None = None) -> Iterator[Evidence | Reject]:
        """Prove one sample; `ask` is asked for calls where its tests are too weak."""
        rules = self.recipe.tests
        budget = Budget(rules.max_proof_s, self.run_job, self.run_versions)
        calls = ProposedCalls(
            case.target,
            reference_file(case.sample),
            case.environment,
            {**case.others, **case.texts},
            budget.run,
            partial(budget.run_versions, check=0),
            rules,
            self.recipe.seed,
            ask,
        )
        prover = Prover(budget.run, budget.run_versions, rules, self.recipe.seed)
        self.proving.add(case.sample.key)
        try:
            for found in prove(case, prover, calls if rules.generate else None):
                if isinstance(found, Reject) and (found.reason in WEAK or case.sample.needs):
                    found = case.remarks.on(found)
                yield self._with_oracle(case, found) if isinstance(found, Evidence) and rules.generate else found
        except TooSlow as error:
            subject = f"{case.environment.repo} {case.sample.path}::{case.sample.qualname}"
            yield Reject(case.sample.key, "prove", "proof_too_slow", f"{error} (tests.max_proof_s)", subject)
        finally:
            self.proving.discard(case.sample.key)

    def _with_oracle(self, case: ProofCase, found: Evidence) -> Evidence:
        """Count the calls that answers to a proven sample can be compared with its reference on."""
        sample = case.sample
        oracle = Oracle(
            case.target,
            reference_file(sample),
            {sample.path: sample.masked},
            case.environment,
            {**case.others, **case.texts},
            self.run_job,
            self.recipe.seed,
        )
        return replace(found, oracle_calls=len(oracle.calls))
