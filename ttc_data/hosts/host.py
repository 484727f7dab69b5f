"""Where environments are installed and sandboxes are opened: this machine's own file system, or a Docker engine."""

from __future__ import annotations

import contextlib
import io
import os
import platform
import shutil
import sys
import tarfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory, mkdtemp
from typing import IO, Literal, Protocol, TypeAlias, TypeVar

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from ttc_data.errors import EngineUnavailable, EnvironmentFailed, SandboxUnavailable, StorageFull
from ttc_data.hosts.base_image import ensure_base_image, image_python, manylinux
from ttc_data.hosts.build_log import ImageBuildLog
from ttc_data.hosts.shared import Notice, shared_in
from ttc_data.interpreter import Interpreter
from ttc_data.keys import content_key
from ttc_data.lang.python.packaging.lock import install
from ttc_data.progress import in_silence
from ttc_data.records import Environment
from ttc_data.sandbox.docker import NO_SPACE, SILENT, Containers, unavailable
from ttc_data.sandbox.local import compile_environment, give_to_jobs, open_local, require_bubblewrap
from ttc_data.sandbox.protocol import Limits, Sandbox
from ttc_data.sandbox.stream import StreamSandbox, bytecode_program, with_arguments
from ttc_data.sandbox.unsafe import compile_unsafe, open_unsafe, remove_abandoned, require_linux
from ttc_data.trees.store import TreeStore

T = TypeVar("T")
IMAGE = "ttcdata/environment"
PREPARED = ".prepared"
# In the image of an environment while it is built: what makes its bytecode.
COMPILING = "ttcdata-bytecode.py"
# An engine that is started again answers within 3 to 10 s.
PATIENCE_S = 60.0
# One that says nothing for so long while it builds an image has stopped: the longest step compiles all packages.
BUILD_SILENCE_S = 600
# Of every file of a tree, 2000-01-01: bytecode made once fits every copy, and no file that a job writes.
FILE_DATE = 946_684_800


HostName: TypeAlias = Literal["docker", "local", "local-unsafe"]


class Host(Protocol):
    """Installs environments and opens sandboxes on them. Safe to use from several threads.

    Another kind of sandbox is one more of these, whose `open` gives a `StreamSandbox` over a `Pipe` of its own. All that it
    has to bring are `/environment/site` and `/environment/tree` read-only, a `python3`, and a folder to write to; what it
    starts there is `runner_arguments`, which reads `runner_program` first.
    """

    name: HostName

    def interpreter(self) -> Interpreter:
        """The interpreter that every sandbox of this host has."""
        ...

    def prepare(self, environment: Environment) -> None:
        """Make the environment ready to be opened; does nothing when it is.

        Raises:
            EnvironmentFailed: the project is at fault.
            SourceUnavailable: the package index does not answer.
        """
        ...

    def open(self, environment: Environment) -> Sandbox:
        """Open a sandbox on a prepared environment.

        Raises:
            SandboxLost: it could not be opened this time, or the environment is gone: prepare it and try again.
            SandboxUnavailable: none can be opened, and none will be.
        """
        ...

    def shared(self) -> tuple[str, ...]:
        """What jobs have in common with those before them, tried on a sandbox without an environment.

        Raises:
            SandboxLost: none could be opened this time.
            SandboxUnavailable: none can be opened.
        """
        ...

    def close(self) -> None:
        """Remove whatever is left of sandboxes that were not closed."""
        ...


class EnvironmentStore:
    """Installed environments in a folder: `KEY/site` and `KEY/tree`, each made once and then only read."""

    def __init__(self, folder: Path, trees: TreeStore, max_bytes: int) -> None:
        self._folder = folder
        self._trees = trees
        self._max_bytes = max_bytes
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def path(self, environment: Environment) -> Path:
        """Where the environment lies once it is made."""
        return self._folder / environment.key

    def ensure(self, environment: Environment) -> Path:
        """Make the environment unless it is there; it gets its name when it is whole."""
        place = self.path(environment)
        with self._locks[environment.key]:
            if place.is_dir():
                return place
            self._folder.mkdir(parents=True, exist_ok=True)
            made = Path(mkdtemp(prefix=f".{environment.key}-", dir=self._folder))
            try:
                self._fill(environment, made)
                made.chmod(0o755)
                with contextlib.suppress(OSError):  # another process made the same one meanwhile
                    made.rename(place)
            except OSError as error:
                if error.errno == 28:
                    raise StorageFull.at(self._folder) from error
                raise
            finally:
                shutil.rmtree(made, ignore_errors=True)
        return place

    def _fill(self, environment: Environment, made: Path) -> None:
        site, tree = made / "site", made / "tree"
        install(environment.lock, site, python=environment.python, platform=environment.platform)
        size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
        if size > self._max_bytes:
            raise EnvironmentFailed("environment_too_large", f"{size} bytes installed, at most {self._max_bytes}")
        for file in environment.metadata:
            try:
                _write(site / file.path, file.text, "x")
            except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
                detail = f"metadata {file.path}: an installed package has it ({error.strerror})"
                raise EnvironmentFailed("metadata_collides", detail) from error
        self._trees.unpack(environment.tree, tree)
        for root in environment.roots:  # those of a single file, which is not there yet
            (tree / root).mkdir(parents=True, exist_ok=True)
        for file in environment.generated:
            _write(tree / file.path, file.text)
        date_files(tree)


