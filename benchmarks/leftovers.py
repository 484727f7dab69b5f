"""What a warm sandbox holds, and what a thousand jobs leave behind: memory, processes, descriptors, files, containers.

    ttcdata build recipes/demo.yaml --out out/demo
    python benchmarks/leftovers.py out/demo --jobs 1000

The baseline is an interpreter that imports the same modules and does nothing else. Jobs are the references of rows of one
environment, in turn. What is counted is this machine's: run it while nothing else opens sandboxes.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table
from sandbox import job_of

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.hosts.engine import connect
from ttc_data.hosts.open import SandboxKind, open_host
from ttc_data.sandbox.docker import LABEL
from ttc_data.sandbox.judging import passed, session_defect
from ttc_data.sandbox.local import interpreter

MIB = 1024 * 1024
IMPORT = """
import contextlib, importlib, sys, time
for name in sys.argv[1:]:
    with contextlib.suppress(Exception):
        importlib.import_module(name)
print(flush=True)
time.sleep(60)
"""


def runners() -> set[int]:
    """Processes of this machine that are runners or their jobs."""
    found = set()
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            words = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            if b"python" in words[0] and any(b"ttc_data.sandbox.inside" in word for word in words[1:]):
                found.add(int(name))
    return found


def private_bytes(pid: int) -> int:
    """Anonymous memory of one process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:"))


def state(pid: int, client: Any) -> dict[str, int]:
    """Everything that could grow."""
    return {
        "runner, MiB": round(private_bytes(pid) / MIB),
        "runner, descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "runner, mounts": len(Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8").splitlines()),
        "our descriptors": len(os.listdir("/proc/self/fd")),
        "processes": len(runners()),
        "containers": len(client.containers.list(all=True, filters={"label": LABEL})),
        "entries of the temporary folder": len(os.listdir(tempfile.gettempdir())),
    }


def plain_bytes(site: Path, python: str) -> int:
    """What an interpreter holds that imports the same."""
    modules = ["pytest", *(site / ".ttcdata-imports").read_text(encoding="utf-8").split()]
    process = subprocess.Popen(
        [python, "-S", "-s", "-B", "-c", IMPORT, *modules], env={"PYTHONPATH": str(site)}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process, process.stdout as said:
        said.readline()
        held = private_bytes(process.pid)
        process.kill()
    return held


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="a build or a dataset")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    dataset, cache = Dataset(options.dataset), Cache.default()
    rows = list(dataset.rows())
    rows = [row for row in rows if row.ttc_environment == rows[-1].ttc_environment]
    environment = dataset.environment(rows[0].ttc_environment, cache)
    client = connect()
    results: dict[str, dict[str, Any]] = {}
    kinds: tuple[SandboxKind, ...] = ("docker", "local")
    for kind in kinds:
        host = open_host(kind, cache=cache, recipe=dataset.recipe, say=lambda line: None)
        host.prepare(environment)
        known = runners()
        sandbox = host.open(environment)
        (pid,) = runners() - known
        start = state(pid, client)
        before = None
        jobs = track(range(options.jobs), kind, console=Console(stderr=True))
        for number, row in zip(jobs, itertools.cycle(rows), strict=False):
            report = sandbox.run(job_of(row, environment))
            if session_defect(report) or not passed(report).issuperset(row.FAIL_TO_PASS):
                raise SystemExit(f"{kind}: the reference of {row.instance_id} fails; `ttcdata validate` says why")
            if number == 9:
                before = state(pid, client)
        after = state(pid, client)
        sandbox.close()
        host.close()
        results[kind] = {"opened": start, "after 10 jobs": before, f"after {options.jobs} jobs": after}
        results[kind]["closed"] = {"processes": len(runners() - known)}
    site = cache.environments / environment.key / "site"
    plain = round(plain_bytes(site, str(interpreter())) / MIB)
    client.close()
    if options.json:
        print(json.dumps({"jobs": options.jobs, "the same imports, MiB": plain, "sandboxes": results}))
        return
    print(f"an interpreter with the same imports holds {plain} MiB", file=sys.stderr)
    for name, found in results.items():
        table = Table("", *found, title=name, box=None)
        for what in found["opened"]:
            table.add_row(what, *(str(moment.get(what, "")) for moment in found.values()))
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
