"""What the stand-in answers, as `huggingface_hub` asks for it. Datasets only."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.hub import uploads, xet
from tests.hub.state import Answer, Hub, Request
from tests.hub.storage import (
    OLD,
    Commit,
    Entry,
    Repo,
    created,
    is_ignored,
    is_large,
    large_entry,
    small_entry,
)

NAME = r"(?P<name>[^/]+/[^/]+?)"
REVISION = r"(?P<revision>[^/]+)"


def as_json(value: object, status: int = 200, **headers: str) -> Answer:
    """An answer that clients read as JSON."""
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


def failed(status: int, message: str, code: str = "") -> Answer:
    """An error as the Hub words it: in the body, and in headers that the client looks at."""
    headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
    return Answer(status, json.dumps({"error": message}).encode(), {"Content-Type": "application/json", **headers})


def answer(hub: Hub, request: Request) -> Answer:
    """The answer to any request."""
    for method, pattern, route in ROUTES:
        found = re.fullmatch(pattern, request.path)
        if found and request.method in method.split():
            words = {name: unquote(value) for name, value in found.groupdict(default="").items()}
            return route(hub, request, **words)
    return failed(404, f"nothing at {request.path}")


def reading(route: Callable[..., Answer]) -> Callable[..., Answer]:
    """A route about a repository, which only those may ask who may see it."""

    def guarded(hub: Hub, request: Request, name: str, **words: str) -> Answer:
        if request.has_token and request.account is None:
            return failed(401, "Invalid credentials in Authorization header")
        repo = hub.repos.get(name)
        if repo is None or (repo.private and not (request.account and request.account.reads(name))):
            return failed(404 if request.account else 401, "Repository not found", "RepoNotFound")
        return route(hub, request, repo, **words)

    return guarded


def writing(route: Callable[..., Answer]) -> Callable[..., Answer]:
    """A route that changes a repository."""

    @reading
    def guarded(hub: Hub, request: Request, repo: Repo, **words: str) -> Answer:
        if request.account is None:
            return failed(401, "Invalid username or password.")
        if not request.account.writes(repo.name):
            return failed(403, "You don't have the rights to write to this repository")
        with hub.lock:
            return route(hub, request, repo, **words)

    return guarded


def at_revision(route: Callable[..., Answer]) -> Callable[..., Answer]:
    """A route about one commit."""

    def found(hub: Hub, request: Request, repo: Repo, revision: str = "main", **words: str) -> Answer:
        commit = repo.resolve(revision or "main")
        if commit is None:
            return failed(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return route(hub, request, repo, commit, **words)

    return found


# Accounts and repositories


def whoami(hub: Hub, request: Request) -> Answer:
    if request.account is None:
        return failed(401, "Invalid username or password.")
    token = {"type": "access_token", "accessToken": {"displayName": "test", "role": request.account.role}}
    orgs = [{"type": "org", "name": name} for name in request.account.orgs]
    return as_json({"type": "user", "name": request.account.name, "orgs": orgs, "auth": token})


def create(hub: Hub, request: Request) -> Answer:
    asked = json.loads(request.body)
    if request.account is None:
        return failed(401, "Invalid username or password.")
    name = f"{asked.get('organization') or request.account.name}/{asked['name']}"
    if not request.account.writes(name):
        return failed(
            403, f"You don't have the rights to create a dataset under the namespace {name.partition('/')[0]}"
        )
    url = f"{request.endpoint}/{'datasets/' if asked.get('type') == 'dataset' else ''}{name}"
    with hub.lock:
        if name in hub.repos:
            return as_json({"error": "You already created this dataset repo", "url": url}, 409)
        hub.repos[name] = created(name, private=asked.get("visibility") == "private")
    return as_json({"url": url, "name": name})


@reading
@at_revision
def about(hub: Hub, request: Request, repo: Repo, commit: Commit) -> Answer:
    siblings = [
        {"rfilename": path} | ({"size": entry.size, "blobId": entry.oid} if "blobs" in request.query else {})
        for path, entry in sorted(commit.files.items())
    ]
    return as_json(
        {
            "_id": "0", "id": repo.name, "author": repo.name.partition("/")[0], "sha": commit.oid,
            "private": repo.private, "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": [],
            "lastModified": OLD, "createdAt": OLD, "siblings": siblings,
        }
    )  # fmt: skip


@reading
def may_read(hub: Hub, request: Request, repo: Repo) -> Answer:
    return as_json({})


@writing
def may_write(hub: Hub, request: Request, repo: Repo) -> Answer:
    return as_json({})


@reading
def refs(hub: Hub, request: Request, repo: Repo) -> Answer:
    def named(kind: str, names: Mapping[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in names.items()]

    return as_json({"branches": named("heads", repo.branches), "tags": named("tags", repo.tags), "converts": []})


@writing
def new_branch(hub: Hub, request: Request, repo: Repo, branch: str) -> Answer:
    start = repo.resolve(json.loads(request.body).get("startingPoint") or "main")
    if branch in repo.branches:
        return failed(409, "Reference already exists")
    if start is None:
        return failed(404, "Invalid rev id", "RevisionNotFound")
    repo.branches[branch] = start.oid
    return as_json({})


@writing
@at_revision
def new_tag(hub: Hub, request: Request, repo: Repo, commit: Commit) -> Answer:
    tag = json.loads(request.body)["tag"]
    if tag in repo.tags:
        return failed(409, f"Tag reference exists already: {tag}")
    repo.tags[tag] = commit.oid
    return as_json({})


# Files


def described(path: str, entry: Entry) -> dict[str, Any]:
    lfs = {"oid": entry.sha256, "sha256": entry.sha256, "size": entry.size, "pointerSize": 134}
    return {"type": "file", "path": path, "oid": entry.oid, "size": entry.size} | ({"lfs": lfs} if entry.large else {})


def folders(commit: Commit) -> set[str]:
    found = set()
    for path in commit.files:
        parts = path.split("/")[:-1]
        found |= {"/".join(parts[: number + 1]) for number in range(len(parts))}
    return found


def folder_entry(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest(), "size": 0}  # fmt: skip


@reading
@at_revision
def tree(hub: Hub, request: Request, repo: Repo, commit: Commit, folder: str = "") -> Answer:
    inside = f"{folder}/" if folder else ""
    if folder and folder not in folders(commit):
        return failed(404, f"{folder} does not exist", "EntryNotFound")
    found = [folder_entry(path) for path in folders(commit)]
    found += [described(path, entry) for path, entry in commit.files.items()]
    found = sorted((one for one in found if one["path"].startswith(inside)), key=lambda one: str(one["path"]))
    if request.query.get("recursive", "false").lower() not in ("true", "1"):
        found = [one for one in found if "/" not in one["path"].removeprefix(inside)]
    start = int(request.query.get("cursor", "0"))
    page = found[start : start + hub.page]
    if start + hub.page >= len(found):
        return as_json(page)
    query = "&".join(f"{name}={value}" for name, value in {**request.query, "cursor": start + hub.page}.items())
    return as_json(page, Link=f'<{request.endpoint}{request.path}?{query}>; rel="next"')


@reading
@at_revision
def paths_info(hub: Hub, request: Request, repo: Repo, commit: Commit) -> Answer:
    form = parse_qs(request.body.decode())
    asked = form["paths"]
    known = folders(commit)
    more = (
        {"lastCommit": {"id": commit.oid, "title": commit.message, "date": OLD}} if form["expand"] == ["true"] else {}
    )
    files = [described(path, commit.files[path]) | more for path in asked if path in commit.files]
    return as_json(files + [folder_entry(path) for path in asked if path in known])


@reading
@at_revision
def resolve(hub: Hub, request: Request, repo: Repo, commit: Commit, path: str) -> Answer:
    entry = commit.files.get(path)
    if entry is None:
        return failed(404, "Entry not found", "EntryNotFound")
    data = hub.objects[entry.sha256] if entry.large else entry.data
    headers = {
        "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", "X-Repo-Commit": commit.oid,
        "ETag": f'"{entry.sha256 or entry.oid}"',
    }  # fmt: skip
    if entry.large:
        headers |= {"X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{entry.sha256}"'}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if asked is None:
        return Answer(200, data, {**headers, "Content-Length": str(len(data))})
    first, last = asked.groups()
    start = int(first) if first else max(len(data) - int(last), 0)
    end = min(int(last), len(data) - 1) if first and last else len(data) - 1
    if start > end:
        return Answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
    return Answer(206, data[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{end}/{len(data)}"})


# Commits


@writing
@at_revision
def preupload(hub: Hub, request: Request, repo: Repo, commit: Commit) -> Answer:
    files = []
    body = json.loads(request.body)
    for asked in body["files"]:
        path = asked["path"]
        there = commit.files.get(path)
        files.append(
            {
                "path": path,
                "uploadMode": "lfs" if is_large(commit, path, asked["size"]) else "regular",
                "shouldIgnore": is_ignored(commit, path, body.get("gitIgnore")),
                "oid": (there.sha256 or there.oid) if there else None,
            }
        )
    return as_json({"files": files})


@writing
def commit_files(hub: Hub, request: Request, repo: Repo, revision: str) -> Answer:
    if revision not in repo.branches:
        return failed(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    head = repo.branches[revision]
    header: dict[str, Any] = {}
    files = dict(repo.commits[head].files)
    for line in request.body.splitlines():
        operation = json.loads(line)
        key, value = operation["key"], operation["value"]
        if key == "header":
            header = value
        elif key == "file":
            data = base64.b64decode(value["content"])
            if hub.largest and len(data) > hub.largest:
                return failed(413, f"{value['path']} is larger than {hub.largest} bytes")
            files[value["path"]] = small_entry(data)
        elif key == "lfsFile":
            held = hub.objects.get(value["oid"])
            if held is None or len(held) != value.get("size", len(held)):
                return failed(400, f"{value['path']}: LFS pointer pointed to a file that does not exist")
            files[value["path"]] = large_entry(value["oid"], len(held))
        elif key == "deletedFile":
            if files.pop(value["path"], None) is None:
                return failed(404, "A file with this name doesn't exist", "EntryNotFound")
        else:
            return failed(400, f"unknown operation {key}")
    if header.get("parentCommit", head) != head:
        return failed(412, "A commit has happened since. Please refresh and try again.")
    made = repo.add(revision, header["summary"], files)
    url = f"{request.endpoint}/datasets/{repo.name}/commit/{made.oid}"
    return as_json({"success": True, "commitUrl": url, "commitOid": made.oid, "hookOutput": ""})


def validate_yaml(hub: Hub, request: Request) -> Answer:
    return as_json({"errors": [], "warnings": []})


KIND = rf"/api/(datasets|models)/{NAME}"
ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "/api/whoami-v2", whoami),
    ("POST", "/api/repos/create", create),
    ("POST", "/api/validate-yaml", validate_yaml),
    ("GET", rf"{KIND}(/revision/{REVISION})?", about),
    ("GET", rf"{KIND}/auth-check", may_read),
    ("GET", rf"{KIND}/auth-check/write", may_write),
    ("GET", rf"{KIND}/refs", refs),
    ("POST", rf"{KIND}/branch/(?P<branch>[^/]+)", new_branch),
    ("POST", rf"{KIND}/tag/{REVISION}", new_tag),
    ("GET", rf"{KIND}/tree/{REVISION}(/(?P<folder>.+))?", tree),
    ("POST", rf"{KIND}/paths-info/{REVISION}", paths_info),
    ("POST", rf"{KIND}/preupload/{REVISION}", preupload),
    ("POST", rf"{KIND}/commit/{REVISION}", commit_files),
    ("GET HEAD", rf"(/datasets)?/{NAME}/resolve/{REVISION}/(?P<path>.+)", resolve),
    ("POST", rf"(/datasets)?/{NAME}\.git/info/lfs/objects/batch", writing(uploads.batch)),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", uploads.whole),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})/(?P<number>\d+)", uploads.part),
    ("POST", r"/lfs/(?P<oid>[0-9a-f]{64})/complete", uploads.complete),
    ("POST", r"/lfs/verify", uploads.verify),
    ("GET", rf"{KIND}/xet-write-token/{REVISION}", writing(xet.token)),
    ("POST", r"/v1/xorbs/default/(?P<name>[0-9a-f]{64})", xet.xorb),
    ("POST", r"/v1/shards", xet.shard),
]
