"""The local transport: a bubblewrap process around this machine's own interpreter.

The job sees a read-only `/usr`, the interpreter, the environment's packages and tree, and memory-backed `/testbed`
and `/tmp`. It has its own user, process, network, IPC and host-name namespaces, no network device but loopback,
and nothing of the host's environment, home or secrets.
"""

from __future__ import annotations

import os
import select
import shutil
import site
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from ttc_data.errors import SandboxLost, SandboxUnavailable
from ttc_data.sandbox.protocol import Limits
from ttc_data.sandbox.stream import StreamSandbox, runner_arguments

NOBODY = "65534"


@cache
def require_bubblewrap() -> str:
    """Path of a bubblewrap that really opens a sandbox here.

    Raises:
        SandboxUnavailable: saying what is missing and how to get it.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxUnavailable(
            "no bubblewrap (`bwrap`) on PATH; install it (`apt-get install bubblewrap`, `dnf install bubblewrap`), or run"
            " with --docker"
        )
    command = [program, *_namespaces(), *_system(), "true"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=20, env={})
    except (OSError, subprocess.SubprocessError) as error:
        said = " ".join((getattr(error, "stderr", "") or str(error)).split())[-300:]
        raise SandboxUnavailable(
            f"bubblewrap cannot open a sandbox here ({said}); allow unprivileged user namespaces, or run with --docker"
        ) from error
    return program


def interpreter() -> Path:
    """The real interpreter behind this one's virtual environment."""
    return Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def _namespaces() -> list[str]:
    return [
        "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--uid", NOBODY, "--gid", NOBODY, "--hostname", "sandbox", "--die-with-parent", "--new-session", "--as-pid-1",
        "--cap-drop", "ALL", "--clearenv",
    ]  # fmt: skip


def _system() -> list[str]:
    """Read-only binds of what a dynamically linked interpreter needs."""
    arguments = ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    for folder in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        path = Path(folder)
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), folder]
        elif path.is_dir():
            arguments += ["--ro-bind", folder, folder]
    for file in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/mime.types"):
        arguments += ["--ro-bind-try", file, file]
    prefix = sys.base_prefix
    if not prefix.startswith("/usr/"):
        arguments += ["--ro-bind", prefix, prefix]
    # What this machine has installed beside its interpreter is no part of any environment: a suite would pass here
    # and fail elsewhere, and pytest would load every plugin it finds.
    for folder in site.getsitepackages([sys.base_prefix]):
        if Path(folder).is_dir():
            arguments += ["--tmpfs", folder]
    return arguments


def compile_site(folder: Path) -> None:
    """Compile an installed environment's packages; without bytecode every job compiles pytest again: 2.2 s, not 0.3 s.

    Runs inside a sandbox that can write nothing else. A file that does not compile is left as it is.
    """
    command = [
        require_bubblewrap(), *_namespaces(), *_system(), "--bind", str(folder / "site"), "/environment/site",
        str(interpreter()), "-m", "compileall", "-q", "/environment/site",
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, check=False, timeout=600, stdin=subprocess.DEVNULL, env={})


class BubblewrapPipe:
    """The standard streams of a bubblewrap process."""

    def __init__(self, command: list[str]) -> None:
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env={}, close_fds=True
        )

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def read(self, count: int, deadline: float) -> bytes:
        """Exactly `count` bytes before the deadline, or `SandboxLost`."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts: list[bytes] = []
        while count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise SandboxLost("no answer in time")
            part = os.read(descriptor, min(count, 1 << 20))
            if not part:
                raise SandboxLost(f"it ended with status {self._process.wait(10)}")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def diagnosis(self) -> str:
        """The last of what bubblewrap and the runner printed."""
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")[-2000:]

    def close(self) -> None:
        """Kill the process; its namespace and all in it go with it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def open_local(folder: Path, roots: tuple[str, ...], limits: Limits) -> StreamSandbox:
    """Open a sandbox on an installed environment.

    Args:
        folder: holds `site` (installed packages) and `tree` (the repository).
        roots: folders of the tree on `sys.path`.
        limits: of one job.

    Raises:
        SandboxUnavailable: bubblewrap is missing or not allowed here.
        SandboxLost: it opened and broke at once.
    """
    command = [
        require_bubblewrap(), *_namespaces(), *_system(),
        "--ro-bind", str(folder / "site"), "/environment/site", "--ro-bind", str(folder / "tree"), "/environment/tree",
        "--size", str(limits.scratch_bytes), "--tmpfs", "/testbed",
        "--size", str(limits.scratch_bytes), "--tmpfs", "/tmp",
        "--chdir", "/testbed", str(interpreter()),
        *runner_arguments("/environment/site", "/environment/tree", "/testbed", roots, limits),
    ]  # fmt: skip
    return StreamSandbox(BubblewrapPipe(command), f"local:{folder.name}")
