"""The kernel's count of sessions, which it keeps for the whole machine and shows in `/proc/PID/autogroup`.

No namespace holds it, and nothing can cover that file. So a job may make only so many sessions, and when it has ended the count is
advanced to the next multiple of more than these: whatever a job made, the next one finds the same. Sessions that others on the
machine make meanwhile are noise.
"""

from __future__ import annotations

import ctypes
import os
import signal

from ttc_data.sandbox.inside.kernel import LIBC

# A session costs 0.1 to 0.3 ms, for the kernel makes a group for the scheduler; each job pays for all of them.
PERIOD, MOST = 16, 12
CLONE_VM, CLONE_VFORK = 0x100, 0x4000
STACK_BYTES = 64 * 1024
SETSID = {"x86_64": 112, "aarch64": 157}


def are_counted() -> bool:
    """Whether this kernel shows a count."""
    processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _counted("self", processes) >= 0
    finally:
        os.close(processes)


def even_out(processes: int) -> None:
    """Advance the count to a multiple of `PERIOD`.

    Args:
        processes: a descriptor of a `/proc` with our children.
    """
    stack = ctypes.create_string_buffer(STACK_BYTES)
    # A child of clone, on our memory while we wait: it makes a session, and is gone.
    top = ctypes.c_void_p((ctypes.addressof(stack) + STACK_BYTES) & ~15)
    call = ctypes.cast(LIBC.setsid, ctypes.c_void_p)
    for _ in range(2 * PERIOD):  # others may count as well
        child = int(LIBC.clone(call, top, CLONE_VM | CLONE_VFORK | signal.SIGCHLD, None))
        if child < 0:
            return
        number = _counted(str(child), processes)
        os.waitpid(child, 0)
        if number % PERIOD == 0 or number < 0:
            return


def _counted(process: str, processes: int) -> int:
    """The number of a process's session; -1 where none is shown."""
    try:
        with open(os.open(process + "/autogroup", os.O_RDONLY, dir_fd=processes), encoding="ascii") as file:
            return int(file.read().split()[0].rpartition("-")[2])
    except (OSError, ValueError, IndexError):
        return -1
