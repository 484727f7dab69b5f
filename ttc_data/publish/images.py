"""Row images: a repository's environment, the masked tree committed at `/testbed`, and nothing of the reference.

An environment's image gets one layer that all its rows share, and each row one thin layer on top of that: its masked file,
its commit, and a mark over each object that holds the reference.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import docker
from docker.errors import DockerException

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, EngineUnavailable, RegistryRefused
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import DockerHost
from ttc_data.hosts.open import open_host
from ttc_data.keys import content_key
from ttc_data.progress import Progress, Quiet
from ttc_data.publish.card import record_images
from ttc_data.publish.commits import Repository
from ttc_data.publish.layers import Layers
from ttc_data.publish.rows import record_row_images
from ttc_data.publish.script import SITE, roots_of
from ttc_data.records import Environment
from ttc_data.row import Row
from ttc_data.rules import ReaderRules
from ttc_data.whole import write_whole

REPOSITORY, ROW = "ttcdata/repository", "ttcdata/row"
RECORD = "images.json"
WORKERS = 2


@dataclass(frozen=True, slots=True)
class RowImage:
    """One row's image in the engine, and in a registry once it is pushed."""

    instance_id: str
    image: str
    """`ttcdata/row:INSTANCE_ID`, or its name in the registry."""
    id: str
    """The engine's: a hash of the image's settings and of its layers."""
    digest: str = ""
    """The registry's, `""` until it is pushed."""
    layer_bytes: int = 0
    """Of the row's own layer, not compressed."""
    seconds: float = 0.0
    """What making it took; 0 where it was there."""


def image_name(row: Row, registry: str = "") -> str:
    """The name that a row's image gets: in the engine that makes it, or in a registry it is pushed to.

    Args:
        row: of a dataset.
        registry: `HOST[:PORT][/PATH]`; `""` for the engine.
    """
    return f"{repository_in(registry) if registry else ROW}:{row.instance_id}"


