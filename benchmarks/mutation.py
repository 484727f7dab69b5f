"""What `mutmut` needs for the functions of some samples: installed in an environment of its own, run as a person would.

It runs on this machine without isolation, one worker, on the same tree, the same locked packages and the same test files.
It chooses its tests itself: those that call the function, the fastest first, until one fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Timer
from typing import Any

from ttc_data.cache import Cache
from ttc_data.errors import TtcError
from ttc_data.lang.python.packaging.lock import run_uv
from ttc_data.prove import ProofCase
from ttc_data.records import Environment, FileText, Target

VERSION = "3.8.1"
MOST_S = 1200.0
"""Of one run; it is ended then."""
MOST_LEFT_OUT = 20
NO_TESTS = 33
# How mutmut tells what became of a mutant: exit statuses of pytest, and limits.
NOTICED = frozenset((1, 3, 24, -24, 35, 36, 152, 255, -9, -11))
TESTING = "Running mutation testing"
RATE = re.compile(r"^([\d.]+) mutations/second$")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$")


class MutmutFailed(TtcError):
    """mutmut does not get as far as its mutants on this project."""


@dataclass(frozen=True)
class Fates:
    """The mutants of one function."""

    made: int
    noticed: int
    untested: int
    """Those that no test of mutmut's choice calls; they are not run."""
    tests: float
    """Chosen for each mutant."""


@dataclass(frozen=True)
class MutmutRun:
    """What one run showed."""

    preparing_s: float
    """Making the mutants of the targets' files, running all tests for the choice, and again without mutants."""
    testing_s: float
    own_rate: float
    """Mutants a second, as it says itself."""
    left_out: tuple[str, ...]
    """Tests that fail where its wrappers stand around every function."""
    functions: dict[str, Fates] = field(default_factory=dict)
    """By the key of the target; targets that it makes no mutants of are missing."""


def pattern(target: Target) -> str:
    """What mutmut calls the mutants of a target, with a `*`."""
    module = target.path.removesuffix(".py").replace("/", ".").removeprefix("src.")
    owner, _, name = target.qualname.rpartition(".")
    if target.kind == "class":
        owner, name = target.qualname, "*"
    mangled = f"xǁ{owner}ǁ{name}" if owner else f"x_{name}"
    return f"{module}.{mangled}__mutmut_*".replace(".__init__.", ".")


def run_mutmut(cases: Sequence[ProofCase], cache: Cache, folder: Path) -> MutmutRun:
    """Run mutmut on the targets of some samples of one project.

    Args:
        cases: the samples.
        cache: where the project's tree is.
        folder: an empty one; the project, the interpreter's environment and all results go there.

    Raises:
        MutmutFailed: it does not get as far as the mutants.
        SourceUnavailable: the package index does not answer.
        EnvironmentFailed: it cannot be installed beside the project's packages.
    """
    environment, project = cases[0].environment, folder / "project"
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if environment.python != running:
        raise MutmutFailed(f"the packages are locked for Python {environment.python}, this is {running}")
    _install(environment, folder)
    cache.trees.unpack(environment.tree, project)
    written = {file.path: file for case in cases for file in case.sample.tests}
    _write(project, [*environment.generated, *written.values()])
    settings = (project / "pyproject.toml").read_text(encoding="utf-8") if (project / "pyproject.toml").exists() else ""
    left_out: list[str] = []
    while True:
        asked = _settings(cases, [*environment.test_files, *written], project, left_out)
        (project / "pyproject.toml").write_text(f"{settings}\n{asked}", encoding="utf-8")
        (found, lines) = _run([pattern(case.target) for case in cases], folder)
        if found is not None:
            preparing_s, testing_s, own_rate = found
            break
        failed = [match[1] for line in lines if (match := FAILED.match(line)) and match[1] not in left_out]
        if not failed or len(left_out) >= MOST_LEFT_OUT:
            said = " | ".join([line.strip() for line in lines if line.strip()][-3:])
            raise MutmutFailed(f"mutmut {VERSION} does not run: {said[-400:]}")
        left_out += failed
    functions = {case.target.key: fates for case in cases if (fates := _fates(case.target, project / "mutants"))}
    return MutmutRun(preparing_s, testing_s, own_rate, tuple(left_out), functions)


