"""One job as its supervisor sees it: process 1 of the sandbox forks, watches, kills and answers."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
import time
from typing import Any

from ttc_data.sandbox.inside.beginning import PipeEnds as JobEnds
from ttc_data.sandbox.inside.beginning import begin
from ttc_data.sandbox.inside.processes import KILL_S, child_numbered, kill_all_but, memory_used
from ttc_data.sandbox.inside.reading import Reader
from ttc_data.sandbox.inside.spaces import PROCESSES, fork_into
from ttc_data.sandbox.inside.streams import CHUNK, Beginning, Ends, write_frames

LAY_OUT_S = 120.0
# A test that holds the interpreter cannot be interrupted from within: silence this long after its timeout ends it.
SILENCE_S = 30.0
MEMORY_EVERY_S = 0.1
# What a job tells and prints is taken so often, or at once where it comes fast: to be woken for each test costs more than it.
LISTEN_EVERY_S = 0.02


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
    """One job, from its first process, which may wait for it beforehand, to its answer."""

    def __init__(self, config: dict[str, Any], reader: Reader) -> None:
        self.config = config
        self.reader = reader
        self.contained = PROCESSES in (config["spaces"] or ())
        """The job's processes end with the first of them."""
        self.head: dict[str, Any] = {}
        self.limits = config["limits"]
        self.word = os.urandom(8).hex()
        self.report = Beginning(self.limits["report_bytes"])
        self.output = Ends(self.limits["output_bytes"])
        self.said = bytearray()
        self.pid, self.tests, self.waker = 0, 0, -1
        self.reports, self.outputs, self.words, self.command = -1, -1, -1, -1
        self.status: int | None = None
        self.ended_by = ""
        self.laid, self.reaped = False, False
        self.heard = 0.0
        self.measured = 0.0

    def start(self) -> None:
        """Fork the job's first process, which waits for the job.

        Raises:
            OSError: there can be no more processes, say; whatever there is by then is gone.
        """
        pipes = [os.pipe() for _ in range(4)]
        (self.reports, report), (self.outputs, output), (self.words, status), (command, self.command) = pipes
        try:
            try:
                self.pid = self.fork(JobEnds(report, output, status, command))
            finally:
                for fd in (report, output, status, command):
                    os.close(fd)
            self.waker = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else -1
            for fd in self.ours()[:3]:
                os.set_blocking(fd, False)
        except OSError:
            self.close()
            raise

    def ours(self) -> tuple[int, int, int, int]:
        """Our ends of the pipes."""
        return self.reports, self.outputs, self.words, self.command

    def fork(self, ends: JobEnds) -> int:
        """Fork, into namespaces where there are any; gives the child's number, and does not return in it."""
        if not self.contained:
            skip_numbers()
        source = self.config["source"]
        if self.config["spaces"] is not None:
            source = self.reader.ready()
        pid = os.fork() if self.config["spaces"] is None else fork_into(self.config["spaces"])
        if pid == 0:
            for fd in self.ours():
                os.close(fd)
            self.reader.leave()
            self.report.close()  # memory that is shared with us
            self.output.close()
            begin(self.config, self.word, ends, source)
        return pid

    def run(self, head: dict[str, Any]) -> None:
        """Hand the job over, watch, answer; nothing of it is left when this returns."""
        self.head = head
        try:
            if self.config["spaces"] is not None:
                self.reader.bring(LAY_OUT_S)
            write_frames(self.command, [json.dumps(head).encode("ascii")])
            self.follow()
        finally:
            self.close()

    def close(self) -> None:
        """Leave nothing of it."""
        self.end_all()
        for fd in (*self.ours(), self.waker):
            if fd >= 0:
                os.close(fd)
        self.report.close()
        self.output.close()

    def end_all(self) -> None:
        """Leave nothing of the job; what else there is may stay only where no job sees it, and if it did its part."""
        if self.contained and self.laid:
            if not self.reaped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            self.reaped = True
        else:
            kill_all_but(self.config, ())
            self.reader.forget()

    def follow(self) -> None:
        """Wait for the tree, then for the job, or for each of its versions in turn."""
        word = self.wait(time.monotonic() + LAY_OUT_S)
        if not word or word[0] != "laid":
            reason = word[1] if word else "it ended with status %s" % self.status
            answer(self.config, {"broken": "the job could not be started: %s" % reason})
            return
        started = self.heard = time.monotonic()
        self.laid = True
        self.tests = self.pid if self.config["spaces"] is None else child_numbered(self.pid, word[1]) or self.pid
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
        kill_all_but(self.config, (self.pid, self.tests))
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
        if self.status is not None and not self.contained:
            kill_all_but(self.config, ())
            self.reader.forget()
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
                if word[0] != "ended":
                    return word
                self.status = word[1]  # of the tests' process, by the one that waited for it
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
                while self.take(self.words):
                    pass
                self.reaped = True
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
            kill_all_but(self.config, (self.pid, self.tests))
        elif self.tests != self.pid and not self.ended_by:
            self.measured = time.monotonic() + KILL_S  # its parent ends what is left, and tells of it
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.tests, signal.SIGKILL)
        else:
            os.kill(self.pid, signal.SIGKILL)
            self.status = os.waitpid(self.pid, 0)[1]
            self.reaped = True
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
