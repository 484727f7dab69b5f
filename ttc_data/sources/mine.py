"""The recipe's sources as requests, and each request as a Source in the tree store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ttc_data.cache import Cache
from ttc_data.errors import SourceRefused, SourceUnavailable
from ttc_data.keys import content_key
from ttc_data.pins import Lock, LockedSource
from ttc_data.recipe import Recipe
from ttc_data.records import Reject, Source
from ttc_data.rules import AnySource, GitSource, PypiSource, StackSource
from ttc_data.sources import git, pypi, stack
from ttc_data.sources.stack_rows import RefusedRow, StackFile, StackRepository
from ttc_data.trees.links import LeftOut


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """One project, repository, or group of The Stack's rows to mine, or one of them."""

    key: str
    name: str
    fetch: Callable[[Callable[[LeftOut], None]], Source]
    """Told whom to tell of what is left out of the tree."""


def requests(
    recipe: Recipe, cache: Cache, say: Callable[[str], None], lock: Lock | None = None
) -> Iterator[SourceRequest]:
    """List what a recipe mines; cheap, nothing but an index of The Stack is read.

    Where none of `sources` can be reached, `open_sources` are mined instead, and a line says so. With a lock its sources
    are mined, and no others.

    Raises:
        SourceUnavailable: nothing can be reached and the recipe names nothing else.
    """
    rules = recipe.model_dump(mode="json", include={"tree", "license"})
    if lock is not None:
        for locked in lock.sources:
            yield from _of(_as_asked(locked.source, recipe), recipe, cache, content_key(rules))
        return
    named, reasons = [], []
    for source in recipe.sources:
        reason = stack.reachable(source.path) if isinstance(source, StackSource) else None
        if reason is None:
            named.append(source)
        else:
            reasons.append(reason)
    if not named:
        if not recipe.open_sources:
            raise SourceUnavailable("; ".join(reasons))
        say(f"{'; '.join(reasons)}: mining the recipe's open projects instead")
        named = list(recipe.open_sources)
    for source in named:
        yield from _of(source, recipe, cache, content_key(rules))


def locked_sources(mined: Iterable[Source], recipe: Recipe) -> tuple[LockedSource, ...]:
    """What the recipe's sources turned out to be, sorted: projects with their version, repositories with their commit.

    Args:
        mined: the records.
        recipe: that they were mined for.
    """
    found: dict[str, LockedSource] = {}
    datasets: set[str] = set()
    for source in mined:
        if source.kind == "pypi":
            project = f"{source.repo.removeprefix('pypi/')}=={source.revision}"
            found[source.origin] = LockedSource(source=PypiSource(projects=(project,)), tree=source.tree)
        elif source.kind == "git":
            url = source.origin.removeprefix("git:").removesuffix(f"@{source.revision}")
            pinned = GitSource(url=url, revision=source.revision, repo=source.repo)
            found[source.origin] = LockedSource(source=pinned, tree=source.tree)
        else:
            datasets.add(stack.dataset_of(source.origin))
    for asked in (*recipe.sources, *recipe.open_sources):
        if isinstance(asked, StackSource):
            for name in sorted(datasets):
                if stack.names(asked.path, name):
                    path = name if name.startswith(stack.HUB) else asked.path
                    found[f"stack:{path}"] = LockedSource(source=asked.model_copy(update={"path": path}))
    return tuple(found[name] for name in sorted(found))


def _as_asked(source: AnySource, recipe: Recipe) -> AnySource:
    """A lock names a repository without user and password; the recipe may have them."""
    if isinstance(source, GitSource):
        for asked in (*recipe.sources, *recipe.open_sources):
            if isinstance(asked, GitSource) and git.public_url(asked.url) == source.url:
                return source.model_copy(update={"url": asked.url})
    return source


def check_sources(recipe: Recipe, cache: Cache, say: Callable[[str], None] = git.in_silence) -> None:
    """See that the local repositories of a recipe are there: a path with a typo in it is no project to be dropped.

    Args:
        recipe: that names them.
        cache: folders that builds share.
        say: told in a line of a working tree that holds more than its commit.

    Raises:
        SourceUnavailable: naming the first that is not.
    """
    for source in recipe.sources:
        if isinstance(source, GitSource):
            git.check_local(source, recipe.tree, cache.downloads, say)


def _of(source: AnySource, recipe: Recipe, cache: Cache, rules: str) -> Iterator[SourceRequest]:
    if isinstance(source, PypiSource):
        newest = recipe.environment.exclude_newer
        for project in source.projects:

            def fetch(left_out: Callable[[LeftOut], None], project: str = project) -> Source:
                located = pypi.locate(project, newest)
                return pypi.fetch(located, cache.trees, recipe.tree, recipe.license, left_out=left_out)

            yield SourceRequest(content_key("pypi", project, str(newest), rules), f"pypi:{project}", fetch)
    elif isinstance(source, GitSource):
        key = content_key("git", source.url, source.revision, source.repo, rules)
        name = re.sub(r"//[^/@]*@", "//", f"git:{source.url}@{source.revision}")

        def fetch_git(left_out: Callable[[LeftOut], None]) -> Source:
            return git.fetch(source, cache.trees, recipe.tree, recipe.license, cache.downloads, left_out)

        yield SourceRequest(key, name, fetch_git)
    else:
        yield from _of_stack(source, recipe, cache, rules)


def _of_stack(source: StackSource, recipe: Recipe, cache: Cache, rules: str) -> Iterator[SourceRequest]:
    source = source.model_copy(update={"path": stack.at_commit(source.path)})
    index = stack.StackIndex(source, recipe.license, cache.downloads)
    if source.unit == "file":
        for file in index.files():
            if isinstance(file, RefusedRow):
                yield _refused(file, index.key)
                continue

            def fetch_file(_: Callable[[LeftOut], None], file: StackFile = file) -> Source:
                return index.fetch_file(file, cache.trees, recipe.tree, recipe.license)

            key = content_key("stack-file", file.repo, file.revision, file.path, file.hash, index.key, rules)
            yield SourceRequest(key, f"stack:{file.repo}:{file.path}", fetch_file)
        return
    for row in index.refused():
        yield _refused(row, index.key)
    for repository in index.repositories():

        def fetch_repository(_: Callable[[LeftOut], None], repository: StackRepository = repository) -> Source:
            return index.fetch(repository, cache.trees, recipe.tree, recipe.license)

        key = content_key("stack", repository.repo, repository.revision, index.key, rules)
        yield SourceRequest(key, f"stack:{repository.repo}", fetch_repository)


def _refused(row: RefusedRow, index: str) -> SourceRequest:
    """A row that becomes a reject, counted beside those of what could be fetched."""

    def refuse(_: Callable[[LeftOut], None]) -> Source:
        raise SourceRefused(row.reason, row.detail)

    return SourceRequest(content_key("stack-refused", row, index), f"stack:{row.name}", refuse)


def mine(request: SourceRequest) -> Iterator[Source | Reject]:
    """Fetch one request's files into the tree store.

    Yields the `Source`, and a `Reject` for each link that is not in its tree; or one `Reject` for a project that is not
    there, is damaged, or may not be used.

    Raises:
        SourceUnavailable: the place does not answer; says nothing about the project.
    """
    links: list[LeftOut] = []
    try:
        yield request.fetch(links.append)
    except SourceRefused as error:
        yield Reject(content_key("request", request.name), "mine", error.reason, error.detail, request.name)
        return
    for link in links:
        key = content_key("request", request.name, link.path)
        yield Reject(key, "mine", link.reason, link.detail, f"{request.name}: {link.path}")
