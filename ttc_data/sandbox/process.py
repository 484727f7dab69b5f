"""The standard streams of a process of this machine, as a `Pipe`."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ttc_data.errors import SandboxLost

# A runner reads at once: one that does not take its job in this time is stuck.
WRITE_S = 60.0
# A child's "die with your parent" means the thread that started it: one that lives as long as this process starts all.
LAUNCHER = ThreadPoolExecutor(1, "launcher")


class ProcessPipe:
    """Starts a program and talks to it; its standard error is kept for the diagnosis."""

    def __init__(self, command: Sequence[str], pass_fds: tuple[int, ...] = ()) -> None:
        self._errors = tempfile.TemporaryFile()
        try:
            self._process = LAUNCHER.submit(
                subprocess.Popen[bytes],
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={},
                pass_fds=pass_fds,
                bufsize=0,
            ).result()
        except BaseException:
            self._errors.close()
            raise
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        os.set_blocking(self._stdin.fileno(), False)

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        deadline = time.monotonic() + WRITE_S
        rest = memoryview(data)
        while rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([], [self._stdin], [], left)[1]:
                raise SandboxLost(f"it did not take its job in {WRITE_S:g} s")
            with contextlib.suppress(BlockingIOError):
                rest = rest[os.write(self._stdin.fileno(), rest) :]

    def read(self, count: int, deadline: float) -> bytes:
        """Exactly `count` bytes before the deadline, or `SandboxLost`."""
        parts: list[bytes] = []
        while count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._stdout], [], [], left)[0]:
                raise SandboxLost("no answer in time")
            part = os.read(self._stdout.fileno(), min(count, 1 << 20))
            if not part:
                raise SandboxLost(f"it ended with status {self._ended()}")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _ended(self) -> int | None:
        try:
            return self._process.wait(10)
        except subprocess.TimeoutExpired:  # it closed its output and lives on
            return None

    def diagnosis(self) -> str:
        """The last of what it printed."""
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")[-2000:]

    def close(self) -> None:
        """Kill it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def release(self) -> None:
        """Close the descriptors."""
        for file in (self._stdin, self._stdout, self._errors):
            with contextlib.suppress(OSError):
                file.close()
