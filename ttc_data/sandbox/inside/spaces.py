"""Gives a job namespaces of its own, and in them a tree, a `/dev` and a `/proc` of its own, and no `/sys`.

Its tree is an overlay over the environment's read-only one, its `/tmp` and `/dev/shm` are memory of its own, its network is a
loopback of its own, its processes are counted anew, and all of it is gone with its last process, at a cost that does not grow
with the tree. What a kernel or an engine does not allow is left out, and named when the sandbox opens.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import platform
import shutil
import signal
import struct
import time
from random import SystemRandom
from typing import Any

from ttc_data.sandbox.inside.answering import listen
from ttc_data.sandbox.inside.calls import MACHINES
from ttc_data.sandbox.inside.kernel import (
    LIBC,
    MS_MOVE,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    PR_SET_DUMPABLE,
    bind,
    check,
    make_readonly,
    mount,
    write_setting,
)
from ttc_data.sandbox.inside.procfs import UPTIME_S, close_net, cover_proc, mount_proc

CLONE_NEWTIME, CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x80, 0x20000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
# Without these a job gets a copy of the tree, and none of the others.
ALWAYS = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC
# By the names that are told where they cannot be had. That of the network is entered once its owner has a number, that of clocks
# by a child alone; the load is no namespace, and answered instead.
PROCESSES, NETWORK, HOST, CLOCKS, LOAD = "processes", "network", "host name", "clocks", "load figures"
SPACES = {PROCESSES: CLONE_NEWPID, NETWORK: 0, HOST: CLONE_NEWUTS, CLOCKS: 0, LOAD: 0}
FILES = "files beneath the tree"
MNT_DETACH = 2
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
LINKS = {
    "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}  # fmt: skip
HOST_NAME = b"sandbox"
AF_INET, SOCK_DGRAM, SIOCSIFFLAGS, IFF_UP = 2, 2, 0x8914, 1
# The ports that a machine picks from, and how many of them a job does.
PORTS, WIDTHS = (32_768, 60_999), (3_000, 9_000)
# Keeps the interpreter's lock, as a fork does.
HELD = ctypes.PyDLL(None, use_errno=True)


def own_spaces(config: dict[str, Any]) -> list[str] | None:
    """What jobs can have of their own here, each tried in processes of its own; None: not even an overlay."""
    if platform.machine() not in MACHINES or not config["alone"]:
        return None
    every = list(SPACES)
    if possible(config, every):
        return every
    if not possible(config, []):
        return None
    return [space for space in every if possible(config, [space])]


def shared_spaces(config: dict[str, Any]) -> list[str]:
    """What jobs have in common with those before them, and with the runner."""
    if config["spaces"] is None:
        return [FILES, *SPACES]
    return [space for space in SPACES if space not in config["spaces"]]


def possible(config: dict[str, Any], spaces: list[str]) -> bool:
    """Whether a job can have these, and an overlay that is whole."""
    try:
        pid = fork_into(spaces)
    except OSError:
        return False
    if pid == 0:
        status = 1
        try:
            asked = {**config, "spaces": spaces}
            outside = own(asked)
            enter(asked)
            probe_overlay(config["work"])
            if LOAD in spaces:
                listen()
            child = os.fork()
            if child == 0:
                become_nobody(asked, outside)
                os._exit(0)
            status = os.waitpid(child, 0)[1]
        except (OSError, ValueError):  # not allowed
            pass
        finally:
            os._exit(1 if status else 0)
    return os.waitpid(pid, 0)[1] == 0


def probe_overlay(place: str) -> None:
    """Raise `OSError` for an overlay that is not whole: in one that is, a folder that was removed and made again is empty."""
    for entry in os.scandir(place):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(os.path.join(place, entry.name))
            os.mkdir(os.path.join(place, entry.name))
            if os.listdir(os.path.join(place, entry.name)):
                raise OSError("what was removed is there again")
            break
    with open(os.path.join(place, ".ttcdata-probe"), "x"):
        pass


def fork_into(spaces: list[str]) -> int:
    """As `os.fork`, into new namespaces: of processes, where they are named, the child is number 1."""
    flags = ALWAYS | sum(SPACES[space] for space in spaces) | signal.SIGCHLD
    number = MACHINES[platform.machine()][2]
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    pid = int(HELD.syscall(ctypes.c_long(number), ctypes.c_ulong(flags), None, None, None, None))
    problem = ctypes.get_errno()
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(problem, "clone: " + os.strerror(problem))
    return pid


def own(config: dict[str, Any]) -> int:
    """Be root in the namespaces that `fork_into` made, and have a network; gives a descriptor of the `/proc` outside of them.

    Nothing here has a date that a job sees, so it may be done before the job is there. The files of a network belong to root of
    the namespace of users that it was made in, which therefore has to be somebody by then.
    """
    LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else its own files below belong to root
    outside = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    write_setting("/proc/self/setgroups", "deny")
    map_user(config, outside, "0 %d 1")
    if NETWORK in config["spaces"]:
        check(LIBC.unshare(CLONE_NEWNET), "unshare")
        close_net()
    LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    return outside


def map_user(config: dict[str, Any], outside: int, line: str) -> None:
    """Say who this process is, in the namespace of users that it has just entered."""
    uid, gid = config["user"]
    for name, number in (("uid_map", uid), ("gid_map", gid)):
        descriptor = os.open("self/" + name, os.O_WRONLY, dir_fd=outside)
        try:
            os.write(descriptor, (line % number).encode("ascii"))
        finally:
            os.close(descriptor)


def become_nobody(config: dict[str, Any], outside: int) -> None:
    """Enter a last namespace of users, with the number that a job's user has, and without any right in the others."""
    LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    check(LIBC.unshare(CLONE_NEWUSER), "unshare")
    map_user(config, outside, "%d 0 1")
    os.close(outside)