def date_files(tree: Path) -> None:
    """Give every file of a tree the date that its bytecode will belong to."""
    for path in tree.rglob("*"):
        if path.is_file():
            os.utime(path, (FILE_DATE, FILE_DATE))


def _write(path: Path, text: str, mode: Literal["w", "x"] = "w") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode, encoding="utf-8", newline="") as file:
        file.write(text)


class LocalHost:
    """This machine's interpreter under bubblewrap."""

    name: HostName = "local"

    def __init__(self, store: EnvironmentStore, limits: Limits, say: Callable[[str], None] = in_silence) -> None:
        require_bubblewrap()
        self._store = store
        self._limits = limits
        self._notice = Notice(say)

    def interpreter(self) -> Interpreter:
        """This process's own Python and C library."""
        machine = os.uname().machine
        libc, version = platform.libc_ver()
        return Interpreter(f"{sys.version_info.major}.{sys.version_info.minor}", manylinux(machine, libc, version))

    def prepare(self, environment: Environment) -> None:
        """Install it into the store and compile its packages, inside a sandbox, so that jobs start fast."""
        folder = self._store.ensure(environment)
        prepared = folder / f"{PREPARED}-{content_key(bytecode_program())[:8]}"
        if not prepared.is_file():
            compile_environment(folder, environment.test_files)
            give_to_jobs(folder)
            prepared.touch()

    def open(self, environment: Environment) -> Sandbox:
        """Open a bubblewrap sandbox on it."""
        return self._notice.about(open_local(self._store.path(environment), environment.roots, self._limits))

    def shared(self) -> tuple[str, ...]:
        """Tried on an empty tree."""
        with TemporaryDirectory() as made:
            folder = Path(made)
            for name in ("site", "tree"):
                (folder / name).mkdir()
            give_to_jobs(folder)
            return shared_in(self._bare(folder))

    def _bare(self, folder: Path) -> StreamSandbox:
        return open_local(folder, ("",), self._limits)

    def close(self) -> None:
        """Nothing: a sandbox ends with this process."""


class UnsafeHost(LocalHost):
    """This machine's interpreter with nothing around it."""

    name: HostName = "local-unsafe"

    def __init__(self, store: EnvironmentStore, limits: Limits) -> None:
        require_linux()
        remove_abandoned()
        self._store = store
        self._limits = limits

    def prepare(self, environment: Environment) -> None:
        """Install it into the store and compile its packages."""
        folder = self._store.ensure(environment)
        prepared = folder / f"{PREPARED}-unsafe-{content_key(bytecode_program())[:8]}"
        if not prepared.is_file():
            compile_unsafe(folder, environment.test_files)
            prepared.touch()

    def open(self, environment: Environment) -> Sandbox:
        """Start a runner on it."""
        return open_unsafe(self._store.path(environment), environment.roots, self._limits)

    def _bare(self, folder: Path) -> StreamSandbox:
        return open_unsafe(folder, ("",), self._limits)


