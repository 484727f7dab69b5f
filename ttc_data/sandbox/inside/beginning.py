"""A job's own processes, from its body to its tests.

With namespaces a job has two. The first, number 1 of the job's processes, lays out the tree and waits for the second, which runs
the tests; when that has ended, it ends whatever is left and clears away what was mounted. Without namespaces one process does
all of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import traceback
from dataclasses import dataclass
from typing import Any, Callable

from ttc_data.sandbox.inside.answering import heard_of, listen_for, machine_as_told, reply
from ttc_data.sandbox.inside.confine import copy_out, give_up_rights, lay_out, limit
from ttc_data.sandbox.inside.copies import import_on, needs_copy
from ttc_data.sandbox.inside.kernel import LIBC, PR_SET_DUMPABLE, PR_SET_PDEATHSIG
from ttc_data.sandbox.inside.rewritten import open_cache, provide
from ttc_data.sandbox.inside.scheduling import begin_anywhere, blur
from ttc_data.sandbox.inside.session import Channel, drive
from ttc_data.sandbox.inside.sessions import even_out
from ttc_data.sandbox.inside.spaces import LOAD, PROCESSES, become_nobody, clear_away, enter, own
from ttc_data.sandbox.inside.streams import read_frame
from ttc_data.sandbox.inside.versions import Versions

FAILED = 127


@dataclass
class PipeEnds:
    """A job's ends of the pipes to its supervisor."""

    report: int
    output: int
    status: int
    command: int

    def say(self, *words: Any) -> None:
        """Say a word to the supervisor."""
        os.write(self.status, json.dumps(words).encode("ascii", "replace") + b"\n")


def begin(config: dict[str, Any], word: str, ends: PipeEnds, source: int) -> None:
    """In the process that was forked for a job: wait for it, lay out the tree, then run the tests, here or in a child.

    Does not return. Nothing that a job can see is as old as this process: its mounts, its files, its clocks and the process of its
    tests are made when the job is there.
    """
    try:
        os.dup2(ends.output, 1)
        os.dup2(ends.output, 2)
        prepare(config, word, ends, source)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(FAILED)


def prepare(config: dict[str, Any], word: str, ends: PipeEnds, source: int) -> None:
    """Everything up to the tests; what goes wrong is told as a broken sandbox, for none of the job's own code has run."""
    try:
        if not config["alone"]:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        outside = own(config) if config["spaces"] is not None else -1
        head, data = read_frame(ends.command), read_frame(source)
        if head is None or data is None:
            return
        for descriptor in (ends.report, ends.output):
            os.utime(descriptor)  # they were made when the last job ended
        for descriptor in {source, config["source"], config["sink"], config["program"]}:
            os.close(descriptor)
        job: dict[str, Any] = json.loads(data.decode("utf-8"))
        del data
        # What the job brought is not there to be found in a frame of the tests' process.
        files = job.pop("files")
        whole = -1
        if config["spaces"] is None:
            changes = copy_out(config)
            lay_out(config, files, job["test_files"])
        else:
            cache = open_cache()
            changes, whole = enter(config, bare=needs_copy(job))
            lay_out(config, files, job["test_files"])
            provide(cache, config["work"], files, job["test_files"])
            os.close(cache)
        del files
        if config["spaces"] is not None:
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if pid:
                theirs.close()
                os.close(outside)
                os.close(changes)
                oversee(config, ends, pid, ours, whole)
            ours.close()
            os.close(whole)
            if LOAD in config["spaces"]:
                listen_for(theirs)
            theirs.close()
    except (OSError, ValueError) as error:
        ends.say("broken", repr(error))
        os._exit(FAILED)
    asked = json.loads(head)
    job.update(test_timeout_s=asked["test_timeout_s"], seed=asked["seed"])
    run(config, job, Channel(ends.report, word), ends, changes, outside)


def run(
    config: dict[str, Any], job: dict[str, Any], channel: Channel, ends: PipeEnds, changes: int, outside: int
) -> None:
    """Give up every right and run the tests."""
    try:
        if config["spaces"] is not None:
            become_nobody(config, outside)
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.setsid()
        os.chdir(config["work"])
        null = os.open(os.devnull, os.O_RDWR)  # the job's own: through the runner's it could be dated
        os.dup2(null, 0)
        os.close(null)
        os.close(ends.output)  # 1 and 2 by now
        begin_anywhere()
        limit(config["limits"])
        give_up_rights()
        LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    except OSError as error:
        ends.say("broken", repr(error))
        return
    work = config["work"]
    roots = [os.path.join(work, root) if root else work for root in config["roots"]]
    versions: Callable[[], None] | None = None
    if job["versions"]:
        held = Versions(work, changes, [place for place, _ in config["scratch"]], job["versions"])
        held.watch()

        def versions() -> None:
            held.fork_each(ends.command, ends.status)
    else:
        os.close(changes)
        os.close(ends.command)
    ends.say("laid", os.getpid())
    if not job["versions"]:
        os.close(ends.status)
    # In a place of its own: a job that closes or writes to the low numbers meets nothing.
    channel.descriptor = 100 + int.from_bytes(os.urandom(2), "big") % 800
    os.dup2(ends.report, channel.descriptor, inheritable=False)
    os.close(ends.report)
    if needs_copy(job):
        import_on(config["tree"], config["roots"])
    drive(job, channel, roots, versions)


def oversee(config: dict[str, Any], ends: PipeEnds, pid: int, other: socket.socket, whole: int) -> None:
    """Wait for the tests' process, end and clear away what it leaves, and tell how it ended. Does not return.

    Args:
        config: of the runner.
        ends: of the job's pipes.
        pid: of the tests' process.
        other: whence it tells where its calls are handed over.
        whole: a descriptor of a `/proc` of the job's processes.
    """
    for descriptor in (ends.report, ends.output, ends.command, 1, 2):
        os.close(descriptor)
    os.chdir("/")
    told = machine_as_told(config["limits"]["memory_bytes"])
    heard, hears = os.pipe()
    os.set_blocking(hears, False)
    signal.set_wakeup_fd(hears)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    status = reaped(pid)
    listener = heard_of(other)
    sessions = 0
    while status is None:
        ready = select.select([heard, *([listener] if listener >= 0 else [])], [], [])[0]
        if heard in ready:
            os.read(heard, 4096)
        if listener in ready:
            sessions += reply(listener, whole, told, sessions)
        status = reaped(pid)
    if PROCESSES in config["spaces"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        even_out(whole)
        blur()
        clear_away(config)
    ends.say("ended", status)
    os._exit(0)


def reaped(pid: int) -> int | None:
    """Take leave of every process that has ended; gives how one of them did."""
    status = None
    with contextlib.suppress(ChildProcessError):
        while True:
            ended, how = os.waitpid(-1, os.WNOHANG)
            if not ended:
                break
            if ended == pid:
                status = how
    return status
