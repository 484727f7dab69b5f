"""Runs calls on one version of a file and tells all that can be seen of each: laid behind `inside.py`, in one file.

The session itself never imports the version: each process that it starts does, and tells through a pipe. What a process
told is printed in one line at the end, behind a word that the version was not given.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import itertools
import json
import os
import random
import re
import select
import signal
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from ttc_data.lang.python.generated.inside import CASE_S, HANGS, MARKER, Caught, Watch, evaluate, execute

MOST_DEPTH = 8
MOST_PARTS = 100
MOST_TEXT = 12_000
"""Of what is told of one call."""
SHOWN_PARTS = 12
"""Of an iterator: an endless one has as many too."""
IMPORT_S = 20.0
ENDLESS_MAY = 2000
"""Elements that an endless argument gives before it says that enough is enough."""
GIVEN: tuple[tuple[Any, ...], ...] = ((3,), ("abc",), ([3, 1, 2],), (2, 3), (), (abs,), ({"a": 1},))
"""What a result that can be called is called with."""
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# Read as these, whatever the class itself says.
BASES: dict[type, Callable[[Any], Any]] = {
    int: int.__index__,
    float: float.__float__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    bytearray: lambda value: bytearray.__getitem__(value, slice(None)),
    list: lambda value: list.__getitem__(value, slice(None)),
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: set(frozenset.__iter__(value)),
}


class Unseen(Exception):
    """A value that says nothing which another run would say too."""


class TooEager(Exception):
    """An argument without end was read on and on."""


class Thrown(Exception):
    """What `throwing` raises, so that nothing else raises it."""


def throwing(*given: Any, **named: Any) -> Any:
    """A function that fails, whatever it is given."""
    raise Thrown


class Endless:
    """An iterator that gives the same elements again and again, or larger ones each time round."""

    read = 0
    """Elements that any of them gave."""

    def __init__(self, parts: Any, grows: bool = False) -> None:
        held = list(parts)
        numbers = [part for part in held if type(part) is int]
        step = max(numbers) - min(numbers) + 1 if numbers else 0
        self.parts = (grown(part, turn * grows, step) for turn in itertools.count() for part in held)
        self.given = 0

    def __iter__(self) -> Endless:
        return self

    def __next__(self) -> Any:
        self.given += 1
        if self.given > ENDLESS_MAY:
            raise TooEager
        Endless.read += 1
        return next(self.parts)


def grown(part: Any, turn: int, step: int) -> Any:
    """Another number or text for each turn; anything else as it is."""
    return part + turn * step if type(part) is int else part * (turn + 1) if type(part) is str else part


class Errors:
    """Says what kind an exception is of, and whether somebody meant to raise it."""

    def __init__(self, path: str, lines: tuple[int, int]) -> None:
        self.path = os.path.abspath(path)
        self.first, self.last = lines
        self.tree = os.getcwd() + os.sep
        self.raising: dict[str, set[int]] = {}

    def told(self, error: BaseException) -> dict[str, Any]:
        """Its classes, whether a `raise` of the tree's code raised it, and whether one of the target's own lines did."""
        names = [one.__qualname__ for one in type(error).__mro__ if one not in (object, BaseException)]
        frames = list(traceback.walk_tb(error.__traceback__))
        path, line = (frames[-1][0].f_code.co_filename, frames[-1][1]) if frames else ("", 0)
        path = os.path.abspath(path)
        meant = path.startswith(self.tree) and line in self.raises(path)
        own = meant and path == self.path and self.first <= line <= self.last
        return {"raises": names, "meant": meant, "own": own}

    def raises(self, path: str) -> set[int]:
        """The lines of a file's `raise` statements."""
        if path not in self.raising:
            found: set[int] = set()
            with contextlib.suppress(OSError, SyntaxError, ValueError), open(path, "rb") as file:
                for node in ast.walk(ast.parse(file.read())):
                    if isinstance(node, ast.Raise):
                        found.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            self.raising[path] = found
        return self.raising[path]


