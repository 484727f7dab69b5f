"""The C library, for what Python has no words for."""

from __future__ import annotations

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC = 1, 2, 4, 8, 32, 4096, 8192, 16384


def check(result: int, what: str) -> None:
    """Raise what the C library says went wrong."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """The system call; raises `OSError`."""
    check(LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()), "mount " + target)


def bind(source: str, target: str) -> None:
    """Show a file or folder at another place too, as it can be used there."""
    mount(source, target, "", MS_BIND)


def make_readonly(place: str) -> None:
    """Keep what is mounted at a place from being changed: its files, their dates and attributes."""
    kept = os.statvfs(place).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)  # which must not be taken from it
    mount("", place, "", MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def write_setting(place: str, text: str) -> None:
    """Tell the kernel a setting through one of its files."""
    with open(place, "w", encoding="ascii") as file:
        file.write(text)
