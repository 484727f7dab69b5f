"""Seconds of one core for a sample's full evidence, against a container for each execution, and against mutmut.

    ttcdata build recipes/demo.yaml --out out/demo
    python benchmarks/evidence.py out/demo --samples 24 --docker-run-samples 3 --mutmut toolz

Each sample is proven as in a build: the masked file, the reference under all its variations, mutants and trivial bodies,
tripwires, coverage, on warm sandboxes, one job at a time. Of each project, one sample is proven before, uncounted.

*A container for each execution*: the very same executions in the same order, each a container of its own in the same image:
every job, and every version of the target's file. That an execution comes to the same end both ways is counted. What is
added to a proof for its own sake (one version run as a job, reading and mutating code) is in our time only.

*mutmut*: see `mutation.py`. Mutants a second are counted without preparation, which is said beside them: ours is what a
proof does before the first version, mutmut's is making its mutants and running the whole suite to choose its tests. (Ours are
chosen by the runs of the suite that a build makes once for all of its samples; they are not repeated here.) mutmut ends at the
first test that fails, a proof where as many fail as it wants to choose from. Ours count trivial bodies as mutants.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import docker
import duckdb
from docker.errors import DockerException
from mutation import Fates, MutmutRun, run_mutmut
from proving import PARTS, SCREEN, Proof, Timed, opened, prove_all, say, spread
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sandbox import shell_of

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import TtcError
from ttc_data.evidence.strength import score
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import DockerHost
from ttc_data.prove import ProofCase
from ttc_data.records import Environment, Evidence
from ttc_data.sandbox.docker import SILENT
from ttc_data.sandbox.protocol import Job

START_S = 1.0
"""What a container may take before pytest starts, beside the job's own limit."""
GOAL = 10


def evidence_figures(proofs: Sequence[Proof]) -> dict[str, Any]:
    """Seconds per sample and core."""
    seconds = [proof.seconds for proof in proofs]
    parts = {part: statistics.fmean(proof.seconds_of(part) for proof in proofs) for part in PARTS}
    parts["reading and mutating"] = statistics.fmean(seconds) - sum(parts.values())
    return {
        "samples": len(proofs),
        "projects": len({proof.case.environment.key for proof in proofs}),
        "valid": sum(isinstance(proof.found, Evidence) for proof in proofs),
        "median_s": round(statistics.median(seconds), 3),
        "mean_s": round(statistics.fmean(seconds), 3),
        "most_s": round(max(seconds), 3),
        "executions": round(statistics.fmean(proof.executions for proof in proofs), 1),
        "mean_s_of_parts": {part: round(found, 3) for part, found in parts.items()},
    }


def container_run(client: docker.DockerClient, image: str, job: Job, environment: Environment) -> bool:
    """What `docker run --rm` does: make a container, start it, wait, read its output, remove it."""
    container = client.containers.create(image, shell_of(job, environment), network_mode="none", entrypoint=[])
    try:
        container.start()
        try:
            status = container.wait(timeout=job.timeout_s + START_S)["StatusCode"]
        except SILENT:  # it takes too long, as some mutants do
            return False
        container.logs()
        return bool(status == 0)
    finally:
        container.remove(force=True, v=True)


def shuffled(job: Job) -> Job:
    """With the tests' ids in another order where the job asks for it."""
    tests = list(job.tests or ())
    return replace(job, tests=tuple(Random(job.order).sample(tests, len(tests)))) if job.order else job