class Sight:
    """Tells values as lists of a word and what belongs to it; see `differing.py` for what is made of them."""

    def __init__(self, errors: Errors) -> None:
        self.errors = errors

    def seen(self, value: Any, depth: int = 0) -> list[Any]:
        """One value. Its own code may run, and may raise.

        Raises:
            Unseen: it holds too much.
        """
        if depth > MOST_DEPTH:
            raise Unseen("depth")
        plain = self.plain(value, type(value), depth + 1)
        return plain or self.other(value, type(value), depth + 1)

    def plain(self, value: Any, kind: Any, depth: int) -> list[Any]:
        """A value of one of Python's own types; empty for another one."""
        if value is None:
            return ["none"]
        if kind is bool:
            return ["bool", value]
        if kind is int:
            return ["int", hex(value)]
        if kind in (float, complex):
            return [kind.__name__, repr(value)]
        if kind is str:
            return ["str", value]
        if kind in (bytes, bytearray):
            return [kind.__name__, value.hex()]
        if kind in (list, tuple):
            return [kind.__name__, self.parts(value, depth), len(value)]
        if kind in (set, frozenset):
            return [kind.__name__, sorted((self.seen(part, depth) for part in value), key=json.dumps)]
        if kind is dict:
            return ["dict", [[self.seen(key, depth), self.seen(part, depth)] for key, part in value.items()]]
        if kind is range:
            return ["range", self.parts(value, depth), len(value)]
        return []

    def parts(self, values: Any, depth: int) -> list[Any]:
        """The first elements."""
        return [self.seen(part, depth) for part in itertools.islice(values, MOST_PARTS)]

    def other(self, value: Any, kind: Any, depth: int) -> list[Any]:
        """An instance of some class, by what it can be asked for."""
        if isinstance(value, BaseException):
            return ["error", kind.__qualname__]
        if isinstance(value, type):
            return ["type", value.__qualname__]
        if hasattr(kind, "__next__"):
            return ["iterator", *self.iterated(value, depth)]
        if base := self.base(value, depth):
            return ["as", kind.__qualname__, base]
        said = [
            ADDRESS.sub("", text(value)) if getattr(kind, name) is not getattr(object, name) else ""
            for name, text in (("__str__", str), ("__repr__", repr))
        ]
        if any(said) and not callable(value) and (kind.__module__ != "builtins" or not hasattr(kind, "__iter__")):
            return ["object", kind.__qualname__, said]
        if hasattr(kind, "__iter__"):
            return ["items", kind.__qualname__, *self.iterated(iter(value), depth)]
        if callable(value):
            return ["callable", [self.called(value, given, depth) for given in GIVEN]]
        if hasattr(kind, "__enter__"):
            entered = value.__enter__()
            found = ["self"] if entered is value else self.seen(entered, depth)
            kind.__exit__(value, None, None, None)
            return ["context", found]
        public = {name: part for name, part in getattr(value, "__dict__", {}).items() if name[0] != "_"}
        return ["holder", kind.__qualname__, self.seen(public, depth)] if public else ["opaque", kind.__qualname__]

    def base(self, value: Any, depth: int) -> list[Any]:
        """What an instance of a subclass of Python's own types is as one of these; empty for another one."""
        for base, read in BASES.items():
            if isinstance(value, base):
                return self.seen(read(value), depth)
        if isinstance(value, dict) or (hasattr(type(value), "keys") and hasattr(type(value), "__getitem__")):
            return self.seen({key: value[key] for key in itertools.islice(value.keys(), MOST_PARTS)}, depth)
        return self.seen(value.tolist(), depth) if hasattr(type(value), "tolist") else []

    def iterated(self, values: Any, depth: int) -> list[Any]:
        """What an iterator gives at first, and how it ends: `more`, `end`, or what it raises."""
        found: list[Any] = []
        with Caught() as caught:
            for part in values:
                if len(found) == SHOWN_PARTS:
                    return [found, "more"]
                found.append(self.seen(part, depth))
        if isinstance(caught.error, Unseen):
            raise caught.error
        return [found, self.errors.told(caught.error) if caught.error else "end"]

    def called(self, value: Any, given: tuple[Any, ...], depth: int) -> list[Any]:
        """What a result gives that can be called."""
        found: list[Any] = []
        with Caught() as caught:
            found = self.seen(value(*given), depth + 2)
        if isinstance(caught.error, Unseen):
            raise caught.error
        return ["raised", self.errors.told(caught.error)["raises"]] if caught.error else found


