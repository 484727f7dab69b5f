"""The image that environments are built on: found in the engine, pulled, or made from the distribution's packages."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, ContainerError, DockerException, ImageNotFound

from ttc_data.errors import EngineUnavailable, SandboxUnavailable, StorageFull
from ttc_data.hosts.debootstrap import Progress, make_tree, one_line
from ttc_data.hosts.pulls import FailedPull, FailedPulls
from ttc_data.plain import one_line as one_line_of
from ttc_data.programs import environment

LOCAL_REPOSITORY = "ttcdata/base"
DEFAULT_SUITE = "bookworm"
PULL_SILENCE_S = 30.0
CHUNK = 1024**2

_lock = threading.RLock()
_pythons: dict[str, tuple[str, str]] = {}


def to_stderr(line: str) -> None:
    """Show one line of progress where it does not mix with a command's output."""
    print(one_line_of(line), file=sys.stderr, flush=True)


def ensure_base_image(
    client: docker.DockerClient, base: str, progress: Progress = to_stderr, *, pull: bool = True
) -> str:
    """Give the name of a usable base image, making one where none can be had.

    Args:
        client: An engine that answers.
        base: The recipe's `image.base`. A name `ttcdata/base:SUITE` is never pulled.
        progress: Called with one line for each thing that takes long.
        pull: It may be fetched; an image that a foreign set names has to be there.

    Returns:
        `base` where the engine has it or can pull it, else the name of an image made on this machine.

    Raises:
        SandboxUnavailable: there is no image, and none can be pulled or made here.
        EngineUnavailable: the engine stopped answering.
        StorageFull: no room for the image.
    """
    with _lock:
        if not pull and _image_id(client, base) is None:
            raise SandboxUnavailable(
                f"image {base!r}: the set is built on it and the engine does not have it; if you trust it: --allow-image {base}"
            )
        found = find_base_image(client, base, progress)
        if found is not None:
            return found
        suite = base.removeprefix(f"{LOCAL_REPOSITORY}:") if _is_ours(base) else DEFAULT_SUITE
        try:
            return make_base_image(client, suite, progress=progress)
        except EngineUnavailable:
            raise
        except SandboxUnavailable as error:
            failed = failed_pull(client, base)
            pulled = f" (pull: {failed.reason}; {failed.again})" if failed else ""
            raise SandboxUnavailable(f"no base image {base!r} in the engine{pulled}; {error}") from error


def find_base_image(client: docker.DockerClient, base: str, progress: Progress = to_stderr) -> str | None:
    """Look for a base image in the engine, then in its registry (not again for a day where that failed), then for one made here.

    Returns:
        The image's name, or None when one has to be made.

    Raises:
        EngineUnavailable: the engine stopped answering.
    """
    with _lock:
        if _image_id(client, base) is not None:
            return base
        if _is_ours(base):
            return None
        if failed_pull(client, base) is None:
            progress(f"pulling {base}")
            failure = _pull(client, base)
            if not failure:
                return base
            failed = FailedPulls.of_this_user().note(_engine_id(client), base, failure)
            progress(f"cannot pull {base} ({failure}); looking for an image made here. The pull is {failed.again}")
        return _made_here(client)


def failed_pull(client: docker.DockerClient, base: str) -> FailedPull | None:
    """Why `base` is not pulled for now, None where a pull would be tried.

    Raises:
        EngineUnavailable: the engine stopped answering.
    """
    return FailedPulls.of_this_user().recent(_engine_id(client), base)


def _engine_id(client: docker.DockerClient) -> str:
    with _engine_answers("asking for its id"):
        return str(client.info()["ID"])


