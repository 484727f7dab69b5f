"""Milliseconds per execution of the same samples: containers, our transports, and what no isolation at all costs.

    ttcdata build recipes/demo.yaml --out out/demo
    python benchmarks/sandbox.py out/demo --samples 12

Each sample is a row's reference, run with the tests that decide it (FAIL_TO_PASS); everything is measured in this run, one job at a time, after one
that is not counted. The ways: a fresh `docker run`, `docker exec` into a running container, our docker and local transports on
fresh jobs, fork + pytest in a process of the host (their floor), versions of one file on docker, and fork after collection
in a process of the host (their floor). For the last two a collection is shared by `--versions` executions, and counted.
"""

from __future__ import annotations

import argparse
import ast
import base64
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker
from rich.console import Console
from rich.table import Table

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import DockerHost, EnvironmentStore, LocalHost
from ttc_data.hosts.open import open_host
from ttc_data.records import Environment
from ttc_data.row import Row
from ttc_data.sandbox.judging import passed, session_defect
from ttc_data.sandbox.local import interpreter
from ttc_data.sandbox.protocol import Job, Report
from ttc_data.solve.task import hidden_tests, reference_of

RUN, EXEC, DOCKER, LOCAL, FORK, VERSIONS, COLLECTED = (
    "docker run + pytest", "docker exec + pytest", "docker, fresh", "local, fresh", "fork + pytest", "docker, versions",
    "fork after collection",
)  # fmt: skip
# Way: against what it is measured, and how it should compare.
GOALS = {
    DOCKER: [(RUN, "at least 4 times as fast"), (FORK, "at most 1.5 times the time")],
    LOCAL: [(FORK, "at most 1.5 times the time")],
    VERSIONS: [(RUN, "at least 25 times as fast"), (COLLECTED, "at most 2 times the time")],
}
MOST_MS = 1000
# Gives the milliseconds of one execution of a row; raises when the reference fails.
Measure = Callable[[Row], float]


@dataclass
class Bench:
    """What all ways share."""

    client: docker.DockerClient
    docker: DockerHost
    local: LocalHost
    store: EnvironmentStore
    environments: dict[str, Environment]
    versions: int

    def environment(self, row: Row) -> Environment:
        return self.environments[row.ttc_environment]


def job_of(row: Row, environment: Environment) -> Job:
    """The row's reference with the tests that decide it."""
    tests = row.FAIL_TO_PASS
    return Job(
        test_files=tuple(dict.fromkeys(test.partition("::")[0] for test in tests)),
        tests=tests,
        files={**reference_of(row), **hidden_tests(row)},
        args=environment.pytest_args,
    )


