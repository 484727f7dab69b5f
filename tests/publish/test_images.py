"""Row images: what is in them, what is not, how big they are, and where they go."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from tests.publish.registries import real_registry, scripted_registry
from tests.publish.shapes_set import PROJECT, SECRET, ShapesSet
from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, RegistryRefused, SandboxUnavailable
from ttc_data.hosts.base_image import ensure_base_image
from ttc_data.hosts.engine import connect
from ttc_data.publish.commits import Laid, Repository
from ttc_data.publish.images import Recorder, RowImage, build_images, image_name, push_image, push_images, repository_in
from ttc_data.publish.layers import Layers
from ttc_data.rules import ImageRules

SEARCH = """
import os, pathlib, sys, zlib
secret, found = sys.argv[1].encode(), []
for folder, _, names in os.walk("/"):
    if folder.startswith(("/proc", "/sys", "/dev", "/usr")):  # the last is the base image's
        continue
    for name in names:
        path = pathlib.Path(folder, name)
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if "/.git/objects/" in str(path):
                data = zlib.decompress(data)
            if secret in data:
                found.append(str(path))
print("\\n".join(sorted(found)))
"""


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    opened = connect()
    yield opened
    opened.close()


def run(client: docker.DockerClient, image: str, *command: str) -> str:
    output: bytes = client.containers.run(image, list(command), remove=True, network_mode="none", entrypoint=[])
    return output.decode().strip()


@pytest.mark.docker
def test_nothing_of_the_reference_can_be_read_in_a_rows_image(
    images: dict[str, RowImage], client: docker.DockerClient
) -> None:
    """Not in the tree, not in the environment's untouched tree or its bytecode, not in git's objects."""
    assert run(client, images["area"].image, "python3", "-c", SEARCH, SECRET) == ""
    seen = run(client, images["scale"].image, "python3", "-c", SEARCH, SECRET).splitlines()
    assert "/testbed/shapes.py" in seen, "the search finds it where another function is masked"
    assert any("/.git/objects/" in path for path in seen)
    assert run(client, images["shorten"].image, "python3", "-c", SEARCH, "longer = text +") == ""


@pytest.mark.docker
@pytest.mark.parametrize("target", ["area", "shorten"])
def test_the_masked_tree_is_gits_only_commit(
    shapes: ShapesSet, images: dict[str, RowImage], client: docker.DockerClient, target: str
) -> None:
    row, image = shapes.rows[target], images[target].image
    assert run(client, image, "git", "status", "--porcelain", "--ignored") == ""
    assert run(client, image, "git", "fsck", "--full", "--strict", "--unreachable") == ""
    assert run(client, image, "git", "rev-list", "--all", "--count") == "1"
    assert run(client, image, "git", "show", f"HEAD:{row.path}") == row.ttc_files[0].text.strip()
    assert run(client, image, "cat", row.path) == row.ttc_files[0].text.strip()
    dated = run(client, image, "git", "log", "-1", "--format=%aI %cI").split()
    assert dated == ["2026-01-02T03:04:05+00:00"] * 2


@pytest.mark.docker
def test_the_trees_other_files_are_as_they_were(images: dict[str, RowImage], client: docker.DockerClient) -> None:
    """Whatever its own .gitattributes say of line ends, and .gitignore of folders."""
    # The engine's log now and then loses a last line that has no end.
    listing = run(client, images["area"].image, "bash", "-c", "git ls-tree -r --name-only -z HEAD; echo")
    assert sorted(listing.strip("\0").split("\0")) == sorted(PROJECT)
    script = "git rm -q --cached -r . && git reset -q --hard && cat 'data/lines of windows.txt' | od -c && bin/tool && echo ran"
    shown = run(client, images["area"].image, "bash", "-c", script)
    assert r"\r  \n" in shown
    assert shown.endswith("ran")


@pytest.mark.docker
def test_a_rows_own_layer_is_thin_and_is_made_once(shapes: ShapesSet, images: dict[str, RowImage]) -> None:
    assert all(one.seconds and 0 < one.layer_bytes < 100_000 for one in images.values())
    again = list(build_images(shapes.out, cache=shapes.cache))
    assert {one.instance_id: one.id for one in again} == {one.instance_id: one.id for one in images.values()}
    assert all(one.seconds == 0 for one in again)


@pytest.mark.docker
def test_an_image_that_was_removed_comes_back_with_the_same_id(
    shapes: ShapesSet, images: dict[str, RowImage], client: docker.DockerClient
) -> None:
    one = images["Pile.take"]
    client.images.remove(one.image)
    (again,) = build_images(shapes.out, rows=[one.instance_id], cache=shapes.cache)
    assert again.seconds > 0
    assert again.id == one.id


@pytest.mark.docker
def test_a_folder_of_a_dataset_is_enough(shapes: ShapesSet, images: dict[str, RowImage], tmp_path: Path) -> None:
    """As the Hub gives it: without the build's cache of trees."""
    shutil.copytree(shapes.out / "dataset", tmp_path / "set")
    cache = Cache(tmp_path / "cache")
    shutil.copytree(shapes.cache.environments, cache.environments)  # else they would be installed from the index
    made = list(build_images(tmp_path / "set", cache=cache))
    assert {one.id for one in made} == {one.id for one in images.values()}