class DockerHost:
    """A Docker engine: each environment is one image on the base image, tagged with its content key."""

    name: HostName = "docker"

    def __init__(
        self,
        client: docker.DockerClient,
        base: str,
        found: Interpreter,
        store: EnvironmentStore,
        limits: Limits,
        say: Callable[[str], None] = in_silence,
    ) -> None:
        self._notice = Notice(say)
        self._client = client
        self._base = base
        self._interpreter = found
        self._store = store
        self._containers = Containers(client, limits)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._closed = threading.Event()

    def interpreter(self) -> Interpreter:
        """The base image's Python and C library."""
        return self._interpreter

    def image(self, environment: Environment) -> str:
        """The environment's image tag; another base, or another way to lay it out, is another image."""
        return f"{IMAGE}:{environment.key}-{content_key(self._base, bytecode_program())[:8]}"

    def prepare(self, environment: Environment) -> None:
        """Build the image, without network, from what the store has installed."""
        self._patiently(lambda: self._prepare(environment))

    def _prepare(self, environment: Environment) -> None:
        tag = self.image(environment)
        with self._locks[tag]:
            try:
                self._client.images.get(tag)
            except ImageNotFound:
                pass
            except (DockerException, *SILENT) as error:
                raise unavailable(error) from error
            else:
                return
            folder = self._store.ensure(environment)
            self._ensure_base()
            try:
                self._build(folder, tag, environment.test_files)
            except EnvironmentFailed:  # believed the second time: engines that are stopped fail with all kinds of words
                self._build(folder, tag, environment.test_files)

    def _patiently(self, call: Callable[[], T]) -> T:
        """Wait for an engine that is started again."""
        deadline = time.monotonic() + PATIENCE_S
        pause = 0.1
        while True:
            try:
                return call()
            except EngineUnavailable:
                pause = min(2 * pause, 5.0)
                if time.monotonic() + pause > deadline or self._closed.wait(pause):
                    raise

    def _ensure_base(self) -> None:
        """Somebody may have removed the base image since."""
        found = ensure_base_image(self._client, self._base)
        if found != self._base or Interpreter(*image_python(self._client, found)) != self._interpreter:
            raise SandboxUnavailable(f"base image {self._base} was replaced by {found} meanwhile; run again")

    def _build(self, folder: Path, tag: str, test_files: tuple[str, ...]) -> None:
        compiling = with_arguments(bytecode_program(), "/environment/site", "/testbed", *test_files)
        dockerfile = (
            # Bytecode names its file, and jobs see the tree at /testbed.
            # What a job's overlay lies on belongs to the job's user, so that it may change its tree.
            f"FROM {self._base}\nCOPY --chown=65534:65534 site /environment/site\n"
            f"COPY --chown=65534:65534 tree /environment/tree\nCOPY {COMPILING} /{COMPILING}\n"
            'RUN ["ln", "-s", "/environment/tree", "/testbed"]\n'
            f'USER 65534:65534\nRUN ["python3", "-s", "/{COMPILING}"]\nUSER 0:0\nRUN ["rm", "/testbed", "/{COMPILING}"]\n'
        )
        with SpooledTemporaryFile(max_size=64 * 1024 * 1024) as context:
            _pack(context, {"Dockerfile": dockerfile, COMPILING: compiling}, folder)
            context.seek(0)
            try:
                self._client.images.build(
                    fileobj=context,
                    custom_context=True,
                    tag=tag,
                    rm=True,
                    forcerm=True,
                    network_mode="none",
                    labels={"ttcdata.environment": folder.name},
                    pull=False,
                    timeout=BUILD_SILENCE_S,
                )
            except BuildError as error:
                log = ImageBuildLog.of(error.build_log)
                if NO_SPACE in log.cause:
                    raise StorageFull(f"the Docker engine has no space left ({log.cause[-200:]})") from error
                if not log.error:  # it broke off
                    raise unavailable(error) from error
                raise EnvironmentFailed("image_build_failed", log.cause) from error
            except (APIError, *SILENT) as error:
                if NO_SPACE in str(error):
                    raise StorageFull(f"the Docker engine has no space left ({str(error)[-200:]})") from error
                raise EngineUnavailable(
                    f"the Docker engine failed while building an image ({error}); run again"
                ) from error

    def open(self, environment: Environment) -> Sandbox:
        """Start a container on its image."""
        opened = self._patiently(lambda: self._containers.open(self.image(environment), environment.roots))
        return self._notice.about(opened)

    def shared(self) -> tuple[str, ...]:
        """Tried on the base image."""
        return shared_in(self._patiently(lambda: self._containers.open(self._base, ("",), bare=True)))

    def close(self) -> None:
        """Remove every container of ours, and let whoever waits for the engine wait no longer."""
        self._closed.set()
        self._containers.close()
        self._client.close()


def _pack(context: IO[bytes], texts: Mapping[str, str], folder: Path) -> None:
    """Write a build context of some texts and a folder, whose files anybody may read, whoever made them."""
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, text in texts.items():
            head = tarfile.TarInfo(name)
            head.size = len(text.encode())
            tar.addfile(head, io.BytesIO(text.encode()))
        for path in _walk(folder):
            info = tar.gettarinfo(str(path), arcname=str(path.relative_to(folder)))
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
            if info.isreg():
                with path.open("rb") as file:
                    tar.addfile(info, file)
            elif info.isdir():
                tar.addfile(info)


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name == "__pycache__" or path.name.startswith(PREPARED):
            continue  # of this machine's interpreter
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
