"""Milliseconds per execution of the same samples: a fresh container, an exec, and our two transports.

    python benchmarks/sandbox.py out/demo --samples 12

Each sample is a row's reference, run with all of its tests. Everything is measured in this run, one job at a time, after one
job that is not counted; the ratio is against a fresh `docker run`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import docker
from docker.errors import ContainerError
from rich.console import Console
from rich.table import Table

from ttc_data.dataset import Dataset
from ttc_data.environments.engine import connect
from ttc_data.environments.host import DockerHost
from ttc_data.environments.open import Cache, open_host
from ttc_data.grading import grade
from ttc_data.records import Environment, Row
from ttc_data.sandbox.protocol import Job
from ttc_data.validation import hidden_tests, patched

Run = Callable[[Row], bool]


def job_of(row: Row, environment: Environment) -> Job:
    """The row's reference with all its tests."""
    tests = (*row.FAIL_TO_PASS, *row.PASS_TO_PASS)
    return Job(
        test_files=tuple(dict.fromkeys(test.partition("::")[0] for test in tests)),
        tests=tests,
        files={**patched(row, row.patch, {}), **hidden_tests(row)},
        args=environment.pytest_args,
    )


def shell_of(row: Row, environment: Environment) -> list[str]:
    """The same as somebody would write it by hand: copy the tree, write the files, run pytest on the tests' ids."""
    job = job_of(row, environment)
    script = (
        "import json,os,shutil,sys\n"
        "files,roots,args=json.loads(sys.argv[1])\n"
        "shutil.rmtree('/tmp/work',ignore_errors=True); shutil.copytree('/environment/tree','/tmp/work'); os.chdir('/tmp/work')\n"
        "for path,text in files.items():\n"
        "    os.makedirs(os.path.dirname(path) or '.',exist_ok=True); open(path,'w').write(text)\n"
        "os.environ['PYTHONPATH']=':'.join(['/tmp/work/'+root for root in roots]+['/environment/site'])\n"
        "os.execvp('python3',['python3','-m','pytest','-q','-p','no:cacheprovider','-o','addopts=',*args])\n"
    )
    words = json.dumps([job.files, environment.roots, [*job.args, *(job.tests or ())]])
    return ["python3", "-c", script, words]


@contextmanager
def fresh_containers(
    client: docker.DockerClient, host: DockerHost, environments: dict[str, Environment]
) -> Iterator[Run]:
    """One container an execution."""

    def run(row: Row) -> bool:
        environment = environments[row.ttc_environment]
        with suppress(ContainerError):
            client.containers.run(
                host.image(environment), shell_of(row, environment), network_mode="none", remove=True, entrypoint=[]
            )
            return True
        return False

    yield run


@contextmanager
def execs(client: docker.DockerClient, host: DockerHost, environments: dict[str, Environment]) -> Iterator[Run]:
    """One container an environment, one exec an execution."""
    containers: dict[str, Any] = {}

    def run(row: Row) -> bool:
        key = row.ttc_environment
        if key not in containers:
            containers[key] = client.containers.run(
                host.image(environments[key]), ["sleep", "3600"], network_mode="none", detach=True, entrypoint=[]
            )
        code, _ = containers[key].exec_run(shell_of(row, environments[key]))
        return bool(code == 0)

    try:
        yield run
    finally:
        for container in containers.values():
            container.remove(force=True)


@contextmanager
def ours(host: Any, environments: dict[str, Environment]) -> Iterator[Run]:
    """One of our sandboxes an environment, one job an execution."""
    sandboxes: dict[str, Any] = {}

    def run(row: Row) -> bool:
        environment = environments[row.ttc_environment]
        if environment.key not in sandboxes:
            host.prepare(environment)
            sandboxes[environment.key] = host.open(environment)
        report = sandboxes[environment.key].run(job_of(row, environment))
        return grade(report, row.FAIL_TO_PASS, row.PASS_TO_PASS).solved

    try:
        yield run
    finally:
        for sandbox in sandboxes.values():
            sandbox.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="a build or a dataset")
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    dataset, cache = Dataset(options.dataset), Cache.default()
    every = list(dataset.rows())
    rows = every[:: max(1, len(every) // options.samples)][: options.samples]
    environments = {row.ttc_environment: dataset.environment(row.ttc_environment, cache) for row in rows}
    recipe = dataset.recipe

    def host(kind: Any) -> Any:
        return open_host(
            kind, cache=cache, environment=recipe.environment, image=recipe.image, sandbox=recipe.sandbox,
            say=lambda line: print(line, file=sys.stderr),
        )  # fmt: skip

    docker_host = host("docker")
    for environment in environments.values():
        docker_host.prepare(environment)
    client = connect()
    ways = {
        "docker run + pytest": fresh_containers(client, docker_host, environments),
        "docker exec + pytest": execs(client, docker_host, environments),
        "ours, docker": ours(docker_host, environments),
        "ours, local": ours(host("local"), environments),
    }
    results: dict[str, dict[str, float]] = {}
    for name, way in ways.items():
        times = []
        with way as run:
            for row in {row.ttc_environment: row for row in rows}.values():
                run(row)  # opens what stays open
            for row in rows:
                started = time.perf_counter()
                if not run(row):
                    raise SystemExit(f"{name}: the reference of {row.instance_id} fails; `ttcdata validate` says why")
                times.append(1000 * (time.perf_counter() - started))
        results[name] = {"median_ms": statistics.median(times), "mean_ms": statistics.fmean(times)}
    client.close()
    first = results["docker run + pytest"]["mean_ms"]
    for result in results.values():
        result["times_as_fast"] = first / result["mean_ms"]
    if options.json:
        print(json.dumps({"samples": len(rows), "environments": len(environments), "ways": results}))
        return
    table = Table("way", "median ms", "mean ms", "times as fast", title=f"{len(rows)} samples", box=None)
    for name, result in results.items():
        table.add_row(
            name, *(f"{result[key]:.0f}" for key in ("median_ms", "mean_ms")), f"{result['times_as_fast']:.2f}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