@pytest.mark.docker
def test_both_ways_to_add_a_layer_give_the_same_files(client: docker.DockerClient, tmp_path: Path) -> None:
    base = ensure_base_image(client, ImageRules().base)
    (tmp_path / "laid/testbed/deep").mkdir(parents=True)
    (tmp_path / "laid/testbed/deep/tool").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "laid/testbed/deep/tool").chmod(0o755)
    laid = Laid(tmp_path / "laid", ("etc/hostname.d", "usr/share/doc", "etc/issue"))
    settings = {"Env": {"A": "1"}, "WorkingDir": "/testbed", "StopSignal": "SIGKILL"}
    (tmp_path / "laid/etc/hostname.d").mkdir(parents=True)
    parent = "ttcdata/test-parent:1"
    Layers(client).add(base, Laid(tmp_path / "laid", ()), parent, "parent", {})
    shutil.rmtree(tmp_path / "laid/etc")
    shown = []
    tags = [f"ttcdata/test-layer:{loads}" for loads in (True, False)]
    try:
        for tag in tags:
            layers = Layers(client, loads=tag.endswith("True"))
            assert layers.made(tag) == ""
            layers.add(parent, laid, tag, "key", settings)
            assert layers.made(tag) == "key"
            listing = run(
                client,
                tag,
                "bash",
                "-c",
                "stat -c '%n %F %a %u' /testbed /testbed/deep /testbed/deep/*; ls /etc; pwd; echo $A; ls /usr/share",
            )
            shown.append(listing)
            assert client.images.get(tag).attrs["Config"]["StopSignal"] == "SIGKILL"
    finally:
        for tag in (*tags, parent):
            client.images.remove(tag, force=True)
    assert shown[0] == shown[1]
    assert "/testbed/deep/tool regular file 755 0" in shown[0]
    assert "hostname.d" not in shown[0]
    assert "issue\n" not in shown[0]


@pytest.mark.docker
def test_an_image_without_git_that_cannot_get_it_is_named_with_the_fix(
    client: docker.DockerClient, tmp_path: Path
) -> None:
    base = ensure_base_image(client, ImageRules().base)
    tag = "ttcdata/test-without-git:1"
    layers = Layers(client)
    layers.add(base, Laid(tmp_path, ("usr/bin/git", "usr/bin/apt-get")), tag, "key", {})
    try:
        assert layers.with_git(base) == base
        with pytest.raises(SandboxUnavailable, match=r"has no git, and apt-get cannot install it.*python:3\.11, or"):
            layers.with_git(tag)
    finally:
        client.images.remove(tag, force=True)