def enter(config: dict[str, Any], *, bare: bool = False) -> tuple[int, int]:
    """Set up the namespaces that `fork_into` and `own` made; gives descriptors of the overlay's changes, and of a whole `/proc`.

    The process has every right in them, and keeps it. Nothing of a job can open it.

    Args:
        config: of the runner.
        bare: the tree beneath the job's is not covered.
    """
    spaces = config["spaces"]
    LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    if PROCESSES in spaces:
        mount_proc()
    if NETWORK in spaces:
        start_loopback()
    if HOST in spaces:
        check(LIBC.sethostname(HOST_NAME, len(HOST_NAME)), "sethostname")
    if CLOCKS in spaces:
        set_clocks()
    LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    whole = cover_proc(config["covers"])
    return mount_files(config, bare), whole


def start_loopback() -> None:
    """Switch the loopback on, with ports of its own.

    The kernel counts on from the last port that it picked for the same address, for all namespaces together. Seen through ranges
    of widths that have nothing in common, the count of one job says nothing to the next.
    """
    draw = SystemRandom()
    width = 2 * next(number for number in iter(lambda: draw.randrange(*WIDTHS) // 2, 0) if is_prime(number))
    low = draw.randrange(PORTS[0], PORTS[1] - width) & ~1
    write_setting("/proc/sys/net/ipv4/ip_local_port_range", "%d %d" % (low, low + width - 1))
    descriptor = LIBC.socket(AF_INET, SOCK_DGRAM, 0)
    check(descriptor < 0, "socket")
    try:
        fcntl.ioctl(descriptor, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    finally:
        os.close(descriptor)


def is_prime(number: int) -> bool:
    """For small numbers."""
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def set_clocks() -> None:
    """Have the clocks of the next child begin where those of every other job do."""
    check(LIBC.unshare(CLONE_NEWTIME), "unshare")
    lines = []
    for name, clock in (("monotonic", time.CLOCK_MONOTONIC), ("boottime", time.CLOCK_BOOTTIME)):
        seconds, rest = divmod(UPTIME_S * 10**9 - time.clock_gettime_ns(clock), 10**9)
        lines.append("%s %d %d\n" % (name, seconds, rest))
    write_setting("/proc/self/timens_offsets", "".join(lines))


def mount_files(config: dict[str, Any], bare: bool) -> int:
    """Mount the working tree, the scratch folders and `/dev`, as `enter`; gives a descriptor of the overlay's changes."""
    size = config["limits"]["scratch_bytes"]
    flags = MS_NOSUID | MS_NODEV
    mount("tmpfs", "/tmp", "tmpfs", flags, "size=%d,nr_inodes=%d,mode=1777" % (size, size // 1024))
    mask = os.umask(0)
    for name, mode in (("changes", 0o755), ("overlay", 0o755), ("shm", 0o1777), ("tmp", 0o1777), ("dev", 0o755)):
        os.mkdir("/tmp/" + name, mode)
    os.umask(mask)
    layers = "lowerdir=%s,upperdir=/tmp/changes,workdir=/tmp/overlay,userxattr" % config["tree"]
    mount("overlay", config["work"], "overlay", flags, layers)
    changes = os.open("/tmp/changes", os.O_RDONLY | os.O_DIRECTORY)
    # The tree beneath holds what was masked, and the tests as they were; `/sys` counts what others do.
    for place in ("/sys",) if bare else (config["tree"], "/sys"):
        if os.path.isdir(place):
            mount("tmpfs", place, "tmpfs", flags | MS_NOEXEC | MS_RDONLY, "size=4k,nr_inodes=2,mode=555")
    mount_devices("/tmp/dev")
    bind("/tmp/tmp", "/tmp")  # last: it hides the others
    return changes


def mount_devices(place: str) -> None:
    """Make a `/dev` at a place, and move it to where it belongs: devices whose dates cannot be set, terminals, shared memory."""
    mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,nr_inodes=32,mode=755")
    for name in DEVICES:
        if os.path.exists("/dev/" + name):
            target = os.path.join(place, name)
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o444))
            bind("/dev/" + name, target)
            make_readonly(target)
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(os.path.join(place, name))
    for name, to in LINKS.items():
        os.symlink(to, os.path.join(place, name))
    mount("devpts", place + "/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    with contextlib.suppress(OSError):  # a kernel without them
        mount("mqueue", place + "/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    bind("/tmp/shm", place + "/shm")
    make_readonly(place)
    mount(place, "/dev", "", MS_MOVE)


def clear_away(config: dict[str, Any]) -> None:
    """Give back what was mounted, before the job counts as ended: what is cleared later can be told by the next one."""
    for place in (config["work"], "/dev", "/tmp", "/tmp"):
        LIBC.umount2(place.encode(), MNT_DETACH)
