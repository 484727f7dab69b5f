"""Which lines run under which test, and what is left to tell of it where a test switches the measurement off."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import sys
import threading
import types
from typing import Any, Iterator

from ttc_data.sandbox.inside.texts import first_line

MOST_NESTED = 100
FORKS = frozenset(("os.fork", "os.forkpty"))
SHELLS = frozenset(("os.system",))
"""What a command of these starts is not told."""
STARTS = frozenset(("subprocess.Popen", "os.posix_spawn", "os.exec", "os.spawn"))
STARTED = re.compile(r"python|\b(?:ba|da|k|z)?sh\b")
"""Python, or a script that may start it."""


class LineMeasuring:
    """coverage.py at work on some files of a tree.

    Args:
        lines: path to group name to lines that are asked for.
        branches: ask for branches of the session as a whole, not for the tests that ran a line.
        work: the tree's absolute path; a test may leave the folder.
    """

    def __init__(self, lines: dict[str, Any], branches: bool, work: str) -> None:
        import coverage

        self.lines = lines
        self.work = work
        self.by_test = not branches  # each change of context writes to a database
        files = [os.path.join(work, path) for path in lines]
        self.cover = coverage.Coverage(
            data_file=None, config_file=False, include=files, messages=False, branch=branches
        )
        self.home = os.path.join(os.path.dirname(coverage.__file__), "")
        self.functions: Any = None
        self.context = ""
        self.starting: set[str] = set()
        """Contexts in which a process of Python was started: what that runs is not measured."""

    def start(self) -> None:
        """Begin to measure."""
        if self.by_test:
            sys.addaudithook(self.hear)
        with without_origin():
            self.cover.start()
        self.functions = trace_functions()
        if not self.by_test:
            self.cover.switch_context("session")

    def switch(self, context: str) -> None:
        """Say which test runs from here on, if any."""
        self.context = context
        if self.by_test:
            self.cover.switch_context(context)

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """Remember which tests start processes that may run the tree's code."""
        if event in FORKS or event in SHELLS or (event in STARTS and STARTED.search(repr(args[:2]))):
            self.starting.add(self.context)

    def is_at_work(self, frame: Any) -> bool:
        """Whether a frame is of coverage.py's own code, which the tracer calls for a line of the tests'."""
        return bool(frame and frame.f_code.co_filename.startswith(self.home))

    def is_off(self) -> bool:
        """Whether nothing is measured: a tracer of the tests' own, which some of them need, is something else."""
        return sys.gettrace() is None

    def put_back(self) -> bool:
        """Measure again where what ran since has set trace functions of its own, or none; gives whether it had."""
        if trace_functions() == self.functions:
            return False
        self.end_others()
        self.cover.stop()
        sys.settrace(None)
        self.cover.start()
        self.functions = trace_functions()
        if not self.by_test:
            self.cover.switch_context("session")
        return True

    def end_others(self) -> None:
        """Stop measurements that tests started and left running: they come before ours."""
        for _ in range(MOST_NESTED):
            other = type(self.cover).current()
            if other is None or other is self.cover:
                return
            other.stop()

    def stop(self) -> None:
        """Measure no longer."""
        self.end_others()
        self.cover.stop()

    def reached(self) -> Iterator[list[Any]]:
        """For each group of lines: the tests (by number) that ran one of them, lines run, lines that could run, branches."""
        import coverage

        data = self.cover.get_data()
        for path, groups in self.lines.items():
            full = os.path.join(self.work, path)
            contexts = data.contexts_by_lineno(full)
            shorten(full, [span for spans in groups.values() for span in spans])
            try:
                statements = set(self.cover.analysis2(full)[1])
                branches = self.cover.branch_stats(full) if data.has_arcs() else {}
            except coverage.exceptions.CoverageException:
                statements, branches = set(), {}
            for key, spans in groups.items():
                lines = {line for first, last in spans for line in range(first, last + 1)}
                tests = {int(name) for line in lines for name in contexts.get(line, ()) if name.isdigit()}
                ran = sorted(line for line in lines & statements if any(contexts.get(line, ())))
                ways = [count for line, count in branches.items() if line in lines]
                taken = sum(one[1] for one in ways)
                yield ["reach", key, sorted(tests), ran, len(lines & statements), sum(one[0] for one in ways), taken]


@contextlib.contextmanager
def without_origin() -> Iterator[None]:
    """Have coverage.py not note where it is started from, for its own debugging: to name all frames of a session takes 60 ms."""
    collector = vars(sys.modules.get("coverage.collector", types.ModuleType("none")))
    noted = collector.get("short_stack")
    if noted is None:  # another version
        yield
        return
    collector["short_stack"] = lambda *given, **named: ""
    try:
        yield
    finally:
        collector["short_stack"] = noted


def trace_functions() -> list[Any]:
    """Of this thread, and of those that it starts."""
    return [sys.gettrace(), vars(threading)["_trace_hook"]]


def shorten(path: str, spans: list[list[int]]) -> None:
    """Leave of a file, whose tests have run, only the statements that hold these lines, where they stand.

    To read 5,000 lines takes coverage 0.5 s. Empty lines take it longer than comments: it looks for what to leave out
    with an expression that begins with any white space.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
        kept = set(around(ast.parse(data).body, spans))
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        kept.update(number for number in (1, 2) if lines[number - 1 : number] and lines[number - 1].startswith(b"#"))
        short = b"\n".join(line if number in kept else b"#" for number, line in enumerate(lines, 1))
        ast.parse(short)
        os.unlink(path)  # it may be the environment's, which is not ours to change
        with open(path, "wb") as file:
            file.write(short)
    except (OSError, SyntaxError, ValueError):
        return  # it is read as it is, if it can be


def around(block: list[Any], spans: list[list[int]]) -> Iterator[int]:
    """Lines of the statements that hold some lines; of a class only its head and such statements in it."""
    for statement in block:
        last = statement.end_lineno
        if not any(begin <= last and first_line(statement) <= end for begin, end in spans):
            continue
        within = list(around(statement.body, spans)) if isinstance(statement, ast.ClassDef) else []
        if within:
            last = first_line(statement.body[0]) - 1
        yield from range(first_line(statement), last + 1)
        yield from within
