"""Lays out a job's working tree, and takes from the job what it must not have.

Where the kernel allows it, the tree is an overlay in namespaces of the job's own; see `spaces.py`. Elsewhere the tree is copied,
and what a job wrote is removed before the next.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import struct
from typing import Any

from ttc_data.sandbox.inside.calls import filter_calls
from ttc_data.sandbox.inside.kernel import LIBC, PR_CAP_AMBIENT, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, check
from ttc_data.sandbox.inside.rewritten import is_test

# Where a job can write besides its tree.
SCRATCH = (("/tmp", 0o1777), ("/dev/shm", 0o1777))


def copy_out(config: dict[str, Any]) -> int:
    """Make the working tree a copy, in folders that are emptied for it; gives a descriptor of it."""
    work = config["work"]
    empty(work, 0o755)
    for place, mode in config["scratch"]:
        empty(place, mode)
    if config["alone"]:
        remove_ipc()
    copy_tree(config["tree"], work)
    return os.open(work, os.O_RDONLY | os.O_DIRECTORY)


def lay_out(config: dict[str, Any], files: dict[str, str | None], tests: list[str]) -> None:
    """Lay the job's own files over the environment's.

    What is there already stays and keeps its bytecode, for to compile 1,000 lines takes 20 ms; but not a test file: one
    that was changed must not look unlike one that was not.
    """
    work = config["work"]
    files = {
        path: text
        for path, text in files.items()
        if text is None or is_test(path, tests) or not holds(os.path.join(work, path), text)
    }
    for path, text in files.items():
        forget_bytecode(os.path.join(work, path))
        if text is None:
            remove(work, path)
    for path, text in files.items():
        if text is not None:
            write(os.path.join(work, path), text)
    os.mkdir(config["home"])


def holds(place: str, text: str) -> bool:
    """Whether a file is what a job brings."""
    if os.path.islink(place):
        return False
    try:
        with open(place, "rb") as file:
            return file.read() == text.encode("utf-8", "surrogateescape")
    except OSError:
        return False


def forget_bytecode(place: str) -> None:
    """Remove what was compiled of a file that is about to change: it tells what stood there."""
    folder, name = os.path.split(place)
    cache = os.path.join(folder, "__pycache__")
    stem = os.path.splitext(name)[0] + "."
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for one in os.listdir(cache):
            if one.startswith(stem):
                os.unlink(os.path.join(cache, one))


def write(place: str, text: str) -> None:
    """Write a new file: what stood there may belong to the tree beneath."""
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place)
    with open(place, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def remove(work: str, path: str) -> None:
    """Remove a file, and the folders that are empty without it, as git does: a file may take their place."""
    place = os.path.join(work, path)
    if os.path.lexists(place):
        os.unlink(place)
    folder = os.path.dirname(place)
    while len(folder) > len(work):
        try:
            os.rmdir(folder)
        except OSError:  # holds something else, or is not there
            return
        folder = os.path.dirname(folder)


def empty(place: str, mode: int) -> None:
    """Remove all that lies in a folder, whatever permissions and however deep a nesting a job left.

    Inner folders are moved to the top before they are emptied: a path never grows longer than the kernel takes, and
    nothing recurses.
    """
    with contextlib.suppress(PermissionError):  # not ours, so no job could change it
        os.chmod(place, mode)
    waiting = [os.path.join(place, name) for name in os.listdir(place)]
    number = 0
    while waiting:
        path = waiting.pop()
        if os.path.islink(path) or not os.path.isdir(path):
            os.unlink(path)
            continue
        os.chmod(path, 0o700)
        for name in os.listdir(path):
            inner = os.path.join(path, name)
            if os.path.islink(inner) or not os.path.isdir(inner):
                os.unlink(inner)
                continue
            os.chmod(inner, 0o700)  # moving a folder writes its "..", which takes permission to write it
            away = os.path.join(place, ".removed-%d" % number)
            while os.path.lexists(away):
                number += 1
                away = os.path.join(place, ".removed-%d" % number)
            os.rename(inner, away)
            waiting.append(away)
        os.rmdir(path)


def copy_tree(source: str, destination: str) -> None:
    """Copy files and folders with their dates, readable and writable by us alone."""
    for entry in os.scandir(source):
        target = os.path.join(destination, entry.name)
        if entry.is_dir(follow_symlinks=False):
            os.mkdir(target)
            copy_tree(entry.path, target)
        else:
            shutil.copyfile(entry.path, target)
            status = entry.stat()
            os.chmod(target, status.st_mode & 0o700 | 0o600)
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))  # the date that its bytecode belongs to


def remove_ipc() -> None:
    """Remove what System V IPC keeps without a process."""
    for kind, control in (("shm", LIBC.shmctl), ("msg", LIBC.msgctl), ("sem", LIBC.semctl)):
        try:
            with open("/proc/sysvipc/" + kind, encoding="ascii") as table:
                numbers = [int(line.split()[1]) for line in table.readlines()[1:]]
        except FileNotFoundError:  # a kernel without it
            continue
        for number in numbers:
            if kind == "sem":
                control(number, 0, 0)  # 0 is IPC_RMID
            else:
                control(number, 0, None)


def limit(limits: dict[str, int]) -> None:
    """Bound what one process may use; in a namespace of users of its own the number of processes is counted there alone."""
    for kind, most in (
        (resource.RLIMIT_CORE, 1),  # see `calls.py`
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_MSGQUEUE, 0),  # a queue would outlive the job
    ):
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def give_up_rights() -> None:
    """Drop every capability for good, and filter calls from now on; see `calls.py`."""
    for number in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0):
            break  # past the last one, or not ours to drop
    LIBC.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0)  # 4 clears them all
    header = struct.pack("=II", 0x20080522, 0)
    check(LIBC.capset(header, struct.pack("=6I", *[0] * 6)), "capset")
    check(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    filter_calls()
