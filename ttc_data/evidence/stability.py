"""What changes between runs of the same tests: who passes every time depends on none of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ttc_data.records import Environment, Variation
from ttc_data.sandbox.protocol import Job

CLOCK = "time-machine"
# POSIX names: a base image need not have a database of time zones, nor any locale but these.
VARIED = (
    Variation(),
    Variation(timezone="NPT-5:45", locale="C"),
    Variation(timezone="HST10", days=400),
    Variation(timezone="NZST-12NZDT"),
)


def variation(number: int, environment: Environment) -> Variation:
    """What is changed in one of several runs: nothing in the first, the order and the hash seed in every other one.

    Args:
        number: of the run, from 0.
        environment: the date is put forward only where it has what that takes.
    """
    if not number:
        return Variation()
    base = replace(VARIED[number % len(VARIED)], hash_seed=number, order=number)
    return base if f"{CLOCK}==" in environment.lock else replace(base, days=0)


def with_two_seeds(variations: Sequence[Variation]) -> list[Variation]:
    """The same with two hash seeds in turn: for each further one an interpreter has to be started."""
    return [replace(one, hash_seed=number % 2) for number, one in enumerate(variations)]


def varied(job: Job, one: Variation) -> Job:
    """A job under a variation."""
    return replace(
        job, hash_seed=one.hash_seed, order=one.order, timezone=one.timezone, locale=one.locale, days=one.days
    )
