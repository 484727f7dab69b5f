"""Source distributions of the package index: found, downloaded and stored, never built."""

from __future__ import annotations

import datetime
import hashlib
import logging
import ssl
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from unearth import Link, Package, PackageFinder, TargetPython
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import Fetcher
from unearth.fetchers.sync import PyPIClient

from ttc_data.errors import RecipeError, SourceRefused, SourceUnavailable
from ttc_data.index import IndexSettings, index_settings
from ttc_data.lang.python.modules import gives_away
from ttc_data.records import Source
from ttc_data.rules import LicenseRules, TreeLimits
from ttc_data.sources.archives import SUFFIXES, read_archive
from ttc_data.sources.licenses import Declarations, require_allowed
from ttc_data.trees.links import LeftOut, TreeLink, ignore
from ttc_data.trees.store import TreeFile, TreeStore, disk_full_named

# What it has to say is in the error that is raised; by itself it prints where nobody set up logging.
logging.getLogger("unearth").addHandler(logging.NullHandler())

_TIMEOUT_S = 30.0
_RETRY_AFTER_S = (0.5, 2.0)
_CHUNK = 256 * 1024
# What an index answers when it cannot or will not say whether it has a project.
_NO_ANSWER = (401, 403, 407, 408, 429)
# Strongest first.
_HASHES = ("sha512", "sha384", "sha256")
# A member dated before this has no date: 1970 is tar's zero, 1980 is zip's.
_FIRST_DATE = datetime.datetime(1980, 1, 3, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class Located:
    """The sdist that an index has for a project."""

    project: str
    """Normalised name."""
    version: str
    filename: str
    uploaded: str
    """ISO date, `""` where the index does not say."""
    hashes: tuple[tuple[str, str], ...]
    """Algorithm and hexadecimal digest."""
    url: str = field(repr=False)


def locate(
    project: str,
    exclude_newer: datetime.date | None = None,
    python: str = "3.11",
    settings: IndexSettings | None = None,
) -> Located:
    """Find the newest sdist of a project, or the pinned one.

    Args:
        project: `name` or `name==version`. Pre-releases and yanked files count only when pinned.
        exclude_newer: last day of upload that counts; holds only for files whose upload time the index gives.
        python: the interpreter's version; files that ask for another are passed over.
        settings: the indexes; pip's own when None.

    Raises:
        RecipeError: when `project` is no name and no `name==version`.
        SourceRefused: `project_not_found`, `no_sdist`, `version_not_found`.
        SourceUnavailable: when an index does not answer.
    """
    name, pinned = _parse(project)
    settings = settings or index_settings()
    with _client(settings) as client:
        packages = _packages(client, settings, name, no_binary=True, python=python)
        sdists = [package for package in packages if package.link.filename.lower().endswith(SUFFIXES)]
        if not sdists:
            if any(True for _ in _packages(client, settings, name, no_binary=False, python=None)):
                raise SourceRefused("no_sdist", f"{name} has no source distribution for Python {python}")
            raise SourceRefused("project_not_found", f"{name} is in none of the configured package indexes")
    chosen = [package for package in sdists if _uploaded_by(package.link, exclude_newer)]
    if pinned is not None:
        chosen = [package for package in chosen if _version(package) == pinned]
    else:
        chosen = [package for package in chosen if not _version(package).is_prerelease and not package.link.is_yanked]
    if not chosen:
        newest = max(_version(package) for package in sdists)
        wanted = f"version {pinned}" if pinned else "release"
        before = f" uploaded by {exclude_newer}" if exclude_newer else ""
        raise SourceRefused("version_not_found", f"{name} has no {wanted}{before} as sdist; the newest is {newest}")
    # The same version may come from several places and in several formats: the name decides, whatever the order.
    best = max(chosen, key=lambda package: (_version(package), -_format(package), package.link.hash_option is not None))
    link = best.link
    hashes = {algorithm: values[0].lower() for algorithm, values in (link.hash_option or {}).items()}
    return Located(
        project=name,
        version=str(_version(best)),
        filename=link.filename,
        uploaded=link.upload_time.astimezone(datetime.UTC).date().isoformat() if link.upload_time else "",
        hashes=tuple(sorted(hashes.items())),
        url=link.normalized,
    )


def fetch(
    located: Located,
    trees: TreeStore,
    limits: TreeLimits,
    licenses: LicenseRules,
    settings: IndexSettings | None = None,
    left_out: Callable[[LeftOut], None] = ignore,
) -> Source:
    """Download an sdist, check its hash, and put its files into the store. Nothing of it is run.

    Args:
        located: which one.
        trees: where its files go.
        limits: of its tree.
        licenses: what may be mined.
        settings: pip's.
        left_out: told of each link that is not in the tree.

    Raises:
        SourceRefused: what broke the limits, the archive or the licence rules.
        SourceUnavailable: when the download fails.
        StorageFull: when the disk is full.
    """
    settings = settings or index_settings()
    declaring = Declarations()
    newest = 0

    def watched(files: Iterable[TreeFile | TreeLink]) -> Iterator[TreeFile | TreeLink]:
        nonlocal newest
        for file in files:
            if isinstance(file, TreeFile):
                newest = max(newest, file.modified)
            declaring.see(file)
            yield file

    with tempfile.TemporaryDirectory(prefix="ttcdata-") as folder:
        archive = Path(folder) / ("sdist" + _suffix(located.filename))
        with _client(settings) as client, disk_full_named(Path(folder)):
            _download(client, located, archive, limits.max_archive_bytes)
        stored = trees.put(watched(read_archive(archive, limits)), limits, left_out, gives_away)
    expression = declaring.license(trees, stored.tree)
    require_allowed(expression, licenses, f"{located.project} {located.version}")
    return Source(
        kind="pypi",
        repo=f"pypi/{located.project}",
        revision=located.version,
        license=expression,
        origin=f"pypi:{located.project}=={located.version}",
        tree=stored.tree,
        files=stored.files,
        size=stored.size,
        created_at=located.uploaded or _date(newest),
    )


def _parse(project: str) -> tuple[str, Version | None]:
    wrong = RecipeError(f"pypi project {project!r}: must be NAME or NAME==VERSION, for instance toolz==1.0.0")
    try:
        requirement = Requirement(project)
        if requirement.url or requirement.extras or requirement.marker or len(requirement.specifier) > 1:
            raise wrong
        for specifier in requirement.specifier:
            if specifier.operator != "==" or specifier.version.endswith(".*"):
                raise wrong
            return canonicalize_name(requirement.name), Version(specifier.version)
    except (InvalidRequirement, ValueError) as error:
        raise wrong from error
    return canonicalize_name(requirement.name), None


def _packages(
    client: _Client, settings: IndexSettings, name: str, *, no_binary: bool, python: str | None
) -> list[Package]:
    finder = PackageFinder(
        cast("Fetcher", client),  # unearth's own client does not match unearth's protocol to the letter
        index_urls=settings.index_urls,
        find_links=settings.find_links,
        trusted_hosts=settings.trusted_hosts,
        target_python=TargetPython(py_ver=tuple(map(int, python.split(".")[:2]))) if python else None,
        ignore_compatibility=python is None,
        no_binary=[":all:"] if no_binary else [],
    )
    if not finder.sources or (settings.no_index and not settings.find_links):
        raise SourceUnavailable(
            "pip is told no-index and no find-links: there is no place to look; change its settings"
        )
    try:
        with warnings.catch_warnings():
            # Old files ask for Python ">=3.6.*", which packaging still reads but warns about.
            warnings.simplefilter("ignore", FutureWarning)
            return list(finder.find_all_packages(name, allow_yanked=True))
    except ValueError as error:  # an index page that is neither HTML nor JSON, or a find-links that is gone
        reason = " ".join(str(error).split())
        raise SourceUnavailable(f"package index: no usable answer for {name} ({reason}); {_FIX}") from error


_FIX = "check the network and pip's index settings (`pip config list`)"


class _Client(PyPIClient):
    """unearth's client; tells "there is no such project" from "the index does not answer"."""

    def get(self, url: Any, **options: Any) -> httpx2.Response:
        for pause in (*_RETRY_AFTER_S, None):
            try:
                response = super().get(url, **options)
            except httpx2.TransportError as error:
                if pause is None:
                    raise _no_answer("package index", url, f"{type(error).__name__}: {error}") from error
            else:
                if response.status_code < 500 and response.status_code not in _NO_ANSWER:
                    return response
                if pause is None or response.status_code in (401, 403, 407):
                    raise _no_answer("package index", url, f"HTTP status {response.status_code}")
            time.sleep(pause)
        raise AssertionError("unreachable")


def _no_answer(what: str, url: object, cause: str) -> SourceUnavailable:
    host = urlsplit(str(url)).hostname or "a local folder"
    return SourceUnavailable(f"{what}: {host} does not answer ({cause}); {_FIX}")


def _client(settings: IndexSettings) -> _Client:
    try:
        verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=settings.cert) if settings.cert else True
    except OSError as error:
        raise SourceUnavailable(f"pip's cert {settings.cert}: {error}; name a readable PEM file") from error
    client = _Client(trusted_hosts=settings.trusted_hosts, verify=verify, timeout=_TIMEOUT_S, follow_redirects=True)
    client.auth = MultiDomainBasicAuth(prompting=False, index_urls=list(settings.index_urls))
    return client


