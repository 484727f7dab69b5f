"""The local transport: a bubblewrap process around this machine's own interpreter.

The job sees a read-only `/usr`, the interpreter, the environment's packages and tree, and memory-backed `/testbed`
and `/tmp`. It has its own user, process, network, IPC and host-name namespaces, no network device but loopback,
and nothing of the host's environment, home or secrets.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import site
import subprocess
import sys
from functools import cache
from pathlib import Path

from ttc_data.errors import SandboxUnavailable
from ttc_data.sandbox.process import ProcessPipe
from ttc_data.sandbox.protocol import Limits
from ttc_data.sandbox.stream import StreamSandbox, bytecode_program, runner_arguments, runner_program, with_arguments

NOBODY = "65534"
# The user that jobs have under a real root, above what systems and containers hand out. Where jobs cannot have a user
# namespace, which counts its processes alone, each sandbox takes one of the numbers that follow.
JOBS_UID = 1_000_000_000
_numbers = itertools.count()
UNSAFE = "--sandbox local-unsafe runs without any isolation"


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
            f" with --docker; {UNSAFE}"
        )
    try:
        _try(program, _own_user())
    except (OSError, subprocess.SubprocessError) as error:
        said = " ".join((getattr(error, "stderr", "") or str(error)).split())[-300:]
        raise SandboxUnavailable(
            f"bubblewrap cannot open a sandbox here ({said}); allow unprivileged user namespaces, or run with --docker;"
            f" {UNSAFE}"
        ) from error
    return program


def _try(program: str, user: list[str]) -> None:
    command = [program, *user, *_namespaces(), *_system(), "true"]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=20, env={})


@cache
def _real_root() -> bool:
    """Whether bubblewrap can do without a user namespace."""
    if os.geteuid() != 0:
        return False
    try:
        _try(require_bubblewrap(), _other_user())
    except (OSError, subprocess.SubprocessError):  # root of a container, say
        return False
    return True


@cache
def _user_namespaces() -> bool:
    try:
        _try(require_bubblewrap(), _own_user())
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _jobs_uid() -> int:
    return JOBS_UID if _user_namespaces() else JOBS_UID + 1 + os.getpid() * 64 + next(_numbers) % 64


def _own_user() -> list[str]:
    """Whoever we are, under another name."""
    return ["--unshare-user", "--uid", NOBODY, "--gid", NOBODY, "--cap-drop", "ALL"]


def _other_user() -> list[str]:
    """What the runner needs to become another user, and gives up by it."""
    return [
        "--cap-drop",
        "ALL",
        *(word for name in ("CHOWN", "SETGID", "SETUID", "SYS_ADMIN") for word in ("--cap-add", f"CAP_{name}")),
    ]


def interpreter() -> Path:
    """The real interpreter behind this one's virtual environment."""
    return Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def _namespaces() -> list[str]:
    return [
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--hostname",
        "sandbox",
        "--die-with-parent",
        "--new-session",
        "--as-pid-1",
        "--clearenv",
    ]


def _system() -> list[str]:
    """Read-only binds of what a dynamically linked interpreter needs."""
    arguments = ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    # Folders that bubblewrap makes on the way to a bind are closed to every other user.
    for folder in ("/etc", "/environment", *(str(parent) for parent in reversed(Path(sys.base_prefix).parents))):
        if folder not in ("/", "/usr") and not folder.startswith("/usr/"):
            arguments += ["--dir", folder]
    for folder in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        path = Path(folder)
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), folder]
        elif path.is_dir():
            arguments += ["--ro-bind", folder, folder]
    for file in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/mime.types"):
        arguments += ["--ro-bind-try", file, file]
    # Without them `localhost` has no address, and many a test starts a server there.
    for file in ("hosts", "nsswitch.conf"):
        arguments += ["--ro-bind", str(Path(__file__).with_name("etc") / file), f"/etc/{file}"]
    prefix = sys.base_prefix
    if not prefix.startswith("/usr/"):
        arguments += ["--ro-bind", prefix, prefix]
    # What this machine has installed beside its interpreter is no part of any environment: a suite would pass here
    # and fail elsewhere, and pytest would load every plugin it finds.
    for folder in site.getsitepackages([sys.base_prefix]):
        if Path(folder).is_dir():
            arguments += ["--tmpfs", folder]
    return arguments


def compile_environment(folder: Path, test_files: tuple[str, ...]) -> None:
    """Make an installed environment's bytecode, inside a sandbox that can write nothing else; see `inside/bytecode.py`."""
    command = [
        require_bubblewrap(),
        *_own_user(),
        *_namespaces(),
        *_system(),
        "--bind",
        str(folder / "site"),
        "/environment/site",
        "--bind",
        str(folder / "tree"),
        "/testbed",
        str(interpreter()),
        "-s",
        "-",
    ]
    program = with_arguments(bytecode_program(), "/environment/site", "/testbed", *test_files).encode()
    subprocess.run(command, capture_output=True, check=False, timeout=600, input=program, env={})


def give_to_jobs(folder: Path) -> None:
    """Let jobs own what their overlay lies on, so that they may change their tree; a plain user's jobs own it already."""
    if not _real_root():
        return
    for place, folders, files in os.walk(folder / "tree"):
        for name in (".", *folders, *files):
            os.chown(os.path.join(place, name), JOBS_UID, JOBS_UID, follow_symlinks=False)


def _child_pid(info: bytes) -> int | None:
    """The runner's process id as this process sees it, of what bubblewrap tells; None when it never came so far."""
    try:
        return int(json.loads(info)["child-pid"])
    except (ValueError, KeyError):
        return None


class BubblewrapPipe(ProcessPipe):
    """The standard streams of a bubblewrap process."""

    def __init__(self, command: list[str]) -> None:
        told, tells = os.pipe()
        self._runner: int | None = None
        try:
            try:
                super().__init__([command[0], "--info-fd", str(tells), *command[1:]], pass_fds=(tells,))
            finally:
                os.close(tells)
            with open(told, "rb", closefd=False) as info:
                self._runner = _child_pid(info.read())
        finally:
            os.close(told)

    def close(self) -> None:
        """Kill the runner; its namespace and all in it go with it."""
        if self._runner is None or self._process.poll() is not None:
            super().close()
            return
        # Bubblewrap itself waits for it, and may not be allowed to end another user's process.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._runner, signal.SIGKILL)
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
    # Root of a user namespace that root made is root to the kernel: no limit on processes holds it. So a real root's
    # sandboxes have another user, wherever that user can read the environment.
    program = require_bubblewrap()
    other = _real_root() and all((folder / part).stat().st_mode & 0o005 == 0o005 for part in ("site", "tree"))
    uid = _jobs_uid() if other else None
    command = [
        program,
        *(_other_user() if other else _own_user()),
        *_namespaces(),
        *_system(),
        "--ro-bind",
        str(folder / "site"),
        "/environment/site",
        "--ro-bind",
        str(folder / "tree"),
        "/environment/tree",
        "--size",
        str(limits.scratch_bytes),
        "--tmpfs",
        "/testbed",
        "--size",
        str(limits.scratch_bytes),
        "--tmpfs",
        "/tmp",
        "--size",
        str(limits.scratch_bytes),
        "--tmpfs",
        "/dev/shm",
        "--remount-ro",
        "/dev",
        "--remount-ro",
        "/",  # else a job could fill them, and leave things for the next
        "--chdir",
        "/testbed",
        str(interpreter()),
        *runner_arguments("/environment/site", "/environment/tree", "/testbed", roots, limits, uid=uid),
    ]
    return StreamSandbox(BubblewrapPipe(command), f"local:{folder.name}", runner_program())