@pytest.mark.docker
@pytest.mark.parametrize("registry", [scripted_registry, real_registry])
def test_images_are_pushed_and_come_back_under_their_digest(
    client: docker.DockerClient, tmp_path: Path, registry: Callable[[Path], AbstractContextManager[str]]
) -> None:
    """Small ones of the same make: to compress a base image takes the engine half a minute."""
    client.api.import_image_from_data(_tar(tmp_path), repository="ttcdata/test-push", tag="base")
    layers = Layers(client)
    with registry(tmp_path) as place:
        for name in ("a", "b"):
            (tmp_path / name / "testbed").mkdir(parents=True)
            (tmp_path / name / "testbed/file").write_text(name)
            tag = f"ttcdata/test-push:{name}"
            layers.add("ttcdata/test-push:base", Laid(tmp_path / name, ("etc/old",)), tag, name, {})
            made = RowImage(name, tag, layers.id(tag))
            pushed = push_image(client, made, repository_in(f"{place}/sets/"))
            assert pushed == replace(made, image=f"{place}/sets/ttcdata-row:{name}", digest=pushed.digest)
            assert push_image(client, made, repository_in(f"{place}/sets")).digest == pushed.digest
            client.images.remove(pushed.image)
            client.images.remove(tag)
            whole = f"{place}/sets/ttcdata-row@{pushed.digest}"
            assert client.images.pull(whole).id == made.id
            client.images.remove(whole)
    client.images.remove("ttcdata/test-push:base")


def _tar(folder: Path) -> bytes:
    (folder / "root/etc").mkdir(parents=True)
    (folder / "root/etc/old").write_text("old")
    packed = shutil.make_archive(str(folder / "root"), "tar", folder / "root")
    return Path(packed).read_bytes()


@pytest.mark.docker
def test_a_registry_that_is_not_there_is_one_line(shapes: ShapesSet, images: dict[str, RowImage]) -> None:
    name = images["area"].instance_id
    with pytest.raises(RegistryRefused, match=f"127.0.0.1:9/ttcdata-row:{name}: .*push again"):
        list(push_images(shapes.out, "127.0.0.1:9", rows=[name], cache=shapes.cache))
    with pytest.raises(RegistryRefused, match=r"'https://x': must be HOST"):
        list(push_images(shapes.out, "https://x", cache=shapes.cache))


@pytest.mark.docker
def test_a_row_that_is_not_there_is_named(shapes: ShapesSet) -> None:
    with pytest.raises(DatasetError, match="no row nobody"):
        list(build_images(shapes.out, rows=["nobody"], cache=shapes.cache))


def test_a_reference_that_lies_in_the_tree_twice_is_refused(shapes: ShapesSet, tmp_path: Path) -> None:
    row = shapes.rows["area"]
    environment = Dataset(shapes.out).environment(row.ttc_environment, shapes.cache)
    twice = replace(
        environment,
        generated=(replace(row.ttc_files[0], path="build/lib/shapes.py", text=PROJECT["shapes.py"].decode()),),
    )
    for name in ("shared", "row"):
        (tmp_path / name).mkdir()
    repository = Repository(tmp_path / "shared", twice, shapes.cache.trees)
    with pytest.raises(DatasetError, match=r"shapes\.py: lies in the tree as build/lib/shapes\.py too"):
        repository.row(row, tmp_path / "row")


def _interrupted(place: Path, image: RowImage) -> None:
    with Recorder(place) as record:
        record.add(image)
        raise KeyboardInterrupt


def test_images_are_written_down_beside_what_is_known_of_others(tmp_path: Path) -> None:
    place = tmp_path / "images.json"
    made = RowImage("a", "ttcdata/row:a", "sha256:1", "", 10, 0.5)
    with Recorder(place) as record:
        record.add(made)
        record.add(replace(made, instance_id="b"))
    pushed = replace(made, image="host/ttcdata-row:a", digest="sha256:2", layer_bytes=0, seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        _interrupted(place, pushed)
    known = json.loads(place.read_text())
    assert known["b"] == {"image": "ttcdata/row:a", "id": "sha256:1", "digest": "", "layer_bytes": 10}
    assert known["a"] == {"image": "host/ttcdata-row:a", "id": "sha256:1", "digest": "sha256:2", "layer_bytes": 10}
    assert [path.name for path in tmp_path.iterdir()] == ["images.json"]


def test_the_name_of_a_rows_image_is_the_engines_or_the_registrys(shapes: ShapesSet) -> None:
    row = shapes.rows["area"]
    assert image_name(row) == f"ttcdata/row:{row.instance_id}"
    assert image_name(row, "registry.example.com/org/") == f"registry.example.com/org/ttcdata-row:{row.instance_id}"
