"""Which host to use, and what it needs to be opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from ttc_data.cache import Cache
from ttc_data.errors import EngineUnavailable, SandboxUnavailable
from ttc_data.hosts.base_image import ensure_base_image, image_python, to_stderr
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import DockerHost, EnvironmentStore, Host, LocalHost, UnsafeHost
from ttc_data.interpreter import Interpreter
from ttc_data.reader import may_be_pulled
from ttc_data.recipe import Recipe
from ttc_data.rules import ReaderRules, SandboxRules
from ttc_data.sandbox.local import require_bubblewrap
from ttc_data.sandbox.protocol import Limits
from ttc_data.sandbox.unsafe import WARNING

SandboxKind: TypeAlias = Literal["auto", "docker", "local", "local-unsafe"]


def limits_of(rules: SandboxRules) -> Limits:
    """Of one job."""
    return Limits(
        memory_bytes=rules.memory_bytes,
        cpus=rules.cpus,
        processes=rules.processes,
        file_bytes=rules.file_bytes,
        scratch_bytes=rules.scratch_bytes,
        output_bytes=rules.output_bytes,
    )


def open_host(
    kind: SandboxKind,
    *,
    cache: Cache,
    recipe: Recipe,
    say: Callable[[str], None],
    reader: ReaderRules | None = None,
    own: bool = False,
) -> Host:
    """Open the named kind of host; `auto` takes Docker where an engine answers, else bubblewrap, and never neither.

    Args:
        kind: `docker`, `local`, `local-unsafe` or `auto`.
        cache: where environments are installed.
        recipe: says how large an environment may be, which image to build on, and the limits of one job.
        say: told in a line what is being waited for.
        reader: what is granted where somebody else wrote the recipe: an image that it does not name is not fetched.
        own: refuse a sandbox whose jobs share anything with those before them; who names `local-unsafe` knows.

    Raises:
        SandboxUnavailable: naming what is missing and how to get it.
    """
    host = _open(kind, cache=cache, recipe=recipe, say=say, reader=reader)
    try:
        shared = host.shared() if own and kind != "local-unsafe" else ()
        if shared:
            raise SandboxUnavailable(
                f"jobs in the {host.name} sandbox share {', '.join(shared)} with the jobs before them, so an answer can leave"
                " word for the next; use a kernel and an engine that let jobs have their own (`ttcdata doctor` shows them), or"
                " set `shared_sandbox: true`"
            )
    except BaseException:
        host.close()
        raise
    return host


def _open(
    kind: SandboxKind, *, cache: Cache, recipe: Recipe, say: Callable[[str], None], reader: ReaderRules | None
) -> Host:
    limits = limits_of(recipe.sandbox)
    store = EnvironmentStore(cache.environments, cache.trees, recipe.environment.max_environment_bytes)
    if kind == "local":
        return LocalHost(store, limits, say)
    if kind == "local-unsafe":
        to_stderr(WARNING)
        return UnsafeHost(store, limits)
    try:
        client = connect()
    except EngineUnavailable as no_engine:
        if kind == "docker":
            raise
        try:
            require_bubblewrap()
        except SandboxUnavailable as no_bubblewrap:
            raise SandboxUnavailable(f"no sandbox: {no_engine}; {no_bubblewrap}") from no_bubblewrap
        say("no Docker engine answers: using the local sandbox (bubblewrap)")
        return LocalHost(store, limits, say)
    pull = reader is None or may_be_pulled(recipe.image.base, reader)
    base = ensure_base_image(client, recipe.image.base, say, pull=pull)
    python, platform = image_python(client, base)
    return DockerHost(client, base, Interpreter(python, platform), store, limits, say)
