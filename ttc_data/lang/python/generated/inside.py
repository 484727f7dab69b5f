"""Runs proposed cases and says what they did: the beginning of a file that pytest runs in the sandbox.

They run in a process beside the session, so that one that hangs or crashes ends neither. Each runs several times from
its imports on: to see what kind of value it gives, and then whether it gives the same one again.
"""

from __future__ import annotations

import builtins
import io
import json
import math
import os
import random
import select
import signal
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any, Callable, Iterator

if TYPE_CHECKING:
    from typing import Self  # a sandbox's Python may be older than 3.11

MARKER = "ttc-recorded "
MOST_REPR = 1000
MOST_ELEMENTS = 40
SHOWN_ELEMENTS = 8
CASE_S = 0.2
# Of seconds that a case may take, and of cases that may take longer; where each is run once, there are many versions.
HANGS_S, HANGS_ONCE_S = 2.0, 0.5
MOST_PROCESSES, MOST_PROCESSES_ONCE = 5, 2
# Warnings about later versions do not change what a call returns now.
OF_LATER = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
# Of the processor, for one run of a case: several times what a run may take that is kept, so it hangs, and nobody waits on.
RUN_CPU_S = 0.5
HANGS = "hangs or crashes"
# Running the reference's own examples is what this file is for.
evaluate: Callable[[str, dict[str, Any]], Any] = vars(builtins)["eval"]
execute: Callable[[str, dict[str, Any]], None] = vars(builtins)["exec"]
ALL = "list(islice({}, %d))" % (MOST_ELEMENTS + 1)
# What a shuffle and a choice of so many keep. An event that comes once in ten draws is met with a chance of 0.999.
IN_ANY_ORDER, DRAWS = ("sorted({})", "len(list({}))"), 64
# Changes to the world around the call, and reading what another machine does not have.
EFFECTS = (
    "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.putenv",
    "os.unsetenv", "os.chdir", "os.system", "os.exec", "os.fork", "os.kill", "os.posix_spawn", "os.scandir", "glob.glob",
    "subprocess.Popen", "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostname", "shutil.rmtree",
    "shutil.copyfile", "shutil.move", "tempfile.mkdtemp", "tempfile.mkstemp", "time.sleep", "_thread.start_new_thread",
    "signal.pthread_kill", "sys.setprofile", "sys.settrace", "urllib.Request", "webbrowser.open", "builtins.input",
    "pty.spawn", "os.startfile", "mmap.__new__", "os.listxattr", "syslog.syslog",
)  # fmt: skip


class NoLiteral(Exception):
    """A value that cannot be written down."""


def literal(value: Any) -> str:
    """A value as source text that gives the same value of the same type, the same whatever the hash seed."""
    kind = type(value)
    if value is None or kind in (bool, int, str, bytes):
        return repr(value)
    if kind is float or kind is complex:
        parts = (value,) if kind is float else (value.real, value.imag)
        if all(math.isfinite(part) for part in parts):
            return repr(value)
        raise NoLiteral
    if kind is list:
        return "[" + ", ".join(map(literal, value)) + "]"
    if kind is tuple:
        return "(" + ", ".join(map(literal, value)) + (",)" if len(value) == 1 else ")")
    if kind is dict:
        return "{" + ", ".join("%s: %s" % (literal(key), literal(one)) for key, one in value.items()) + "}"
    if kind in (set, frozenset):
        inner = "{" + ", ".join(sorted(map(literal, value))) + "}" if value else ""
        return inner if kind is set and value else "%s(%s)" % (kind.__name__, inner)
    raise NoLiteral


def shown(value: Any) -> str:
    """A value as a literal, unless it is long or tells an address."""
    try:
        text = literal(value)
    except (RecursionError, ValueError):
        raise NoLiteral from None
    if len(text) > MOST_REPR or " at 0x" in text:
        raise NoLiteral
    return text


