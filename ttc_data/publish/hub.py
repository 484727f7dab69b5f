"""One repository on the Hub: what a push asks of it, with patience, and with errors of one line."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

import duckdb
import httpx2
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    constants,
    get_token,
    hf_hub_url,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils.tqdm import disable_progress_bars

from ttc_data.errors import PushFailed
from ttc_data.progress import Progress
from ttc_data.store import connect, quoted

T = TypeVar("T")
Kind: TypeAlias = Literal["dataset", "model"]
# Those of huggingface_hub's own `http_backoff`, which its uploads go through; its other calls ask once.
WAITS_S = (1.0, 2.0, 4.0, 8.0, 8.0)
PASSING = frozenset((408, 429, 500, 502, 503, 504))
# https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-09.html: `"api";r=0;t=55`, none left for 55 s
_LIMIT_REACHED = re.compile(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)")
# What the client raises for what the Hub or the network does. `hf_xet` and the LFS uploads wrap theirs in a RuntimeError,
# answers that make no sense are a ValueError.
CLIENT_ERRORS = (
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    httpx2.HTTPError,
    OSError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Remote:
    """A commit on the Hub."""

    commit: str
    files: Mapping[str, str]
    """What each file's bytes are: sha256 of a large file, else git's hash of the blob."""


class HubRepository:
    """A repository.

    Args:
        name: `ORG/NAME`.
        branch: that is pushed to.
        progress: told what is waited for.
        kind: of what it holds.

    Raises:
        PushFailed: the name is not valid, or there is no token.
    """

    def __init__(self, name: str, branch: str, progress: Progress, kind: Kind = "dataset") -> None:
        if name.count("/") != 1:
            raise PushFailed(f"{name}: not the name of a {kind} on the Hub; give it as ORG/NAME")
        try:
            hf_hub_url(name, "README.md", repo_type=kind)  # asks nobody, and knows the rules for names
        except HFValidationError as error:
            raise PushFailed(f"{name}: not a name that the Hub takes ({_one_line(error)}); choose another") from error
        if get_token() is None:
            raise PushFailed(f"{name}: no token to write with; run `hf auth login`, or set HF_TOKEN")
        self.name, self.branch, self._kind = name, branch, kind
        self._progress = progress
        self._api = HfApi()
        self._heard = False
        if not sys.stderr.isatty():
            disable_progress_bars()  # of bytes; what `progress` is told is enough for a log

    @property
    def url(self) -> str:
        """Its page."""
        return f"{constants.ENDPOINT}/{'datasets/' if self._kind == 'dataset' else ''}{self.name}"

    def check_token(self) -> None:
        """Ask who the token belongs to, and whether it may write at all.

        Raises:
            PushFailed: it is not known, or only reads.
        """
        with self._asking():
            account = self._patiently(self._api.whoami)
        role = account.get("auth", {}).get("accessToken", {}).get("role", "")
        if role == "read":
            raise PushFailed(
                f"{self.name}: the token of {account.get('name')} may only read; make one that writes at"
                f" {constants.ENDPOINT}/settings/tokens and run `hf auth login`, or set HF_TOKEN"
            )

    def exists(self) -> bool | None:
        """Whether it is there, for this token: None where it is not, else whether it is private."""
        with self._asking():
            try:
                return bool(self._patiently(lambda: self._api.repo_info(self.name, repo_type=self._kind)).private)
            except RepositoryNotFoundError:
                return None

    def create(self, *, private: bool) -> None:
        """Make it, empty; where it is not to be private, its organisation's default decides."""
        with self._asking():
            self._patiently(
                lambda: self._api.create_repo(self.name, repo_type=self._kind, private=private or None, exist_ok=True)
            )

    def check_rights(self) -> None:
        """Ask whether the token may write to it, before anything is sent.

        Raises:
            PushFailed: it may not.
        """
        with self._asking():
            self._patiently(lambda: self._api.auth_check(self.name, repo_type=self._kind, write=True))

    def refs(self) -> tuple[dict[str, str], dict[str, str]]:
        """Its branches and its tags, with the commit of each."""
        with self._asking():
            found = self._patiently(lambda: self._api.list_repo_refs(self.name, repo_type=self._kind))
        return (
            {one.name: one.target_commit for one in found.branches},
            {one.name: one.target_commit for one in found.tags},
        )

    def create_branch(self, commit: str) -> None:
        """Begin the branch at a commit."""
        with self._asking():
            self._patiently(
                lambda: self._api.create_branch(
                    self.name, branch=self.branch, revision=commit, repo_type=self._kind, exist_ok=True
                )
            )

    def at(self, commit: str) -> Remote:
        """A commit, with what it holds."""
        with self._asking():
            entries = self._api.list_repo_tree(self.name, recursive=True, revision=commit, repo_type=self._kind)
            files = [entry for entry in entries if isinstance(entry, RepoFile)]
        return Remote(commit, {file.path: file.lfs.sha256 if file.lfs else file.blob_id for file in files})

    def columns(self, commit: str, tables: Sequence[str]) -> list[str]:
        """The columns of its first table; its footer is all that is read."""
        return [str(name) for name, *_ in self._query(commit, tables[:1], "DESCRIBE SELECT *")]

    def schema_versions(self, commit: str, tables: Sequence[str]) -> list[str]:
        """What its rows say of their schema; this one column is all that is read."""
        return [str(version) for (version,) in self._query(commit, tables, "SELECT DISTINCT ttc_schema_version")]

    def instance_ids(self, commit: str, tables: Sequence[str]) -> set[str]:
        """The ids of its rows; this one column is all that is read."""
        return {str(name) for (name,) in self._query(commit, tables, "SELECT instance_id")}

    def text(self, commit: str, path: str) -> str:
        """A file of a commit as text."""
        with self._asking():
            place = self._patiently(
                lambda: self._api.hf_hub_download(self.name, path, repo_type=self._kind, revision=commit)
            )
            return Path(place).read_text(encoding="utf-8")

    def _query(self, commit: str, tables: Sequence[str], query: str) -> list[tuple[object, ...]]:
        places = ", ".join(quoted(f"hf://datasets/{self.name}@{commit}/{table}") for table in tables)
        connection = connect()
        try:
            connection.register_filesystem(HfFileSystem(skip_instance_cache=True))  # it remembers what it listed
            with self._asking():
                return connection.execute(f"{query} FROM read_parquet([{places}])").fetchall()
        except duckdb.Error as error:
            raise PushFailed(f"{self.name}: its tables cannot be read ({_engine_said(error)}); push again") from error
        finally:
            connection.close()

    def upload(self, additions: Sequence[CommitOperationAdd]) -> None:
        """Send the bytes of those files that are large; nothing of them is visible before `commit`.

        The client retries, and sends no bytes that the Hub has.
        """
        with self._asking():
            self._api.preupload_lfs_files(
                self.name,
                additions,
                repo_type=self._kind,
                revision=self.branch,
                free_memory=False,
                gitignore_content="",  # or the commit would leave out what a .gitignore there names
            )

    def commit(self, operations: Iterable[CommitOperationAdd | CommitOperationDelete], message: str, on: str) -> str:
        """Make one commit of all operations, on top of a commit that must still be the newest.

        An answer that is lost does not say whether the commit was made: the branch is asked before another attempt.

        Returns:
            The branch's newest commit: ours, or, where the answer was lost, one that the caller has to look into.
        """
        todo = list(operations)
        tried = False

        def attempt() -> str:
            nonlocal tried
            if tried and (head := self._head()) != on:
                return head
            tried = True
            made = self._api.create_commit(
                self.name, todo, commit_message=message, repo_type=self._kind, revision=self.branch, parent_commit=on
            )
            return str(made.oid)

        with self._asking():
            return self._patiently(attempt)

    def tag(self, name: str, commit: str) -> None:
        """Name a commit for ever."""
        with self._asking():
            self._patiently(
                lambda: self._api.create_tag(self.name, tag=name, revision=commit, repo_type=self._kind, exist_ok=True)
            )

    def _head(self) -> str:
        info = self._patiently(lambda: self._api.repo_info(self.name, repo_type=self._kind, revision=self.branch))
        return str(info.sha)

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call again after what passes: too many requests, a server's error, a connection that broke."""
        for wait in WAITS_S:
            try:
                result = call()
            except (HfHubHTTPError, httpx2.TransportError) as error:
                if not self._may_pass(error):
                    raise
                seconds = _retry_after(error, wait)
                self._progress.say(f"{self.name}: {_cause(error)}; again in {seconds:g} s")
                time.sleep(seconds)
            else:
                self._heard = True
                return result
        return call()

    def _may_pass(self, error: Exception) -> bool:
        if isinstance(error, HfHubHTTPError):
            return error.response.status_code in PASSING
        # Where nobody has answered yet, the address or the network is wrong, and waiting 23 s mends neither.
        return self._heard or not isinstance(error, httpx2.ConnectError)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Whatever the client raises becomes a line."""
        try:
            yield
        except CLIENT_ERRORS as error:
            raise PushFailed(f"{self.name}: {self._why(_root(error))}") from error

    def _why(self, error: BaseException) -> str:
        again = "push again, what has been sent is not sent again"
        if isinstance(error, OfflineModeIsEnabled):
            return "HF_HUB_OFFLINE is set; unset it to push"
        if isinstance(error, httpx2.TransportError):
            return f"the connection to {constants.ENDPOINT} failed ({_cause(error)}); check the network and {again}"
        if not isinstance(error, HfHubHTTPError):
            chunks = "" if constants.HF_HUB_DISABLE_XET else ", or set HF_HUB_DISABLE_XET=1 to send whole files instead"
            return f"the upload failed ({_one_line(error)}); {again}{chunks}"
        status = error.response.status_code
        said = _one_line(error.server_message or error)
        if isinstance(error, RevisionNotFoundError):
            return f"no branch {self.branch} ({said}); check --revision"
        if isinstance(error, RepositoryNotFoundError):
            return f"not there, or not for this token ({said}); check the name, and the token's rights"
        if status == 401:
            return f"the Hub does not know this token ({said}); run `hf auth login --force`, or set HF_TOKEN to a valid one"
        if status == 403:
            return f"this token may not write there ({said}); take another name, or a token with the right to write"
        if status == 412:
            return f"somebody else changed {self.branch} in the meantime ({said}); look at it and {again}"
        if status in PASSING:
            return f"the Hub still answers {status} after {len(WAITS_S) + 1} attempts ({said}); wait, then {again}"
        return f"the Hub refuses it with {status} ({said}); mend that and {again}"


def _root(error: BaseException) -> BaseException:
    """What the client wrapped: its uploads say which file failed, and the reason is the cause."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _cause(error: BaseException) -> str:
    if isinstance(error, HfHubHTTPError):
        return f"the Hub answers {error.response.status_code}"
    return f"{type(error).__name__}: {_one_line(error)}"


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _engine_said(error: duckdb.Error) -> str:
    """The engine writes down the whole traceback of what its filesystem raised, and where the query stands."""
    besides = ("Traceback ", "LINE ", "During handling", "The above exception")
    lines = [line for line in str(error).splitlines() if line[:1].strip() and not line.startswith(besides)]
    return _one_line(lines[-1] if lines else error)


def _retry_after(error: Exception, otherwise: float) -> float:
    """Seconds that the Hub asks to wait, where it does."""
    if not isinstance(error, HfHubHTTPError):
        return otherwise
    limit = _LIMIT_REACHED.search(error.response.headers.get("RateLimit", ""))
    told = limit.group(1) if limit else error.response.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else otherwise