def make_base_image(
    client: docker.DockerClient, suite: str = DEFAULT_SUITE, tag: str | None = None, progress: Progress = to_stderr
) -> str:
    """Make a base image with Python and git from the distribution's packages; no registry is asked.

    The mirror is the one of the machine's own apt sources for `suite`, else debootstrap's default. Takes about
    60 seconds and holds no more than a megabyte of the image in memory.

    Args:
        client: The engine that receives the image.
        suite: Release of Debian or Ubuntu that debootstrap knows, for instance `bookworm`.
        tag: Name of the image; `ttcdata/base:SUITE` when None.
        progress: Called with one line for each phase.

    Raises:
        SandboxUnavailable: not root, a program is missing, or debootstrap failed; with its last words.
        EngineUnavailable: the engine refused the image or stopped answering.
        StorageFull: less than a gigabyte is free.
    """
    name = tag or f"{LOCAL_REPOSITORY}:{suite}"
    # debootstrap unpacks device nodes and runs programs: /tmp is often a small or `nodev` file system, /var/tmp is not.
    place = Path(os.environ.get("TMPDIR") or Path("/var", "tmp"))
    with tempfile.TemporaryDirectory(prefix="ttcdata-base-", dir=place if place.is_dir() else None) as folder:
        root = Path(folder) / "root"
        root.mkdir()
        make_tree(suite, root, progress)
        progress(f"loading {name} into the engine")
        _import(client, root, suite, name)
    python, platform = image_python(client, name)
    progress(f"made {name}: Python {python}, {platform}")
    return name


def image_python(client: docker.DockerClient, image: str) -> tuple[str, str]:
    """Ask an image for its interpreter, by running it once without network.

    Returns:
        Major and minor version (`3.11`), and the platform in uv's words (`x86_64-manylinux_2_36`).

    Raises:
        SandboxUnavailable: no such image, no `python3` in it, or a platform without manylinux wheels.
        EngineUnavailable: the engine stopped answering.
    """
    identity = _image_id(client, image)
    if identity is None:
        raise SandboxUnavailable(f"no image {image!r} in the engine; pull it, or run `ttcdata image base`")
    with _lock:
        if identity not in _pythons:
            _pythons[identity] = _ask_python(client, image)
        return _pythons[identity]


def manylinux(platform: str, libc: str, version: str) -> str:
    """Name a platform in uv's words.

    Args:
        platform: As `sysconfig.get_platform()` gives it: `linux-x86_64`.
        libc: `glibc`, or whatever `platform.libc_ver()` found.
        version: Of the libc: `2.36`.

    Raises:
        SandboxUnavailable: no manylinux wheel runs there.
    """
    machine = platform.removeprefix("linux-")
    major, _, minor = version.partition(".")
    wheels = libc == "glibc" and machine in ("x86_64", "aarch64") and major == "2" and minor.isdigit()
    if not wheels or int(minor) < 17:
        raise SandboxUnavailable(
            f"image runs {platform} with {libc or 'no glibc'} {version}: wheels need glibc 2.17 or newer on x86_64 or "
            "aarch64; use an image such as python:3.11-slim"
        )
    # The levels that uv knows. A newer glibc runs what is built for an older one.
    levels = (17, 28, *range(31, 41))
    return f"{machine}-manylinux_2_{max(level for level in levels if level <= int(minor))}"


def _is_ours(base: str) -> bool:
    return base.startswith(f"{LOCAL_REPOSITORY}:")


@contextlib.contextmanager
def _engine_answers(doing: str) -> Iterator[None]:
    try:
        yield
    except (DockerException, OSError) as error:
        raise EngineUnavailable(f"{doing}: the Docker engine failed ({one_line(error)}); see its log") from error


def _image_id(client: docker.DockerClient, name: str) -> str | None:
    with _engine_answers(f"looking for image {name!r}"):
        try:
            return str(client.images.get(name).id)
        except ImageNotFound:
            return None
        except APIError as error:
            if error.status_code != 400:
                raise
            raise SandboxUnavailable(f"image {name!r}: {one_line(error.explanation)}; give NAME[:TAG]") from error


def _made_here(client: docker.DockerClient) -> str | None:
    with _engine_answers("listing images"):
        images: list[dict[str, Any]] = client.api.images(name=LOCAL_REPOSITORY)
    names = {name for image in images for name in image.get("RepoTags") or () if ":making-" not in name}
    return min(names, key=lambda name: (name != f"{LOCAL_REPOSITORY}:{DEFAULT_SUITE}", name), default=None)