def views(value: Any) -> list[str]:
    """Ways to look at a value that is no literal, the first that works is taken."""
    kind: Any = type(value)
    found = [base.__name__ + "({})" for base in (str, bytes, int, float) if isinstance(value, base)]
    if isinstance(value, dict) or hasattr(kind, "keys"):
        found += ["dict({})", "{key: list(one) for key, one in {}.items()}"]
    if isinstance(value, (set, frozenset)):
        found.append("set({})")
    if isinstance(value, tuple):
        found.append("tuple({})")
    own = (
        "str({})" if kind.__str__ is not object.__str__ else "repr({})" if kind.__repr__ is not object.__repr__ else ""
    )
    says = bool(own) and not callable(value) and not hasattr(kind, "__next__")
    if hasattr(kind, "tolist"):
        found.append("{}.tolist()")
    elif says and kind.__module__ != "builtins":
        found.append(own)
    if hasattr(kind, "__iter__") or hasattr(kind, "__getitem__"):
        found += [
            ALL,
            "[list(part) for part in " + ALL + "]",
            "[(key, list(part)) for key, part in " + ALL + "]",
            "[(list(one), list(other)) for one, other in " + ALL + "]",
            "[repr(part) for part in " + ALL + "]",
        ]
    if says and own not in found:
        found.append(own)
    if callable(value):
        found += ["{}(3)", '{}("abc")', "{}([3, 1, 2])", "{}(2, 3)", "{}()", "list({}([3, 1, 2]))", "{}(abs)(-3)"]
    return found


class Caught:
    """Goes on after an exception, whatever the foreign code raised."""

    error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.error = error if isinstance(error, (Exception, SystemExit)) else None
        return self.error is not None


class Attempt:
    """One run of a case, from its imports on."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.space: dict[str, Any] = {"__name__": "case"}
        signal.setitimer(signal.ITIMER_PROF, RUN_CPU_S)
        for statement in case["imports"] + case["setup"]:
            execute(statement, self.space)

    def call(self, view: str) -> Any:
        """The call's value, looked at in one way."""
        call = self.case["call"]
        atom = call if self.case["plain"] or not view.startswith("{}") else "(" + call + ")"
        return evaluate(view.replace("{}", atom) if view != "{}" else call, self.space)

    def look(self) -> dict[str, str]:
        """What is observed, as literals."""
        found = {}
        for text in self.case["observe"]:
            found[text] = ""
            with Caught():
                found[text] = shown(evaluate(text, self.space))
        return found


def choose(case: dict[str, Any]) -> str:
    """The way to look at what a case gives, or raises NoLiteral."""
    value = None
    with Caught() as caught:
        value = Attempt(case).call("{}")
        shown(value)
    if not isinstance(caught.error, NoLiteral):
        return "{}"  # a literal; or it raises, and that is what it does
    for view in views(value):
        found: Any = None
        with Caught() as caught:
            found = Attempt(case).call(view)
        if caught.error and view == ALL and hasattr(value, "__next__"):
            return "list({})"
        if caught.error:
            continue
        longer = ALL in view and len(found) > MOST_ELEMENTS
        with Caught() as caught:
            shown(found[:SHOWN_ELEMENTS] if longer else found)
        if not caught.error:
            return view.replace(ALL, "list(islice({}, %d))" % SHOWN_ELEMENTS if longer else "list({})")
    raise NoLiteral


def once(case: dict[str, Any], view: str, before: dict[str, str]) -> dict[str, Any]:
    """Run a case for its record."""
    attempt = Attempt(case)
    started = time.perf_counter()
    found: dict[str, Any] = {"view": view, "value": "", "raises": None, "changed": [], "kept": []}
    value = None
    with Caught() as caught:
        value = attempt.call(view)
    if caught.error:
        found["raises"] = [type(caught.error).__module__, type(caught.error).__qualname__]
    else:
        found["value"] = shown(value)
        after = attempt.look()
        found["changed"] = [[text, after[text]] for text in after if after[text] and after[text] != before[text]]
        found["kept"] = [
            [text, after[text]] for text in case["kept"] if after.get(text) and after[text] == before[text]
        ]
    if time.perf_counter() - started > CASE_S:
        raise TimeoutError
    return found


