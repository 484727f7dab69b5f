"""Runs one pytest session in a job's own process and tells of it: one JSON list a line, on a descriptor of its own."""

from __future__ import annotations

import contextlib
import importlib
import json
import locale
import math
import os
import random
import signal
import sys
import time
import types
import zlib
from pathlib import Path
from typing import Any, Callable, Iterator

from ttc_data.sandbox.inside.choosing import COUNT_AS_PASSED, names_of, shuffled
from ttc_data.sandbox.inside.measuring import LineMeasuring
from ttc_data.sandbox.inside.patience import Patience
from ttc_data.sandbox.inside.properties import change_property_test, keep_apart
from ttc_data.sandbox.inside.subtests import Subtests, is_subtest

STUCK = 86
WRITTEN = ("ttc_doctests/", "ttc_imports/", "ttc_generated/")
SELECTING = ("-k", "-m", "--deselect")
OPTIONS = (
    "-p", "no:cacheprovider", "-q", "-o", "addopts=", "-o", "required_plugins=", "-o", "xfail_strict=false",
    "--tb=line", "--continue-on-collection-errors",
)  # fmt: skip


READY: list[Any] = []
"""pytest's configuration with its own plugins and nothing else, for one session: it was made before the job was there."""


LISTED: list[types.ModuleType] = []
"""pytest's own plugins whose `dir` names fixtures alone, until a session has looked for these."""


def prepare() -> None:
    """Have pytest register its own plugins once: for each session anew, it takes 12 ms of the 80 that a short one takes.

    A session then looks for fixtures among all names of each plugin, 2,000 of them, of which 20 are fixtures: 7 ms more.
    """
    with contextlib.suppress(ImportError, AttributeError, TypeError):  # another pytest: it does so itself
        configuring = importlib.import_module("_pytest.config")
        READY[:] = [configuring.get_config(list(OPTIONS))]
        LISTED[:] = [
            one
            for one in READY[0].pluginmanager.get_plugins()
            if isinstance(one, types.ModuleType) and "__dir__" not in vars(one)
        ]
        for plugin in LISTED:
            names = [name for name, thing in vars(plugin).items() if is_fixture(thing)]
            vars(plugin)["__dir__"] = names.copy


def is_fixture(thing: Any) -> bool:
    """Whether it may be a fixture: of a type of pytest's that makes them, or a function that was marked (before 8.4)."""
    return type(thing).__module__ == "_pytest.fixtures" or hasattr(thing, "_pytestfixturefunction")


def list_all() -> None:
    """Let `dir` of pytest's plugins name everything again."""
    while LISTED:
        del vars(LISTED.pop())["__dir__"]


def hand_over(args: list[str], plugins: list[Any]) -> None:
    """Give the session that is about to start what was prepared, unless its options keep one of those plugins out."""
    configuring: Any = sys.modules["_pytest.config"]
    kept_out = {arg.partition("no:")[2] for arg in args[len(OPTIONS) :] if "no:" in arg}
    if not READY or kept_out & set(configuring.builtin_plugins):
        list_all()  # it registers them anew, by their names
        return
    config = READY.pop()
    config.invocation_params = configuring.Config.InvocationParams(args=args, plugins=plugins, dir=Path.cwd())
    make = configuring.get_config

    def get_config(*_: Any, **__: Any) -> Any:
        configuring.get_config = make  # a session within a test makes its own
        return config

    configuring.get_config = get_config


class Channel:
    """Where events go. Each line begins with a word of this job's own: what else is written there is not a report."""

    def __init__(self, descriptor: int, word: str) -> None:
        self.descriptor = descriptor
        self.word = word.encode("ascii") + b" "
        self.held = b""

    def hold(self, *event: Any) -> None:
        """Say it together with what is said next: each write wakes the process that supervises."""
        self.held += self.word + json.dumps(event).encode("utf-8") + b"\n"

    def say(self, *event: Any) -> None:
        self.hold(*event)
        data, self.held = self.held, b""
        while data:
            data = data[os.write(self.descriptor, data) :]


