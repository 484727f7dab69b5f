"""The local transport where bubblewrap cannot run: a process of this machine, its limits, and nothing else around it.

Jobs are who we are, see what we see and reach the network. A runner kills what its jobs start, unless it hides.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from ttc_data.errors import SandboxUnavailable
from ttc_data.sandbox.inside.confine import empty
from ttc_data.sandbox.local import interpreter
from ttc_data.sandbox.owner import gone, this_process
from ttc_data.sandbox.process import ProcessPipe
from ttc_data.sandbox.protocol import Limits
from ttc_data.sandbox.stream import StreamSandbox, bytecode_program, runner_arguments, runner_program, with_arguments

WARNING = (
    "warning: --sandbox local-unsafe: tests and answers run as this user without any isolation; they can read, change and"
    " send away all that you can"
)
PREFIX = "ttcdata-unsafe-"
OWNER = "owner"


def require_linux() -> None:
    """Refuse where the runner cannot watch its processes.

    Raises:
        SandboxUnavailable: naming the system.
    """
    if platform.system() != "Linux":
        raise SandboxUnavailable(f"--sandbox local-unsafe needs Linux, this is {platform.system()}; run with --docker")


def remove_abandoned() -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(gettempdir()).glob(f"{PREFIX}*"):
        owner = folder / OWNER
        if owner.is_file() and owner.stat().st_uid == os.getuid() and gone(owner.read_text(encoding="utf-8")):
            discard(folder)


def discard(folder: Path) -> None:
    """Remove a sandbox's folder, whatever a job has made of it."""
    empty(str(folder), 0o700)
    folder.rmdir()


class UnsafePipe(ProcessPipe):
    """The standard streams of a runner, and the folder that its jobs write to."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._folder = folder
        super().__init__(command)

    def close(self) -> None:
        """End the runner, which kills what its jobs started when its input ends; what does not end is killed."""
        self._stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            super().close()
        if self._folder.exists():
            with contextlib.suppress(OSError):  # what hid from the runner still writes there
                discard(self._folder)


def open_unsafe(folder: Path, roots: tuple[str, ...], limits: Limits) -> StreamSandbox:
    """Open a runner without a sandbox on an installed environment.

    Args:
        folder: holds `site` (installed packages) and `tree` (the repository).
        roots: folders of the tree on `sys.path`.
        limits: of one job.

    Raises:
        SandboxLost: it opened and broke at once.
    """
    place = Path(mkdtemp(prefix=PREFIX)).resolve()
    try:
        (place / OWNER).write_text(this_process(), encoding="utf-8")
        for name in ("testbed", "tmp"):
            (place / name).mkdir()
        limits = replace(limits, processes=limits.processes + threads_of_user())
        arguments = runner_arguments(
            str(folder / "site"),
            str(folder / "tree"),
            str(place / "testbed"),
            roots,
            limits,
            home=str(place / "tmp/home"),
            alone=False,
        )
        pipe = UnsafePipe([bare_interpreter(place), *arguments], place)
        return StreamSandbox(pipe, f"local-unsafe:{folder.name}", runner_program())
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def bare_interpreter(place: Path) -> str:
    """An interpreter that does not see what is installed beside it: a virtual environment with nothing in it."""
    program = place / "python/bin/python3"
    program.parent.mkdir(parents=True)
    program.symlink_to(interpreter())
    text = f"home = {interpreter().parent}\ninclude-system-site-packages = false\n"
    (place / "python/pyvenv.cfg").write_text(text, encoding="utf-8")
    return str(program)


def threads_of_user() -> int:
    """How many run as this user: without a namespace they all count against a job's limit."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            count += len(os.listdir(process / "task")) if process.stat().st_uid == os.getuid() else 0
        except OSError:  # it ended
            continue
    return count


def compile_unsafe(folder: Path, test_files: tuple[str, ...]) -> None:
    """Make an installed environment's bytecode; see `inside/bytecode.py`. Nothing of the environment runs."""
    program = with_arguments(bytecode_program(), str(folder / "site"), str(folder / "tree"), *test_files).encode()
    command = [str(interpreter()), "-s", "-"]
    subprocess.run(command, capture_output=True, check=False, timeout=600, input=program, env={})