def _pull(client: docker.DockerClient, base: str) -> str:
    """Pull `base`; say in one line why it did not work, `""` when it did."""
    events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for event in client.api.pull(base, stream=True, decode=True):
                events.put(event)
        except (DockerException, OSError) as error:
            events.put({"error": getattr(error, "explanation", None) or str(error)})
        events.put(None)

    # The engine waits minutes for a registry behind a firewall that drops packets, and docker-py waits with it for
    # ever; a thread lets us stop listening.
    threading.Thread(target=read, name="ttcdata-pull", daemon=True).start()
    while True:
        try:
            event = events.get(timeout=PULL_SILENCE_S)
        except queue.Empty:
            return f"its registry said nothing for {PULL_SILENCE_S:.0f} s"
        if event is None:
            return "" if _image_id(client, base) is not None else "the engine pulled something else"
        if "error" in event:
            return one_line(event["error"])


def _import(client: docker.DockerClient, root: Path, suite: str, name: str) -> None:
    """Stream the tree into the engine; the name is given only to a whole image."""
    repository, _, tag = name.rpartition(":")
    changes = [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV LANG=C.UTF-8",
        f"LABEL ttcdata.base={suite}",
        'CMD ["python3"]',
    ]
    half = f"making-{os.getpid()}"
    command = ["tar", "--create", "--numeric-owner", "--sort=name", "--one-file-system", "--directory", str(root)]
    command += ["--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*", "."]
    with tempfile.TemporaryFile() as complaints, _engine_answers(f"loading {name}"):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, env=environment()) as tar:
            try:
                assert tar.stdout is not None
                chunks = itertools.takewhile(bool, map(tar.stdout.read, itertools.repeat(CHUNK)))
                answer = client.api.import_image_from_data(chunks, repository=repository, tag=half, changes=changes)
            except BaseException:  # an engine that stopped reading must not leave tar waiting for it
                tar.kill()
                raise
        try:
            _raise_refusal(answer, name)
            if tar.returncode != 0:
                complaints.seek(0)
                told = one_line(complaints.read().decode(errors="replace"))
                raise SandboxUnavailable(f"cannot read the new tree for {name} (tar: {told}); try again")
            client.api.tag(f"{repository}:{half}", repository, tag)
        finally:
            with contextlib.suppress(ImageNotFound):
                client.api.remove_image(f"{repository}:{half}", noprune=True)


def _raise_refusal(answer: str, name: str) -> None:
    for line in answer.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if "error" in event:
            if "no space left" in event["error"]:
                raise StorageFull(
                    f"the Docker engine has no room for {name}; free some of its disk (`docker system df`)"
                )
            raise EngineUnavailable(f"the Docker engine refused {name} ({one_line(event['error'])}); see its log")


_ASK = (
    "import json, platform, sys, sysconfig; v = sys.version_info; "
    "print(json.dumps([f'{v[0]}.{v[1]}', sysconfig.get_platform(), *platform.libc_ver()]))"
)


def _ask_python(client: docker.DockerClient, image: str) -> tuple[str, str]:
    with _engine_answers(f"running {image}"):
        try:
            answer = client.containers.run(
                image,
                command=["-I", "-c", _ASK],
                entrypoint=["python3"],
                user="65534:65534",
                working_dir="/",
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                mem_limit="256m",
                pids_limit=32,
                remove=True,
            )
        except ContainerError as error:
            raise SandboxUnavailable(f"image {image!r}: python3 does not run ({one_line(error.stderr)})") from error
        except APIError as error:
            if "executable file not found" not in str(error.explanation):
                raise
            raise SandboxUnavailable(
                f"image {image!r} has no python3 on its PATH; let `image.base` name one that has: python:3.11-slim"
            ) from error
    version, platform, libc, libc_version = json.loads(answer)
    return version, manylinux(platform, libc, libc_version)