def drive(job: dict[str, Any], channel: Channel, roots: list[str], versions: Callable[[], None] | None) -> None:
    """Run pytest for one job and end this process. `versions`, if any, is called where each of them forks."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work = os.getcwd()
    sys.argv = ["pytest"]
    # The tests' `__main__` is nobody's: not the program that holds this function.
    sys.modules["__main__"] = types.ModuleType("__main__")
    seed_generators(job)
    vary(job)
    if job["properties"] == "hurried":
        keep_apart()
    measuring = LineMeasuring(job["cover"], job["branches"], work) if job["cover"] else None
    if "pytest" in sys.modules:
        import pytest

        admit(roots)
    else:
        admit(roots)
        import pytest

    pytest.hookimpl(tryfirst=True)(Reporter.pytest_pycollect_makeitem)
    pytest.hookimpl(trylast=True)(Reporter.pytest_sessionstart)
    pytest.hookimpl(tryfirst=True)(Reporter.pytest_runtest_setup)
    pytest.hookimpl(tryfirst=True)(Reporter.pytest_runtest_call)
    pytest.hookimpl(tryfirst=True)(Reporter.pytest_runtest_protocol)
    pytest.hookimpl(hookwrapper=True, tryfirst=True)(Reporter.pytest_load_initial_conftests)
    reporter = Reporter(job, channel, measuring, versions)
    plugins: list[Any] = [reporter, OnlyAskedFiles()] if hasattr(pytest, "Dir") else [reporter]
    if any(arg.startswith(SELECTING) for arg in job["args"]):
        pytest.hookimpl(hookwrapper=True, tryfirst=True)(Ours.pytest_collection_modifyitems)
        plugins.append(Ours(reporter))
    place: list[str] = []
    if "-pcacheprovider" in job["args"]:
        place = ["-o", "cache_dir=" + os.path.join(os.environ["TMPDIR"], "pytest-cache")]  # the tree is the project's
    if any(os.path.isdir(os.path.join(root, "packaging")) for root in roots):
        place += ["-o", "minversion="]  # pytest compares versions by what is under test
    files = [os.path.join(".", path) if path.startswith("@") else path for path in job["test_files"]]
    args = [*OPTIONS, *place, "--rootdir", work, *job["args"], *files]
    hand_over(args, plugins)
    code = pytest.main(args, plugins=plugins)
    if measuring is not None:
        measuring.stop()
        for event in measuring.reached():
            channel.say(*event)
    if reporter.late:
        channel.say("late", reporter.late)
    channel.say("end", int(code))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code))  # threads that a test left running must not keep the job open


def seed_generators(job: dict[str, Any]) -> None:
    """Have the generators that everybody shares draw the same in the same run of the same tests, and other things in another run.

    Python draws its own seed anew in every fork, numpy in none.
    """
    text = "%d:%d" % (job["seed"], job["order"])
    random.seed(text)
    other = getattr(
        getattr(sys.modules.get("numpy"), "random", None), "seed", None
    )  # the tree may have a numpy of its own
    if other is not None:
        other(zlib.crc32(text.encode("ascii")))


def vary(job: dict[str, Any]) -> None:
    """Change what must make no difference to a test."""
    if job["timezone"] != os.environ["TZ"]:
        os.environ["TZ"] = job["timezone"]
        time.tzset()
    if job["locale"] != os.environ["LC_ALL"]:
        os.environ.update(LANG=job["locale"], LC_ALL=job["locale"])
        locale.setlocale(locale.LC_CTYPE, "")
    if job["days"]:
        clock = importlib.import_module("time_machine")
        clock.travel(time.time() + 86_400 * job["days"], tick=True).start()


def admit(roots: list[str]) -> None:
    """Let the tree in, for this process and what it starts: a `pytest.py` in it is not what runs the tests."""
    sys.path[:0] = roots
    os.environ["PYTHONPATH"] = os.pathsep.join([*roots, os.environ["PYTHONPATH"]])


def is_known(parser: Any, option: str) -> bool:
    """Whether pytest, with the plugins that it has loaded, takes an option of one word."""
    try:
        return not parser.parse_known_and_unknown_args([option])[1]
    except sys.modules["pytest"].UsageError:  # a value that it does not take
        return False


class OnlyAskedFiles:
    """The plugin that leaves out what lies beside the files that are asked for: pytest makes a node of each, and drops it.

    For pytest 8 and later, which asks only about what is not named on the command line.
    """

    def pytest_ignore_collect(self, collection_path: object) -> bool:
        return True


class Ours:
    """The plugin that keeps the tests that we wrote, whatever the project's options select among its own."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter

    def pytest_collection_modifyitems(self, items: list[Any]) -> Iterator[None]:
        ours = [item for item in items if item.nodeid.startswith(WRITTEN) and self.reporter.asks_for(item)]
        yield
        items += [item for item in ours if item not in items]
        self.reporter.sort(items)


