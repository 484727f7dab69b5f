"""What works on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ttc_data.cache import Cache
from ttc_data.errors import TtcError
from ttc_data.rules import ImageRules

if TYPE_CHECKING:
    from ttc_data.hosts.host import EnvironmentStore, Host
    from ttc_data.sandbox.protocol import Limits

NEEDED_BYTES = 5 * 1024**3


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried."""

    name: str
    works: bool
    detail: str
    """What was found, or what to do."""


def examine(llm: str = "", base: str = ImageRules().base) -> list[Trial]:
    """Try everything a build may need; nothing is changed, but that the engine pulls a base image as for a build.

    Args:
        llm: a model's endpoint, also tried.
        base: the base image that a recipe names.
    """
    checks: dict[str, Callable[[], str]] = {
        "docker": _docker,
        "base image": lambda: _base_image(base),
        "docker jobs": lambda: _docker_jobs(base),
        "bubblewrap": _bubblewrap,
        "bubblewrap jobs": _bubblewrap_jobs,
        "local-unsafe": _unsafe,
        "disk": _disk,
        "package index": _index,
        "hub token": _token,
    }
    if llm:
        checks["model endpoint"] = lambda: _endpoint(llm)
    return list(_tried(checks))


def _tried(checks: dict[str, Callable[[], str]]) -> Iterator[Trial]:
    for name, check in checks.items():
        try:
            yield Trial(name, True, check())
        except TtcError as error:
            yield Trial(name, False, str(error))


def _docker() -> str:
    from ttc_data.hosts.engine import connect

    with closing(connect()) as client:
        version = client.version()
    return f"engine {version['Version']}, {version['Os']}/{version['Arch']}"


def _base_image(base: str) -> str:
    """What builds take, found as they find it."""
    from ttc_data.hosts.base_image import failed_pull, find_base_image, image_python
    from ttc_data.hosts.engine import connect

    with closing(connect()) as client:
        found = find_base_image(client, base)
        failed = failed_pull(client, base) if found != base else None
        instead = f"; in place of {base}, which cannot be pulled ({failed.reason}), {failed.again}" if failed else ""
        if found is None:
            raise TtcError(f"neither {base} nor one made here; `ttcdata image base` makes one{instead}")
        python, platform = image_python(client, found)
    return f"{found}: Python {python}, {platform}{instead}"


def _bubblewrap() -> str:
    from ttc_data.sandbox.local import interpreter, require_bubblewrap

    return f"{require_bubblewrap()}, Python {interpreter()}"


def _docker_jobs(base: str) -> str:
    from ttc_data.hosts.base_image import find_base_image, image_python
    from ttc_data.hosts.engine import connect
    from ttc_data.hosts.host import DockerHost
    from ttc_data.interpreter import Interpreter

    with closing(connect()) as client:
        found = find_base_image(client, base)
        if found is None:
            raise TtcError(f"not tried: there is no base image {base}")
        return _own(DockerHost(client, found, Interpreter(*image_python(client, found)), *_bare()))


def _bubblewrap_jobs() -> str:
    from ttc_data.hosts.host import LocalHost

    return _own(LocalHost(*_bare()))


def _bare() -> tuple[EnvironmentStore, Limits]:
    """What a host needs; nothing is installed."""
    from ttc_data.hosts.host import EnvironmentStore
    from ttc_data.hosts.open import limits_of
    from ttc_data.rules import SandboxRules

    cache = Cache.default()
    return EnvironmentStore(cache.environments, cache.trees, 0), limits_of(SandboxRules())


def _own(host: Host) -> str:
    """What jobs have of their own, tried in a sandbox."""
    from ttc_data.hosts.shared import what_is_shared
    from ttc_data.sandbox.inside.spaces import FILES, SPACES

    try:
        shared = host.shared()
    finally:
        host.close()
    if shared:
        raise TtcError(what_is_shared(shared))
    return f"each has its own {', '.join((FILES, *SPACES))}"


def _unsafe() -> str:
    from ttc_data.sandbox.unsafe import require_linux

    require_linux()
    return "isolates nothing; only where --sandbox local-unsafe asks for it"


def _disk() -> str:
    folder = Cache.default().folder
    place = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free = shutil.disk_usage(place).free
    text = f"{free / 1024**3:.0f} GiB free for {folder}"
    if free < NEEDED_BYTES:
        raise TtcError(f"{text}, at least 5 are needed; free some, or set TTCDATA_CACHE to another disk")
    return text


def _index() -> str:
    from ttc_data.sources.pypi import locate

    located = locate("pip")
    return f"answers (pip {located.version})"


def _token() -> str:
    from huggingface_hub import get_token
    from huggingface_hub.constants import HF_TOKEN_PATH

    if not get_token():
        raise TtcError(f"none in HF_TOKEN or {Path(HF_TOKEN_PATH)}; `hf auth login` for gated sets")
    return "found"


def _endpoint(llm: str) -> str:
    from ttc_data.llm.endpoint import served_models

    return f"{llm} serves {', '.join(served_models(llm)) or 'nothing'}"
