"""The program inside the sandbox, process 1 of its own process namespace.

It imports pytest and the environment's dependencies once, then reads jobs from its standard input and answers on its
standard output. Both carry frames of a 4-byte big-endian length and that many bytes. A job is two frames of JSON: a head
(hash seed, timeouts, number of versions), which this process reads, and a body (files, tests), which the job's process
reads: of what a job brings, nothing is ever in the memory that later jobs start from. An answer is a frame of JSON, then what the
job told of its tests and what it printed, as they are.

Each job is a fork. When it ends, every other process of the namespace is killed. A hash seed is fixed when an interpreter
starts, so a job with another one makes this program start itself again; see `start.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from typing import Any, Callable

from ttc_data.sandbox.inside.confine import (
    LIBC,
    PR_SET_DUMPABLE,
    SCRATCH,
    can_isolate,
    check,
    give_up_rights,
    lay_out,
    limit,
)
from ttc_data.sandbox.inside.preload import preload
from ttc_data.sandbox.inside.processes import KILL_S, kill_all_but, memory_used
from ttc_data.sandbox.inside.rewritten import open_cache, provide
from ttc_data.sandbox.inside.session import Channel, drive
from ttc_data.sandbox.inside.start import start_again
from ttc_data.sandbox.inside.streams import CHUNK, Beginning, Ends, read_frame, write_frames
from ttc_data.sandbox.inside.versions import Versions

LAY_OUT_S = 120.0
# A test that holds the interpreter cannot be interrupted from within: silence this long after its timeout ends it.
SILENCE_S = 30.0
MEMORY_EVERY_S = 0.1
# What a job tells and prints is taken so often, or at once where it comes fast: to be woken for each test costs more than it.
LISTEN_EVERY_S = 0.02
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> None:
    """Become the job's user, import what is needed, and serve."""
    config = json.loads(sys.argv[2])
    os.set_inheritable(config["program"], False)
    config["scratch"] = SCRATCH if config["alone"] else [(os.path.dirname(config["home"]), 0o700)]
    if config["uid"] is not None:
        become(config["uid"], [config["work"], *(place for place, _ in config["scratch"])])
    # A job runs as the same user: it must not open our descriptors through /proc/1/fd, nor trace us. Its interrupt
    # must not reach us either: process 1 is only safe from signals that it has no handler for.
    check(LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if not config["alone"]:
        check(LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")
    config["source"], config["sink"] = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    if "isolate" not in config:
        config["isolate"] = can_isolate(config)
    sys.path[:] = [path for path in sys.path if path]  # `-c` puts the working folder first
    preload(config["site"], [os.path.join(config["tree"], root) for root in config["roots"]])
    kill_all_but(config, ())
    if config["head"] is None:
        write_frames(config["sink"], [json.dumps({"isolated": config["isolate"]}).encode("ascii")])
    serve(config)


def become(uid: int, places: list[str]) -> None:
    """Be another user for good, and own what a job may write."""
    for place in places:
        os.chown(place, uid, uid)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # A change of user forgets that we are to end with our parent.
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def serve(config: dict[str, Any]) -> None:
    """Answer jobs until the input ends."""
    while True:
        head = config["head"]
        if head is None:
            data = read_frame(config["source"])
            if data is None:
                return
            head = json.loads(data)
            if head["seed"] != config["seed"]:
                os.dup2(config["source"], 0)
                os.dup2(config["sink"], 1)
                start_again({**config, "uid": None, "seed": head["seed"], "head": head})
        config["head"] = None
        try:
            Execution(config, head).run()
        except OSError as error:  # no more processes, say: the caller decides what it means
            answer(config, {"broken": "%s: %s" % (type(error).__name__, error)})
            kill_all_but(config, ())


def answer(config: dict[str, Any], head: dict[str, Any]) -> None:
    """Answer without a report."""
    write_frames(config["sink"], [json.dumps(head).encode("ascii")], [], [])


def skip_numbers() -> None:
    """Use up a few process numbers: else a job could count the jobs before it by its own."""
    for _ in range(os.urandom(1)[0] & 7):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()


class Execution:
    """One job from its body to its answer."""

    def __init__(self, config: dict[str, Any], head: dict[str, Any]) -> None:
        self.config = config
        self.head = head
        self.limits = config["limits"]
        self.word = os.urandom(8).hex()
        self.report = Beginning(self.limits["report_bytes"])
        self.output = Ends(self.limits["output_bytes"])
        self.said = bytearray()
        self.pid, self.waker = 0, -1
        self.status: int | None = None
        self.ended_by = ""
        self.laid = False
        self.heard = 0.0
        self.measured = 0.0

    def run(self) -> None:
        """Fork, watch, answer; nothing of the job is left when this returns."""
        pipes = [os.pipe() for _ in range(4)]
        (self.reports, report), (self.outputs, output), (self.words, status), (command, self.command) = pipes
        ours, theirs = (self.reports, self.outputs, self.words, self.command), (report, output, status, command)
        skip_numbers()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                for fd in ours:
                    os.close(fd)
                self.begin(report, output, status, command)
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(127)
        self.waker = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else -1
        try:
            for fd in theirs:
                os.close(fd)
            for fd in ours[:3]:
                os.set_blocking(fd, False)
            self.follow()
        finally:
            kill_all_but(self.config, ())
            for fd in (*ours, self.waker):
                if fd >= 0:
                    os.close(fd)
            self.report.close()
            self.output.close()

    def begin(self, report: int, output: int, status: int, command: int) -> None:
        """In the job's process: lay out the tree, give up every right, run the tests."""
        try:
            os.setsid()
            if not self.config["alone"]:
                LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            job = self.receive()
            if job is None:
                return
            for fd in (self.config["source"], self.config["sink"], self.config["program"], output):
                os.close(fd)
            cache = open_cache(self.config["isolate"])
            # What the job brought is not there to be found in a frame of ours.
            files = job.pop("files")
            changes = lay_out(self.config, files, job["test_files"])
            provide(cache, self.config["work"], files, job["test_files"])
            del files
            if cache >= 0:
                os.close(cache)
            limit(self.limits)
            give_up_rights()
            LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        except (OSError, ValueError) as error:
            os.write(status, json.dumps(["broken", repr(error)]).encode("ascii", "replace") + b"\n")
            return
        work = self.config["work"]
        roots = [os.path.join(work, root) if root else work for root in self.config["roots"]]
        versions: Callable[[], bool] | None = None
        if job["versions"]:
            places = [place for place, _ in self.config["scratch"]]
            held = Versions(work, changes, places, job["versions"])
            held.watch()

            def versions() -> bool:
                return held.collected(command, status)
        else:
            os.close(changes)
            os.close(command)
        os.write(status, b'["laid"]\n')
        if not job["versions"]:
            os.close(status)
        # In a place of its own: a job that closes or writes to the low numbers meets nothing.
        place = 100 + int.from_bytes(os.urandom(2), "big") % 800
        os.dup2(report, place, inheritable=False)
        os.close(report)
        drive(job, Channel(place, self.word), roots, versions)

    def receive(self) -> dict[str, Any] | None:
        """Read the job's body; None when there is nobody who sends it."""
        data = read_frame(self.config["source"])
        if data is None:
            return None
        job: dict[str, Any] = json.loads(data.decode("utf-8"))
        job["test_timeout_s"] = self.head["test_timeout_s"]
        job["seed"] = self.head["seed"]
        return job

    def follow(self) -> None:
        """Wait for the tree, then for the job, or for each of its versions in turn."""
        word = self.wait(time.monotonic() + LAY_OUT_S)
        if not word or word[0] != "laid":
            reason = word[1] if word else "it ended with status %s" % self.status
            answer(self.config, {"broken": "the job could not be started: %s" % reason})
            return
        started = self.heard = time.monotonic()
        self.laid = True
        word = self.wait(started + self.head["timeout_s"])
        if not self.head["versions"]:
            self.finish(self.status, started)
            return
        before = self.report.size
        rest = None if word else {"inexact": "the collection of tests ended with status %s" % self.status}
        for number in range(self.head["versions"]):
            if rest is None:
                rest = self.version(before, last=number + 1 == self.head["versions"])
            else:
                answer(self.config, rest)

    def version(self, before: int, last: bool) -> dict[str, Any] | None:
        """Have the next version run, and answer for it; gives the answer for all that follow when no more can run."""
        self.report.size, self.output.total = before, 0
        self.ended_by = ""
        started = self.heard = time.monotonic()
        self.ask()
        word = self.wait(started + self.head["timeout_s"], keep=True)
        if word and word[0] == "inexact":
            answer(self.config, {"inexact": word[1]})
            return None
        if not word or word[0] != "done":
            answer(self.config, {"again": True})
            return {"again": True}
        kill_all_but(self.config, (self.pid,))
        self.finish(word[1], started)
        if last:  # who has all answers may send the next job
            return None
        self.ask()
        return None if self.wait(time.monotonic() + KILL_S) == ["clean"] else {"again": True}

    def ask(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # it is gone, as the next wait will tell
            os.write(self.command, b".")

    def finish(self, status: int | None, started: float) -> None:
        """Answer with what is known of a process that ended."""
        assert status is not None
        if self.status is not None:
            kill_all_but(self.config, ())
        for fd in (self.reports, self.outputs):
            while self.take(fd):
                pass
        head = {
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status),
            "ended_by": self.ended_by,
            "seconds": round(time.monotonic() - started, 4),
            "word": self.word,
        }
        parts = self.report.parts(), self.output.parts()
        write_frames(self.config["sink"], [json.dumps(head).encode("ascii")], *parts)

    def wait(self, deadline: float, keep: bool = False) -> list[Any]:
        """Read what the job says until it says a word to us, or ends; give the word, or nothing.

        At the deadline it is killed; with `keep` everything but the process that the tests were collected in.
        """
        wake = [fd for fd in (self.words, self.waker) if fd >= 0]
        told = [self.reports, self.outputs]
        full: list[int] = []
        pause = LISTEN_EVERY_S if self.waker >= 0 else 0.005
        while True:
            line, newline, rest = bytes(self.said).partition(b"\n")
            if newline:
                self.said = bytearray(rest)
                word: list[Any] = json.loads(line)
                return word
            if self.status is not None:
                return []
            watched = [*wake, *full, self.config["source"]] if self.laid else wake
            readable = select.select(watched, [], [], pause)[0]
            if self.config["source"] in readable:
                kill_all_but(self.config, ())
                os._exit(0)  # nobody writes while a job runs: whoever wanted it is gone
            took = {fd: self.take(fd) for fd in {*readable, *told} - {self.waker, self.config["source"]}}
            wake = [fd for fd in wake if took.get(fd) != 0]
            told = [fd for fd in told if took.get(fd) != 0]
            full = [fd for fd in told if (took.get(fd) or 0) >= CHUNK // 2]
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            now = time.monotonic()
            if ended:
                self.status = status
            elif now > deadline:
                self.end("time", keep)
                deadline += KILL_S
            elif self.report.size and now - self.heard > self.head["test_timeout_s"] + SILENCE_S:
                self.end("silence", keep)
                self.heard = now
            elif now - self.measured > MEMORY_EVERY_S and self.laid:
                self.measured = now
                if memory_used(self.config) > self.limits["memory_bytes"]:
                    self.end("memory", keep)

    def end(self, why: str, keep: bool) -> None:
        """Kill the job, or what runs a version of it."""
        if keep and not self.ended_by:
            kill_all_but(self.config, (self.pid,))
        else:
            os.kill(self.pid, signal.SIGKILL)
            self.status = os.waitpid(self.pid, 0)[1]
        self.ended_by = why

    def take(self, fd: int) -> int | None:
        """Read once from a descriptor; gives the number of bytes, 0 at its end, None when nothing is there yet."""
        try:
            if fd == self.reports:
                took = self.report.take(fd)
                if took:
                    self.heard = time.monotonic()
                return took
            if fd == self.outputs:
                return self.output.take(fd)
            part = os.read(fd, CHUNK)
        except BlockingIOError:
            return None
        self.said += part
        return len(part)
