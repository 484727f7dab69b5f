"""Many versions of one file in one session: each version is a fork with the functions' code replaced, or of a tree that it lies in.

Where nothing of the file has run yet, a version is written into the tree, and what comes first in the fork is what comes
first in a fresh job. Else the code of functions is replaced, which is exact where versions differ in nothing but the code of functions
that live, and that did not run while the tests were collected. Everything else is refused, with the reason, and is for a fresh job.
"""

from __future__ import annotations

import _lsprof
import contextlib
import gc
import json
import os
import sys
import types
from typing import Any, Iterator

from ttc_data.sandbox.inside.codes import Code, inner, plain, same, signature
from ttc_data.sandbox.inside.confine import empty, forget_bytecode, write
from ttc_data.sandbox.inside.texts import Text

FUNCTION_FLAGS = 0x3  # CO_OPTIMIZED and CO_NEWLOCALS: a function, not a class body or a module


class InexactVersion(Exception):
    """This version cannot be put in place of the original exactly."""


class Versions:
    """Holds the versions of a job, and the state that each of them starts from."""

    def __init__(self, work: str, changes: int, places: list[str], versions: list[dict[str, str]]) -> None:
        self.work = work
        self.changes = changes
        self.places = places
        self.versions = versions
        self.paths = {os.path.join(work, path) for version in versions for path in version}
        self.ran: set[tuple[str, str, int]] = set()
        self.profiler = _lsprof.Profiler()  # in C: a trace function makes collecting twice as slow
        self.has_run = self.interrupted = self.looked = False
        self.files = {path: Original(path) for path in self.paths}

    def watch(self) -> None:
        """Remember which functions of these files run, from the first time that one of the files does.

        Nothing of a file can run before: until then, a profiler would only make pytest slower.
        """

        def hear(event: str, args: tuple[Any, ...]) -> None:
            if event != "exec" or self.has_run or self.looked:
                return
            if getattr(args[0], "co_filename", None) in self.paths:
                self.has_run = True
                self.profiler.enable(subcalls=False, builtins=False)

        sys.addaudithook(hear)

    def look(self) -> None:
        """Stop watching; what is listed here is gone before the first fork, which would pay for each reference."""
        self.looked = True  # what runs in a version is not watched
        self.interrupted = self.has_run and not self.is_heard()
        self.profiler.disable()
        codes = [entry.code for entry in self.profiler.getstats() if isinstance(entry.code, Code)]
        self.profiler.clear()
        self.ran = {place_of(code) for code in codes if code.co_filename in self.paths}

    def is_heard(self) -> bool:
        """Whether the profiler still runs: what a test file does when it is imported may have put another in its place."""
        monitoring = getattr(sys, "monitoring", None)
        if monitoring is not None:
            return bool(monitoring.get_tool(monitoring.PROFILER_ID) == "cProfile")
        heard: Any = sys.getprofile()
        return heard is self.profiler

    def fork_each(self, command: int, status: int) -> None:
        """Fork once for each version that is asked for. Comes back in the forks alone, which then go on with the session."""
        self.look()
        functions = self.functions() if self.has_run else {}
        gc.freeze()
        before = self.state()
        tell(status, "collected")
        for version in self.versions:
            if not os.read(command, 1):
                break
            try:
                changes: list[tuple[Any, Code]] = []
                if self.has_run:
                    changes = self.changes_of(version, functions)
                else:
                    self.lay(version)
                    before = self.state()
            except InexactVersion as reason:
                tell(status, "inexact", str(reason))
                continue
            pid = os.fork()
            if pid == 0:
                os.close(command)
                os.close(status)
                for function, code in changes:
                    function.__code__ = code
                return
            tell(status, "done", os.waitpid(pid, 0)[1])
            os.read(command, 1)  # whatever the version started has been killed by now
            if self.state() != before:
                self.tidy(before)
                if self.state() != before:
                    tell(status, "changed")
                    break
            tell(status, "clean")
        os._exit(0)

    def lay(self, version: dict[str, str]) -> None:
        """Write a version into the tree, where nothing of its files has run.

        Raises:
            Inexact: a file cannot be written, or could not be read at first.
        """
        for place, file in self.files.items():
            text = version.get(os.path.relpath(place, self.work), file.text.text)
            if file.problem:
                raise InexactVersion(file.problem)
            try:
                with contextlib.suppress(FileNotFoundError):
                    forget_bytecode(place)
                write(place, text)
            except OSError as error:
                raise InexactVersion(str(error)) from error

    def functions(self) -> dict[tuple[str, str, int], list[Any]]:
        """Every function that lives and whose code comes from the files, by file, name and first line."""
        found: dict[tuple[str, str, int], list[Any]] = {}
        for thing in gc.get_objects():
            if type(thing) is types.FunctionType and thing.__code__.co_filename in self.paths:
                found.setdefault(place_of(thing.__code__), []).append(thing)
        return found

    def changes_of(
        self, version: dict[str, str], functions: dict[tuple[str, str, int], list[Any]]
    ) -> list[tuple[Any, Code]]:
        """The functions to change with their new code."""
        if self.interrupted:
            raise InexactVersion("the profiler was switched off while the tests were collected")
        changes = []
        for path, text in version.items():
            full = os.path.join(self.work, path)
            try:
                old, new = self.files[full].compiled(text)
            except (SyntaxError, ValueError, RecursionError) as error:
                raise InexactVersion("%s cannot be compiled: %s" % (path, error)) from error
            for original, replacement in differences(old, new):
                key = place_of(original)
                if key in self.ran:
                    raise InexactVersion("%s ran while the tests were collected" % original.co_name)
                living = [one for one in functions.get(key, ()) if one.__code__ == original]
                if not living:
                    raise InexactVersion("no function of that code lives: %s" % original.co_name)
                for function in living:
                    if function.__code__.co_freevars != replacement.co_freevars:
                        raise InexactVersion("%s closes over other names" % original.co_name)
                    changes.append((function, replacement))
        return changes

    def state(self) -> list[Any]:
        """What the versions could have left behind: changes of the tree, and files in the scratch folders."""
        found: list[Any] = [list(listing(self.changes))]
        for place in self.places:
            descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
            try:
                found.append(list(listing(descriptor)))
            finally:
                os.close(descriptor)
        return found

    def tidy(self, before: list[Any]) -> None:
        """Remove what is new in the scratch folders."""
        for number, place in enumerate(self.places):
            names = {entry[0].partition("/")[0] for entry in before[number + 1]}
            for name in os.listdir(place):
                if name in names:
                    continue
                path = os.path.join(place, name)
                if os.path.isdir(path) and not os.path.islink(path):
                    empty(path, 0o700)
                    os.rmdir(path)
                else:
                    os.unlink(path)


