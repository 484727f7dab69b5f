"""What rewards cost: seconds that a training step waits for the sandbox, against two other ways to judge the same answers.

    ttcdata build recipes/demo.yaml --out out/demo
    python benchmarks/reward.py out/demo --sandbox local

A step is 64 completions, 8 to each of 8 rows. Of the 8, two are right, two raise, two give a constant and two are prose; with `--run`,
a folder that `ttcdata train` wrote, they are the completions that a model gave at its last logged steps, and the share of the run's own steps that its
rewards took is printed too. With `--right 0.2` a fifth of them is right, and the others raise or give a constant.

*The small cover*: the verdict of sets before schema 1.3, on the same sandboxes: one session of the first look and of
PASS_TO_PASS, and for who passes it another in which the first look's altered tests must fail. *docker run a completion*: all
tests once. Each step is judged once by each way, in turn; what is opened, and the references, before the first are not counted.
On a machine that others use, compare the processor time: it is of this process and of all that it started, so containers are not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

import duckdb
from docker.errors import DockerException
from rich.console import Console
from rich.table import Table
from sandbox import shell_of

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import PatchRejected, TtcError
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import DockerHost
from ttc_data.hosts.open import SandboxKind, open_host
from ttc_data.lang.python.splicing.definitions import definition_lines
from ttc_data.progress import Quiet
from ttc_data.row import Row
from ttc_data.sandbox.protocol import Job
from ttc_data.solve.answer import read_answer
from ttc_data.solve.blocks import in_blocks
from ttc_data.solve.grade import Seen
from ttc_data.solve.grader import Grader
from ttc_data.solve.task import hidden_tests, reference_of
from ttc_data.train.rewards import Rewards

OURS, COVER, RUN = "rewards", "the small cover", "docker run a completion"
RIGHT, RAISES, CONSTANT, WORDS = range(4)


@dataclass(frozen=True)
class Step:
    """The completions of one step."""

    names: tuple[str, ...]
    """The row of each."""
    texts: tuple[str, ...]


def made(rows: Sequence[Row], count: int, completions: int, group: int, right: float | None) -> list[Step]:
    """Steps of which no two answers are the same."""
    draw = Random("steps")
    steps = []
    for number in range(count):
        chosen = draw.sample(list(rows), completions // group)
        kinds = [place % 4 for place in range(completions)]
        if right is not None:
            good = round(right * completions)
            kinds = [RIGHT] * good + [(RAISES, CONSTANT)[place % 2] for place in range(completions - good)]
            draw.shuffle(kinds)
        said = [
            (row.instance_id, answer(row, number * completions + place, kinds[place]))
            for place, row in enumerate(row for row in chosen for _ in range(group))
        ]
        steps.append(Step(*zip(*said, strict=True)))
    return steps


def answer(row: Row, number: int, kind: int) -> str:
    """The reference with another comment, what raises, what gives a constant, or words."""
    if kind == WORDS:
        return f"Attempt {number}: I would go over the elements."
    given = {file.path: file.text for file in row.ttc_files}
    text = given[row.path]
    if kind == RIGHT:
        return in_blocks(row.path, text, f"{reference_of(row)[row.path]}# attempt {number}\n")
    first, last = definition_lines(text, row.ttc_target) or (1, 1)
    statement = f"raise RuntimeError({number})" if kind == RAISES else f"return {number}"
    lines = text.split("\n")
    body = [line.replace("raise NotImplementedError", statement) for line in lines[first - 1 : last]]
    return in_blocks(row.path, text, "\n".join([*lines[: first - 1], *body, *lines[last:]]))


def logged(run: Path, count: int, completions: int) -> list[Step]:
    """The last steps of a run whose completions are all there."""
    table = duckdb.connect().execute(
        "SELECT step, list(instance_id), list(completion) FROM read_parquet(?) GROUP BY step ORDER BY step",
        [str(run / "completions" / "*.parquet")],
    )
    found = [Step(tuple(names), tuple(map(_said, texts))) for _, names, texts in table.fetchall()]
    whole = [step for step in found if len(step.names) == completions]
    if not whole:
        raise SystemExit(
            f"{run}: no step of {completions} completions was logged; --completions says how many a step has"
        )
    return whole[-count:]


def _said(completion: object) -> str:
    return str(completion[-1]["content"]) if isinstance(completion, list) else str(completion)


def share_of(run: Path) -> tuple[float, float, int]:
    """Of a run: the median share of a step that rewards took, the share of all steps together, and their number."""
    waits, takes = [], []
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        figures = json.loads(line)
        if "step_time" in figures and "sandbox/wall_seconds" in figures:
            waits.append(figures["sandbox/wall_seconds"])
            takes.append(figures["step_time"])
    shares = [wait / take for wait, take in zip(waits, takes, strict=True)]
    return statistics.median(shares), sum(waits) / sum(takes), len(shares)


def processor_seconds() -> float:
    """Processor time of this process and of all that descend from it, those that ended included."""
    parents, used = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(folder.name)] = int(fields[1])
        used[int(folder.name)] = sum(map(int, fields[11:15]))
    ours, found = {os.getpid()}, 0
    while len(ours) > found:
        found = len(ours)
        ours |= {number for number, parent in parents.items() if parent in ours}
    return sum(used[number] for number in ours) / os.sysconf("SC_CLK_TCK")


def judged(rewards: Rewards, step: Step) -> float:
    """Seconds that one step waits."""
    began = time.perf_counter()
    earned = asyncio.run(rewards.tests(step.texts, step.names))
    taken = time.perf_counter() - began
    if None in earned:
        raise SystemExit("a completion could not be judged; `ttcdata doctor` says what does not work")
    return taken


@contextmanager
def containers(dataset: Dataset, workers: int) -> Iterator[Callable[[Step], float]]:
    """One container for each completion that has code in it, as many at a time as there are workers."""
    client, cache = connect(), Cache.default()
    host = open_host("docker", cache=cache, recipe=dataset.recipe, say=Quiet().say)
    assert isinstance(host, DockerHost)
    rows = {row.instance_id: row for row in dataset.rows()}
    environments = {key: dataset.environment(key, cache) for key in {row.ttc_environment for row in rows.values()}}
    for environment in environments.values():
        host.prepare(environment)

    def run(name: str, text: str) -> None:
        row = rows[name]
        given = {file.path: file.text for file in row.ttc_files}
        try:
            files = read_answer(text, given, row.path, row.ttc_target).files
        except PatchRejected:
            return
        environment = environments[row.ttc_environment]
        tests = (*row.FAIL_TO_PASS, *row.PASS_TO_PASS)
        modules = tuple(dict.fromkeys(test.partition("::")[0] for test in tests))
        job = Job(modules, tests, files={**given, **files, **hidden_tests(row)}, args=environment.pytest_args)
        container = client.containers.run(
            host.image(environment), shell_of(job, environment), network_mode="none", detach=True, entrypoint=[]
        )
        container.wait()
        container.remove()

    def measure(step: Step) -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, step.names, step.texts))
        return time.perf_counter() - began

    try:
        yield measure
    finally:
        client.close()


@contextmanager
def covers(dataset: str, kind: SandboxKind, workers: int) -> Iterator[Callable[[Step], float]]:
    """The first look and PASS_TO_PASS, and the same with the first look's tests altered for who passes that."""
    grader = Grader(dataset, sandbox=kind, workers=workers, patience=5.0)

    def run(name: str, text: str) -> None:
        row = grader.rows.row(name)
        task = grader.rows.task(row)
        first = tuple(task.first_look)
        places = [place for place in task.tripwires if set(place.tests) <= set(first)]
        task = replace(task, fail_to_pass=first, tripwires=places)
        try:
            files = read_answer(text, task.given, row.path, row.ttc_target).files
        except PatchRejected:
            return
        seen = Seen(task.as_written, grader.report(row, task.job(task.as_written, files)))
        if seen.sound and places:
            grader.report(row, task.job(task.published, files))

    def measure(step: Step) -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, step.names, step.texts))
        return time.perf_counter() - began

    try:
        yield measure
    finally:
        grader.close()