def shell_of(job: Job, environment: Environment) -> list[str]:
    """The same as somebody would write it by hand: copy the tree, write the files, run pytest on the tests' ids.

    Coverage is measured with `coverage run` where the job asks for it. The order is not shuffled, the date is today's.
    """
    script = (
        "import base64,json,os,shutil,sys,zlib\n"
        "files,roots,environ,command=json.loads(zlib.decompress(base64.b64decode(sys.argv[1])))\n"
        "shutil.rmtree(T:='/tmp/tree',ignore_errors=True); shutil.copytree('/environment/tree',T); os.chdir(T)\n"
        "for path,text in files.items():\n"
        "    os.makedirs(os.path.dirname(path) or '.',exist_ok=True)\n"
        "    open(path,'w',encoding='utf-8',newline='').write(text)\n"
        "os.environ['PYTHONPATH']=':'.join([os.path.join(T,root) for root in roots]+['/environment/site'])\n"
        "os.environ.update(environ)\n"
        "os.execvp('python3',['python3','-m',*command])\n"
    )
    cover = ["coverage", "run", "--branch", "--include", ",".join(job.cover), "-m"] if job.cover else []
    most = ["--maxfail", str(job.most_failures)] if job.most_failures else []
    tests = job.test_files if job.tests is None else job.tests
    pytest = ["pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *most, *job.args, *tests]
    environ = {"PYTHONHASHSEED": str(job.hash_seed), "TZ": job.timezone, "LC_ALL": job.locale}
    words = json.dumps([job.files, environment.roots, environ, [*cover, *pytest]]).encode()
    return ["python3", "-c", script, base64.b64encode(zlib.compress(words)).decode()]  # an argument is at most 128 KiB


def timed(row: Row, run: Callable[[], bool]) -> float:
    started = time.perf_counter()
    if not run():
        raise SystemExit(f"the reference of {row.instance_id} fails; `ttcdata validate` says why")
    return 1000 * (time.perf_counter() - started)


@contextmanager
def containers(bench: Bench) -> Iterator[Measure]:
    """One container an execution."""

    def run(row: Row) -> bool:
        environment = bench.environment(row)
        bench.client.containers.run(
            bench.docker.image(environment),
            shell_of(job_of(row, environment), environment),
            network_mode="none",
            remove=True,
            entrypoint=[],
        )
        return True

    yield lambda row: timed(row, lambda: run(row))


@contextmanager
def execs(bench: Bench) -> Iterator[Measure]:
    """One container an environment, one exec an execution."""
    held: dict[str, Any] = {}

    def run(row: Row) -> bool:
        environment = bench.environment(row)
        if environment.key not in held:
            held[environment.key] = bench.client.containers.run(
                bench.docker.image(environment), ["sleep", "3600"], network_mode="none", detach=True, entrypoint=[]
            )
        return bool(held[environment.key].exec_run(shell_of(job_of(row, environment), environment))[0] == 0)

    try:
        yield lambda row: timed(row, lambda: run(row))
    finally:
        for container in held.values():
            container.remove(force=True)


@contextmanager
def sandboxes(host: DockerHost | LocalHost, bench: Bench) -> Iterator[Callable[[Environment], Any]]:
    held: dict[str, Any] = {}

    def sandbox(environment: Environment) -> Any:
        if environment.key not in held:
            held[environment.key] = host.open(environment)
        return held[environment.key]

    try:
        yield sandbox
    finally:
        for one in held.values():
            one.close()


def solved(row: Row, report: object) -> bool:
    return isinstance(report, Report) and not session_defect(report) and passed(report).issuperset(row.FAIL_TO_PASS)


@contextmanager
def fresh(host: DockerHost | LocalHost, bench: Bench) -> Iterator[Measure]:
    """One of our sandboxes an environment, one job an execution."""
    with sandboxes(host, bench) as sandbox:

        def run(row: Row) -> bool:
            environment = bench.environment(row)
            return solved(row, sandbox(environment).run(job_of(row, environment)))

        yield lambda row: timed(row, lambda: run(row))


def many(row: Row, text: str, count: int) -> Iterator[dict[str, str]]:
    """Versions of a row's reference, each with one statement more in the target that does nothing."""
    body = ast.parse(text).body
    for name in row.ttc_target.split("."):
        definition = next(one for one in ast.walk(ast.Module(body, [])) if getattr(one, "name", "") == name)
        assert isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        body = definition.body
    if isinstance(definition, ast.ClassDef):
        body = next(one.body for one in body if isinstance(one, ast.FunctionDef))
    lines = text.split("\n")
    place, indent = (body[-1].lineno - 1, " " * body[-1].col_offset)
    for number in range(count):
        yield {row.path: "\n".join([*lines[:place], f"{indent}version = {number}", *lines[place:]])}


@contextmanager
def versions(bench: Bench) -> Iterator[Measure]:
    """One of our containers an environment, one collection a row, one fork an execution."""
    with sandboxes(bench.docker, bench) as sandbox:

        def measure(row: Row) -> float:
            environment = bench.environment(row)
            job = job_of(row, environment)
            text = job.files[row.path]
            assert text is not None
            made = list(many(row, text, bench.versions))

            def run() -> bool:
                return all(solved(row, answer) for answer in sandbox(environment).run_versions(job, made))

            return timed(row, run) / bench.versions

        yield measure


def floors(bench: Bench, row: Row, count: int, folder: Path) -> dict[str, list[float]]:
    """Both floors of one row, in a tree that is laid out beforehand."""
    environment = bench.environment(row)
    place, tree = bench.store.path(environment), folder / "tree"
    subprocess.run(["rm", "-rf", str(tree)], check=True)
    subprocess.run(["cp", "-a", str(place / "tree"), str(tree)], check=True)
    job = job_of(row, environment)
    for path, text in job.files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes((text or "").encode())
    asked = {
        "tree": str(tree), "roots": environment.roots, "tests": job.tests, "args": job.args, "count": count,
        "modules": (place / "site/.ttcdata-imports").read_text().split(), "versions": bench.versions,
    }  # fmt: skip
    command = [str(interpreter()), "-S", "-s", "-B", str(Path(__file__).with_name("floors.py"))]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(place / "site"),
        "PYTHONHASHSEED": "0",
    }
    ran = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False, env=environ)
    if ran.returncode:
        raise SystemExit(f"the floor of {row.instance_id} cannot be measured: {ran.stderr[-500:]}")
    found: dict[str, list[float]] = json.loads(ran.stdout)
    return found


