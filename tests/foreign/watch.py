"""Sees what this process opens, makes, moves and starts, and says what of it lies outside of the folders that are allowed."""

from __future__ import annotations

import os
import signal
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import ttc_data

ROOT = Path(ttc_data.__file__).resolve().parent.parent
PLACES = (
    sys.prefix,
    sys.base_prefix,
    sysconfig.get_path("stdlib"),
    ROOT,
    "/usr",
    "/lib",
    "/lib64",
    "/proc",
    "/sys",
    "/dev",
)
READ = (
    *(os.path.realpath(place) for place in PLACES),
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/ld.so.cache",
    "/etc/os-release",
)
"""What Python and its libraries read by themselves."""
MADE: dict[str, tuple[tuple[int, int], ...]] = {
    "os.mkdir": ((0, 2),), "os.rmdir": ((0, 1),), "os.remove": ((0, 1),), "os.rename": ((0, 2), (1, 3)), "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),), "os.chmod": ((0, 2),), "os.chown": ((0, 3),), "os.truncate": ((0, 0),), "os.utime": ((0, 3),),
}  # fmt: skip
"""Which arguments of an event are a path that it changes, and the folder that this is relative to."""
PROGRAMS = ("git",)


class Outside(Exception):
    """Something outside was touched."""


class Hang(Exception):
    """A case takes too long."""


class Watch:
    """One for the process: hooks stay for ever, so this one is told when to look."""

    def __init__(self) -> None:
        self._allowed: tuple[str, ...] = ()
        self._seen: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._allowed:
            return
        if event == "open":
            path, mode, flags = arguments
            changes = bool(isinstance(mode, str) and set(mode) & set("wax+")) or bool(
                flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            )
            self._look(path, self._allowed if changes else (*self._allowed, *READ), event)
        elif event in MADE:
            for path, folder in MADE[event]:
                self._look(_from(arguments[path], arguments[folder]), self._allowed, event)
        elif event == "subprocess.Popen" and os.path.basename(os.fsdecode(arguments[0])) not in PROGRAMS:
            self._seen.append(f"{event} {arguments[0]!r}")
        elif event in ("socket.connect", "os.system", "os.exec"):
            self._seen.append(f"{event} {arguments!r}")

    def _look(self, path: Any, allowed: tuple[str, ...], event: str) -> None:
        if isinstance(path, int) or path == os.devnull:
            return
        # Links are followed where they lie, as the system does.
        real = os.path.realpath(os.fsdecode(path))
        if not any(real == one or real.startswith(f"{one}/") for one in allowed):
            self._seen.append(f"{event} {real}")

    @contextmanager
    def over(self, seconds: float, *folders: Path) -> Iterator[None]:
        """Look while a case runs.

        Args:
            seconds: that it may take.
            folders: that it may read and write.

        Raises:
            Outside: it touched something else, or started another program.
            Hang: it took longer.
        """

        def late(number: int, frame: FrameType | None) -> None:
            raise Hang(f"more than {seconds:g} s")

        before = signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        self._seen.clear()
        self._allowed = tuple(os.path.realpath(folder) for folder in folders)
        try:
            yield
        finally:
            self._allowed = ()
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        if self._seen:
            raise Outside("; ".join(self._seen[:3]))


def _from(path: Any, folder: Any) -> Any:
    """A path that is relative to an opened folder, in full."""
    if isinstance(path, int) or not isinstance(folder, int) or folder < 0:
        return path
    return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))
