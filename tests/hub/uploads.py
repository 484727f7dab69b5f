"""Large files through the LFS protocol: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md, and the Hub's parts."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.hub.state import Answer, Hub, Request
from tests.hub.storage import Repo


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/vnd.git-lfs+json"})


def batch(hub: Hub, request: Request, repo: Repo) -> Answer:
    """Where to send each file; nothing to do for those that are there."""
    return _json({"transfer": "basic", "objects": [_asked(hub, request, one) for one in json.loads(request.body)["objects"]]})  # fmt: skip


def _asked(hub: Hub, request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    oid, size = asked["oid"], asked["size"]
    described = {"oid": oid, "size": size}
    if oid in hub.objects:
        return described
    if hub.largest and size > hub.largest:
        return {**described, "error": {"code": 422, "message": f"file is larger than {hub.largest} bytes"}}
    place = f"{request.endpoint}/lfs/{oid}"
    upload: dict[str, Any] = {"href": place}
    if hub.part_size and size > hub.part_size:
        count = -(-size // hub.part_size)
        numbered = {str(number): f"{place}/{number}" for number in range(1, count + 1)}
        upload = {"href": f"{place}/complete", "header": {"chunk_size": str(hub.part_size), **numbered}}
    return {**described, "actions": {"upload": upload, "verify": {"href": f"{request.endpoint}/lfs/verify"}}}


def whole(hub: Hub, request: Request, oid: str) -> Answer:
    """Take a file; its bytes must be those of its name."""
    return _keep(hub, oid, request.body)


def part(hub: Hub, request: Request, oid: str, number: str) -> Answer:
    """Take one part of a file."""
    with hub.lock:
        hub.parts[oid, int(number)] = request.body
    return Answer(200, b"", {"ETag": f'"{hashlib.sha256(request.body).hexdigest()}"'})


def complete(hub: Hub, request: Request, oid: str) -> Answer:
    """Put the parts of a file together."""
    numbers = [one["partNumber"] for one in json.loads(request.body)["parts"]]
    missing = [number for number in numbers if (oid, number) not in hub.parts]
    if missing:
        return _json({"message": f"part {missing[0]} is missing"}, 400)
    return _keep(hub, oid, b"".join(hub.parts[oid, number] for number in numbers))


def _keep(hub: Hub, oid: str, data: bytes) -> Answer:
    if hashlib.sha256(data).hexdigest() != oid:
        return _json({"message": "the bytes are not those of the name"}, 400)
    with hub.lock:
        hub.objects[oid] = data
    return Answer()


def verify(hub: Hub, request: Request) -> Answer:
    """Whether a file arrived."""
    asked = json.loads(request.body)
    there = len(hub.objects.get(asked["oid"], b"")) == asked["size"]
    return _json({}) if there else _json({"message": "not there"}, 404)