def probe(case: dict[str, Any], sight: Sight, watch: Watch) -> dict[str, Any]:
    """What one call does; `refused` says why that cannot be told."""
    sys.stdout = sys.stderr = printed = io.StringIO()
    space: dict[str, Any] = {"__name__": "case", "endless": Endless, "throwing": throwing}
    with Caught() as caught:
        for statement in case["imports"] + case["setup"]:
            execute(statement, space)
    if caught.error:
        return {"refused": "setup raises " + type(caught.error).__name__}
    found: dict[str, Any] = {}
    watch.seen.clear()
    Endless.read = 0
    state = random.getstate()
    started = time.process_time()  # of a busy machine too, it says the same twice
    value = None
    printed.truncate(0)
    with Caught() as caught:
        value = evaluate(case["call"], space)
        found["result"] = sight.seen(value)
        found["alias"] = [
            name for name in case["given"] if value is space[name] and isinstance(value, (list, dict, set))
        ]
    if isinstance(caught.error, Unseen):
        return {"refused": "too much"}
    if caught.error:
        found = sight.errors.told(caught.error)
    found["after"] = {}
    for text in case["observe"]:
        with Caught() as caught:
            found["after"][text] = sight.seen(evaluate(text, space))
    found["read"] = Endless.read
    found["printed"] = printed.getvalue()[:MOST_TEXT]
    found["slow"] = time.process_time() - started > CASE_S
    found["effects"] = watch.seen[:1] or (["draws"] if random.getstate() != state else [])
    return found if len(json.dumps(found)) <= MOST_TEXT else {"refused": "too much"}


def work_through(plan: dict[str, Any], numbers: list[int], channel: int) -> None:
    """Run calls in this process, and write a line about each."""
    sight = Sight(Errors(plan["path"], tuple(plan["lines"])))
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # it ends the process, whatever a call catches
    spare = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(spare, standard)
    os.closerange(3, channel)
    os.closerange(channel + 1, 1024)
    watch = Watch()
    with Caught():
        __import__(plan["module"])  # each call's own import says what is wrong with it
    environ = dict(os.environ)
    tell(channel, "ready")
    for number in numbers:
        signal.setitimer(signal.ITIMER_PROF, plan["cpu"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = probe(plan["cases"][number], sight, watch)
        if dict(os.environ) != environ:
            os.environ.clear()
            os.environ.update(environ)
            found["effects"] = ["os.environ"]
        tell(channel, [number, found])


def tell(channel: int, what: Any) -> None:
    """Write one line."""
    line = json.dumps(what).encode() + b"\n"
    while line:
        line = line[os.write(channel, line) :]


def in_a_process(plan: dict[str, Any], numbers: list[int]) -> Iterator[list[Any]]:
    """Run calls in a process of their own; ends early when one hangs, ends the process, or is told of out of turn."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            globals().pop("WORD", None)
            work_through(plan, numbers, writer)
        finally:
            os._exit(0)
    os.close(writer)
    try:
        yield from in_turn(reader, numbers, plan["patience"])
    finally:
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def in_turn(reader: int, numbers: list[int], patience: float) -> Iterator[list[Any]]:
    """Read what a process tells of calls, as long as it does so within a time and in their order."""
    data = b""
    expected = iter(numbers)
    wait = IMPORT_S
    while select.select([reader], [], [], wait)[0]:
        part = os.read(reader, 1 << 16)
        if not part:
            return
        *lines, data = (data + part).split(b"\n")
        for line in lines:
            found = None
            with contextlib.suppress(ValueError, RecursionError):
                found = json.loads(line)
            if found == "ready":
                wait = patience
                continue
            if not isinstance(found, list) or len(found) != 2 or found[0] != next(expected, None):
                return
            yield found


def tell_all(plan: dict[str, Any], word: str) -> None:
    """Run the calls, under an odd hash seed from the last to the first, and print one line of what they did."""
    left = list(range(len(plan["cases"])))
    if os.environ.get("PYTHONHASHSEED", "0")[-1:] in ("1", "3", "5", "7", "9"):
        left.reverse()
    found: list[list[Any]] = []
    for _ in range(plan["processes"]):
        count = 0
        for one in in_a_process(plan, left):
            found.append(one)
            count += 1
        if count < len(left):
            found.append([left[count], {"refused": HANGS}])
        left = left[count + 1 :]
        if not left:
            break
    found.sort(key=lambda one: one[0])  # so that what is left out is the same under each seed
    packed = base64.b64encode(zlib.compress(json.dumps(found).encode())).decode()
    while len(packed) > plan["most"]:  # what a job prints is cut where it is too much
        found = found[: len(found) // 2]
        packed = base64.b64encode(zlib.compress(json.dumps(found).encode())).decode()
    print(MARKER + word + " " + packed, flush=True)
