"""What the stand-in knows: accounts, repositories, large files, the log of what was asked, faults that tests switch on."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.hub.storage import Account, Repo, created, large_entry, small_entry


@dataclass(frozen=True)
class Request:
    """One request, its body read."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    endpoint: str
    account: Account | None

    @property
    def has_token(self) -> bool:
        return "authorization" in self.headers


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Logged:
    """A request as the log has it; `status` 0 where the connection was cut."""

    method: str
    path: str
    status: int
    received: int
    """Bytes of body."""


@dataclass
class Fault:
    """Something that goes wrong with the next `times` requests that match.

    kind: `status` answers with `status` and `headers`; `cut` closes the connection once half of the body came;
        `lost` does what is asked and closes the connection instead of answering; `hold` sets `reached`, waits for `release`
        and then closes it without having done anything.
    """

    method: str
    path: str
    """Regular expression, searched in the path."""
    kind: Literal["status", "cut", "lost", "hold"] = "status"
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    skip: int = 0
    """So many matching requests are served as if nothing was."""
    times: int = 1
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


class Hub:
    """Everything that the stand-in knows; thread-safe by one lock, which no upload's transfer holds."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.accounts: dict[str, Account] = {}
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}
        """Large files by sha256."""
        self.parts: dict[tuple[str, int], bytes] = {}
        self.xorbs: dict[str, bytes] = {}
        self.part_size = 0
        """Bytes of a part of an upload; 0 for uploads in one part."""
        self.largest = 0
        """Bytes of the largest file that is taken; 0 for any."""
        self.page = 1000
        """Entries of one answer about a tree."""
        self.log: list[Logged] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that this request runs into."""
        with self.lock:
            for fault in self.faults:
                if fault.method != method or not re.search(fault.path, path):
                    continue
                if fault.skip:
                    fault.skip -= 1
                elif fault.times:
                    fault.times -= 1
                    return fault
            return None

    def asked(self, method: str, path: str) -> list[Logged]:
        """Requests so far that match a regular expression."""
        with self.lock:
            return [one for one in self.log if one.method == method and re.search(path, one.path)]

    def forget(self) -> None:
        """Begin a new log, without faults."""
        with self.lock:
            self.log.clear()
            self.faults.clear()

    def keep(self, data: bytes) -> str:
        """Keep a large file; gives its sha256."""
        digest = hashlib.sha256(data).hexdigest()
        with self.lock:
            self.objects[digest] = data
        return digest

    def put(self, name: str, files: Mapping[str, bytes], *, private: bool = False, branch: str = "main") -> Repo:
        """Commit files as somebody else would, into a new repository or one that is there."""
        with self.lock:
            repo = self.repos.setdefault(name, created(name, private=private))
            now = dict(repo.commits[repo.branches[branch]].files)
            for path, data in files.items():
                large = path.endswith((".parquet", ".gz"))
                now[path] = large_entry(self.keep(data), len(data)) if large else small_entry(data)
            repo.add(branch, "by somebody else", now)
            return repo

    def read(self, name: str, revision: str = "main") -> dict[str, bytes]:
        """The files of a revision."""
        commit = self.repos[name].resolve(revision)
        assert commit is not None, f"{name} has no {revision}"
        return {path: self.objects[entry.sha256] if entry.large else entry.data for path, entry in commit.files.items()}
