"""The set whose rows can be run, and its images, for all tests of this folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from docker.errors import DockerException

from tests.publish.shapes_set import ShapesSet, shapes_set
from ttc_data.dataset import Dataset
from ttc_data.environments.engine import connect
from ttc_data.publish.images import RowImage, build_images


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> ShapesSet:
    return shapes_set(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="session")
def images(shapes: ShapesSet) -> Iterator[dict[str, RowImage]]:
    """By target; gone from the engine when the tests end."""
    targets = {row.instance_id: row.ttc_target for row in Dataset(shapes.out).rows()}
    keys = {row.ttc_environment for row in shapes.rows.values()}
    yield {targets[one.instance_id]: one for one in build_images(shapes.out, cache=shapes.cache)}
    client = connect()
    tags = [tag for image in client.images.list() for tag in image.tags]
    ours = [tag for tag in tags if any(key in tag for key in keys) or tag.rpartition(":")[2] in targets]
    for tag in sorted(ours, key=lambda tag: (":" not in tag, tag.startswith("ttcdata/environment"), tag)):
        with contextlib.suppress(DockerException):
            client.images.remove(tag, force=True)
    client.close()
