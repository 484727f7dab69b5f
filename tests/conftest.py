"""What a marked test needs, and what happens where the machine lacks it: a failure in CI, a skip elsewhere."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import pytest

# The Hugging Face libraries read these once, when they are imported. What this machine has loaded before decides no test.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="ttcdata-tests-hf-")
os.environ.pop("HF_HUB_CACHE", None)
os.environ.pop("HUGGINGFACE_HUB_CACHE", None)
os.environ.pop("HF_XET_CACHE", None)
os.environ.pop("HF_ASSETS_CACHE", None)
os.environ.pop("HF_DATASETS_CACHE", None)
os.environ.pop("HF_MODULES_CACHE", None)
os.environ.pop("HF_TOKEN_PATH", None)

from tests.report.browser import browser
from tests.sandboxes import place, sandbox
from tests.train.cluster import slurm_problem
from ttc_data.cache import Cache
from ttc_data.errors import EngineUnavailable
from ttc_data.faults import Guarded
from ttc_data.hosts.engine import bubblewrap_problem, connect

__all__ = ["place", "sandbox"]  # here, so that all lists of tests share one environment a transport


@functools.cache
def engine_problem() -> str:
    try:
        connect().close()
    except EngineUnavailable as error:
        return str(error)
    return ""


@functools.cache
def local_problem() -> str:
    problem = bubblewrap_problem()
    return f"bubblewrap does not work here: {problem}" if problem else ""


@functools.cache
def index_problem() -> str:
    """Ask the index for one project with pip's own settings, as whoever set up this machine meant it."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--timeout", "10", "--retries", "0"]
    try:
        asked = subprocess.run(
            [*command, "index", "versions", "toolz"], capture_output=True, text=True, check=False, timeout=60
        )
    except subprocess.TimeoutExpired:
        return "the package index does not answer within 60 s"
    return "" if asked.returncode == 0 else f"the package index does not answer: {asked.stderr.strip()[-200:]}"


def vllm_problem() -> str:
    return "" if importlib.util.find_spec("vllm") else "vLLM is not installed; run `make test-llm`"


def trl_problem() -> str:
    return "" if importlib.util.find_spec("trl") else "TRL is not installed; run `make test-train`"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """What builds install is there for the next build of the same project; tests that need an empty one make their own."""
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def no_fault_of_ours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fault of ours ends the work on one thing and is told; here it fails the test, unless the test made it."""
    found: list[Exception] = []
    leave = Guarded.__exit__

    def noted(
        guarded: Guarded, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool:
        held = leave(guarded, kind, error, at)
        if guarded.fault:
            found.append(guarded.fault)
        return held

    monkeypatch.setattr(Guarded, "__exit__", noted)
    yield
    if found and request.node.get_closest_marker("faults") is None:
        raise found[0]


# A shell that starts something in the background lets it ignore Ctrl-C, and so do the processes that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def browser_problem() -> str:
    return "" if browser() else "there is no Chromium; run `make browser`"


PROBLEMS: dict[str, Callable[[], str]] = {
    "vllm": vllm_problem,
    "trl": trl_problem,
    "docker": engine_problem,
    "local": local_problem,
    "network": index_problem,
    "browser": browser_problem,
    "slurm": slurm_problem,
}
# Slurm's daemons need root, which CI need not have.
SKIPPED_IN_CI = frozenset(("slurm",))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Tests that share what is costly to make stay in one process; `.venv-train`, which runs one, has no xdist."""
    from tests.spread import Spread

    return Spread(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        from tests.spread import sort_longest_first

        sort_longest_first(items)


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(os.environ["HF_HOME"], ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, problem in PROBLEMS.items():
        if item.get_closest_marker(marker) is None:
            continue
        reason = problem()
        if reason and os.environ.get("CI") and marker not in SKIPPED_IN_CI:
            pytest.fail(f"{reason} (CI is set: nothing is skipped)", pytrace=False)
        if reason:
            pytest.skip(reason)
