"""A Debian or Ubuntu tree with Python and git, made from the distribution's packages by debootstrap."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from ttc_data.errors import SandboxUnavailable, StorageFull
from ttc_data.programs import NETWORK, environment

Progress: TypeAlias = Callable[[str], None]

# git applies answers in row images; without tzdata every zoneinfo test of a mined project would fail.
PACKAGES = ("python3", "git", "tzdata", "ca-certificates")
# Debian and Ubuntu took distutils out of python3 long before Python 3.12 removed it.
SUITE_PACKAGES = dict.fromkeys(("bullseye", "bookworm", "focal", "jammy"), ("python3-distutils",))
NEEDED_PROGRAMS = ("debootstrap", "tar", "unshare")
# A bookworm tree takes 420 MB before it is stripped, and the engine unpacks the stripped 205 MB beside it.
NEEDED_BYTES = 1024**3
MAKE_LIMIT_S = 1_800.0

# What debootstrap leaves that no environment reads, or that tells something of the machine that made the image.
STRIPPED = (
    "var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/man", "usr/share/info", "usr/share/locale",
    "usr/share/lintian", "etc/resolv.conf", "etc/hostname", "etc/apt/sources.list",
)  # fmt: skip


def make_tree(suite: str, root: Path, progress: Progress) -> None:
    """Fill an empty folder with the packages of `suite`, and leave out what no environment reads.

    The mirror is the one of the machine's own apt sources for `suite`, else debootstrap's default.

    Raises:
        SandboxUnavailable: not root, a program is missing, or debootstrap failed; with its last words.
        StorageFull: less than a gigabyte is free.
    """
    obstacle = why_not_here(os.geteuid(), [program for program in NEEDED_PROGRAMS if shutil.which(program) is None])
    if obstacle:
        raise SandboxUnavailable(f"cannot make a tree of {suite} packages here: {obstacle}")
    free = shutil.disk_usage(root).free
    if free < NEEDED_BYTES:
        raise StorageFull(
            f"{root.parent} has {free >> 20} MB free, a tree of {suite} packages needs {NEEDED_BYTES >> 20} MB; "
            "free some or set TMPDIR to a larger disk"
        )
    root.chmod(0o755)  # becomes `/` of the image: a private one would shut out every user but root
    progress(f"making a tree of {suite} packages (about a minute)")
    _debootstrap(suite, root, progress)
    _strip(root)


def why_not_here(uid: int, missing: Sequence[str]) -> str:
    """Say what keeps this machine from making an image, and what to do; empty when nothing does."""
    elsewhere = "or make it on another machine and bring it with `docker save` and `docker load`"
    if "debootstrap" in missing:
        return f"there is no debootstrap; install it (`apt-get install debootstrap` on Debian and Ubuntu), {elsewhere}"
    if missing:
        return f"there is no {' and no '.join(missing)}; install them, {elsewhere}"
    if uid != 0:
        return f"debootstrap needs root, this is user {uid}; run `ttcdata image base` as root, {elsewhere}"
    return ""


def one_line(error: object) -> str:
    """Fold a message into one line of at most 300 characters."""
    return " ".join(str(error).split())[:300]


def _mirror(suite: str) -> str | None:
    """The machine's own apt mirror for `suite`, None where apt has none: debootstrap then takes its default."""
    if shutil.which("apt-get") is None:
        return None
    command = ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"]
    listed = subprocess.run(
        [*command, "Created-By: Packages"], capture_output=True, text=True, check=False, env=environment()
    )
    for line in listed.stdout.splitlines():
        address, _, rest = line.partition("|")
        if rest == f"{suite}|main" and address.startswith(("http://", "https://", "file:/")):
            return address
    return None


def _debootstrap(suite: str, root: Path, progress: Progress) -> None:
    packages = ",".join((*PACKAGES, *SUITE_PACKAGES.get(suite, ())))
    mirror = _mirror(suite)
    # A mount namespace of its own: when debootstrap is killed, its /proc and /sys are gone before we delete the tree.
    command = ["unshare", "--mount", "--propagation", "private", "--", "debootstrap", "--variant=minbase"]
    command += [f"--include={packages}", suite, str(root), *([mirror] if mirror else [])]
    last: deque[str] = deque(maxlen=5)
    phase = ""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**environment(*NETWORK), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        umask=0o022,
        start_new_session=True,
    ) as process:
        watch = threading.Timer(MAKE_LIMIT_S, _kill_group, [process.pid])
        watch.start()
        try:
            assert process.stdout is not None
            for line in map(str.strip, process.stdout):
                last.append(line)
                verb = line.removeprefix("I: ").partition(" ")[0]
                if line.startswith("I: ") and verb != phase and verb in ("Retrieving", "Extracting", "Configuring"):
                    phase = verb
                    progress(f"debootstrap: {verb.lower()} packages")
            code = process.wait()
        finally:
            watch.cancel()
            if process.poll() is None:
                _kill_group(process.pid)
    if code != 0:
        words = one_line("; ".join(last)) or "it said nothing"
        if "No space left" in words:
            raise StorageFull(f"the disk of {root.parent} is full; free some or set TMPDIR to a larger disk")
        raise SandboxUnavailable(
            f"debootstrap {suite} ended with {code} ({words}); it needs a package mirror of {suite} in this machine's "
            "apt sources, or its default one"
        )


def _strip(root: Path) -> None:
    for name in STRIPPED:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            for entry in path.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        else:
            path.unlink(missing_ok=True)
    # Licences have to stay with what they cover; the rest of the documentation is 10 MB.
    for path in sorted((root / "usr/share/doc").rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # not empty: it holds a licence
                path.rmdir()
        elif path.name != "copyright":
            path.unlink()
    python = root / "usr/local/bin/python"  # suites start `python` as often as `python3`
    python.symlink_to("/usr/bin/python3")


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
