"""What the stand-in keeps. A commit is immutable, as in git; branches move, tags stay where they were put."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Literal

GITATTRIBUTES = "".join(f"*.{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in ("gz", "parquet", "zip"))
LARGE = 10 * 1024 * 1024  # bytes; a larger file is LFS whatever its name
OLD = "1970-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Account:
    """Who a token stands for."""

    name: str
    role: Literal["read", "write"] = "write"
    orgs: tuple[str, ...] = ()

    def writes(self, repo: str) -> bool:
        """Whether the token may change a repository."""
        return self.role == "write" and self.reads(repo)

    def reads(self, repo: str) -> bool:
        """Whether the token may see a private one."""
        return repo.partition("/")[0] in (self.name, *self.orgs)


@dataclass(frozen=True)
class Entry:
    """A file of a commit: its bytes lie in the repository, or in the large-file store under `sha256`."""

    size: int
    oid: str
    """Git's hash of the bytes, or of the pointer that stands for them."""
    sha256: str = ""
    data: bytes = b""

    @property
    def large(self) -> bool:
        return bool(self.sha256)


def git_hash(data: bytes) -> str:
    """The name that git gives to these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def small_entry(data: bytes) -> Entry:
    """A file in the repository itself."""
    return Entry(len(data), git_hash(data), data=data)


def large_entry(sha256: str, size: int) -> Entry:
    """A file in the large-file store."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
    return Entry(size, git_hash(pointer.encode()), sha256)


@dataclass(frozen=True)
class Commit:
    """One state of a repository's files."""

    oid: str
    parent: str
    message: str
    files: Mapping[str, Entry]


def commit_of(parent: str, message: str, files: Mapping[str, Entry]) -> Commit:
    """A commit, named by what it holds."""
    content = json.dumps([parent, message, sorted((path, entry.oid) for path, entry in files.items())])
    return Commit(hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest(), parent, message, files)


@dataclass
class Repo:
    """A repository: its commits, and the names that point at them."""

    name: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def add(self, branch: str, message: str, files: Mapping[str, Entry]) -> Commit:
        """Move a branch to a new commit with these files."""
        commit = commit_of(self.branches.get(branch, ""), message, files)
        self.commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit

    def resolve(self, revision: str) -> Commit | None:
        """The commit that a branch, a tag or a hash names."""
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        return self.commits.get(oid)

    def files_of(self, ending: str, revision: str = "main") -> list[str]:
        """Paths of a revision's files with an ending."""
        commit = self.resolve(revision)
        return sorted(path for path in commit.files if path.endswith(f".{ending}")) if commit else []

    def history(self, branch: str = "main") -> list[Commit]:
        """A branch's commits, newest first."""
        found = []
        oid = self.branches.get(branch, "")
        while oid:
            found.append(self.commits[oid])
            oid = found[-1].parent
        return found


def created(name: str, *, private: bool) -> Repo:
    """A repository as the Hub makes it: one commit that says which files are large."""
    repo = Repo(name, private)
    repo.add("main", "initial commit", {".gitattributes": small_entry(GITATTRIBUTES.encode())})
    return repo


def is_large(commit: Commit, path: str, size: int) -> bool:
    """Whether the repository's `.gitattributes`, or its size, make a file a large one."""
    attributes = commit.files.get(".gitattributes")
    lines = attributes.data.decode().splitlines() if attributes else []
    patterns = [line.split()[0] for line in lines if "filter=lfs" in line]
    return size > LARGE or any(fnmatch(path.rpartition("/")[2], pattern) for pattern in patterns)


def is_ignored(commit: Commit, path: str, instead: str | None) -> bool:
    """Whether the repository's `.gitignore` names a file; folders and plain patterns, which is what tests need.

    Args:
        commit: has the `.gitignore`.
        path: of the file.
        instead: the rules that hold instead of the repository's.
    """
    ignored = commit.files.get(".gitignore")
    rules = instead if instead is not None else ignored.data.decode() if ignored else ""
    lines = [line.strip().rstrip("/") for line in rules.splitlines()]
    return any(line and any(fnmatch(part, line) for part in path.split("/")) for line in lines)
