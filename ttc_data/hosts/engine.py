"""A Docker engine: found, or set up where that can be done without asking (root on Debian and Ubuntu).

`python -m ttc_data.hosts.engine` is what `make engine` runs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException

from ttc_data.errors import EngineUnavailable, TtcError
from ttc_data.hosts.base_image import ensure_base_image, find_base_image, to_stderr
from ttc_data.hosts.debootstrap import Progress
from ttc_data.programs import NETWORK, environment
from ttc_data.rules import ImageRules

DEFAULT_HOST = "unix:///var/run/docker.sock"
ANSWER_LIMIT_S = 120
START_LIMIT_S = 60.0
LOG = Path("/var/log/ttcdata-dockerd.log")
DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PID_FILES = {"/var/run/docker.pid": "dockerd", "/var/run/docker/containerd/containerd.pid": "containerd"}
PACKAGES = {"dockerd": "docker.io", "debootstrap": "debootstrap", "bwrap": "bubblewrap"}
# Containers have no network, so an engine on a kernel without bridges and iptables is as good as any.
DOCKERD = (("dockerd",), ("dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false"))


def connect() -> docker.DockerClient:
    """Open the engine that `DOCKER_HOST` names, or the machine's own.

    Raises:
        EngineUnavailable: no engine answers there.
    """
    url = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    try:
        if url.startswith("unix://"):
            # docker-py leaves its socket open when nobody listens; ours is closed, and its error needs no unwrapping.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(ANSWER_LIMIT_S)
                probe.connect(url.removeprefix("unix://"))
        client = docker.from_env(timeout=ANSWER_LIMIT_S)
        try:
            client.ping()
        except BaseException:
            client.close()
            raise
    except (DockerException, OSError) as cause:
        raise EngineUnavailable(
            f"no Docker engine at {url} ({root_cause(cause)}); start one (`make engine`), or run with --sandbox local"
        ) from cause
    return client


def root_cause(error: BaseException) -> str:
    """Say in a few words why a connection failed: `No such file or directory`, not the four wrappers around it."""
    chain: list[BaseException] = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None and inner not in chain:
        chain.append(inner)
    told = [link.strerror for link in chain if isinstance(link, OSError) and link.strerror]
    return told[-1] if told else " ".join(str(error).split())[:200]


def bubblewrap_problem() -> str:
    """Run `true` in a bubblewrap sandbox; say why it did not work, `""` when it did."""
    if shutil.which("bwrap") is None:
        return "there is no bwrap program"
    command = ["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all", "--die-with-parent"]
    ran = subprocess.run([*command, "true"], capture_output=True, text=True, check=False, timeout=30, env=environment())
    return "" if ran.returncode == 0 else " ".join(ran.stderr.split())[:200] or f"bwrap ended with {ran.returncode}"


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides how an engine comes to a machine."""

    system: str
    """As `platform.system()` gives it: `Linux`, `Darwin`, `Windows`."""
    distributions: tuple[str, ...]
    """`ID` and `ID_LIKE` of os-release: `("ubuntu", "debian")`."""
    root: bool
    docker_host: str
    """The variable `DOCKER_HOST`, `""` when it is not set."""
    socket_denied: bool
    """There is an engine's socket that this user may not open."""

    @classmethod
    def this(cls) -> Machine:
        """Describe the machine we run on."""
        try:
            release = platform.freedesktop_os_release()
        except OSError:
            release = {}
        door = Path(DEFAULT_HOST.removeprefix("unix://"))
        return cls(
            system=platform.system(),
            distributions=(release.get("ID", ""), *release.get("ID_LIKE", "").split()),
            root=hasattr(os, "geteuid") and os.geteuid() == 0,
            docker_host=os.environ.get("DOCKER_HOST", ""),
            socket_denied=door.exists() and not os.access(door, os.R_OK | os.W_OK),
        )


def advice(machine: Machine) -> str:
    """Say what a person has to do for an engine on this machine; `""` where we can do it ourselves."""
    if machine.docker_host:
        return f"DOCKER_HOST={machine.docker_host} does not answer: start that engine, or unset DOCKER_HOST"
    if machine.system == "Darwin":
        return "on macOS start Docker Desktop, or `brew install colima docker && colima start`; then run this again"
    if machine.system == "Windows":
        return "on Windows start Docker Desktop with its WSL 2 backend and run this inside WSL"
    if machine.system != "Linux":
        return f"there is no Docker engine for {machine.system}: set DOCKER_HOST to one on another machine"
    if machine.socket_denied:
        return (
            f"an engine runs, but this user may not use {DEFAULT_HOST.removeprefix('unix://')}: "
            '`sudo usermod -aG docker "$USER"`, then log in again'
        )
    if "debian" not in machine.distributions and "ubuntu" not in machine.distributions:
        name = machine.distributions[0] if machine.distributions and machine.distributions[0] else "this distribution"
        return (
            f"on {name} install and start Docker with its own package manager (Fedora: `dnf install moby-engine && "
            "systemctl start docker`), or install bubblewrap and use --sandbox local"
        )
    if not machine.root:
        return (
            f"setting up an engine needs root: `sudo {sys.executable} -m ttc_data.hosts.engine`, "
            "or install bubblewrap and use --sandbox local"
        )
    return ""


