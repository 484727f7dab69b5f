"""A dataset's folder to a repository on the Hub: one commit, named for ever by a tag of its content.

What is large goes up first and is visible to nobody. Then one commit replaces the old version by the new one, so that
a reader of the branch has either. Whatever interrupts that, the same push goes on: nothing is written down here, the Hub
is asked what it has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from rich.filesize import decimal

from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, PushFailed
from ttc_data.keys import content_key
from ttc_data.pins import LOCK
from ttc_data.plain import counted
from ttc_data.progress import Progress, Quiet
from ttc_data.publish.card import record_findings
from ttc_data.publish.checks import inspect_dataset
from ttc_data.publish.findings import Finding
from ttc_data.publish.hub import HubRepository, Remote
from ttc_data.publish.replaced import check_replaced
from ttc_data.reading import place_in
from ttc_data.rules import ReaderRules

# The Hub's documentation, "Storage limits".
LARGEST_FILE = 500 * 10**9
MOST_FILES_A_FOLDER = 10_000
# Files that are sent together: what `hf_xet` sends of a group counts only once all of it has arrived, so a push that is
# stopped sends at most so much again.
BATCH_FILES = 100
BATCH_BYTES = 64 * 1024 * 1024
# The folders and files of a dataset, see `ttc_data.publish.write`: what an earlier version left there goes. All else is somebody's.
OWN = ("data/", "environments/", "trees/", "deprecated.jsonl", LOCK)
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of the dataset's folder, and what its bytes are called."""

    path: str
    """In the folder, with forward slashes."""
    place: Path
    size: int
    """Bytes."""
    sha256: str
    blob: str
    """Git's hash of it."""

    def is_at(self, remote: Remote) -> bool:
        """Whether the Hub has this file with these bytes."""
        return remote.files.get(self.path) in (self.sha256, self.blob)


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What makes a branch hold the dataset."""

    send: tuple[LocalFile, ...]
    """Added and changed files."""
    remove: tuple[str, ...]
    unchanged: int

    @property
    def changes(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.send or self.remove)

    @property
    def size(self) -> int:
        """Bytes of all files that are sent."""
        return sum(file.size for file in self.send)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a push."""

    name: str
    branch: str
    version: str
    """The tag of this content."""
    commit: str
    """The branch's newest commit."""
    plan: PushPlan
    url: str
    private: bool
    new_tag: bool


def push(
    dataset: Path,
    name: str,
    *,
    private: bool = False,
    branch: str = "main",
    overwrite: bool = False,
    check: Callable[[Path], Iterable[Finding]] | None = None,
    progress: Progress | None = None,
) -> Pushed:
    """Publish a dataset.

    Args:
        dataset: a build's folder, or a dataset's.
        name: `ORG/NAME` on the Hub; made where it is not there.
        private: make it so that only its organisation sees it.
        branch: made where it is not there.
        overwrite: also over another set: of another name, mostly other rows, other columns or a newer schema.
        check: gives what speaks against publishing the folder, and may write its card; called before the Hub is.
        progress: told what happens.

    Raises:
        DatasetError: there is no dataset in the folder.
        PushFailed: it is not published, and the line says why. What readers see is what they saw before, but for a set that
            is published and only lacks its tag; the same push goes on from there.
    """
    told = progress or Quiet()
    written = _written(dataset)
    if check is not None:
        _refuse(written.folder, check(written.folder))
    files = local_files(written.folder)
    check_limits(files)
    version = version_of(files, written.version)
    hub = HubRepository(name, branch, told)
    hub.check_token()
    is_private = open_repository(hub, private=private)
    branches, tags = hub.refs()
    if branch in tags:
        raise PushFailed(f"{name}: {branch} is a tag, and tags stay where they are; give --revision a branch")
    remote = hub.at(branches.get(branch) or branches["main"])
    plan = plan_of(files, remote)
    if plan.changes and not overwrite:
        check_replaced(hub, remote, written)
    if version in tags:
        _check_tag(hub, version, hub.at(tags[version]), files)
    if branch not in branches:
        hub.create_branch(remote.commit)
    commit = remote.commit
    if plan.changes:
        told.say(
            f"{name}: {len(plan.send)} files to send ({decimal(plan.size)}), {len(plan.remove)} to remove,"
            f" {plan.unchanged} unchanged"
        )
        commit = send(hub, plan, f"{version}: {counted(written.count(), 'row')}", remote.commit, told)
        _check_published(hub, hub.at(commit), files)
    if version not in tags:
        hub.tag(version, commit)
    return Pushed(name, branch, version, commit, plan, hub.url, is_private, version not in tags)


def made_ready(
    folder: Path,
    *,
    allow: Collection[str] = (),
    images: str = "",
    reader: ReaderRules | None = None,
    progress: Progress | None = None,
) -> Iterable[Finding]:
    """Give what speaks against publishing a dataset; where all of it is allowed, the card says so, and images are pushed.

    Args:
        folder: of the dataset.
        allow: checks whose findings may pass, as `check_dataset` takes them.
        images: a registry that the rows' images are pushed to; none are where it is empty.
        reader: limits and images that the set may ask for, where images are made.
        progress: told of each row.

    Raises:
        DatasetError: the dataset is damaged, or a row has no image.
        RegistryRefused: the registry does not take an image.
        SandboxUnavailable: no engine to make images with.
    """
    found = inspect_dataset(folder, allow=allow, progress=progress)
    if found.publishable:
        if (folder / "card.json").is_file():
            record_findings(folder, found.findings, found.contaminated)
        if images:
            from ttc_data.publish.images import publish_images  # opens an engine, which most pushes need not

            publish_images(folder, images, reader=reader, progress=progress)
    return found.findings


