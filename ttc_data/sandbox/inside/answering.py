"""Answers in the kernel's place what a job asks about the whole machine with `sysinfo`: how long it runs, its load, its memory.

There is no file to cover for this call, and programs do without it badly: the C library takes the size of the memory from it, and
`os.getloadavg` the load. So a filter hands the call to the first of the job's processes, which writes the same answer into the
memory of whoever asks, always.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import platform
import struct

from ttc_data.sandbox.inside.calls import ALLOW, EQUAL, MACHINES, NUMBER, RETURN, SYSINFO, bytes_of, when
from ttc_data.sandbox.inside.kernel import LIBC, check
from ttc_data.sandbox.inside.procfs import UPTIME_S

SECCOMP = {"x86_64": 317, "aarch64": 277}
SET_MODE_FILTER, NEW_LISTENER = 1, 8
HAND_OVER = (RETURN, 0, 0, 0x7FC00000)
# What the kernel tells of a call (number, process, arguments among it), and what it is told.
RECEIVE, SEND, QUESTION_BYTES = 0xC0502100, 0xC0182101, 80
EFAULT = 14


def listen() -> int:
    """Have the calls of this process and its children handed over; gives where.

    Raises:
        OSError: the kernel does not (before 5.0), or somebody else has them handed over.
    """
    machine = platform.machine()
    steps = [NUMBER, *when(EQUAL, SYSINFO[MACHINES[machine][0]], HAND_OVER), ALLOW]
    text = ctypes.create_string_buffer(bytes_of(steps))
    pointer = struct.pack("@HP", len(steps), ctypes.addressof(text))
    listener = int(LIBC.syscall(SECCOMP[machine], SET_MODE_FILTER, NEW_LISTENER, pointer))
    check(listener < 0, "seccomp")
    return listener


def machine_as_told(memory_bytes: int) -> bytes:
    """The kernel's structure: seconds, three loads, six sizes of memory, processes, and the unit of the sizes."""
    return struct.pack("=q9QHHxxxxQQIxxxx", UPTIME_S, 0, 0, 0, memory_bytes, memory_bytes, 0, 0, 0, 0, 2, 0, 0, 0, 1)


def reply(listener: int, told: bytes) -> None:
    """Answer one call."""
    question = bytearray(QUESTION_BYTES)
    try:
        fcntl.ioctl(listener, RECEIVE, question)
    except OSError:  # whoever asked is gone
        return
    number, process = struct.unpack_from("=QI", question)
    (place,) = struct.unpack_from("=Q", question, 32)
    problem = 0
    try:
        memory = os.open("/proc/%d/mem" % process, os.O_WRONLY)
        try:
            os.pwrite(memory, told, place)
        finally:
            os.close(memory)
    except (OSError, OverflowError):
        problem = -EFAULT
    with contextlib.suppress(OSError):
        fcntl.ioctl(listener, SEND, struct.pack("=QqiI", number, 0, problem, 0))
