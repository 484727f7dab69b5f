"""Git repositories at one commit, read from the commit's objects: no checkout, no hooks, no filters.

A repository's own configuration is foreign input: it may name programs to run as transports. Reading therefore forbids
every transport, and cloning allows a short list of them.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

# Without a git program GitPython refuses to be imported, unless it is told to wait until one is needed.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git import Git, Repo
from git.exc import GitCommandError, GitError, InvalidGitRepositoryError, NoSuchPathError

from ttc_data.errors import SourceRefused, SourceUnavailable, StorageFull
from ttc_data.keys import content_key
from ttc_data.lang.python.modules import gives_away
from ttc_data.programs import GIT, NETWORK, without_ours
from ttc_data.records import Source
from ttc_data.rules import GitSource, LicenseRules, TreeLimits
from ttc_data.sources.git_objects import Contents, committed_at, entries, tagged_version, uncommitted
from ttc_data.sources.licenses import Declarations, require_allowed
from ttc_data.trees.foreign import TreeBudget
from ttc_data.trees.links import LeftOut, TreeLink, ignore
from ttc_data.trees.store import TreeFile, TreeStore

_CLONE_TIMEOUT_S = 600
_FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCHEMES = ("file", "https", "ssh", "git")
_SCP = re.compile(r"(?:[\w.+-]+@)?[\w.-]+:(?!//)(?P<path>[^:]+)")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_EXECUTABLE, _SYMLINK = "100755", "120000"
_MOST_NAMED = 3

# Nobody sits at the terminal; an empty template folder means no hooks.
_CLONE_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
    "GIT_ALLOW_PROTOCOL": ":".join(_SCHEMES),
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C",
}
# Objects that a partial clone lacks are fetched by git on reading, over the transport that the repository's own
# configuration names: no transport has this name.
_READ_ENVIRONMENT = {**_CLONE_ENVIRONMENT, "GIT_ALLOW_PROTOCOL": "none"}


class _Git(Git):
    """git without those of our variables that are not for it: GitPython hands all of them on."""

    def execute(self, command: str | Sequence[Any], *arguments: Any, **options: Any) -> Any:
        """Run a command."""
        words = [command] if isinstance(command, str) else list(command)
        return super().execute(without_ours(words, *NETWORK, *GIT, *self.environment()), *arguments, **options)


class _Repository(Repo):
    GitCommandWrapperType = _Git


def in_silence(_: str) -> None:
    """Say nothing."""


def fetch(
    source: GitSource,
    trees: TreeStore,
    limits: TreeLimits,
    licenses: LicenseRules,
    cache: Path,
    left_out: Callable[[LeftOut], None] = ignore,
) -> Source:
    """Put the files of one commit into the store.

    Submodules are left out; files kept by LFS are their pointers.

    Args:
        source: a local repository or a URL, and a revision.
        trees: where the files go.
        limits: of the tree; files above `max_file_bytes` are not even cloned.
        licenses: what may be mined.
        cache: folder for bare clones of remote repositories, one a URL.
        left_out: told of each symbolic link that is not in the tree.

    Raises:
        SourceUnavailable: when the repository does not answer, is none, or asks for credentials.
        SourceRefused: `revision_not_found`, or what broke the limits, the path rules or the licence rules.
        StorageFull: when the disk is full.
    """
    local = _checked(source)
    repo = source.repo or _repo_name(source.url, local)
    with _opened(local, source, limits, cache) as repository:
        commit = _commit(repository, source)
        declaring = Declarations()

        def watched() -> Iterator[TreeFile | TreeLink]:
            for file in _files(repository, commit, limits, source, is_local=local is not None):
                declaring.see(file)
                yield file

        stored = trees.put(watched(), limits, left_out, gives_away)
        expression = declaring.license(trees, stored.tree)
        require_allowed(expression, licenses, repo)
        return Source(
            kind="git",
            repo=repo,
            revision=commit,
            license=expression,
            origin=f"git:{public_url(source.url)}@{commit}",
            tree=stored.tree,
            files=stored.files,
            size=stored.size,
            created_at=committed_at(repository.git, commit),
            tagged=tagged_version(repository.git, commit),
        )


def check_local(source: GitSource, limits: TreeLimits, cache: Path, say: Callable[[str], None] = in_silence) -> None:
    """See that a local repository and its revision are there; nothing is asked of a URL.

    Args:
        source: as in the recipe.
        limits: of the tree.
        cache: folder for clones.
        say: told in a line of changes that are in no commit, where the commit that is checked out is mined.

    Raises:
        SourceUnavailable: there is no such folder, repository or revision, or no git.
    """
    local = _checked(source)
    if local is None:
        return
    with _opened(local, source, limits, cache) as repository:
        try:
            commit = _commit(repository, source)
        except SourceRefused as error:
            raise SourceUnavailable(
                f"git source {source.url!r}: no revision {source.revision!r} there; name a commit, a tag or a branch of it"
            ) from error
        if repository.bare or _FULL_HASH.fullmatch(source.revision) or commit != _resolved(repository, "HEAD"):
            return
        if changed := _uncommitted(repository, source):
            more = ", ..." if len(changed) > _MOST_NAMED else ""
            say(
                f"git source {source.url!r}: commit {commit[:12]} is mined without what is in no commit: {len(changed)} files "
                f"({', '.join(changed[:_MOST_NAMED])}{more}); commit them if they belong to it"
            )


def _uncommitted(repository: Repo, source: GitSource) -> list[str]:
    try:
        return uncommitted(repository.git, Path(str(repository.working_dir)))
    except GitError as error:
        raise _unreadable(source.url, error) from error


def _checked(source: GitSource) -> Path | None:
    """The folder of a local repository, where the source is one and can be asked."""
    _check_words(source)
    if shutil.which("git") is None:
        raise SourceUnavailable(f"git source {public_url(source.url)!r}: no git program on PATH; install git")
    return _local_folder(source.url)


def _check_words(source: GitSource) -> None:
    """Refuse what git would take for an option, or for a transport that runs a program."""
    for word in (source.url, source.revision):
        if not word or word.startswith("-") or any(ord(character) < 32 for character in word):
            raise SourceUnavailable(
                f"git source {word!r}: must not be empty, start with '-' or hold control characters"
            )
    scheme = re.match(r"([\w.+-]+)::", source.url) or re.match(r"([\w.+-]+)://", source.url)
    if scheme and (scheme.group(0).endswith("::") or scheme.group(1).lower() not in _SCHEMES):
        raise SourceUnavailable(
            f"git source {public_url(source.url)!r}: transport {scheme.group(1)!r} is not allowed; "
            f"use one of {', '.join(_SCHEMES)}, or a local path"
        )


def _local_folder(url: str) -> Path | None:
    if "://" in url:
        return None
    path = Path(url).expanduser()
    return None if _SCP.fullmatch(url) and not path.exists() else path


def _repo_name(url: str, local: Path | None) -> str:
    if local is not None:
        return f"local/{_plain(local.resolve().name)}"
    scp = None if "://" in url else _SCP.fullmatch(url)
    path = scp["path"] if scp else urlsplit(url).path
    parts = [_plain(part) for part in path.removesuffix("/").removesuffix(".git").split("/") if part]
    if len(parts) < 2 or url.startswith("file:"):
        return f"local/{parts[-1] if parts else 'repository'}"
    return "/".join(parts[-2:])


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]", "-", name.removesuffix(".git")) or "repository"


def public_url(url: str) -> str:
    """The URL without user and password; `git@host:path` names no secret."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"git@{host}" if parts.scheme == "ssh" else host))


