"""The program inside the sandbox, process 1 of its own process namespace.

It imports pytest and the environment's dependencies once, then reads jobs from its standard input and answers on its
standard output. Both carry frames of a 4-byte big-endian length and that many bytes. A job is two frames of JSON: a head
(hash seed, timeouts, number of versions), which this process reads, and a body (files, tests), which a job's processes
read: of what a job brings, nothing is ever in the memory that later jobs start from. An answer is a frame of JSON, then what the
job told of its tests and what it printed, as they are.

Each job is a fork; see `execution.py`. When it ends, every other process of the namespace is killed. A hash seed is fixed when an
interpreter starts, so a job with another one makes this program start itself again; see `start.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any

from ttc_data.sandbox.inside.confine import SCRATCH
from ttc_data.sandbox.inside.execution import Execution, answer
from ttc_data.sandbox.inside.kernel import (
    LIBC,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    check,
    mount,
)
from ttc_data.sandbox.inside.preload import preload
from ttc_data.sandbox.inside.processes import kill_all_but
from ttc_data.sandbox.inside.procfs import make_template
from ttc_data.sandbox.inside.reading import Reader
from ttc_data.sandbox.inside.spaces import PROCESSES, own_spaces, shared_spaces
from ttc_data.sandbox.inside.start import start_again
from ttc_data.sandbox.inside.streams import read_frame, write_frames


def main() -> None:
    """Become the job's user, import what is needed, and serve."""
    config = json.loads(sys.argv[2])
    os.set_inheritable(config["program"], False)
    config["scratch"] = SCRATCH if config["alone"] else [(os.path.dirname(config["home"]), 0o700)]
    if config["uid"] is not None:
        # What bubblewrap covered of `/proc` keeps jobs from mounting one of their own; a whole one on top of it does not.
        with contextlib.suppress(OSError):  # root of a container, say: jobs share their processes then, and it is told
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
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
    config["user"], config["reader"] = (os.getuid(), os.getgid()), 0
    if config["alone"] and "covers" not in config:
        config["covers"] = make_template(config["limits"])
    if "spaces" not in config:
        config["spaces"] = own_spaces(config)
    sys.path[:] = [path for path in sys.path if path]  # `-c` puts the working folder first
    preload(config["site"], [os.path.join(config["tree"], root) for root in config["roots"]])
    kill_all_but(config, ())
    if config["head"] is None:
        write_frames(config["sink"], [json.dumps({"shared": shared_spaces(config)}).encode("ascii")])
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
    reader = Reader(config)
    while True:
        waiting: Execution | None = None
        head = config["head"]
        if head is None:
            if PROCESSES in (
                config["spaces"] or ()
            ):  # where no job sees it, the next one's first process is made beforehand
                with contextlib.suppress(OSError):
                    waiting = started(config, reader)
            data = read_frame(config["source"])
            if data is None:
                return
            head = json.loads(data)
            if head["seed"] != config["seed"]:
                kill_all_but(config, ())
                os.dup2(config["source"], 0)
                os.dup2(config["sink"], 1)
                start_again({**config, "uid": None, "seed": head["seed"], "head": head})
        config["head"] = None
        try:
            (waiting or started(config, reader)).run(head)
        except OSError as error:  # no more processes, say: the caller decides what it means
            answer(config, {"broken": "%s: %s" % (type(error).__name__, error)})
            kill_all_but(config, ())
            reader.forget()


def started(config: dict[str, Any], reader: Reader) -> Execution:
    """The first process of a job, which waits for it."""
    execution = Execution(config, reader)
    execution.start()
    return execution