def local_files(folder: Path) -> list[LocalFile]:
    """Every file of a dataset's folder by path, but for hidden ones."""
    found = []
    for place in sorted(folder.rglob("*")):
        inside = place.relative_to(folder)
        if place.is_file() and not any(part.startswith(".") for part in inside.parts):
            found.append(_local_file(inside.as_posix(), place_in(folder, inside.as_posix())))
    return found


def _local_file(path: str, place: Path) -> LocalFile:
    size = place.stat().st_size
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with place.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            blob.update(chunk)
    return LocalFile(path, place, size, sha256.hexdigest(), blob.hexdigest())


def version_of(files: Iterable[LocalFile], schema: str) -> str:
    """`vSCHEMA-CONTENT`: the same for the same files, and another for any other.

    Args:
        files: of the dataset's folder.
        schema: of its rows.
    """
    return f"v{schema}-{content_key(sorted((file.path, file.sha256) for file in files))[:12]}"


def plan_of(files: Sequence[LocalFile], remote: Remote) -> PushPlan:
    """What has to be sent and removed."""
    send = tuple(file for file in files if not file.is_at(remote))
    here = {file.path for file in files}
    remove = tuple(sorted(path for path in remote.files if path.startswith(OWN) and path not in here))
    return PushPlan(send, remove, len(files) - len(send))


def batches(files: Iterable[LocalFile]) -> Iterator[list[LocalFile]]:
    """Files in groups of bounded number and size; one that is larger is a group of its own."""
    batch: list[LocalFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == BATCH_FILES or size + file.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def check_limits(files: Iterable[LocalFile]) -> None:
    """Look for what the Hub never takes.

    Raises:
        PushFailed: a file is too large, or a folder has too many.
    """
    entries: dict[str, int] = {}
    for file in files:
        if file.size > LARGEST_FILE:
            raise PushFailed(
                f"{file.path}: {decimal(file.size)}, and the Hub takes files of at most {decimal(LARGEST_FILE)};"
                " build a smaller set (`--limit`), or several"
            )
        folder = file.path.rpartition("/")[0]
        entries[folder] = entries.get(folder, 0) + 1
    for folder, count in entries.items():
        if count > MOST_FILES_A_FOLDER:
            raise PushFailed(
                f"{folder}/: {count} files, and the Hub takes at most {MOST_FILES_A_FOLDER} in a folder; build a set of"
                " fewer repositories, or several"
            )


def _written(folder: Path) -> Dataset:
    """What a build wrote; a name on the Hub is none."""
    for place in (folder / "dataset", folder):
        if (place / "data").is_dir():
            return Dataset(place)
    raise DatasetError(f"{folder}: no dataset there; name a folder that `ttcdata build` wrote")


def _refuse(folder: Path, findings: Iterable[Finding]) -> None:
    against = [finding for finding in findings if not finding.allowed]
    if against:
        names = " ".join(f"--allow {name}" for name in sorted({finding.check for finding in against}))
        more = f" (and {len(against) - 1} more)" if len(against) > 1 else ""
        raise PushFailed(
            f"{folder}: {against[0].check}: {against[0].detail}{more}; mend that, or publish all the same with {names}"
        )


def open_repository(hub: HubRepository, *, private: bool) -> bool:
    """Make a repository where it is not there, and see that the token may write to it.

    Args:
        hub: the repository.
        private: to be made so, and refused where it is there and is not.

    Returns:
        Whether it is private.

    Raises:
        PushFailed: it is public, or the token may not write.
    """
    is_private = hub.exists()
    if is_private is None:
        hub.create(private=private)
        is_private = bool(hub.exists())
    if private and not is_private:
        raise PushFailed(
            f"{hub.name}: is public, and --private is asked for; change that at {hub.url}/settings, or leave the option out"
        )
    hub.check_rights()
    return is_private


def _check_tag(hub: HubRepository, version: str, tagged: Remote, files: Sequence[LocalFile]) -> None:
    if plan_of(files, tagged).changes:
        raise PushFailed(
            f"{hub.name}: the tag {version} is there and names other files, and tags are not moved; delete it at"
            f" {hub.url}/tree/{version} and push again"
        )


def send(hub: HubRepository, plan: PushPlan, message: str, on: str, progress: Progress) -> str:
    """Send what is large, then commit everything at once.

    Args:
        hub: where to.
        plan: what.
        message: of the commit.
        on: the commit that must still be the newest.
        progress: told of each group of files.

    Returns:
        The branch's newest commit.

    Raises:
        PushFailed: nothing is published.
    """
    operations: list[CommitOperationAdd | CommitOperationDelete] = []
    sent = 0
    for batch in batches(plan.send):
        additions = [CommitOperationAdd(file.path, file.place) for file in batch]
        hub.upload(additions)
        for file, addition in zip(batch, additions, strict=True):
            if addition.upload_info.sha256.hex() != file.sha256:
                raise PushFailed(f"{file.place}: was changed while it was sent; nothing is published, push again")
        operations += additions
        sent += sum(file.size for file in batch)
        progress.say(f"{hub.name}: {len(operations)} of {len(plan.send)} files ready, {decimal(sent)}")
    operations += [CommitOperationDelete(path, is_folder=False) for path in plan.remove]
    return hub.commit(operations, message, on)


def _check_published(hub: HubRepository, made: Remote, files: Sequence[LocalFile]) -> None:
    """A commit whose answer was lost may be somebody else's."""
    left = plan_of(files, made)
    wrong = [*(file.path for file in left.send), *left.remove]
    if wrong:
        raise PushFailed(
            f"{hub.name}: {hub.branch} at {made.commit[:8]} is not what was sent ({wrong[0]} differs); look for somebody"
            f" else's commit at {hub.url}/commits/{hub.branch} and push again"
        )