def build_images(
    dataset: str | Path,
    *,
    rows: Collection[str] = (),
    workers: int = WORKERS,
    reader: ReaderRules | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Iterator[RowImage]:
    """Make the images of a dataset's rows from its own folder; what is there already is not made again.

    Args:
        dataset: a folder or a Hub id.
        rows: ids, or parts of ids that no other row has; all when there are none.
        workers: images at the same time.
        reader: limits and images that the set may ask for; the defaults when not given.
        progress: told of each row.
        cache: folders that builds share.

    Yields:
        One image a row, by environment and id.

    Raises:
        DatasetError: the set cannot be read, has no such row, or a row's reference could be read in its image.
        SandboxUnavailable: no Docker engine, or an image without git that cannot get it.
    """
    opened, cache, progress = Dataset(dataset), cache or Cache.default(), progress or Quiet()
    chosen = opened.ids(rows) if rows else None
    host = open_host(
        "docker", cache=cache, recipe=opened.granted(reader), say=progress.say, reader=reader or ReaderRules()
    )
    assert isinstance(host, DockerHost)
    client = connect()
    progress.begin("images", opened.count() if chosen is None else len(chosen))
    try:
        layers = Layers(client)
        for key, group in groupby(opened.rows(names=chosen), lambda row: row.ttc_environment):
            environment = opened.environment(key, cache)
            host.prepare(environment)
            for made in _Maker(layers, host.image(environment), environment, cache).images(list(group), workers):
                progress.advance(1, 0, 0)
                yield made
    finally:
        progress.end()
        client.close()
        host.close()


class _Maker:
    """Makes the images of one environment's rows; a repository's files are written where one of them is missing."""

    def __init__(self, layers: Layers, parent: str, environment: Environment, cache: Cache) -> None:
        self._layers, self._parent, self._environment, self._cache = layers, parent, environment, cache
        self._key = content_key("repository image", layers.id(parent), roots_of(environment))
        self._tag = f"{REPOSITORY}:{environment.key}-{self._key[:8]}"

    def images(self, rows: Sequence[Row], workers: int) -> Iterator[RowImage]:
        """First those that are there, then the others as they are made."""
        ready = self._layers.made(self._tag) == self._key
        missing = []
        for row in rows:
            name = image_name(row)
            if ready and self._layers.made(name) == self._row_key(row):
                yield RowImage(row.instance_id, name, self._layers.id(name))
            else:
                missing.append(row)
        if not missing:
            return
        folder = Path(tempfile.mkdtemp(prefix="ttcdata-images-"))
        pool = ThreadPoolExecutor(workers)
        try:
            repository = self._shared(folder)
            yield from pool.map(partial(self._row, repository, folder), missing)
        finally:
            pool.shutdown(cancel_futures=True)  # an image that is being made is waited for: half a second
            shutil.rmtree(folder, ignore_errors=True)

    def _shared(self, folder: Path) -> Repository:
        """The files that all rows share, and their image."""
        shared = folder / "shared"
        shared.mkdir()
        repository = Repository(shared, self._environment, self._cache.trees)
        if self._layers.made(self._tag) != self._key:
            path = f"{roots_of(self._environment)}:{SITE}"
            settings = {
                "Env": {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
                "WorkingDir": "/testbed",
                # A container of the harness runs `tail -f`, which ignores SIGTERM as process 1: each stop takes 15 s.
                "StopSignal": "SIGKILL",
            }
            self._layers.add(self._layers.with_git(self._parent), repository.laid, self._tag, self._key, settings)
        return repository

    def _row_key(self, row: Row) -> str:
        said = (row.ttc_files, row.created_at, row.repo, row.base_commit)
        return content_key("row image", self._layers.id(self._tag), said)

    def _row(self, repository: Repository, work: Path, row: Row) -> RowImage:
        started = time.monotonic()
        name = image_name(row)
        folder = work / content_key(row.instance_id)
        folder.mkdir()
        try:
            size = self._layers.add(self._tag, repository.row(row, folder), name, self._row_key(row), {})
        except DatasetError as error:
            raise DatasetError(f"{row.instance_id}: {error}") from error
        finally:
            shutil.rmtree(folder)
        taken = round(time.monotonic() - started, 3)
        return RowImage(row.instance_id, name, self._layers.id(name), "", size, taken)


def push_images(
    dataset: str | Path,
    registry: str,
    *,
    rows: Collection[str] = (),
    reader: ReaderRules | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Iterator[RowImage]:
    """Make the images of a dataset's rows and push them; layers that the registry has are not sent again.

    Args:
        dataset: a folder or a Hub id.
        registry: `HOST[:PORT][/PATH]`; credentials are those of `docker login`.
        rows: as for `build_images`.
        reader: as for `build_images`.
        progress: told of each row.
        cache: folders that builds share.

    Yields:
        One image a row under its name in the registry, with the digest that the registry gave.

    Raises:
        RegistryRefused: the registry does not answer or does not take an image; what was pushed stays there.
        DatasetError: as `build_images`.
        SandboxUnavailable: as `build_images`.
    """
    repository = repository_in(registry)
    progress = progress or Quiet()
    made = list(build_images(dataset, rows=rows, reader=reader, progress=progress, cache=cache))
    client = connect()
    progress.begin("push", len(made))
    try:
        for one in made:
            yield push_image(client, one, repository)
            progress.advance(1, 0, 0)
    finally:
        progress.end()
        client.close()


def repository_in(registry: str) -> str:
    """The repository whose tags are the rows' ids.

    Raises:
        RegistryRefused: not the name of a registry.
    """
    if not registry.strip("/") or "://" in registry or any(character.isspace() for character in registry):
        raise RegistryRefused(
            f"registry {registry!r}: must be HOST[:PORT][/PATH], for instance registry.example.com/my-org"
        )
    return f"{registry.rstrip('/')}/ttcdata-row"


def push_image(client: docker.DockerClient, one: RowImage, repository: str) -> RowImage:
    """Push one image of the engine; its name in the registry, and the digest that the registry gave.

    Raises:
        RegistryRefused: the registry does not answer or does not take it.
        EngineUnavailable: the engine stopped answering.
    """
    place = f"{repository}:{one.instance_id}"
    digest = ""
    try:
        client.api.tag(one.image, repository, one.instance_id)
        events: Iterator[dict[str, Any]] = client.api.push(repository, one.instance_id, stream=True, decode=True)
        for event in events:
            if "error" in event:
                raise RegistryRefused(f"{place}: {event['error']}; check the name, or `docker login` and push again")
            digest = event.get("aux", {}).get("Digest", digest)
    except DockerException as error:
        raise EngineUnavailable(f"{place}: the Docker engine failed ({error}); push again") from error
    if not digest:
        raise RegistryRefused(f"{place}: the registry gave no digest; push again")
    return replace(one, image=place, digest=digest)


class Recorder:
    """Writes down which image is which row's, beside what the file says of other rows; also where it is interrupted.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images: list[RowImage] = []

    def add(self, image: RowImage) -> None:
        """Keep one image, to be written at the end."""
        self.images.append(image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.images:
            self._write()

    def _write(self) -> None:
        known: dict[str, Any] = {}
        with contextlib.suppress(FileNotFoundError):
            known = json.loads(self.path.read_text(encoding="utf-8"))
        for one in self.images:
            before = known.get(one.instance_id, {})
            about = {name: value for name, value in asdict(one).items() if name not in ("instance_id", "seconds")}
            if before.get("id") == one.id:  # it was there: what making it and pushing it showed still holds
                about = {name: value or before.get(name, value) for name, value in about.items()}
            known[one.instance_id] = about
        write_whole(self.path, json.dumps(known, indent=1, sort_keys=True) + "\n")


def record_of(dataset: str | Path) -> Path:
    """Where the images of a dataset are written down: its build's folder, or this one for a set of the Hub."""
    folder = Path(dataset)
    if not folder.is_dir():
        return Path(RECORD)
    return (folder if (folder / "dataset").is_dir() else folder.parent) / RECORD


def publish_images(
    dataset: Path,
    registry: str,
    *,
    reader: ReaderRules | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> None:
    """Push the images of all rows, and say in the dataset itself where they are: its rows' `image`, and its card.

    Args:
        dataset: its folder.
        registry: `HOST[:PORT][/PATH]`.
        reader: as for `build_images`.
        progress: told of each row.
        cache: folders that builds share.

    Raises:
        DatasetError: a row has no image.
        RegistryRefused: the registry does not take one.
        SandboxUnavailable: no Docker engine.
    """
    with Recorder(record_of(dataset)) as record:
        for pushed in push_images(dataset, registry, reader=reader, progress=progress, cache=cache):
            record.add(pushed)
    repository = repository_in(registry)
    record_row_images(dataset, {one.instance_id: f"{repository}@{one.digest}" for one in record.images})
    if (dataset / "card.json").is_file():
        record_images(dataset, repository, len(record.images))