def _install(environment: Environment, folder: Path) -> None:
    """The project's locked packages first, then mutmut and what it needs beside them."""
    python, pinned = str(folder / "venv/bin/python"), folder / "requirements.txt"
    pinned.write_text(environment.lock, encoding="utf-8")
    reason = "mutmut_not_installable"
    run_uv(["venv", "--quiet", "--python", sys.executable, str(folder / "venv")], reason, str(folder))
    install = ["pip", "install", "--quiet", "--compile-bytecode", "--only-binary", ":all:", "--python", python]
    if environment.lock:
        run_uv([*install, "--no-deps", "--require-hashes", "--requirement", str(pinned)], reason, str(folder))
    run_uv([*install, f"mutmut=={VERSION}"], reason, str(folder))
    (site,) = (folder / "venv/lib").glob("python*/site-packages")
    _write(site, environment.metadata)


def _write(folder: Path, files: Sequence[FileText]) -> None:
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.text.encode())


def _settings(cases: Sequence[ProofCase], tests: Sequence[str], project: Path, left_out: Sequence[str]) -> str:
    """Mutmut's section of `pyproject.toml`. Lists of strings are written alike in JSON and TOML."""
    environment = cases[0].environment
    paths = sorted({case.target.path for case in cases})
    roots = [root for root in environment.roots if root]
    sources = {next((root for root in roots if path.startswith(f"{root}/")), path.split("/")[0]) for path in paths}
    others = {path.name for path in project.iterdir()} - {"mutants", *(source.split("/")[0] for source in sources)}
    values = {
        "source_paths": sorted(sources),
        "only_mutate": paths,
        "also_copy": sorted(others),
        "pytest_add_cli_args": ["-o", "addopts=", "-p", "no:cacheprovider", *environment.pytest_args]
        + [word for test in left_out for word in ("--deselect", test)],
        "pytest_add_cli_args_test_selection": list(tests),
    }
    return "[tool.mutmut]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def _run(patterns: Sequence[str], folder: Path) -> tuple[tuple[float, float, float] | None, list[str]]:
    """Seconds before the first mutant, seconds of the mutants, mutmut's own rate; and the lines that it printed."""
    command = [str(folder / "venv/bin/mutmut"), "run", "--max-children", "1", *patterns]
    environ = {
        "PATH": f"{folder / 'venv/bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8",
        "TZ": "UTC", "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    started = time.perf_counter()
    testing = ended = own_rate = 0.0
    lines: list[str] = []
    process = subprocess.Popen(
        command, cwd=folder / "project", env=environ, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True, errors="replace",
    )  # fmt: skip
    alarm = Timer(MOST_S, _end, [process])
    alarm.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if TESTING in line:
                testing = time.perf_counter()
            elif match := RATE.match(lines[-1]):
                ended, own_rate = time.perf_counter(), float(match[1])
        process.wait()
    finally:
        alarm.cancel()
        _end(process)
    if not ended:
        return None, lines
    return (testing - started, ended - testing, own_rate), lines


def _end(process: subprocess.Popen[str]) -> None:
    """Kill mutmut with all its workers, which are a session of their own, unless it ended by itself."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _fates(target: Target, mutants: Path) -> Fates | None:
    """What became of a target's mutants."""
    path = mutants / f"{target.path}.meta"
    if not path.exists():
        return None
    statuses: dict[str, int | None] = _read(path)["exit_code_by_key"]
    chosen: dict[str, list[str]] = _read(mutants / "mutmut-stats.json")["tests_by_mangled_function_name"]
    mine = {name: status for name, status in statuses.items() if fnmatchcase(name, pattern(target))}
    if not mine:
        return None
    tests = [len(chosen.get(name.partition("__mutmut_")[0], ())) for name in mine]
    return Fates(
        made=len(mine),
        noticed=sum(status in NOTICED for status in mine.values()),
        untested=sum(status == NO_TESTS for status in mine.values()),
        tests=sum(tests) / len(tests),
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