def chosen(bench: Bench, every: list[Row], count: int) -> list[Row]:
    """Rows at even distances, without those whose tests alone take long: tests that are benchmarks themselves, say."""
    found: list[Row] = []
    with fresh(bench.local, bench) as way:
        for row in every[:: max(1, len(every) // (2 * count))]:
            way(row)
            if way(row) < MOST_MS:
                found.append(row)
            else:
                print(f"without {row.instance_id}: its tests take longer than {MOST_MS} ms", file=sys.stderr)
    return found[:: max(1, len(found) // count)][:count]


def measure(bench: Bench, rows: list[Row], repeat: int) -> dict[str, list[float]]:
    """Milliseconds of every way, the same number of executions of every row."""
    times: dict[str, list[float]] = {name: [] for name in (RUN, EXEC, DOCKER, LOCAL, FORK, VERSIONS, COLLECTED)}
    with ExitStack() as stack:
        ways = {
            RUN: stack.enter_context(containers(bench)),
            EXEC: stack.enter_context(execs(bench)),
            DOCKER: stack.enter_context(fresh(bench.docker, bench)),
            LOCAL: stack.enter_context(fresh(bench.local, bench)),
            VERSIONS: stack.enter_context(versions(bench)),
        }
        folder = Path(stack.enter_context(TemporaryDirectory()))
        for row in {row.ttc_environment: row for row in rows}.values():
            for way in ways.values():
                way(row)  # opens what stays open
        # In turn, so that whatever else the machine does meets all of them.
        for row, _ in itertools.product(rows, range(repeat)):
            for name, way in ways.items():
                times[name].append(way(row))
            for name, found in floors(bench, row, 3, folder).items():
                times[name].append(statistics.median(found))
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="a build or a dataset")
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=1, help="executions of each sample")
    parser.add_argument("--versions", type=int, default=25, help="versions that share one collection")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    dataset, cache = Dataset(options.dataset), Cache.default()
    every = list(dataset.rows())
    environments = {row.ttc_environment: dataset.environment(row.ttc_environment, cache) for row in every}
    recipe = dataset.recipe

    def host(kind: Any) -> Any:
        return open_host(kind, cache=cache, recipe=recipe, say=lambda line: print(line, file=sys.stderr))

    store = EnvironmentStore(cache.environments, cache.trees, recipe.environment.max_environment_bytes)
    client = connect()
    bench = Bench(client, host("docker"), host("local"), store, environments, options.versions)
    for environment in environments.values():
        bench.docker.prepare(environment)
        bench.local.prepare(environment)
    rows = chosen(bench, every, options.samples)
    times = measure(bench, rows, options.repeat)
    client.close()
    show(times, len(rows), len(environments), options)


def show(times: dict[str, list[float]], samples: int, environments: int, options: argparse.Namespace) -> None:
    means = {name: statistics.fmean(found) for name, found in times.items()}
    results = {
        name: {
            "median_ms": round(statistics.median(found), 2),
            "mean_ms": round(means[name], 2),
            "times_as_fast_as_docker_run": round(means[RUN] / means[name], 2),
            "times_its_floor": {
                other: round(means[name] / means[other], 2) for other, _ in GOALS.get(name, ()) if other != RUN
            },
        }
        for name, found in times.items()
    }
    if options.json:
        counts = {
            "samples": samples,
            "environments": environments,
            "repeat": options.repeat,
            "versions": options.versions,
        }
        print(json.dumps({**counts, "ways": results}))
        return
    table = Table("way", "median ms", "mean ms", "as fast as docker run", "its floor", "goal", box=None)
    for name, result in results.items():
        floor = "".join(
            f"{means[name] / means[other]:.2f} x {other}" for other, _ in GOALS.get(name, ()) if other != RUN
        )
        goal = "; ".join(goal for _, goal in GOALS.get(name, ()))
        table.add_row(
            name, f"{result['median_ms']:.1f}", f"{result['mean_ms']:.1f}", f"{result['times_as_fast_as_docker_run']:.1f} x",
            floor, goal,
        )  # fmt: skip
    Console(width=150).print(f"{samples} samples of {environments} projects, {options.repeat} executions each", table)


if __name__ == "__main__":
    main()