class Watch:
    """Sees what the process does to the world. The hook cannot be taken out again, so there is one a process."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        sys.addaudithook(self.hook)
        self.seed = random.Random.seed
        type.__setattr__(random.Random, "seed", lambda *given, **named: self.seeded(*given, **named))

    def seeded(self, generator: random.Random, a: Any = None, version: int = 2) -> None:
        """A generator that is seeded with nothing gives something else each time."""
        if a is None:
            self.seen.append("draws")
        self.seed(generator, a, version)

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event in EFFECTS:
            self.seen.append(event)
        elif event == "open" and isinstance(args[0], str):
            writes = args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes or not args[0].endswith((".py", ".pyc", ".so")):
                self.seen.append(event)


def record(case: dict[str, Any], watch: Watch) -> dict[str, Any]:
    """What a case does, or why that cannot be asserted."""
    sys.stdout, sys.stderr = printed = io.StringIO(), io.StringIO()
    one, two, before = {}, {}, {}
    state = random.getstate()
    with warnings.catch_warnings(record=True) as warned, Caught() as caught:
        warnings.simplefilter("always")
        before = Attempt(case).look()
    if caught.error:
        return {"refused": "setup raises " + type(caught.error).__name__}
    with warnings.catch_warnings(record=True) as warned, Caught() as caught:
        warnings.simplefilter("always")
        watch.seen.clear()
        case = dict(case, imports=[*case["imports"], "from itertools import islice"])
        view = choose(case)
        one = once(case, view, before)
        # Only what changed is looked at in the test, so it is looked at alone here too.
        case = dict(case, observe=[text for text, _ in (*one["changed"][:3], *one["kept"])])
        one, two = once(case, view, before), once(case, view, before)
    if caught.error:
        return {"refused": type(caught.error).__name__}
    if random.getstate() != state or "draws" in watch.seen:
        is_clean = {"draws"}.issuperset(watch.seen) and not warned
        found = whatever_is_drawn(case) if is_clean else {}
        random.seed()
        return found or {"refused": "draws"}
    if watch.seen:
        return {"refused": "effect " + watch.seen[0]}
    if any(not issubclass(one.category, OF_LATER) for one in warned):
        return {"refused": "warns"}
    if any(stream.getvalue() for stream in printed):
        return {"refused": "prints"}
    return one if one == two else {"refused": "differs"}


def whatever_is_drawn(case: dict[str, Any]) -> dict[str, Any]:
    """What a case gives that draws, but for the order of it; nothing where that is not the same every time."""
    for view in IN_ANY_ORDER:
        found = set()
        started = time.perf_counter()
        with Caught() as caught:
            if len(Attempt(case).call(ALL)) > MOST_ELEMENTS:
                return {}  # maybe without end
            for number in range(DRAWS):
                random.seed(number)
                found.add(shown(Attempt(case).call(view)))
                if len(found) > 1 or time.perf_counter() - started > CASE_S:
                    raise TimeoutError
        if not caught.error:
            return {"view": view, "value": found.pop(), "raises": None, "changed": [], "kept": []}
    return {}


def outcome(case: dict[str, Any], watch: Watch) -> dict[str, Any]:
    """What a case does in one run of it, for a comparison with what it does on another version."""
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    found: dict[str, Any] = {}
    state = random.getstate()
    with warnings.catch_warnings(), Caught() as caught:
        warnings.simplefilter("ignore")
        watch.seen.clear()
        case = dict(case, imports=[*case["imports"], "from itertools import islice"])
        found = once(case, choose(case), dict.fromkeys(case["observe"], ""))
    if random.getstate() != state:  # two runs may draw the same by chance
        return {"refused": "draws"}
    if caught.error or watch.seen:
        return {"refused": type(caught.error).__name__ if caught.error else "effect " + watch.seen[0]}
    return found


def work(cases: list[dict[str, Any]], numbers: list[int], channel: int) -> None:
    """Record cases in this process, and write a line about each."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # it ends the process, whatever a case catches
    watch = Watch()
    environ = dict(os.environ)
    for number in numbers:
        if cases[number]["hangs"]:
            return
        found = (outcome if cases[number]["once"] else record)(cases[number], watch)
        if dict(os.environ) != environ:
            os.environ.clear()
            os.environ.update(environ)
            found = {"refused": "effect os.environ"}
        line = json.dumps([number, found]).encode() + b"\n"
        while line:
            line = line[os.write(channel, line) :]


def apart(cases: list[dict[str, Any]], numbers: list[int]) -> Iterator[str]:
    """Record cases in a process of their own; ends early when one of them hangs or ends the process."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            work(cases, numbers, writer)
        finally:
            os._exit(0)
    os.close(writer)
    data = b""
    patience = HANGS_ONCE_S if cases[0]["once"] else HANGS_S
    while select.select([reader], [], [], patience)[0]:
        part = os.read(reader, 1 << 16)
        if not part:
            break
        *lines, data = (data + part).split(b"\n")
        for line in lines:
            yield line.decode()
    os.close(reader)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def tell(cases: list[dict[str, Any]]) -> None:
    """Print a line for each case; under an odd hash seed from the last to the first, so that no case needs another."""
    left = list(range(len(cases)))
    if os.environ.get("PYTHONHASHSEED", "0")[-1:] in ("1", "3", "5", "7", "9"):
        left.reverse()
    for _ in range(MOST_PROCESSES_ONCE if cases[0]["once"] else MOST_PROCESSES):
        told = 0
        for line in apart(cases, left):
            print(MARKER + line, flush=True)
            told += 1
        if told < len(left):
            print(MARKER + json.dumps([left[told], {"refused": HANGS}]), flush=True)
        left = left[told + 1 :]
        if not left:
            break
