"""Answers calls in the kernel's place, which tell of the whole machine and which programs do without badly.

A filter hands them to the first of the job's processes. To `sysinfo` (how long the machine runs, its load, its memory), from which
the C library takes the size of the memory and `os.getloadavg` the load, it writes the same answer into the memory of whoever asks,
always. A netlink socket, with which the C library lists interfaces, it makes itself, in the job's network, and lets it receive no
more than that: tables of neighbours are counted for the whole machine, and no filter of calls sees what a message asks for. New sessions it lets pass, so many and no more; see `sessions.py`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import platform
import socket
import struct

from ttc_data.sandbox.inside.calls import (
    AF_NETLINK,
    ALLOW,
    EAFNOSUPPORT,
    EINVAL,
    EPERM,
    EQUAL,
    MACHINES,
    NETLINK_ROUTE,
    NUMBER,
    RETURN,
    SOCKETS,
    SOL_SOCKET,
    STEP_BYTES,
    SYSINFO,
    argument,
    bytes_of,
    when,
)
from ttc_data.sandbox.inside.kernel import LIBC, check
from ttc_data.sandbox.inside.procfs import UPTIME_S
from ttc_data.sandbox.inside.sessions import MOST, SETSID, are_counted

SECCOMP = {"x86_64": 317, "aarch64": 277}
SET_MODE_FILTER, NEW_LISTENER = 1, 8
HAND_OVER = (RETURN, 0, 0, 0x7FC00000)
# What the kernel tells of a call (number, process, arguments among it), and what it is told.
RECEIVE, SEND, ADD_DESCRIPTOR, QUESTION_BYTES = 0xC0502100, 0xC0182101, 0x40182103, 80
AND_ANSWER, GO_ON = 2, 1
EFAULT = 14
SOCK_CLOEXEC = 0o2000000
SO_ATTACH_FILTER, SO_LOCK_FILTER = 26, 44
# Errors, ends of lists, interfaces, addresses, routes, rules. The type of a message is read as if its first byte were the higher one.
MESSAGES = (2, 3, 16, 20, 24, 32)
LOAD_TYPE, WHOLE, NOTHING = (0x28, 0, 0, 4), (RETURN, 0, 0, 0xFFFFFFFF), (RETURN, 0, 0, 0)
RECEIVED = ctypes.create_string_buffer(
    bytes_of([LOAD_TYPE, *(step for kind in MESSAGES for step in when(EQUAL, kind << 8, WHOLE)), NOTHING])
)


def listen() -> int:
    """Have the calls of this process and its children handed over; gives where.

    Raises:
        OSError: the kernel does not (before 5.0), or somebody else has them handed over.
    """
    machine = platform.machine()
    column = MACHINES[machine][0]
    netlink = [argument(0), *when(EQUAL, AF_NETLINK, HAND_OVER), ALLOW]
    steps = [
        NUMBER,
        *when(EQUAL, SYSINFO[column], HAND_OVER),
        *(when(EQUAL, SETSID[machine], HAND_OVER) if are_counted() else ()),
        *when(EQUAL, SOCKETS["socket"][column], *netlink),
        ALLOW,
    ]
    text = ctypes.create_string_buffer(bytes_of(steps))
    pointer = struct.pack("@HP", len(steps), ctypes.addressof(text))
    listener = int(LIBC.syscall(SECCOMP[machine], SET_MODE_FILTER, NEW_LISTENER, pointer))
    check(listener < 0, "seccomp")
    return listener


def listen_for(other: socket.socket) -> None:
    """Have the calls of this process handed over to the one at the other end, which must not be held up by its own."""
    listener = listen()
    socket.send_fds(other, [b"."], [listener])
    os.close(listener)
    other.close()


def heard_of(other: socket.socket) -> int:
    """Where calls are handed over, from who listened for us; -1: it ended before."""
    descriptors = socket.recv_fds(other, 1, 1)[1]
    other.close()
    return descriptors[0] if descriptors else -1


def machine_as_told(memory_bytes: int) -> bytes:
    """The kernel's structure: seconds, three loads, six sizes of memory, processes, and the unit of the sizes."""
    return struct.pack("=q9QHHxxxxQQIxxxx", UPTIME_S, 0, 0, 0, memory_bytes, memory_bytes, 0, 0, 0, 0, 2, 0, 0, 0, 1)


def reply(listener: int, processes: int, told: bytes, sessions: int) -> bool:
    """Answer one call; gives whether it was one for a session.

    Args:
        listener: where calls are handed over.
        processes: a `/proc` that can be written to.
        told: what to say of the machine.
        sessions: that were asked for before.
    """
    question = bytearray(QUESTION_BYTES)
    try:
        fcntl.ioctl(listener, RECEIVE, question)
    except OSError:  # whoever asked is gone
        return False
    number, process, call = struct.unpack_from("=QI4xi", question)
    first, second = struct.unpack_from("=QQ", question, 32)
    if call in SETSID.values():
        granted = sessions < MOST
        with contextlib.suppress(OSError):
            fcntl.ioctl(
                listener, SEND, struct.pack("=QqiI", number, 0, 0 if granted else -EPERM, GO_ON if granted else 0)
            )
        return True
    if call in SOCKETS["socket"]:
        problem = hand_socket(listener, number, second)
    else:
        problem = write_answer(processes, process, first, told)
    if problem is not None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(listener, SEND, struct.pack("=QqiI", number, 0, -problem, 0))
    return False


def write_answer(processes: int, process: int, place: int, told: bytes) -> int:
    """Write into somebody's memory; gives the number of what went wrong, or 0."""
    try:
        memory = os.open("%d/mem" % process, os.O_WRONLY, dir_fd=processes)
        try:
            os.pwrite(memory, told, place)
        finally:
            os.close(memory)
    except (OSError, OverflowError):
        return EFAULT
    return 0


def hand_socket(listener: int, number: int, kind: int) -> int | None:
    """Answer a call with a netlink socket that takes in `MESSAGES` and keeps to that; gives the number of what went wrong."""
    made = LIBC.socket(AF_NETLINK, ctypes.c_int(kind | SOCK_CLOEXEC), NETLINK_ROUTE)
    if made < 0:
        return ctypes.get_errno()
    try:
        steps = struct.pack("@HP", len(RECEIVED) // STEP_BYTES, ctypes.addressof(RECEIVED))
        check(LIBC.setsockopt(made, SOL_SOCKET, SO_ATTACH_FILTER, steps, len(steps)), "setsockopt")
        check(LIBC.setsockopt(made, SOL_SOCKET, SO_LOCK_FILTER, struct.pack("=i", 1), 4), "setsockopt")
        fcntl.ioctl(listener, ADD_DESCRIPTOR, struct.pack("=QIIII", number, AND_ANSWER, made, 0, kind & SOCK_CLOEXEC))
    except OSError as error:
        return error.errno if error.errno != EINVAL else EAFNOSUPPORT
    finally:
        os.close(made)
    return None
