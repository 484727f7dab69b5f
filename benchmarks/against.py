"""Milliseconds of a fresh job, of this code and of another clone's in turn: what a change of the sandbox costs.

    git clone . /tmp/before && git -C /tmp/before checkout COMMIT
    python benchmarks/against.py out/demo --before /tmp/before --samples 12 --repeat 10

The samples and their tests are those of `sandbox.py`. Each clone has one process, which keeps a sandbox open for each
environment; a sample runs on one, then on the other, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent


class Clone:
    """A process that runs samples with the code of one clone."""

    def __init__(self, root: Path, options: argparse.Namespace, kind: str) -> None:
        command = [sys.executable, __file__, options.dataset, "--samples", str(options.samples), "--serve", kind]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root), str(root / "benchmarks")))}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ, cwd=root
        )
        self.rows = json.loads(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a clone's process ended")
        return line

    def run(self, number: int) -> float:
        """Milliseconds of one execution of a sample."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(options: argparse.Namespace) -> None:
    """In a clone's process: answer with the milliseconds of each sample that is asked for."""
    import sandbox  # the clone's own `sandbox.py`

    import ttc_data
    from ttc_data.cache import Cache
    from ttc_data.dataset import Dataset
    from ttc_data.hosts.open import open_host

    root = Path.cwd()
    if not Path(str(ttc_data.__file__)).is_relative_to(root):
        raise SystemExit(f"{ttc_data.__file__} is not the code of {root}")
    dataset, cache = Dataset(options.dataset), Cache.default()
    every = list(dataset.rows())
    rows = every[:: max(1, len(every) // options.samples)][: options.samples]
    host = open_host(options.serve, cache=cache, recipe=dataset.recipe, say=lambda line: print(line, file=sys.stderr))
    environments = {row.ttc_environment: dataset.environment(row.ttc_environment, cache) for row in rows}
    for environment in environments.values():
        host.prepare(environment)
    opened = {key: host.open(environment) for key, environment in environments.items()}
    print(json.dumps([row.instance_id for row in rows]), flush=True)
    for line in sys.stdin:
        row = rows[int(line)]
        job = sandbox.job_of(row, environments[row.ttc_environment])
        begun = time.perf_counter()
        report = opened[row.ttc_environment].run(job)
        took = 1000 * (time.perf_counter() - begun)
        if not sandbox.solved(row, report):
            raise SystemExit(f"the reference of {row.instance_id} fails")
        print(took, flush=True)
    for one in opened.values():
        one.close()
    host.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="a build or a dataset")
    parser.add_argument("--before", type=Path, help="a clone of another commit")
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=10, help="executions of each sample")
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.dataset = str(Path(options.dataset).resolve())
    if options.serve:
        serve(options)
        return
    for kind in ("docker", "local"):
        clones = {
            "before": Clone(options.before.resolve(), options, kind),
            "after": Clone(BENCHMARKS.parent, options, kind),
        }
        rows = range(len(clones["after"].rows))
        for number, clone in itertools.product(rows, clones.values()):
            clone.run(number)  # bytecode of its test files is kept from now on
        times: dict[str, list[float]] = {name: [] for name in clones}
        for _, number in itertools.product(range(options.repeat), rows):
            for name, clone in clones.items():
                times[name].append(clone.run(number))
        for clone in clones.values():
            clone.close()
        pairs = [after / before for before, after in zip(times["before"], times["after"], strict=True)]
        for name, found in times.items():
            print(f"{kind}, {name}: median {statistics.median(found):.1f} ms, mean {statistics.fmean(found):.1f} ms")
        print(f"{kind}: {statistics.fmean(times['after']) / statistics.fmean(times['before']):.3f} of the mean time,")
        print(f"  pair by pair the median is {statistics.median(pairs):.3f}; {len(pairs)} pairs")


if __name__ == "__main__":
    main()
