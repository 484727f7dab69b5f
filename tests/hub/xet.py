"""Large files as `hf_xet` sends them: the Xet protocol, version 1.

A file is cut into chunks, chunks travel in xorbs, and a shard says of which chunks a file is made. Nothing is known of the
chunks of other files: each client deduplicates against what it sent itself.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import struct
import time
from collections.abc import Iterator
from typing import Any

from tests.hub.state import Answer, Hub, Request
from tests.hub.storage import Repo

pyarrow: Any = importlib.import_module("pyarrow")  # has no types

TOKEN = "xet-token"
ENTRY = 48
HEADER = 48
END = b"\xff" * 32
WITH_VERIFICATION, WITH_METADATA = 1 << 31, 1 << 30
PLAIN, LZ4, GROUPED_LZ4 = 0, 1, 2


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def token(hub: Hub, request: Request, repo: Repo, revision: str) -> Answer:
    """Where chunks go, and by which right."""
    given = {"accessToken": TOKEN, "exp": int(time.time()) + 3600, "casUrl": request.endpoint}
    headers = {
        "X-Xet-Cas-Url": request.endpoint, "X-Xet-Access-Token": TOKEN, "X-Xet-Token-Expiration": str(given["exp"]),
    }  # fmt: skip
    return Answer(200, json.dumps(given).encode(), {"Content-Type": "application/json", **headers})


def _allowed(request: Request) -> bool:
    return request.headers.get("authorization") == f"Bearer {TOKEN}"


def xorb(hub: Hub, request: Request, name: str) -> Answer:
    """Take a xorb."""
    if not _allowed(request):
        return _json({}, 401)
    with hub.lock:
        new = name not in hub.xorbs
        hub.xorbs[name] = request.body
    return _json({"was_inserted": new})


def shard(hub: Hub, request: Request) -> Answer:
    """Put together the files that a shard describes, and keep them as large files under their sha256."""
    if not _allowed(request):
        return _json({}, 401)
    for digest, segments in _files(request.body):
        with hub.lock:
            if any(name not in hub.xorbs for name, _, _ in segments):
                return _json({"error": "a xorb is missing"}, 400)
            data = b"".join(b"".join(_chunks(hub.xorbs[name])[first:last]) for name, first, last in segments)
        if hashlib.sha256(data).hexdigest() != digest:
            return _json({"error": "the file's bytes are not those of its hash"}, 400)
        with hub.lock:
            hub.objects[digest] = data
    return _json({"result": 1})


def name_of(raw: bytes) -> str:
    """A hash as the protocol writes it: four numbers of 64 bits, little-endian."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))


def _files(body: bytes) -> Iterator[tuple[str, list[tuple[str, int, int]]]]:
    """Each file of a shard: its sha256, and its segments as xorb, first chunk and the chunk after the last."""
    at = HEADER
    while body[at : at + 32] != END:
        flags, count = struct.unpack_from("<II", body, at + 32)
        segments = []
        for number in range(count):
            place = at + ENTRY * (1 + number)
            first, last = struct.unpack_from("<II", body, place + 40)
            segments.append((name_of(body[place : place + 32]), first, last))
        at += ENTRY * (1 + count)
        if flags & WITH_VERIFICATION:
            at += ENTRY * count
        digest = ""
        if flags & WITH_METADATA:
            digest = name_of(body[at : at + 32])
            at += ENTRY
        yield digest, segments


def _chunks(body: bytes) -> list[bytes]:
    """The chunks of a xorb, unpacked."""
    found = []
    at = 0
    while at + 8 <= len(body) and body[at] == 0:  # a footer, which begins with letters, may follow
        packed = int.from_bytes(body[at + 1 : at + 4], "little")
        kind = body[at + 4]
        size = int.from_bytes(body[at + 5 : at + 8], "little")
        found.append(_unpacked(body[at + 8 : at + 8 + packed], kind, size))
        at += 8 + packed
    return found


def _unpacked(data: bytes, kind: int, size: int) -> bytes:
    if kind == PLAIN:
        return data
    plain = pyarrow.decompress(data, decompressed_size=size, codec="lz4", asbytes=True)
    if kind == LZ4:
        return bytes(plain)
    groups, at = [], 0
    for number in range(4):  # bytes 0, 4, 8, ... come first, then 1, 5, 9, ...
        length = (size + 3 - number) // 4
        groups.append(plain[at : at + length])
        at += length
    joined = bytearray(size)
    for number, group in enumerate(groups):
        joined[number::4] = group
    return bytes(joined)