@contextmanager
def sandboxes(dataset: str, kind: SandboxKind, workers: int) -> Iterator[Callable[[Step], float]]:
    """Our rewards."""
    rewards = Rewards(dataset, sandbox=kind, workers=workers)
    try:
        yield partial(judged, rewards)
    finally:
        rewards.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="a build or a dataset")
    parser.add_argument("--run", type=Path, help="a training run on it")
    parser.add_argument("--sandbox", default="auto", choices=("auto", "docker", "local"))
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--completions", type=int, default=64, help="a step")
    parser.add_argument("--generations", type=int, default=8, help="to one row")
    parser.add_argument("--right", type=float, help="share of the made completions that are right, 0 to 1")
    parser.add_argument("--without-docker", action="store_true", help="leave out a container for each completion")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    dataset = Dataset(options.dataset)
    if options.run:
        steps = logged(options.run, options.steps, options.completions)
        median, whole, count = share_of(options.run)
        print(f"{options.run}: rewards took {median:.1%} of a step (median of {count}), {whole:.1%} of all their time")
    else:
        steps = made(list(dataset.rows()), options.steps, options.completions, options.generations, options.right)
    times: dict[str, list[float]] = {}
    works: dict[str, list[float]] = {}
    with ExitStack() as stack:
        ways = {OURS: stack.enter_context(sandboxes(options.dataset, options.sandbox, options.workers))}
        ways[COVER] = stack.enter_context(covers(options.dataset, options.sandbox, options.workers))
        try:
            if not options.without_docker:
                ways[RUN] = stack.enter_context(containers(dataset, options.workers))
        except (DockerException, TtcError) as error:
            print(f"without {RUN}: {error}", file=sys.stderr)
        rows = {
            row.instance_id: row for row in dataset.rows(names=sorted({name for step in steps for name in step.names}))
        }
        # Opens what stays open and runs the references, with answers that no step gives.
        first = [(name, answer(row, 10_000 + number, RAISES)) for number in range(8) for name, row in rows.items()]
        for name in (OURS, COVER):
            ways[name](Step(*zip(*first, strict=True)))
        for step in steps:
            for name, measure in ways.items():
                before = processor_seconds()
                times.setdefault(name, []).append(measure(step))
                works.setdefault(name, []).append(processor_seconds() - before)
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    table = Table(
        "way", "median s a step", "mean s", "of the small cover", "processor s", "of the small cover", box=None
    )
    for name, found in times.items():
        row = [
            f"{statistics.median(found):.2f}",
            f"{statistics.fmean(found):.2f}",
            f"{sum(found) / sum(times[COVER]):.2f} x",
        ]
        if options.sandbox == "local" and name != RUN:
            work = works[name]
            row += [f"{statistics.fmean(work):.2f}", f"{sum(work) / sum(works[COVER]):.2f} x"]
        table.add_row(name, *row)
    Console(width=120).print(
        f"{len(steps)} steps of {options.completions} completions, {options.workers} workers", table
    )


if __name__ == "__main__":
    main()