def missing_packages(has: Callable[[str], bool], debian_keys: bool) -> list[str]:
    """Name the packages to install.

    Args:
        has: Whether a program is on the machine.
        debian_keys: Whether Debian's archive keys are, without which Ubuntu cannot check what debootstrap fetches.
    """
    names = [package for program, package in PACKAGES.items() if not has(program)]
    return names if debian_keys else [*names, "debian-archive-keyring"]


def set_up_engine(progress: Progress = to_stderr) -> docker.DockerClient:
    """Give the running engine, or install and start one.

    Raises:
        EngineUnavailable: it cannot be done here, with what to do; or it was tried and failed, with the log's end.
    """
    try:
        client = connect()
    except EngineUnavailable as error:
        obstacle = advice(Machine.this())
        if obstacle:
            raise EngineUnavailable(f"no Docker engine answers; {obstacle}") from error
        _install(progress)
        return _start(progress)
    progress(f"a Docker engine answers at {os.environ.get('DOCKER_HOST') or DEFAULT_HOST}")
    return client


def make_ready(base: str, progress: Progress = to_stderr) -> str:
    """Set up an engine with a base image; safe to repeat.

    Returns:
        The name of the base image.

    Raises:
        EngineUnavailable: no engine, and none can be set up here.
        SandboxUnavailable: no base image, and none can be had here.
        StorageFull: no room for the image.
    """
    with contextlib.closing(set_up_engine(progress)) as client:
        image = find_base_image(client, base, progress)
        if image is None:
            if not advice(Machine.this()):
                _install(progress)
            image = ensure_base_image(client, base, progress)
    progress(f"environments are built on {image}")
    return image


def _has(program: str) -> bool:
    return shutil.which(program) is not None


def _install(progress: Progress) -> None:
    packages = missing_packages(_has, DEBIAN_KEYS.exists())
    if packages:
        install_packages(packages, progress)


def install_packages(packages: Sequence[str], progress: Progress = to_stderr) -> None:
    """Install Debian's or Ubuntu's packages, as root.

    Raises:
        EngineUnavailable: it failed, with the installer's words.
    """
    progress(f"installing {' '.join(packages)}")
    variables = {**environment(*NETWORK), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    # Lists that cannot be fetched (a third party's, a mirror that is away) matter only if the packages then fail.
    subprocess.run(["apt-get", "update"], capture_output=True, check=False, env=variables)
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=variables)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()[-2:]
        raise EngineUnavailable(
            f"`{' '.join(command)}` ended with {done.returncode} ({' '.join(errors)[:400]}); install them by hand"
        )


def _start(progress: Progress) -> docker.DockerClient:
    # The package's own service, where there is a service manager, comes back after a reboot; ours does not.
    if Path("/run/systemd/system").is_dir():
        progress("starting the docker service")
        started = subprocess.run(
            ["systemctl", "start", "docker"], capture_output=True, text=True, check=False, env=environment()
        )
        if started.returncode != 0:
            raise EngineUnavailable(f"`systemctl start docker` failed ({' '.join(started.stderr.split())[:300]})")
        return _wait() or connect()
    for pid_file, name in PID_FILES.items():
        forget_if_dead(Path(pid_file), name)
    for command in DOCKERD:
        progress(f"starting {' '.join(command)} (log: {LOG})")
        with LOG.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                env=environment(*NETWORK, "DOCKER_*"),
            )
        client = _wait(process)
        if client is not None:
            process.returncode = 0  # it outlives us on purpose: nobody will wait for it
            return client
        if process.poll() is None:
            process.terminate()
            process.wait()
    last = LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
    raise EngineUnavailable(f"dockerd does not start; the end of {LOG}: {' | '.join(last)[:1000]}")


def forget_if_dead(pid_file: Path, name: str, processes: Path = Path("/proc")) -> bool:
    """Remove a pid file whose process is gone, or is by now another program's: the engine takes either for itself.

    Args:
        pid_file: what an engine that was killed left behind.
        name: of the program that wrote it.
        processes: where the system lists its processes.

    Returns:
        Whether there was one to remove.
    """
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return False
    try:
        alive = (processes / str(pid) / "comm").read_text().strip() == name
    except OSError:
        alive = False
    if not alive:
        pid_file.unlink(missing_ok=True)
    return not alive


def _wait(daemon: subprocess.Popen[bytes] | None = None) -> docker.DockerClient | None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and (daemon is None or daemon.poll() is None):
        try:
            return connect()
        except EngineUnavailable:
            time.sleep(0.5)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a sandbox usable on this machine; 0 when one is."""
    parser = argparse.ArgumentParser(prog="make engine", description=main.__doc__)
    parser.add_argument("--base", default=ImageRules().base, help="base image to pull or to make in its place")
    parser.add_argument(
        "--or-bubblewrap", action="store_true", help="be content with bubblewrap where no engine answers"
    )
    options = parser.parse_args(arguments)
    try:
        if options.or_bubblewrap and _bubblewrap_will_do():
            to_stderr("no Docker engine answers; bubblewrap works: using the local sandbox")
        else:
            make_ready(options.base)
    except TtcError as error:
        to_stderr(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _bubblewrap_will_do() -> bool:
    try:
        connect().close()
    except EngineUnavailable:
        return not bubblewrap_problem()
    return False


if __name__ == "__main__":
    sys.exit(main())