def _without_secret(url: str) -> tuple[str, dict[str, str]]:
    """A URL for a command line, which every user of the machine can read, and its user and password for git's environment."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    if parts.scheme != "https" or not at:
        return url, {}
    name, _, password = user.partition(":")
    word = b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    number = int(os.environ.get("GIT_CONFIG_COUNT") or 0)  # those of whoever started us stay
    return public_url(url), {
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": f"http.{public_url(urlunsplit(parts._replace(path='/', query='', fragment='')))}.extraHeader",
        f"GIT_CONFIG_VALUE_{number}": f"Authorization: Basic {word}",
    }


@contextmanager
def _opened(local: Path | None, source: GitSource, limits: TreeLimits, cache: Path) -> Iterator[Repo]:
    folder = local if local is not None else _cloned(source, limits, cache)
    fix = "give the folder that holds .git, or a bare repository"
    try:
        repository = _Repository(folder, search_parent_directories=False)
    except NoSuchPathError as error:
        raise SourceUnavailable(f"git source {str(folder)!r}: no such folder; {fix}, or a URL") from error
    except InvalidGitRepositoryError as error:
        raise SourceUnavailable(f"git source {str(folder)!r}: not a git repository; {fix}") from error
    with repository:
        repository.git.update_environment(**_READ_ENVIRONMENT)
        yield repository


def _cloned(source: GitSource, limits: TreeLimits, cache: Path) -> Path:
    """The bare clone of a URL, brought up to date unless it already holds the commit that is asked for."""
    folder = cache / f"{content_key('clone', source.url, limits.max_file_bytes)}.git"
    blobs = f"--filter=blob:limit={limits.max_file_bytes + 1}"
    with _git_named(source):
        if folder.is_dir():
            cached = _Repository(folder)
            with cached:
                cached.git.update_environment(**_READ_ENVIRONMENT)
                if _FULL_HASH.fullmatch(source.revision) and _resolved(cached, source.revision):
                    return folder
        # A clone costs little more than a fetch that must also follow moved branches, tags and a moved HEAD.
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".cloning-") as temporary:
            git = _Git(temporary)
            url, secret = _without_secret(source.url)
            git.update_environment(**_CLONE_ENVIRONMENT, **secret)
            git.clone("--bare", "--template=", blobs, "--", url, "clone.git", kill_after_timeout=_CLONE_TIMEOUT_S)
            if folder.is_dir():
                folder.replace(Path(temporary) / "outdated.git")
            try:
                (Path(temporary) / "clone.git").replace(folder)
            except OSError:
                if not folder.is_dir():  # another process put the same clone there first
                    raise
            shutil.rmtree(Path(temporary) / "outdated.git", ignore_errors=True)
    return folder


@contextmanager
def _git_named(source: GitSource) -> Iterator[None]:
    try:
        yield
    except GitCommandError as error:
        lines = [line.strip() for line in str(error.stderr).strip(" '\n").splitlines() if line.strip()]
        cause = _CREDENTIALS.sub(
            "", next((line for line in lines if "fatal:" in line), lines[-1] if lines else "no reason")
        )
        url = public_url(source.url)
        if any("No space left on device" in line for line in lines):
            raise StorageFull.at(f"git source {url!r}") from error
        raise SourceUnavailable(
            f"git source {url!r}: cannot be cloned ({cause}); check the URL, the network and, "
            "for a private repository, git's credentials"
        ) from error


def _resolved(repository: Repo, revision: str) -> str:
    try:
        return str(repository.git.rev_parse("--verify", "--quiet", f"{revision}^{{commit}}"))
    except GitCommandError as error:
        if "dubious ownership" in str(error.stderr):
            raise SourceUnavailable(
                f"git source {str(repository.git_dir)!r}: belongs to another user; "
                "allow it with `git config --global --add safe.directory FOLDER`"
            ) from error
        return ""


def _commit(repository: Repo, source: GitSource) -> str:
    found = _resolved(repository, source.revision)
    if not _FULL_HASH.fullmatch(found):
        raise SourceRefused("revision_not_found", f"{public_url(source.url)} has no revision {source.revision!r}")
    return found


def _files(
    repository: Repo, commit: str, limits: TreeLimits, source: GitSource, *, is_local: bool
) -> Iterator[TreeFile | TreeLink]:
    url = public_url(source.url)
    try:
        tree = f"{commit}^{{tree}}"
        listed = str(repository.git.rev_list("--objects", "--missing=print", "--no-object-names", tree))
        missing = {line[1:] for line in listed.splitlines() if line.startswith("?")}
        budget = TreeBudget(limits)
        with Contents.of(repository.git) as contents:
            for entry in entries(repository.git, commit, limits.max_files):
                if entry.name in missing:
                    if is_local:
                        raise SourceUnavailable(
                            f"git source {url!r}: lacks the content of {entry.path!r}; fetch all of it first"
                        )
                    raise SourceRefused(
                        "file_too_large", f"{entry.path!r} has over {limits.max_file_bytes} bytes (max_file_bytes)"
                    )
                size = contents.size(entry.name)
                budget.take(entry.path, size)
                data = contents.read(size)
                if entry.mode == _SYMLINK:
                    yield TreeLink(entry.path, data.decode("utf-8", "surrogateescape"))
                else:
                    yield TreeFile(entry.path, data, executable=entry.mode == _EXECUTABLE)
    except (GitError, ValueError, OSError) as error:
        raise _unreadable(source.url, error) from error


def _unreadable(url: str, error: Exception) -> SourceUnavailable:
    cause = " ".join(str(error).split())
    return SourceUnavailable(f"git source {public_url(url)!r}: cannot be read ({cause:.200}); try `git fsck` there")