def container_figures(timed: Timed, client: docker.DockerClient, cases: Sequence[ProofCase]) -> dict[str, Any]:
    """The same executions both ways, one sample after the other."""
    assert isinstance(timed.host, DockerHost)
    if not cases:
        raise TtcError("no sample of this build is valid")
    ours, per_sample, ratios = 0.0, [], []
    theirs: list[float] = []
    for case in cases:
        timed.proof(case)
        proof = timed.proof(case)
        pairs = [(job, ended) for call in proof.calls for job, ended in zip(call.jobs, call.passed, strict=True)]
        image, name = timed.host.image(case.environment), f"{case.environment.project} {case.sample.qualname}"
        taken, others = [], 0
        for job, ended in track(pairs, f"docker run: {name}", console=SCREEN):
            started = time.perf_counter()
            others += container_run(client, image, shuffled(job), case.environment) != ended
            taken.append(time.perf_counter() - started)
        ours += proof.seconds
        theirs += taken
        ratios.append(sum(taken) / proof.seconds)
        per_sample.append({
            "sample": name, "executions": len(taken), "end_otherwise": others, "ours_s": round(proof.seconds, 3),
            "docker_run_s": round(sum(taken), 3), "ratio": round(ratios[-1], 2),
        })  # fmt: skip
    return {
        "samples": per_sample,
        "executions": len(theirs),
        "executions_that_end_otherwise": sum(one["end_otherwise"] for one in per_sample),
        "ours_s": round(ours, 3),
        "docker_run_s": round(sum(theirs), 3),
        "ms_of_one_docker_run": round(1000 * statistics.fmean(theirs), 1),
        "ratio": round(sum(theirs) / ours, 2),
        "median_ratio": round(statistics.median(ratios), 2),
        "goal": GOAL,
    }


def mutation_figures(proofs: Sequence[Proof], run: MutmutRun) -> dict[str, Any]:
    """Both on the functions that both make mutants of."""
    both: list[tuple[Proof, Evidence, Fates]] = []
    for proof in proofs:
        fates = run.functions.get(proof.case.target.key)
        if fates and isinstance(proof.found, Evidence) and proof.found.mutants:
            both.append((proof, proof.found, fates))
    if not both:
        raise TtcError("no function of which both make mutants")
    calls = [call for proof, _, _ in both for call in proof.calls if call.part == "versions"]
    versions, seconds = sum(len(call.jobs) for call in calls), sum(call.seconds for call in calls)
    asked = [len(job.tests or ()) for call in calls for job in call.jobs]
    made = sum(fates.made for fates in run.functions.values())
    ran = made - sum(fates.untested for fates in run.functions.values())
    theirs, rate = ran / run.testing_s, versions / seconds
    chosen = sum(fates.tests * fates.made for _, _, fates in both) / sum(fates.made for _, _, fates in both)
    return {
        "functions": len(both),
        "ours": {
            "mutants": versions, "seconds": round(seconds, 2), "per_second": round(rate, 2),
            "preparing_s": round(sum(proof.before_versions() for proof, _, _ in both), 2),
            "tests_for_each": round(statistics.fmean(asked), 1),
            "score": score([one for _, found, _ in both for one in found.mutants]),
        },
        "mutmut": {
            "mutants": ran, "seconds": round(run.testing_s, 2), "per_second": round(theirs, 2),
            "per_second_as_it_says": run.own_rate, "preparing_s": round(run.preparing_s, 2),
            "tests_for_each": round(chosen, 1),
            "score": round(sum(fates.noticed for *_, fates in both) / sum(fates.made for *_, fates in both), 4),
            "tests_left_out": list(run.left_out),
        },
        "ratio": round(rate / theirs, 2),
    }  # fmt: skip