class Original:
    """A file as it was imported."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = Text("")
        self.problem = ""
        try:
            with open(path, "rb") as file:
                self.text = Text(file.read().decode("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            self.problem = str(error)
        self.whole: Code | None = None
        self.parts: dict[int, Code] = {}

    def compiled(self, text: str) -> tuple[Code, Code]:
        """Compile the original and a version of it: of both only the statement that differs, where it is a single one."""
        if self.problem:
            raise ValueError(self.problem)
        parts = self.text.parts(text)
        if parts is None:
            if self.whole is None:
                self.whole = self.compile(self.text.text)
            return self.whole, self.compile(text)
        first, old, new = parts
        if first not in self.parts:
            self.parts[first] = self.compile(old)
        return self.parts[first], self.compile(new)

    def compile(self, text: str) -> Code:
        code: Code = compile(text, self.path, "exec", dont_inherit=True)
        return code


def place_of(code: Code) -> tuple[str, str, int]:
    """File, name and first line."""
    return code.co_filename, code.co_name, code.co_firstlineno


def tell(descriptor: int, *words: Any) -> None:
    """Say a word to the process that supervises."""
    os.write(descriptor, json.dumps(words).encode("utf-8") + b"\n")


def listing(descriptor: int, prefix: str = "") -> Iterator[tuple[str, int, int, int]]:
    """Path, inode, size and time of change of everything below a folder."""
    for entry in sorted(os.scandir(descriptor), key=lambda entry: entry.name):
        status = os.stat(entry.name, dir_fd=descriptor, follow_symlinks=False)
        folder = entry.is_dir(follow_symlinks=False)
        yield prefix + entry.name, status.st_ino, 0 if folder else status.st_size, 0 if folder else status.st_mtime_ns
        if folder:
            inner = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            try:
                yield from listing(inner, prefix + entry.name + "/")
            finally:
                os.close(inner)


def differences(old: Code, new: Code) -> Iterator[tuple[Code, Code]]:
    """The outermost functions in which two versions of a file differ.

    Raises:
        Inexact: something else differs: the module's or a class's own statements, a signature, a decorator, a default.
    """
    if old.co_flags & FUNCTION_FLAGS == FUNCTION_FLAGS:
        if not same(old, new):
            if signature(old) != signature(new):
                raise InexactVersion("the signature of %s differs" % old.co_name)
            yield old, new
        return
    if plain(old) != plain(new):
        raise InexactVersion("more than the code of functions differs in %s" % old.co_name)
    for one, other in inner(old, new):
        yield from differences(one, other)
