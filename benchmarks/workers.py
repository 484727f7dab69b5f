"""The rate at which N workers prove samples of a finished build, against that of one.

    python benchmarks/workers.py out/ten --workers 16 --samples 100

Nothing is stored. Each figure is of a run that starts its processes and opens its sandboxes itself, as a build does.
Run it on a machine that does nothing else. A run with one worker uses one process too: what is compared is the number.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from proving import opened, spread

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.hosts.host import HostName
from ttc_data.kinds.processes import Processes
from ttc_data.prove import ProofCase
from ttc_data.recipe import Recipe


@dataclass(frozen=True)
class Run:
    """Samples that were proven by some workers."""

    workers: int
    ends: tuple[float, ...]
    """Seconds from the start until each sample was proven, in order."""
    took: tuple[float, ...]
    """Seconds that each sample took."""
    own: float
    """Processor seconds of this process, which stands for the build's."""

    @property
    def rate(self) -> float:
        """Samples a second."""
        return len(self.ends) / self.ends[-1]

    @property
    def last_tenth(self) -> float:
        """Share, 0 to 1, of the time in which the last tenth of the samples ended."""
        before = len(self.ends) - max(1, len(self.ends) // 10)
        return 1 - (self.ends[before - 1] if before else 0.0) / self.ends[-1]

    def line(self) -> str:
        """All of it, for people."""
        return (
            f"{self.workers} workers: {len(self.ends)} samples in {self.ends[-1]:.1f} s, {self.rate:.3f} a second; "
            f"a sample takes {statistics.median(self.took):.1f} s (median); the last tenth {self.last_tenth:.0%} of the "
            f"time; the build's own process {1000 * self.own / len(self.ends):.0f} ms of processor a sample"
        )


def own_seconds() -> float:
    """Processor seconds of this process until now, without those of others that it started."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def prove(cases: Sequence[ProofCase], recipe: Recipe, cache: Cache, kind: HostName, workers: int) -> Run:
    """Prove samples with so many workers."""
    processes = Processes(recipe, cache, kind, workers)
    begun, used = time.perf_counter(), own_seconds()

    def one(case: ProofCase) -> tuple[float, float]:
        started = time.perf_counter()
        list(processes.prove(case))
        ended = time.perf_counter()
        return ended - begun, ended - started

    try:
        with ThreadPoolExecutor(workers) as threads:
            times = sorted(threads.map(one, cases))
        own = own_seconds() - used
    finally:
        processes.close()
    return Run(workers, tuple(end for end, _ in times), tuple(took for _, took in times), own)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="a finished build")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[os.cpu_count() or 1], help="numbers to compare with one"
    )
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--alone", type=int, default=20, help="samples that one worker proves")
    parser.add_argument("--sandbox", choices=("docker", "local"), default="local")
    options = parser.parse_args()
    dataset, cache = Dataset(options.dataset), Cache.default()
    with opened(dataset, options.sandbox, cache) as build:
        cases = spread(build.cases(), options.samples)
    print(f"{os.cpu_count()} processors, {options.sandbox}")
    alone = prove(spread(cases, options.alone), dataset.recipe, cache, options.sandbox, 1)
    print(alone.line(), flush=True)
    for workers in options.workers:
        run = prove(cases, dataset.recipe, cache, options.sandbox, workers)
        print(f"{run.line()}; {run.rate / alone.rate:.2f} times the rate of one", flush=True)


if __name__ == "__main__":
    main()