def _download(client: _Client, located: Located, target: Path, limit: int) -> None:
    digests = {name: hashlib.new(name) for name, _ in located.hashes if name in _HASHES}
    size = 0
    try:
        with (
            client.get_stream(located.url, headers={"Accept-Encoding": "identity"}) as response,
            target.open("wb") as file,
        ):
            if response.status_code != 200:
                raise _no_answer(f"download of {located.filename}", located.url, f"HTTP status {response.status_code}")
            for chunk in response.iter_raw(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise SourceRefused("archive_too_large", f"{located.filename} has over {limit} bytes")
                for digest in digests.values():
                    digest.update(chunk)
                file.write(chunk)
    except httpx2.TransportError as error:
        raise _no_answer(f"download of {located.filename}", located.url, f"{type(error).__name__}: {error}") from error
    expected: Mapping[str, str] = dict(located.hashes)
    for name, digest in digests.items():
        if digest.hexdigest() != expected[name]:
            raise SourceRefused(
                "archive_damaged",
                f"{located.filename} has {name} {digest.hexdigest()}, the index says {expected[name]}",
            )


def _version(package: Package) -> Version:
    return Version(str(package.version))


def _suffix(filename: str) -> str:
    return next(suffix for suffix in SUFFIXES if filename.lower().endswith(suffix))


def _format(package: Package) -> int:
    return SUFFIXES.index(_suffix(package.link.filename))


def _uploaded_by(link: Link, last_day: datetime.date | None) -> bool:
    if last_day is None or link.upload_time is None:
        return True
    return bool(link.upload_time.astimezone(datetime.UTC).date() <= last_day)


def _date(timestamp: int) -> str:
    try:
        date = datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return date.date().isoformat() if date >= _FIRST_DATE else ""