def against_mutmut(
    proofs: Sequence[Proof], names: Sequence[str] | None, cache: Cache, skip: Callable[[str], None]
) -> Any:
    """Every named project; without names, the first on which mutmut runs."""
    by_project: dict[str, list[Proof]] = {}
    for proof in proofs:
        if isinstance(proof.found, Evidence):
            by_project.setdefault(proof.case.environment.project, []).append(proof)
    results = {}
    for name in names if names is not None else sorted(by_project, key=lambda name: (name != "toolz", name)):
        if name not in by_project:
            skip(f"mutmut on {name}: no sample of it is proven; there are {', '.join(sorted(by_project))}")
            continue
        say(f"mutmut on {name}")
        try:
            with TemporaryDirectory(prefix="ttcdata-mutmut-") as folder:
                run = run_mutmut([proof.case for proof in by_project[name]], cache, Path(folder))
            results[name] = mutation_figures(by_project[name], run)
        except TtcError as error:
            skip(f"mutmut on {name}: {error}")
            continue
        if names is None:
            break
    return results


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures, and a line for each that could not be had."""
    dataset, cache = Dataset(options.build), Cache.default()
    for path in sorted((dataset.folder / "environments").glob("*.json")):
        dataset.environment(path.stem, cache)
    results: dict[str, Any] = {"evidence": {}, "docker_run": None, "mutmut": {}, "not_measured": []}

    def skip(line: str) -> None:
        say(line)
        results["not_measured"].append(line)

    first: list[Proof] = []
    for kind in options.sandbox:
        try:
            with opened(dataset, kind, cache) as timed:
                cases = spread(timed.cases(), options.samples)
                proofs = prove_all(timed, cases, kind)
                if not proofs:
                    raise TtcError("no sample of this build can be proven")
                results["evidence"][kind] = evidence_figures(proofs)
                first = first or proofs
                if kind == "docker" and options.docker_run_samples:
                    proven = [proof.case for proof in proofs if isinstance(proof.found, Evidence)]
                    client = connect()
                    results["docker_run"] = container_figures(timed, client, spread(proven, options.docker_run_samples))
                    client.close()
        except (TtcError, DockerException) as error:
            skip(f"on {kind}: {error}")
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise TtcError(f"{options.build}: not a build of this version ({said}); build it again") from error
    if first:
        results["mutmut"] = against_mutmut(first, options.mutmut, cache, skip)
    return results


def show(results: Mapping[str, Any]) -> None:
    """Print the tables."""
    screen = Console(width=150)
    table = Table("sandbox", "samples", "valid", "median s", "mean s", "executions", *PARTS, "rest", box=None)
    for kind, found in results["evidence"].items():
        parts = [f"{seconds:.2f}" for seconds in found["mean_s_of_parts"].values()]
        counts = [f"{found['samples']} of {found['projects']} projects", str(found["valid"])]
        table.add_row(
            kind, *counts, f"{found['median_s']:.2f}", f"{found['mean_s']:.2f}", str(found["executions"]), *parts
        )
    screen.print("Full evidence, seconds per sample and core (parts: means)", table)
    if found := results["docker_run"]:
        table = Table(
            "sample", "executions", "end otherwise", "ours, s", "docker run each, s", "times as fast", box=None
        )
        for one in found["samples"]:
            table.add_row(*map(str, one.values()))
        screen.print("\nThe same executions, a container for each", table)
        otherwise = f"{found['executions_that_end_otherwise']} of {found['executions']} executions end otherwise there"
        screen.print(
            f"{found['median_ratio']} times as fast in the median (goal: at least {found['goal']}), "
            f"{found['ratio']} all together; {otherwise}"
        )
    for project, found in results["mutmut"].items():
        table = Table("", "mutants", "seconds", "a second", "preparing, s", "tests for each", "score", box=None)
        for name in ("ours", "mutmut"):
            columns = ("mutants", "seconds", "per_second", "preparing_s", "tests_for_each", "score")
            table.add_row(name, *(str(found[name][column]) for column in columns))
        screen.print(f"\nMutants of {found['functions']} functions of {project}, one worker each", table)
        screen.print(
            f"{found['ratio']} times as many a second; mutmut without {len(found['mutmut']['tests_left_out'])} tests"
        )
    for line in results["not_measured"]:
        screen.print(f"not measured: {line}", style="yellow")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", help="a finished build")
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--sandbox", nargs="+", choices=("docker", "local"), default=["docker"])
    parser.add_argument("--docker-run-samples", type=int, default=3, help="0 leaves this comparison out")
    parser.add_argument(
        "--mutmut", nargs="*", metavar="PROJECT", help="default: the first on which it runs; none: leave out"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        results = measure(options)
    except TtcError as error:
        raise SystemExit(str(error)) from error
    except KeyboardInterrupt:
        say("interrupted: nothing is left running")
        raise SystemExit(130) from None
    if options.json:
        print(json.dumps(results))
    else:
        show(results)


if __name__ == "__main__":
    main()
