"""The Docker transport: one container per opened sandbox, its runner the container's only process.

The runner ends when its input ends, and the container is removed with it. Root file system read-only, no capabilities,
no new privileges, no network; processes, memory and processor time are bounded; `/testbed` and `/tmp` are memory-backed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import select
import socket
import struct
import time
from dataclasses import replace
from typing import Any, cast

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.types import LogConfig
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from ttc_data.errors import EngineUnavailable, SandboxLost, StorageFull
from ttc_data.sandbox.inside.calls import DENIED, MACHINES
from ttc_data.sandbox.owner import gone, this_process
from ttc_data.sandbox.protocol import Limits
from ttc_data.sandbox.stream import StreamSandbox, runner_arguments, runner_program

LABEL = "ttcdata.sandbox"
OWNER = "ttcdata.owner"
STDOUT = 1
WRITE_S = 60.0
REMOVE_S = 10.0
# What the runner gives its jobs and takes from them: namespaces, and what is mounted in them.
RUNNER_NEEDS = ("mount", "umount2", "unshare")
# The kernel lets a job mount the `/proc` of its own processes only where nothing of the outer one is covered; the runner covers
# more of each job's than the engine would. What is not read-only then is root's, which nobody is.
WHOLE_PROC: dict[str, list[str]] = {"MaskedPaths": [], "ReadonlyPaths": []}
# Beside the job's: the runner, and what tries imports for it.
SPARE_PROCESSES = 16
# What the runner holds with the dependencies imported. Jobs share those pages.
RUNNER_BYTES = 256 * 1024 * 1024
NO_SPACE = "no space left"
# An engine that does not answer, or breaks off: docker-py hands on what lies two layers beneath it.
SILENT = (RequestException, HTTPError)


class ContainerPipe:
    """The attached streams of a container, as the engine multiplexes them."""

    def __init__(self, container: Any) -> None:
        self._container = container
        attached = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        self._holder = attached
        self._socket = cast("socket.socket", getattr(attached, "_sock", attached))
        self._socket.settimeout(WRITE_S)
        self._out = bytearray()
        self._errors = bytearray()
        try:
            container.start()
        except BaseException:
            self.release()
            raise

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        self._socket.sendall(data)

    def read(self, count: int, deadline: float) -> bytes:
        """Exactly `count` bytes of the runner's answers before the deadline, or `SandboxLost`."""
        while len(self._out) < count:
            kind, length = struct.unpack(">BxxxI", self._receive(8, deadline))
            part = self._receive(length, deadline)
            if kind == STDOUT:
                self._out += part
            else:
                self._errors += part
                del self._errors[:-4000]
        taken = bytes(self._out[:count])
        del self._out[:count]
        return taken

    def _receive(self, count: int, deadline: float) -> bytes:
        parts: list[bytes] = []
        while count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                raise SandboxLost("no answer in time")
            part = self._socket.recv(min(count, 1 << 20))
            if not part:
                raise SandboxLost(f"the container ended{self._status()}")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _status(self) -> str:
        """How it ended, where the engine still knows."""
        with contextlib.suppress(DockerException, *SILENT):
            status = self._container.wait(timeout=REMOVE_S, condition="removed")["StatusCode"]
            return f" with status {status}" + (": killed, by somebody or for its memory" if status == 137 else "")
        return ""

    def diagnosis(self) -> str:
        """The last of what the runner printed on its standard error."""
        return self._errors.decode("utf-8", "replace")

    def close(self) -> None:
        """Kill the container; it removes itself."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        remove(self._container.client.api, self._container.id)

    def release(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._holder.close()
        with contextlib.suppress(OSError):
            self._socket.close()


def remove(api: docker.APIClient, container: str) -> None:
    """Kill and remove a container, unless it is already gone or the engine is: whoever comes next finds it then."""
    url = f"{api.base_url}/v{api.api_version}/containers/{container}"
    with contextlib.suppress(*SILENT):
        api.delete(url, params={"force": "1", "v": "1"}, timeout=REMOVE_S)


def seccomp(machine: str) -> str:
    """A profile that lets the runner give its jobs namespaces; the jobs' own, stricter one is the runner's to install.

    Args:
        machine: as the kernel of the engine names itself: `x86_64`.

    Returns:
        JSON for the engine, `""` for a machine whose jobs would have no filter of their own.
    """
    if machine not in MACHINES:
        return ""
    names = sorted(set(DENIED) - set(RUNNER_NEEDS))
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": [f"SCMP_ARCH_{machine.upper()}"],  # and no other: its calls have other numbers
        "syscalls": [{"names": names, "action": "SCMP_ACT_ERRNO"}],
    }
    return json.dumps(profile)


class Containers:
    """Opens sandboxes on an engine, and leaves nothing of them, nor of processes of this machine that were killed.

    Args:
        client: a connected engine.
        limits: of one job.

    Raises:
        EngineUnavailable: the engine does not answer.
    """

    def __init__(self, client: docker.DockerClient, limits: Limits) -> None:
        self._client = client
        self._limits = limits
        self._owner = this_process()
        try:
            engine = client.info()
            for container in self._all():
                # One that ended serves nobody, whoever opened it.
                if container["State"] in ("exited", "dead") or gone(container["Labels"].get(OWNER, "")):
                    remove(client.api, container["Id"])
        except (DockerException, *SILENT) as error:
            raise unavailable(error) from error
        filters = any("name=seccomp" in option for option in engine.get("SecurityOptions") or ())
        self._seccomp = seccomp(engine["Architecture"]) if filters else ""
        # An engine refuses more processors than it has.
        self._cpus = min(limits.cpus, engine["NCPU"]) if engine.get("CpuCfsQuota") else 0
        atexit.register(self.close)

    def _all(self) -> list[dict[str, Any]]:
        api = self._client.api
        asked = {"all": "1", "filters": json.dumps({"label": [LABEL]})}
        answer = api.get(f"{api.base_url}/v{api.api_version}/containers/json", params=asked, timeout=REMOVE_S)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def open(self, image: str, roots: tuple[str, ...], *, bare: bool = False) -> StreamSandbox:
        """Open a sandbox on an environment's image.

        Args:
            image: holds `/environment/site` and `/environment/tree`, and a `python3`.
            roots: folders of the tree on `sys.path`.
            bare: the image holds no environment; an empty one is put in its place.

        Raises:
            EngineUnavailable: the engine does not answer.
            SandboxLost: the image is gone, or it opened and broke at once.
            StorageFull: the engine has no room for it.
        """
        try:
            pipe = self._start(image, roots, bare)
        except ImageNotFound as error:
            raise SandboxLost(f"the engine no longer has image {image}") from error
        except SILENT as error:
            raise unavailable(error) from error
        except (DockerException, OSError) as error:
            said = " ".join(str(error).split())[:300]
            if NO_SPACE in said:
                raise StorageFull(f"the Docker engine has no space left ({said})") from error
            raise SandboxLost(f"a container of {image} could not be started ({said})") from error
        return StreamSandbox(pipe, f"docker:{image}", runner_program())

    def _start(self, image: str, roots: tuple[str, ...], bare: bool) -> ContainerPipe:
        limits = self._limits
        memory = limits.memory_bytes + limits.scratch_bytes + RUNNER_BYTES
        # Owned by the job: the engine gives a working folder the mode it has in the image, whatever `mode` says here.
        scratch = f"rw,exec,nosuid,nodev,uid=65534,gid=65534,size={limits.scratch_bytes}"
        empty = "rw,nosuid,nodev,uid=65534,gid=65534,size=4k,mode=755"
        environment = {"/environment/site": empty, "/environment/tree": empty} if bare else {}
        profile = self._seccomp
        arguments = runner_arguments(
            "/environment/site", "/environment/tree", "/testbed", roots, replace(limits, cpus=0.0)
        )
        api = self._client.api
        bounds = api.create_host_config(
            auto_remove=True,
            cap_drop=["ALL"],
            # Else the engine writes all that jobs say to its disk, whose free space they can see.
            log_config=LogConfig(type="none"),
            # The job's own limit on address space strikes first and is reported as the test's failure.
            mem_limit=memory,
            memswap_limit=memory,
            nano_cpus=int(self._cpus * 1e9),
            network_mode="none",
            pids_limit=limits.processes + SPARE_PROCESSES,
            read_only=True,
            security_opt=["no-new-privileges", *([f"seccomp={profile}"] if profile else [])],
            tmpfs={"/testbed": scratch, "/tmp": scratch, **environment},
        )
        if profile:
            bounds.update(WHOLE_PROC)
        made = api.create_container(
            image,
            ["python3", *arguments],
            entrypoint=[],
            environment={"PATH": "/usr/local/bin:/usr/bin:/bin"},
            host_config=bounds,
            labels={LABEL: "1", OWNER: self._owner},
            stdin_open=True,
            user="65534:65534",
            working_dir="/testbed",
        )
        container = self._client.containers.get(made["Id"])
        try:
            return ContainerPipe(container)
        except BaseException as error:
            remove(self._client.api, str(container.id))
            if not profile or not isinstance(error, APIError) or "seccomp" not in str(error):
                raise
        self._seccomp = ""  # an engine with a mind of its own: its jobs get a copy of the tree
        return self._start(image, roots, bare)

    def close(self) -> None:
        """Remove every container of ours."""
        atexit.unregister(self.close)
        with contextlib.suppress(DockerException, *SILENT):
            for container in self._all():
                if container["Labels"].get(OWNER) == self._owner:
                    remove(self._client.api, container["Id"])


def unavailable(error: Exception) -> EngineUnavailable:
    """What to raise for an engine that stopped answering."""
    return EngineUnavailable(f"the Docker engine stopped answering ({type(error).__name__}); start it again")
