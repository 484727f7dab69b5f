"""Layers on images: written as files and handed to the engine, without running anything."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

import docker
from docker.errors import APIError, BuildError, ContainerError, DockerException, ImageNotFound

from ttc_data.errors import EngineUnavailable, SandboxUnavailable, StorageFull
from ttc_data.hosts.host import FILE_DATE
from ttc_data.keys import content_key
from ttc_data.publish.commits import Laid
from ttc_data.sandbox.docker import NO_SPACE, SILENT

LABEL = "ttcdata.content"
CHUNK = 1024**2
CREATED = "2000-01-01T00:00:00Z"
GIT = "ttcdata/with-git"
APT = "apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/* && git --version"


class Layers:
    """Adds layers to images of one engine. Safe to use from several threads.

    Docker's own image store takes an image of which it has all layers but one, and gives it in a third of the time that a
    build takes (0.6 s against 1.0 s on a busy machine); the image's id follows from its content. Others (containerd's store,
    Podman) want all layers: there a Dockerfile is built, which gives the same files.
    """

    def __init__(self, client: docker.DockerClient, *, loads: bool | None = None) -> None:
        self._client = client
        self._loads = _takes_one_layer(client) if loads is None else loads

    def id(self, tag: str) -> str:
        """The id of an image.

        Raises:
            EngineUnavailable: there is none, or the engine stopped answering.
        """
        found = self._inspect(tag)
        if found is None:
            raise EngineUnavailable(f"the Docker engine has no image {tag} any more; run again")
        return str(found["Id"])

    def made(self, tag: str) -> str:
        """The key that an image was made under; `""` when there is none."""
        found = self._inspect(tag)
        return str((found["Config"].get("Labels") or {}).get(LABEL, "")) if found else ""

    def _inspect(self, tag: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.images.get(tag).attrs
        except ImageNotFound:
            return None
        except (DockerException, *SILENT) as error:
            raise EngineUnavailable(
                f"looking for image {tag}: the Docker engine failed ({error}); run again"
            ) from error
        return found

    def add(self, parent: str, laid: Laid, tag: str, key: str, settings: Mapping[str, Any]) -> int:
        """Make an image of another one and a layer on top.

        Args:
            parent: in the engine.
            laid: what is added and what is hidden.
            tag: name of the new image; it gets it when it is whole.
            key: what it is made of, by which `made` finds it.
            settings: `Env` by name, `WorkingDir`, `StopSignal`.

        Returns:
            Bytes of the layer, not compressed.

        Raises:
            EngineUnavailable: the engine refused it or stopped answering.
            StorageFull: the engine has no room.
        """
        with tempfile.TemporaryFile() as layer:
            _pack(layer, laid)
            size = layer.tell()
            try:
                if self._loads:
                    self._load(parent, layer, tag, key, settings)
                else:
                    self._build(_dockerfile(parent, laid, key, settings), laid, tag)
            except (DockerException, *SILENT) as error:
                if NO_SPACE in str(error):
                    raise StorageFull(f"the Docker engine has no room for {tag}; free some of its disk") from error
                raise EngineUnavailable(f"{tag}: the Docker engine failed ({error}); run again") from error
        return size

    def _load(self, parent: str, layer: IO[bytes], tag: str, key: str, settings: Mapping[str, Any]) -> None:
        found: dict[str, Any] = self._client.images.get(parent).attrs
        layers = [*found["RootFS"]["Layers"], f"sha256:{_sha256(layer)}"]
        config = {
            "architecture": found["Architecture"],
            "os": found["Os"],
            "created": CREATED,
            "config": _configured(found["Config"], key, settings),
            "rootfs": {"type": "layers", "diff_ids": layers},
            "history": [{"created": CREATED, "created_by": "ttcdata"} for _ in layers],
        }
        described = json.dumps(config, sort_keys=True).encode()
        names = [f"{one.removeprefix('sha256:')}/layer.tar" for one in layers]
        about = f"{hashlib.sha256(described).hexdigest()}.json"
        manifest = json.dumps([{"Config": about, "RepoTags": [tag], "Layers": names}]).encode()
        with tempfile.TemporaryFile() as image:
            with tarfile.open(fileobj=image, mode="w") as tar:
                size = layer.seek(0, io.SEEK_END)
                layer.seek(0)
                _add(tar, names[-1], size, layer)
                for name, data in ((about, described), ("manifest.json", manifest)):
                    _add(tar, name, len(data), io.BytesIO(data))
            image.seek(0)
            self._client.images.load(image)

    def _build(self, dockerfile: str, laid: Laid | None, tag: str, network: str = "none") -> None:
        with tempfile.TemporaryFile() as context:
            with tarfile.open(fileobj=context, mode="w") as tar:
                text = dockerfile.encode()
                _add(tar, "Dockerfile", len(text), io.BytesIO(text))
                if laid:
                    _add_folder(tar, laid.folder, PurePosixPath("laid"))
            context.seek(0)
            self._client.images.build(
                fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True, network_mode=network, pull=False
            )

    def with_git(self, image: str) -> str:
        """The image itself where it has git, else one with it from the distribution's packages.

        Raises:
            SandboxUnavailable: it has none, and none can be installed.
        """
        try:
            self._client.containers.run(
                image,
                ["--version"],
                entrypoint=["git"],
                network_mode="none",
                remove=True,
                read_only=True,
                cap_drop=["ALL"],
            )
        except (APIError, ContainerError) as error:
            if "executable file not found" not in str(error):
                raise EngineUnavailable(f"{image}: the Docker engine cannot run it ({error}); see its log") from error
            return self._install_git(image)
        return image

    def _install_git(self, image: str) -> str:
        tag = f"{GIT}:{content_key(self.id(image), APT)}"
        if self._inspect(tag) is None:
            try:
                # The machine's own network: `make engine` may have had to start an engine without a bridge.
                self._build(f"FROM {image}\nUSER 0:0\nRUN {APT}\n", None, tag, network="host")
            except (BuildError, APIError) as error:
                raise SandboxUnavailable(
                    f"{image} has no git, and apt-get cannot install it ({str(error)[:200]}); let `image.base` name an image"
                    " that has it: python:3.11, or ttcdata/base:bookworm"
                ) from error
        return tag


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _takes_one_layer(client: docker.DockerClient) -> bool:
    about = client.info()
    stores = dict(status for status in about.get("DriverStatus") or () if len(status) == 2)
    parts = client.version().get("Components") or [{}]
    return parts[0].get("Name") == "Engine" and not str(stores.get("driver-type", "")).startswith("io.containerd")


def _configured(config: Mapping[str, Any], key: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    given = settings.get("Env", {})
    kept = [one for one in config.get("Env") or () if one.partition("=")[0] not in given]
    labels = {**(config.get("Labels") or {}), LABEL: key}
    plain = {name: value for name, value in settings.items() if name != "Env"}
    return {**config, **plain, "Env": [*kept, *(f"{name}={value}" for name, value in given.items())], "Labels": labels}


def _dockerfile(parent: str, laid: Laid, key: str, settings: Mapping[str, Any]) -> str:
    lines = [f"FROM {parent}"]
    if laid.gone:
        lines += ["USER 0:0", f"RUN {json.dumps(['rm', '-r', *(f'/{path}' for path in laid.gone)])}"]
    lines.append("COPY laid /")
    lines += [f"ENV {name}={value}" for name, value in settings.get("Env", {}).items()]
    if settings:
        lines += [f"WORKDIR {settings['WorkingDir']}", f"STOPSIGNAL {settings['StopSignal']}"]
    return "\n".join([*lines, f"LABEL {LABEL}={key}"]) + "\n"


def _pack(layer: IO[bytes], laid: Laid) -> None:
    """Write a layer: the same files give the same bytes."""
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(laid.gone):
            place = PurePosixPath(path)
            _add(tar, str(place.with_name(f".wh.{place.name}")), 0, io.BytesIO())
        _add_folder(tar, laid.folder, PurePosixPath())


def _add_folder(tar: tarfile.TarFile, folder: Path, place: PurePosixPath) -> None:
    for path in _walk(folder):
        info = tarfile.TarInfo(str(place / path.relative_to(folder).as_posix()))
        info.mtime = FILE_DATE
        info.mode = 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644
        if path.is_dir():
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        else:
            info.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(info, file)


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir():
            yield from _walk(path)


def _add(tar: tarfile.TarFile, name: str, size: int, data: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mtime = FILE_DATE
    info.mode = 0o644
    tar.addfile(info, data)
