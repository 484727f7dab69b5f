"""The Docker transport: one container per opened sandbox, its runner the container's only process.

The runner ends when its input ends, and the container is removed with it, so nothing stays behind when we are
killed. Root file system read-only, no capabilities, no new privileges, no network, bounded processes and memory;
`/testbed` and `/tmp` are memory-backed.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from typing import Any, cast

import docker
from docker.errors import DockerException, ImageNotFound
from requests.exceptions import RequestException

from ttc_data.errors import EngineUnavailable, SandboxLost, SandboxUnavailable
from ttc_data.sandbox.protocol import Limits
from ttc_data.sandbox.stream import StreamSandbox, runner_arguments

LABEL = "ttcdata.sandbox"
STDOUT = 1


class ContainerPipe:
    """The attached streams of a container, as the engine multiplexes them."""

    def __init__(self, container: Any) -> None:
        self._container = container
        attached = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        self._holder = attached
        self._socket = cast("socket.socket", getattr(attached, "_sock", attached))
        self._out = bytearray()
        self._errors = bytearray()
        container.start()

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
                raise SandboxLost("the container ended")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def diagnosis(self) -> str:
        """The last of what the runner printed on its standard error."""
        return self._errors.decode("utf-8", "replace")

    def close(self) -> None:
        """Kill the container; it removes itself."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(DockerException, RequestException):  # already gone, or the engine is
            self._container.remove(force=True)

    def release(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._holder.close()
        with contextlib.suppress(OSError):
            self._socket.close()


def open_docker(client: docker.DockerClient, image: str, roots: tuple[str, ...], limits: Limits) -> StreamSandbox:
    """Open a sandbox on an environment's image.

    Args:
        client: a connected engine.
        image: holds `/environment/site` and `/environment/tree`, and a `python3`.
        roots: folders of the tree on `sys.path`.
        limits: of one job.

    Raises:
        SandboxUnavailable: the image is not there.
        EngineUnavailable: the engine does not answer.
        SandboxLost: it opened and broke at once.
    """
    arguments = runner_arguments("/environment/site", "/environment/tree", "/testbed", roots, limits)
    # Owned by the job: the engine gives a working folder the mode it has in the image, whatever `mode` says here.
    scratch = f"rw,exec,nosuid,nodev,uid=65534,gid=65534,size={limits.scratch_bytes}"
    try:
        container = client.containers.create(
            image,
            ["python3", *arguments],
            entrypoint=[],
            auto_remove=True,
            cap_drop=["ALL"],
            environment={"PATH": "/usr/local/bin:/usr/bin:/bin"},
            labels={LABEL: "1"},
            # The job's own limit on address space strikes first and is reported as the test's failure.
            mem_limit=limits.memory_bytes + limits.scratch_bytes,
            network_mode="none",
            pids_limit=limits.processes,
            read_only=True,
            security_opt=["no-new-privileges"],
            stdin_open=True,
            tmpfs={"/testbed": scratch, "/tmp": scratch},
            user="65534:65534",
            working_dir="/testbed",
        )
        pipe = ContainerPipe(container)
    except ImageNotFound as error:
        raise SandboxUnavailable(f"the engine has no image {image}; build the environment again") from error
    except RequestException as error:
        raise EngineUnavailable(
            f"the Docker engine stopped answering ({type(error).__name__}); start it again"
        ) from error
    except (DockerException, OSError) as error:
        raise SandboxLost(
            f"a container of {image} could not be started ({' '.join(str(error).split())[:300]})"
        ) from error
    return StreamSandbox(pipe, f"docker:{image}")