class Reporter:
    """The pytest plugin that tells of each test as it ends."""

    def __init__(
        self,
        job: dict[str, Any],
        channel: Channel,
        measuring: LineMeasuring | None,
        versions: Callable[[], None] | None,
    ) -> None:
        self.job = {name: job[name] for name in ("seed", "order")}
        named = None if job["tests"] is None else job["tests"] + job["further"]
        self.wanted = set(named) if named is not None else None
        self.further = set(job["further"])
        self.first = set(job["tests"] or ()) if self.further else set()
        """Those that have to pass, each removed when it has, before the further ones run."""
        self.skip = set(job["skip"])
        self.order = job["order"]
        self.ranks = {test: rank for rank, test in enumerate(named or ())} if job["most_failures"] else {}
        self.options, self.properties = job["args"], job["properties"]
        self.names = names_of(named, job["test_files"]) if named is not None else None
        self.patience = Patience(job, self.must_wait, self.give_up)
        self.most_failures, self.most_endless = job["most_failures"], job["most_endless"]
        self.failures = self.endless = 0
        self.subtests = Subtests()
        self.say, self.hold = channel.say, channel.hold
        self.measuring = measuring
        self.clock = time.monotonic
        self.begin_until = self.clock() + (job["begin_until_s"] or math.inf)
        self.late = 0
        """Tests that were not begun any more."""
        self.versions = versions
        self.from_start = bool(job["from_start"])
        self.numbers: dict[str, int] = {}
        self.phases: dict[str, dict[str, Any]] = {}

    def pytest_load_initial_conftests(self, parser: Any, args: list[str]) -> Iterator[None]:
        """Leave out the project's options that nobody here knows: of plugins and `conftest.py` files that are not there.

        Where versions begin before the project's own code does, each is a process that comes back from here.
        """
        if self.versions is not None and self.from_start:
            self.versions()
        yield
        doubtful = {arg for arg in self.options if arg.startswith("--") and not is_known(parser, arg)}
        args[:] = [arg for arg in args if arg not in doubtful]

    def pytest_sessionstart(self, session: Any) -> None:
        list_all()  # the session has found them by now
        self.subtests.hasten(session.config)

    def pytest_pycollect_makeitem(self, collector: Any, name: str) -> list[Any] | None:
        """Nothing, for what is not asked for: collecting 577 tests to run five takes 0.1 s."""
        return None if self.names is None or name in self.names.get(collector.nodeid, ()) else []

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        kept: list[Any] = []
        rest: list[Any] = []
        for item in items:
            (kept if self.asks_for(item) else rest).append(item)
        config.hook.pytest_deselected(items=rest)
        self.sort(kept)
        items[:] = kept

    def asks_for(self, item: Any) -> bool:
        """Whether the job wants a test."""
        return (self.wanted is None or item.nodeid in self.wanted) and item.nodeid not in self.skip

    def sort(self, items: list[Any]) -> None:
        """Bring the tests that are asked for into the job's order."""
        if self.ranks:
            items.sort(key=lambda item: self.ranks[item.nodeid])
        if self.order:
            items[:] = shuffled(items, self.order)
        items.sort(key=lambda item: item.nodeid in self.further)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.say("collect_error", report.nodeid, str(report.longrepr)[-4000:])

    def pytest_runtestloop(self, session: Any) -> None:
        """Where versions are asked for, each is a process that comes back from here and runs the tests.

        Lines are counted from here on: what runs at import is no test's doing, and collecting takes twice as long traced.
        """
        if self.measuring is not None:
            self.measuring.start()
        if self.versions is not None and not self.from_start:
            self.versions()
        seed_generators(self.job)  # whatever was drawn since, and in a version, which is another fork

    def pytest_runtest_setup(self, item: Any) -> None:
        if self.properties != "as_written":
            change_property_test(item, self.properties)

    def pytest_runtest_protocol(self, item: Any) -> bool | None:
        """Leave a further test alone where one of the first has not passed, and any where it is late."""
        if self.clock() > self.begin_until:
            self.late += 1
            return True
        self.subtests.begin(item)
        return True if self.first and item.nodeid in self.further else None

    def pytest_runtest_logstart(self, nodeid: str, location: object) -> None:
        number = self.numbers.setdefault(nodeid, len(self.numbers))
        self.phases[nodeid] = {"seconds": 0.0, "message": "", "outcome": "skipped"}
        self.say("start", number, nodeid)
        if self.measuring is not None:
            self.measuring.put_back()
            self.measuring.switch(str(number))

        self.phases[nodeid]["cpu"] = time.process_time()
        self.patience.begin(nodeid)

    def must_wait(self, frame: Any) -> bool:
        """Whether coverage.py is at work: it holds a lock, once for each line, and an exception would leave it held for all tests to come."""
        return self.measuring is not None and self.measuring.is_at_work(frame)

    def give_up(self) -> None:
        """End the session in the middle of a test that swallows its timeout; what was measured so far is told."""
        self.patience.end()
        if self.measuring is not None:
            self.measuring.stop()
            for event in self.measuring.reached():
                self.hold(*event)
        self.hold("ran_out", self.numbers[self.subtests.item.nodeid])
        self.say("stuck")
        os._exit(STUCK)

    def pytest_runtest_call(self, item: Any) -> None:
        """A fixture may have switched the measurement off for the time of the test, and put it back behind it."""
        if self.measuring is not None and self.measuring.is_off() and self.measuring.put_back():
            self.hold("untraced", self.numbers[item.nodeid])

    def pytest_runtest_logreport(self, report: Any) -> None:
        state = self.phases.setdefault(report.nodeid, {"seconds": 0.0, "message": "", "outcome": "skipped"})
        state["seconds"] += report.duration
        expected = hasattr(report, "wasxfail")
        if report.failed:
            state["outcome"] = "failed" if report.when == "call" else "error"
            state["message"] = state["message"] or str(report.longrepr)[-2000:]
            if is_subtest(report):
                self.subtests.fail()
        elif state["outcome"] in ("failed", "error"):
            return  # a subtest failed; that the rest of the test passed or was skipped makes it no better
        elif report.when == "call" and report.passed:
            state["outcome"] = "xpassed" if expected else "passed"
        elif report.skipped:
            state["outcome"] = "xfailed" if expected else "skipped"

    def pytest_runtest_logfinish(self, nodeid: str, location: object) -> None:
        self.patience.end()
        if self.measuring is not None:
            if self.measuring.put_back():
                self.hold("untraced", self.numbers[nodeid])
            if str(self.numbers[nodeid]) in self.measuring.starting:
                self.hold("starting", self.numbers[nodeid])
            self.measuring.switch("")
        state = self.phases.pop(nodeid)
        if state["outcome"] in COUNT_AS_PASSED:
            self.first.discard(nodeid)
        cpu = round(time.process_time() - state["cpu"], 4)
        self.hold("test", self.numbers[nodeid], state["outcome"], round(state["seconds"], 4), state["message"], cpu)
        if state["outcome"] in ("failed", "error"):
            self.end_after(nodeid)

    def end_after(self, test: str) -> None:
        """End the session after a test that failed, where it ends after so many, or so many that ran longer than they may."""
        if self.patience.ran_out:
            self.hold("ran_out", self.numbers[test])
        self.failures += 1
        self.endless += self.patience.ran_out
        if 0 < self.most_failures <= self.failures or 0 < self.most_endless <= self.endless:
            self.subtests.item.session.shouldfail = "%s failed" % test
